"""One door to all kernels: the fastest sound one for a cell, a type of number and a device.

Introduced in the chapter *performance/cost*.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from gatedrnn.cells import State
from gatedrnn.choices import Choices
from gatedrnn.kernels import library, matched, reference, stepwise
from gatedrnn.kernels.lengths import Lengths, as_lengths, at_lengths, masked
from gatedrnn.kernels.shapes import validate

STOCK: Choices[Any] = Choices(
    "cell", {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh, "relu": torch.rnn_relu}
)
"""What torch itself has for a cell, as `torch.nn` calls it."""


def path(cell: str, dtype: torch.dtype = torch.float32, device: str = "cpu") -> str:
    """Which kernel runs: `matched`, `torch.nn`, `stepwise` or `reference`; recorded with each run.

    On a CPU, in float32 and float64, the matched kernels; where they cannot be compiled what is fastest without them:
    `torch.nn` has a fused kernel for the LSTM alone. Elsewhere, and for whoever exports a model, torch's own.
    """
    own = device == "cpu" and dtype in (torch.float32, torch.float64) and not torch.compiler.is_exporting()
    if own and cell in library.CELLS and library.available():
        return "matched"
    if own and cell in stepwise.KERNELS and cell != "lstm":
        return "stepwise"
    return "torch.nn" if cell in STOCK else "reference"


def tell(cell: str) -> None:
    """Raise the auditing event `gatedrnn.cell` (`sys.audit`): which cells a program runs is then known to who wants to."""
    if not torch.compiler.is_compiling():
        sys.audit("gatedrnn.cell", cell)


def run(
    cell: str, x: Tensor, state: State, weights: tuple[Tensor, ...], lengths: Lengths | None = None
) -> tuple[Tensor, State]:
    """Run a cell over a batch of sequences with the fastest sound kernel.

    Under autocast it computes in the type of its weights.

    Args:
        cell: `lstm`, `gru` (reset-after), `gru_before`, `rnn` (tanh) or `relu`.
        x: (T, B, I). state: initial `(h,)`, for the LSTM `(h, c)`, each (B, H).
        weights: weight_ih (G·H, I), weight_hh (G·H, H), bias_ih, bias_hh (G·H,), as in `torch.nn`.
        lengths: B true lengths in any form; all T by default. What stands in x after a true end changes nothing.

    Returns:
        outputs (T, B, H), zero after the true end, and the state there.

    Raises:
        ValueError: an unknown cell, or a shape, dtype or length that does not fit; the message names the argument.
    """
    if torch.is_autocast_enabled(x.device.type):
        with torch.autocast(x.device.type, enabled=False):
            kind = weights[0].dtype
            return run(cell, x.to(kind), tuple(each.to(kind) for each in state), weights, lengths)
    way = path(cell, x.dtype, x.device.type)
    w, u, b, b2 = weights
    if way == "matched":
        return matched.run(cell, x, state, w, u, b, b2, lengths)
    validate(cell, x, state, *weights)
    ends = None if lengths is None else as_lengths(lengths, *x.shape[:2]).to(x.device)
    if ends is not None:
        x = masked(x, ends)
    if way == "reference" or (ends is not None and len(state) > 1):  # only the steps know c at each true length
        return reference.run(cell, x, state, w, u, b, b2, ends)
    if way == "stepwise":
        outputs, last = stepwise.run(cell, x, state, w, u, b, b2)
    else:
        first = tuple(each.unsqueeze(0) for each in state)
        given = first if len(state) > 1 else first[0]
        outputs, *found = STOCK[cell](x, given, weights, True, 1, 0.0, False, False, False)
        last = tuple(each[0] for each in found)
    return (outputs, last) if ends is None else (masked(outputs, ends), (at_lengths(outputs, ends),))
