"""Runs and computations of the chapter *architecture/anatomy*."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from gatedrnn import counting
from gatedrnn.cells import CELLS, GRU, Cell, GRUBefore, cell_class
from gatedrnn.initialisation import KEEPING, set_bias
from gatedrnn.kernels import stepwise
from gatedrnn.layers import STOCK, Recurrent
from gatedrnn.models import LanguageModel
from gatedrnn.tasks import kjv
from gatedrnn.training import train

SAMPLE = 4000
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
    result = train(
        model, batches, kjv.Truncated(), lambda _: {}, steps=steps, learning_rate=learning_rate, every=steps
    )
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
    recorded = {"kernel": model.core.path, "train_seconds": result["train_seconds"]}
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
            series = [("mean", None, f"mean {gate}"), *((f"{u}", t, f"{gate} {u}") for u, t in zip(units, ties, strict=True))]
            for unit, tie, key in series:
                for place, (symbol, value) in enumerate(zip(verse, run["curves"][key], strict=True)):
                    rows.append(
                        {"cell": run["cell"], "gate": gate, "unit": unit, "tie": tie, "place": place}
                        | {"character": symbol, "value": value}
                    )
    return pd.DataFrame(rows)


def body(cell: str) -> str:
    """The lines of a cell's `forward`, as they stand in `gatedrnn/cells.py`, without signature and docstring."""
    lines, start = inspect.getsourcelines(cell_class(cell).forward)
    text = "".join(lines)
    after = text.split('"""')[2] if text.count('"""') >= 2 else "\n".join(lines[1:])
    return textwrap.dedent(after.strip("\n"))


def faded(lags: int, batch_size: int, hidden_size: int, biases: list[float], seed: int) -> pd.DataFrame:
    """How much of a difference in the first input is left after each lag, in untrained cells.

    Two batches of random sequences are equal but for their first step. The distance of the two states, relative to
    that after the first step, says what the cell still knows about it.

    Args:
        lags: longest lag. batch_size: pairs of sequences. hidden_size: H, and features of the input.
        biases: of the gate that keeps; 0 stands for the framework's default. seed: of weights and inputs.

    Returns:
        One row a cell, bias and lag: `cell`, `bias`, `lag`, `left` (1 at lag 0; the median over pairs).
    """
    rows = []
    settings = [("rnn", 0.0), *((cell, bias) for cell in ("lstm", "gru") for bias in biases)]
    for cell, bias in settings:
        torch.manual_seed(seed)
        core = Recurrent(cell, hidden_size, hidden_size)
        if bias and cell in KEEPING:
            set_bias(core.layers[0], KEEPING[cell], torch.full((hidden_size,), bias))
        x = torch.randn(lags + 1, batch_size, hidden_size)
        other = torch.cat([torch.randn(1, batch_size, hidden_size), x[1:]])
        with torch.no_grad():
            name = "c" if cell == "lstm" else "h"
            a, b = (core.trace(each).gates[0][name] for each in (x, other))
        distance = (a.double() - b.double()).norm(dim=-1)  # (T, B)
        left = (distance / distance[0]).median(dim=1).values
        rows += [{"cell": cell, "bias": bias, "lag": lag, "left": value} for lag, value in enumerate(left.tolist())]
    return pd.DataFrame(rows)


def half_way(curve: pd.DataFrame) -> float:
    """First lag, interpolated, at which half is left; infinite where that is never reached."""
    values, lags = curve["left"].to_numpy(), curve["lag"].to_numpy()
    below = (values < 0.5).nonzero()[0]
    if not len(below):
        return float("inf")
    right = int(below[0])
    high, low = values[right - 1], values[right]
    return float(lags[right - 1] + (high - 0.5) / (high - low))


def equality(shapes: list[tuple[int, int, int]], input_size: int, seed: int) -> pd.DataFrame:
    """Largest absolute difference between the reference cells, our kernels and `torch.nn`, forward and backward.

    Args:
        shapes: (T, B, H) each. input_size: I. seed: of weights and inputs.

    Returns:
        One row a cell, implementation, shape, precision and quantity (outputs, gradients): `difference`, and
        `scale`, the largest absolute value of the quantity in `torch.nn`.
    """
    rows = []
    for (length, batch, hidden), dtype, cell in itertools.product(shapes, (torch.float32, torch.float64), STOCK):
        torch.manual_seed(seed)
        stock = STOCK[cell](input_size, hidden).to(dtype)
        x = torch.randn(length, batch, input_size, dtype=dtype)
        expected = _outputs_and_gradients(lambda given, w, stock=stock: stock(given)[0], stock, x)
        core = Recurrent(cell, input_size, hidden).to(dtype)
        layer = core.layers[0]
        layer.load_state_dict({name.removesuffix("_l0"): value for name, value in stock.state_dict().items()})
        ways = {
            "reference": lambda given, w, core=core: core.trace(given).outputs,
            "stepwise": lambda given, w, cell=cell, hidden=hidden: stepwise.run(
                cell, given, tuple(given.new_zeros(given.shape[1], hidden) for _ in CELLS[cell].states), *w
            )[0],
        }
        for name, way in ways.items():
            found = _outputs_and_gradients(way, layer, x)
            for quantity, ours, theirs in zip(("outputs", "gradients"), found, expected, strict=True):
                pairs = [(float((a - b).abs().max()), float(b.abs().max())) for a, b in zip(ours, theirs, strict=True)]
                rows.append(
                    {"cell": cell, "implementation": name, "T": length, "B": batch, "H": hidden}
                    | {"precision": str(dtype).removeprefix("torch."), "quantity": quantity}
                    | {"difference": max(a for a, _ in pairs), "scale": max(b for _, b in pairs)}
                )
    return pd.DataFrame(rows)


def _outputs_and_gradients(run: Any, module: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs of a way to run a layer, and the gradients of the input and of each weight of a fixed loss."""
    given = x.clone().requires_grad_()
    weights = list(module.parameters())
    outputs = run(given, weights)
    slope = torch.linspace(-1, 1, outputs.numel(), dtype=x.dtype).view_as(outputs)
    return [outputs.detach()], list(torch.autograd.grad((outputs * slope).sum(), [given, *weights]))


def drift(length: int, batch_size: int, hidden_size: int, scales: list[float], seed: int) -> pd.DataFrame:
    """How far a GRU that resets before the product goes from one that resets after it, with the same weights.

    Args:
        length: T. batch_size: B. hidden_size: H, and features of the input.
        scales: the recurrent weights of the framework's default are multiplied by each. seed: of weights and inputs.

    Returns:
        One row a scale, reset and step: `difference`, mean |Δh|; `size`, mean |h|. `reset` is `learned` (as drawn) or
        `open` (r = 1, where both are the same function).
    """
    rows = []
    for scale, reset in itertools.product(scales, ("as drawn", "open")):
        torch.manual_seed(seed)
        x = torch.randn(length, batch_size, hidden_size)
        after = Recurrent("gru", hidden_size, hidden_size)
        before = Recurrent("gru_before", hidden_size, hidden_size)
        with torch.no_grad():
            after.layers[0].weight_hh *= scale
            if reset == "open":
                set_bias(after.layers[0], "r", torch.full((hidden_size,), 100.0))
            before.load_state_dict(after.state_dict())
            ours, theirs = after(x)[0], before(x)[0]
        apart, size = (ours - theirs).abs().mean((1, 2)), ours.abs().mean((1, 2))
        for step, (a, b) in enumerate(zip(apart.tolist(), size.tolist(), strict=True), 1):
            rows.append({"scale": scale, "reset": reset, "step": step, "difference": a, "size": b})
    return pd.DataFrame(rows)


def counts(hidden_sizes: list[int], input_size: int | None = None) -> pd.DataFrame:
    """Exact counts of one layer for one sequence and one step, over the width (I = H unless given).

    Returns:
        One row a cell, width and quantity: `parameters`, `FLOPs` (one step forward), `state` (bytes carried between steps),
        `kept` (the fewest bytes a step leaves for the backward pass).
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
        "parameters": counting.parameters(kind, input_size, hidden_size),
        "FLOPs": counting.forward_flops(kind, input_size, hidden_size).total,
        "state": counting.state_bytes(kind, hidden_size),
        "kept": counting.activation_bytes(kind, hidden_size),
    }


def whole_models(vocabularies: list[int], hidden_sizes: list[int]) -> pd.DataFrame:
    """Parameters of whole language models (embedding of width H, one layer, head), GRU ÷ LSTM at equal width.

    Returns:
        One row a vocabulary and width: `V`, `H`, `lstm`, `gru`, `ratio`.
    """
    rows = []
    for symbols, hidden in itertools.product(vocabularies, hidden_sizes):
        around = symbols * hidden + hidden * symbols + symbols  # embedding, head
        lstm, gru = (counting.parameters(cell, hidden, hidden) + around for cell in ("lstm", "gru"))
        rows.append({"V": symbols, "H": hidden, "lstm": lstm, "gru": gru, "ratio": gru / lstm})
    return pd.DataFrame(rows)
