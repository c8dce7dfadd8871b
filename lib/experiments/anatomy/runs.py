"""Runs and computations of the chapter *architecture/anatomy*."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from typing import Any

import pandas as pd
import torch
from IPython.display import Markdown
from torch import Tensor

from evidence.figures import LABELS
from experiments.shared import footprint, workloads
from gatedrnn import flops
from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import KEEPING, set_bias
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
    return {name: traced.gates[0][name][:, 0] for name in CELLS[model.core.cell].gates}


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def body(cell: str) -> str:
    """The lines of a cell's `forward`, as they stand in `gatedrnn/cells.py`, without signature and docstring."""
    source = inspect.getsource(CELLS[cell].forward)
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


def forward_passes(*cells: str) -> Markdown:
    """The whole `forward` of each cell, as it stands in the library, for the page."""
    return Markdown("\n".join(f"**{LABELS[cell]}**\n\n```python\n{body(cell)}```\n" for cell in cells))


def parts() -> pd.DataFrame:
    """What each cell is made of, read off the cell classes: `cell`, `kind` (gate, candidate, state), `part`."""
    rows = []
    for cell, kind in CELLS.items():
        candidates = [block for block in kind.blocks if block not in kind.gates]
        for role, names in (("gate", kind.gates), ("candidate", candidates), ("state", kind.states)):
            rows += [{"cell": cell, "kind": role, "part": name} for name in names]
    return pd.DataFrame(rows)


def redundant_biases(cell: str, hidden_size: int) -> int:
    """How many numbers of a layer's second bias vector do nothing that the first does not: found by moving them there."""
    torch.manual_seed(0)
    core = Recurrent(cell, hidden_size, hidden_size)
    x, layer = torch.randn(4, 3, hidden_size), core.layers[0]
    first, second = layer.get_parameter("bias_ih"), layer.get_parameter("bias_hh")
    found = 0
    with torch.no_grad():
        before = core(x)[0]
        for rows in torch.arange(len(second)).split(hidden_size):  # one block of weights
            kept = first[rows].clone(), second[rows].clone()
            first[rows] += second[rows]
            second[rows] = 0
            found += hidden_size * bool(torch.allclose(core(x)[0], before, atol=1e-6))
            first[rows], second[rows] = kept
    return found


def faded(lags: int, batch_size: int, hidden_size: int, biases: list[float], seeds: int) -> pd.DataFrame:
    """What is left of the first input after each lag, in untrained cells that go on reading random inputs.

    Two batches of random sequences are equal but for their first step. The difference of the two states (c of an
    LSTM, else h) is followed over time.

    Args:
        lags: longest lag. batch_size: pairs of sequences. hidden_size: H, and features of the input.
        biases: of the gate that keeps; 0 stands for the framework's default. seeds: cells drawn, each with its inputs.

    Returns:
        One row a cell, bias, seed and lag, medians over the pairs: `kept`, the share of the first difference that is
        still in place (its projection on the first difference), and `apart`, its length; both are 1 at lag 0. Where
        `tied` is true, the LSTM's input gate has the opposite bias, so that what it keeps it does not write over.
    """
    cases = [("rnn", 0.0, False), *((cell, bias, False) for cell in ("lstm", "gru") for bias in biases)]
    rows = []
    for (cell, bias, tied), seed in itertools.product([*cases, ("lstm", max(biases), True)], range(seeds)):
        torch.manual_seed(seed)
        core = Recurrent(cell, hidden_size, hidden_size)
        if bias and cell in KEEPING:
            set_bias(core.layers[0], KEEPING[cell], torch.full((hidden_size,), bias))
            if tied:
                set_bias(core.layers[0], "i", torch.full((hidden_size,), -bias))
        difference = _difference(core, lags, batch_size)
        first = difference[0]
        kept = ((difference * first).sum(-1) / (first * first).sum(-1)).median(dim=1).values
        apart = (difference.norm(dim=-1) / first.norm(dim=-1)).median(dim=1).values
        point = {"cell": cell, "bias": bias, "tied": tied, "seed": seed}
        for lag, (inside, distance) in enumerate(zip(kept.tolist(), apart.tolist(), strict=True)):
            rows.append({**point, "lag": lag, "kept": inside, "apart": distance})
    return pd.DataFrame(rows)


def _difference(core: Recurrent, lags: int, batch_size: int) -> Tensor:
    """Difference of the states of random sequences that are equal but for their first step: (lags + 1, B, H)."""
    x = torch.randn(lags + 1, batch_size, core.hidden_size)
    other = torch.cat([torch.randn(1, batch_size, core.hidden_size), x[1:]])
    name = "c" if core.cell == "lstm" else "h"
    with torch.no_grad():
        a, b = (core.trace(each).gates[0][name].double() for each in (x, other))
    return a - b


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
    """What both cells cost at equal width, and at equal parameters with the same input (I = H of the LSTM).

    Returns:
        One row a width `H` of the LSTM, matching (`width` or `parameters`), cell and quantity: the cell's own `width`
        and the `value`.
    """
    rows = []
    for hidden in hidden_sizes:
        budget = flops.count_parameters("lstm", hidden, hidden)
        for match, wider in (("width", hidden), ("parameters", flops.width_for("gru", budget, hidden))):
            for cell, width in (("lstm", hidden), ("gru", wider)):
                point = {"H": hidden, "matched": match, "cell": cell, "width": width}
                values = quantities(cell, hidden, width)
                rows += [{**point, "quantity": name, "value": value} for name, value in values.items()]
    return pd.DataFrame(rows)


def kept_by_torch(hidden_size: int, batch_size: int, length: int) -> pd.DataFrame:
    """Numbers that PyTorch's own layers keep for the backward pass, for each unit and step.

    Returns:
        One row a cell and kernel (`plain`, `oneDNN`): `numbers`. On a CPU, PyTorch sends only the LSTM to oneDNN.
    """
    per = flops.FLOAT_BYTES * hidden_size * batch_size * length
    kept = {name: footprint.saved_by(name, hidden_size, batch_size, length) / per for name in workloads.CONTENDERS}
    kernels = {"plain": {"lstm": "LSTM, native", "gru": "GRU"}, "oneDNN": {"lstm": "LSTM, oneDNN", "gru": "GRU"}}
    return pd.DataFrame(
        [
            {"cell": cell, "kernel": kernel, "numbers": kept[contender]}
            for kernel, contenders in kernels.items()
            for cell, contender in contenders.items()
        ]
    )


def whole_models(vocabularies: list[int], hidden_sizes: list[int]) -> pd.DataFrame:
    """Parameters of whole language models (embedding of width H, one layer, head), at equal width.

    Returns:
        One row a vocabulary `V`, width `H` and cell: parameters of the `layer`, and of the whole `model`.
    """
    rows = []
    for symbols, hidden, cell in itertools.product(vocabularies, hidden_sizes, ("lstm", "gru")):
        around = symbols * hidden + hidden * symbols + symbols  # embedding, head
        layer = flops.count_parameters(cell, hidden, hidden)  # type: ignore[arg-type]
        rows.append({"V": symbols, "H": hidden, "cell": cell, "layer": layer, "model": layer + around})
    return pd.DataFrame(rows)
