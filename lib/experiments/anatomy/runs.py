"""Runs and computations of the chapter *architecture/anatomy*."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from typing import Any

import pandas as pd
import torch
from IPython.display import display
from torch import Tensor

from evidence.figures import LABELS
from experiments.shared import footprint, workloads
from gatedrnn import flops
from gatedrnn.cells import CELLS, cell_class
from gatedrnn.initialisation import KEEPING, half_life, set_bias
from gatedrnn.layers import Recurrent
from gatedrnn.models import LanguageModel
from gatedrnn.training import train
from tasks import kjv

SAMPLE = 2000
"""Characters of the validation part from which the shown units are chosen."""


def read_verse(
    cell: str, hidden_size: int, steps: int, learning_rate: float, batch_size: int, length: int, units: int, seed: int
) -> dict[str, Any]:
    """Train a small character model on the King James text, then read one held-out verse with every gate recorded.

    Args:
        cell: `lstm` or `gru`. hidden_size: H. steps, learning_rate: of the training.
        batch_size: lanes read side by side. length: steps of a truncated sequence.
        units: units shown of each gate: those that follow the ends of words most closely, see `word_end_units`.
        seed: of the weights and of the batches.

    Returns:
        `bits` per character on the test part, `parameters`, and `curves`: for each gate its mean over all units at
        every character of the verse (`mean f`), the units chosen (`units f`), how closely each follows the ends of
        words (`ties f`) and its values (`f 17`).
    """
    torch.manual_seed(seed)
    model = LanguageModel(cell, len(kjv.symbols()), hidden_size)
    parts = kjv.split()
    batches = kjv.lanes(parts.train, batch_size, length, seed)
    result = train(model, batches, kjv.Truncated(), lambda _: {}, steps=steps, learning_rate=learning_rate, every=steps)
    passage = parts.valid[:SAMPLE]
    ends = word_ends(passage)
    with torch.no_grad():
        chosen = {}
        for gate, values in _gates(model, passage).items():
            chosen[gate] = word_end_units(values, ends, units)
        traces = _gates(model, kjv.encode(kjv.verse()[1]))
    curves: dict[str, Any] = {}
    for gate, (indices, ties) in chosen.items():
        curves[f"mean {gate}"] = _rounded(traces[gate].mean(1))
        curves[f"units {gate}"], curves[f"ties {gate}"] = indices, ties
        curves.update({f"{gate} {index}": _rounded(traces[gate][:, index]) for index in indices})
    numbers = sum(each.numel() for each in model.parameters())
    bits = kjv.bits_per_character(model, parts.test)
    recorded = {name: result[name] for name in ("kernel", "train_seconds")}
    return {"bits": bits, "parameters": numbers, "clipped": result["clipped"], **recorded, "curves": curves}


def word_ends(passage: Tensor) -> Tensor:
    """1.0 where a character is no letter (a space, a comma, …), else 0.0: (N,) for symbol numbers (N,)."""
    letters = torch.tensor([symbol.isalpha() for symbol in kjv.symbols()])
    return (~letters[passage]).double()


def word_end_units(values: Tensor, ends: Tensor, count: int) -> tuple[list[int], list[float]]:
    """Units whose gate follows the ends of words most closely: largest |correlation|, and that correlation.

    Args:
        values: (N, H) one gate at every character. ends: (N,) from `word_ends`. count: how many units.
    """
    centred = values.double() - values.double().mean(0)
    other = ends - ends.mean()
    scale = centred.norm(dim=0) * other.norm()
    ties = torch.where(scale > 0, (centred * other.unsqueeze(1)).sum(0) / scale, 0.0)
    order = ties.abs().argsort(descending=True, stable=True)[:count]
    return order.tolist(), _rounded(ties[order])


def _gates(model: LanguageModel, passage: Tensor) -> dict[str, Tensor]:
    """Each gate at every character, (N, H)."""
    traced = model.core.trace(model.embedding(passage.unsqueeze(1)))
    return {name: traced.gates[0][name][:, 0] for name in cell_class(model.core.cell).gates}


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def verse_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Gate values over the verse, one row a cell, gate, row of the figure and character."""
    verse = kjv.verse()[1]
    rows = []
    for _, run in runs.iterrows():
        for gate in cell_class(run["cell"]).gates:
            units, ties = run["curves"][f"units {gate}"], run["curves"][f"ties {gate}"]
            series = [
                ("mean", None, f"mean {gate}"),
                *((f"{u}", t, f"{gate} {u}") for u, t in zip(units, ties, strict=True)),
            ]
            for unit, tie, key in series:
                for place, (symbol, value) in enumerate(zip(verse, run["curves"][key], strict=True)):
                    rows.append(
                        {"cell": run["cell"], "gate": gate, "unit": unit, "tie": tie, "place": place}
                        | {"character": symbol, "value": value}
                    )
    return pd.DataFrame(rows)


def body(cell: str) -> str:
    """The lines of a cell's `forward`, as they stand in `gatedrnn/cells.py`, without signature and docstring."""
    source = inspect.getsource(cell_class(cell).forward)
    return textwrap.dedent(source.split('"""')[2].lstrip("\n"))


def code_lines(cell: str) -> dict[str, tuple[str, str]]:
    """Statements of a cell's `forward` by the first name that they set: the code, and its comment."""
    lines = {}
    for line in body(cell).splitlines():
        code, _, comment = line.partition("  # ")
        names, equals, _ = code.partition(" = ")
        if equals:
            lines[names.strip("(,) ").split(",")[0]] = (code, comment)
    return lines


def show_code(cell: str) -> None:
    """Make a cell's code available to the prose as `{glue:md}`.

    `anatomy-code-<cell>` is the whole of `body`; `anatomy-line-<cell>-<name>` the statement that sets a name, with its
    comment as text below it.
    """
    name = cell.replace("_", "-")
    _glue_markdown(f"anatomy-code-{name}", f"```python\n{body(cell)}```")
    for variable, (code, comment) in code_lines(cell).items():
        text = f"```python\n{code}\n```" + (f"\n{comment[0].upper()}{comment[1:]}." if ": " in comment else "")
        _glue_markdown(f"anatomy-line-{name}-{variable.replace('_', '-')}", text)


def _glue_markdown(name: str, text: str) -> None:
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({prefix + "text/markdown": text}, metadata=metadata, raw=True)


def parts() -> pd.DataFrame:
    """What each cell is made of, read off the cell classes: `cell`, `kind` (gate, candidate, state), `part`."""
    rows = []
    for cell, kind in CELLS.items():
        candidates = [block for block in kind.blocks if block not in kind.gates]
        for role, names in (("gate", kind.gates), ("candidate", candidates), ("state", kind.states)):
            rows += [{"cell": cell, "kind": role, "part": name} for name in names]
    return pd.DataFrame(rows)


def parts_by_cell(table: pd.DataFrame) -> pd.DataFrame:
    """The names of `parts`, one row a cell and one column a kind, for the page."""
    named = table.assign(cell=table["cell"].map(LABELS))
    names = named.groupby(["cell", "kind"], sort=False)["part"].agg(", ".join).unstack(fill_value="–")
    return names.rename_axis(index=None, columns=None)[["gate", "candidate", "state"]]


def how_many(table: pd.DataFrame, cell: str, kind: str) -> int:
    """Number of parts of a kind that a cell has, out of `parts`."""
    return int(((table["cell"] == cell) & (table["kind"] == kind)).sum())


def faded(
    lags: int, batch_size: int, hidden_size: int, biases: list[float], seed: int, tied: bool = False
) -> pd.DataFrame:
    """What is left of the first input after each lag, in untrained cells that go on reading random inputs.

    Two batches of random sequences are equal but for their first step. The difference of the two states (c of an
    LSTM, else h) is followed over time.

    Args:
        lags: longest lag. batch_size: pairs of sequences. hidden_size: H, and features of the input.
        biases: of the gate that keeps; 0 stands for the framework's default. seed: of weights and inputs.
        tied: give the LSTM's input gate the opposite bias, so that what it keeps it does not write over.

    Returns:
        One row a cell, bias and lag, medians over the pairs: `kept`, the share of the first difference that is still
        in place (its projection on the first difference), and `apart`, its length; both are 1 at lag 0.
    """
    rows = []
    for cell, bias in [("rnn", 0.0), *((cell, bias) for cell in ("lstm", "gru") for bias in biases)]:
        torch.manual_seed(seed)
        core = Recurrent(cell, hidden_size, hidden_size)
        if bias and cell in KEEPING:
            set_bias(core.layers[0], KEEPING[cell], torch.full((hidden_size,), bias))
            if tied and cell == "lstm":
                set_bias(core.layers[0], "i", torch.full((hidden_size,), -bias))
        x = torch.randn(lags + 1, batch_size, hidden_size)
        other = torch.cat([torch.randn(1, batch_size, hidden_size), x[1:]])
        with torch.no_grad():
            name = "c" if cell == "lstm" else "h"
            a, b = (core.trace(each).gates[0][name].double() for each in (x, other))
        difference = a - b  # (T, B, H)
        first = difference[0]
        kept = ((difference * first).sum(-1) / (first * first).sum(-1)).median(dim=1).values
        apart = (difference.norm(dim=-1) / first.norm(dim=-1)).median(dim=1).values
        for lag, (inside, distance) in enumerate(zip(kept.tolist(), apart.tolist(), strict=True)):
            rows.append({"cell": cell, "bias": bias, "lag": lag, "kept": inside, "apart": distance})
    return pd.DataFrame(rows)


def half_way(table: pd.DataFrame, quantity: str = "kept") -> float:
    """First lag, interpolated, at which half is left of one cell's curve out of `faded`; infinite where none is."""
    values, lags = table[quantity].to_numpy(), table["lag"].to_numpy()
    below = (values < 0.5).nonzero()[0]
    if not len(below):
        return float("inf")
    right = int(below[0])
    high, low = values[right - 1], values[right]
    return float(lags[right - 1] + (high - 0.5) / (high - low))


def half_lives(table: pd.DataFrame) -> pd.DataFrame:
    """Half-life of each cell and bias in `faded`, beside that of the formula: `measured`, `formula`, in steps."""
    rows = []
    for (cell, bias), part in table.groupby(["cell", "bias"], sort=False):
        row = {"cell": cell, "bias": bias, "measured": half_way(part)}
        rows.append({**row, "formula": half_life(bias) if cell in KEEPING else None})
    return pd.DataFrame(rows)


def counts(hidden_sizes: list[int], input_size: int | None = None) -> pd.DataFrame:
    """Exact counts of one layer for one sequence and one step, over the width (I = H unless given).

    Returns:
        One row a cell, width and quantity: `parameters`, `FLOPs` (one step forward), `state` (bytes carried between
        steps), `kept` (the fewest bytes a step leaves for the backward pass).
    """
    rows = []
    for cell, hidden in itertools.product(("lstm", "gru", "rnn"), hidden_sizes):
        values = quantities(cell, input_size or hidden, hidden)
        rows += [{"cell": cell, "H": hidden, "quantity": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(rows)


def quantities(cell: str, input_size: int, hidden_size: int) -> dict[str, int]:
    """What one layer costs for one sequence, by name: parameters once, the others for every step."""
    kind: Any = cell
    return {
        "parameters": flops.count_parameters(kind, input_size, hidden_size),
        "FLOPs": flops.forward_flops(kind, input_size, hidden_size).total,
        "state": flops.state_bytes(kind, hidden_size),
        "kept": flops.activation_bytes(kind, hidden_size),
    }


def matched(hidden_sizes: list[int]) -> pd.DataFrame:
    """GRU ÷ LSTM of each quantity at equal width, and at equal parameters with the same input (I = H of the LSTM).

    Returns:
        One row a width, matching (`width` or `parameters`) and quantity: `H` of the LSTM, `H_gru`, `ratio`.
    """
    rows = []
    for hidden in hidden_sizes:
        lstm = quantities("lstm", hidden, hidden)
        wider = flops.width_for("gru", lstm["parameters"], hidden)
        for match, width in (("width", hidden), ("parameters", wider)):
            gru = quantities("gru", hidden, width)
            rows += [
                {"H": hidden, "matched": match, "H_gru": width, "quantity": name, "ratio": gru[name] / lstm[name]}
                for name in lstm
            ]
    return pd.DataFrame(rows)


def kept_by_torch(hidden_size: int, batch_size: int, length: int) -> dict[str, float]:
    """Numbers that PyTorch's own layers keep for the backward pass, for each unit and step, by contender."""
    per = flops.FLOAT_BYTES * hidden_size * batch_size * length
    return {name: footprint.saved_by(name, hidden_size, batch_size, length) / per for name in workloads.CONTENDERS}


def whole_models(vocabularies: list[int], hidden_sizes: list[int]) -> pd.DataFrame:
    """Parameters of whole language models (embedding of width H, one layer, head), GRU ÷ LSTM at equal width.

    Returns:
        One row a vocabulary and width: `V`, `H`, `lstm`, `gru`, `ratio`.
    """
    rows = []
    for symbols, hidden in itertools.product(vocabularies, hidden_sizes):
        around = symbols * hidden + hidden * symbols + symbols  # embedding, head
        lstm, gru = (flops.count_parameters(cell, hidden, hidden) + around for cell in ("lstm", "gru"))
        rows.append({"V": symbols, "H": hidden, "lstm": lstm, "gru": gru, "ratio": gru / lstm})
    return pd.DataFrame(rows)


def at_word_ends(table: pd.DataFrame) -> pd.DataFrame:
    """Mean gate values of `verse_table` where a word ends and within words: `end`, `inside`, by cell and gate."""
    means = table[table["unit"] == "mean"]
    where = means["character"].map(lambda symbol: "inside" if symbol.isalpha() else "end")
    return means.groupby(["cell", "gate", where], sort=False)["value"].mean().unstack()
