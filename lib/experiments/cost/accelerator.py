"""LSTM beside GRU on an accelerator, through torch's own layers (cuDNN): a record that the chapter *performance/cost* shows.

Run as `python -m experiments.cost.accelerator` on a machine with CUDA; it takes a few minutes and writes
`results/accelerators/<device>.json`. Where there is no such record, the page says so.
"""

from __future__ import annotations

import datetime
import itertools
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from torch.nn.utils.rnn import pack_padded_sequence

from evidence import paths
from evidence.record import read_json, write_json
from experiments.shared.workloads import layer

HIDDEN_SIZES, BATCH_SIZES, LENGTH = (64, 128, 256, 512, 1024, 2048), (1, 16, 64, 256), 128
PRECISIONS = ("float32", "TF32", "bfloat16")
"""float32 in full; float32 whose products may round their factors to 10 bits; 16 bits."""
MODES = ("training", "inference")
ROUNDS, SECONDS = 5, 0.03


def measure(
    device: str,
    hidden_sizes: Iterable[int] = HIDDEN_SIZES,
    batch_sizes: Iterable[int] = BATCH_SIZES,
    length: int = LENGTH,
    precisions: Sequence[str] = PRECISIONS,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Time one layer of each cell in turns, I = H, at every shape, precision and mode, whole and packed.

    Args:
        device: of torch, `cuda`; `cpu` runs the same code for its test. length: T; packed sequences are T / 2 to T long.
        rounds: interleaved readings of each cell. seconds: that a reading lasts at least.

    Returns:
        `device`, `date`, `versions`, and `rows`: `precision`, `mode`, `packed`, `hidden_size`, `batch_size`, `length`,
        `lstm_seconds`, `gru_seconds` (medians), `ratio` (GRU ÷ LSTM, median over rounds), `low`, `high` (its quartiles).
    """
    rows = []
    for precision, hidden, batch in itertools.product(precisions, hidden_sizes, batch_sizes):
        for mode, packed in itertools.product(MODES, (False, True)):
            shape: dict[str, Any] = {"precision": precision, "mode": mode, "packed": packed}
            shape |= {"hidden_size": hidden, "batch_size": batch}
            ways = {cell: _call(cell, **shape, length=length, device=device) for cell in ("lstm", "gru")}
            with _precision(precision):
                times = _interleaved(ways, rounds, seconds, device)
            ratios = times["gru"] / times["lstm"]
            low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
            medians = {f"{cell}_seconds": float(np.median(each)) for cell, each in times.items()}
            rows.append({**shape, "length": length, **medians, "ratio": middle, "low": low, "high": high})
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "date": datetime.date.today().isoformat(),
        "versions": {"torch": torch.__version__, "CUDA": torch.version.cuda, "cuDNN": torch.backends.cudnn.version()},
        "rows": rows,
    }


def records() -> list[dict[str, Any]]:
    """All records that were made, by device; none where no accelerator was at hand."""
    return [read_json(file) for file in sorted((paths.root() / "results" / "accelerators").glob("*.json"))]


def table(record: dict[str, Any]) -> pd.DataFrame:
    """Ratios GRU ÷ LSTM of a record, print-ready: a row a precision, mode and batch size, a column a hidden size."""
    rows = pd.DataFrame(record["rows"])
    rows["mode"] = rows["mode"] + rows["packed"].map({True: ", packed", False: ""})
    wide = rows.pivot_table("ratio", ["precision", "mode", "batch_size"], "hidden_size", sort=False)
    return wide.map("{:.2f}".format).rename_axis(columns="H")


def shown() -> Markdown:
    """The records as Markdown tables with device, versions and date; where there is none, that, and the command."""
    if not (found := records()):
        return Markdown(
            "**Not measured here.** The command that would fill this place, on any machine with CUDA:\n\n"
            "```\npython -m experiments.cost.accelerator\n```"
        )
    parts = []
    for record in found:
        versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        parts.append(f"**{record['device']}**, {versions}, measured on {record['date']}: GRU ÷ LSTM.")
        rows = table(record).reset_index()
        heads = [*rows.columns[:3], *(f"H = {size}" for size in rows.columns[3:])]
        lines = [" | ".join(map(str, each)) for each in (heads, ["---"] * len(heads), *rows.to_numpy())]
        parts.append("\n".join(f"| {line} |" for line in lines))
    return Markdown("\n\n".join(parts))


def _call(
    cell: str, *, precision: str, mode: str, packed: bool, hidden_size: int, batch_size: int, length: int, device: str
) -> Callable[[], None]:
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    module = layer(cell, hidden_size, hidden_size).to(device, dtype)
    x: Any = torch.randn(length, batch_size, hidden_size, device=device, dtype=dtype)
    if packed:
        x = pack_padded_sequence(x, torch.linspace(length, length / 2, batch_size).long())

    def outputs() -> torch.Tensor:
        found = module(x)[0]
        return found.data if packed else found

    def train() -> None:
        module.zero_grad(set_to_none=True)
        outputs().square().mean().backward()

    def infer() -> None:
        with torch.inference_mode():
            outputs()

    return train if mode == "training" else infer


class _precision:
    """Whether float32 products may round their factors; put back at the end."""

    def __init__(self, name: str) -> None:
        self.allowed = name == "TF32"

    def __enter__(self) -> None:
        self.before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.allowed

    def __exit__(self, *_: object) -> None:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = self.before


def _interleaved(
    ways: dict[str, Callable[[], None]], rounds: int, seconds: float, device: str
) -> dict[str, np.ndarray]:
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def read(call: Callable[[], None], repeats: int) -> float:
        started = time.perf_counter()
        for _ in range(repeats):
            call()
        wait()
        return (time.perf_counter() - started) / repeats

    repeats = {}
    for name, call in ways.items():
        read(call, 3)  # the first calls choose kernels
        repeats[name] = max(1, round(seconds / read(call, 3)))
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            times[name].append(read(call, repeats[name]))
    return {name: np.array(each) for name, each in times.items()}


def main() -> int:
    """Measure on this machine's first CUDA device and write the record."""
    if not torch.cuda.is_available():
        print("error: no CUDA device was found; this record needs one", file=sys.stderr)
        return 2
    found = measure("cuda")
    name = re.sub(r"[^a-z0-9]+", "-", found["device"].lower()).strip("-")
    file: Path = paths.root() / "results" / "accelerators" / f"{name}.json"
    write_json(file, found)
    print(f"{len(found['rows'])} shapes on {found['device']}: {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
