"""What a network counts with: the unit of its memory that follows the count best, and whether it keeps its pace.

A counter goes up by the same amount for every `a`, however many came before. A unit that is bounded cannot do so for
ever: its steps must shrink. Introduced in the chapter *memory/counting*.
"""

from __future__ import annotations

import torch
from torch import Tensor

from experiments.counting import strings
from gatedrnn.layers import Recurrent


def memory(core: Recurrent, x: Tensor) -> Tensor:
    """The memory over time: c of an LSTM, h of the other cells: (T, B, H) for inputs (T, B, I)."""
    with torch.no_grad():
        gates = core.trace(x).gates[-1]
    return gates["c" if core.cell == "lstm" else "h"]


def counter(core: Recurrent, language: str, n: int) -> tuple[int, float]:
    """The unit that follows the count best while the string with this n is read.

    The count is what has been read of `a` less what has been read of `b`; later letters are left out.

    Returns:
        Its index, and its correlation with the count, with its sign; 0 for units that stand still.
    """
    x, _, _ = strings.strings(language, [n])
    states = memory(core, x[: 2 * n])[:, 0].double()  # (2n, H)
    count = (x[: 2 * n, 0, 0] - x[: 2 * n, 0, 1]).cumsum(0).double()
    moved = states - states.mean(0)
    centred = (count - count.mean()).unsqueeze(1)
    size = moved.norm(dim=0) * centred.norm()
    found = torch.where(size > 0, (moved * centred).sum(0) / size.clamp(min=1e-30), 0.0).nan_to_num()
    unit = int(found.abs().argmax())
    return unit, float(found[unit])


def pace(core: Recurrent, language: str, longest: int) -> float:
    """Step of the counting unit for an `a` beyond the training range ÷ its step within it.

    Both are means: over the second half of a^(2 · longest), and over the second quarter. A counter has 1, a unit that
    has come to rest 0; one that never moved has 0 too.
    """
    unit, _ = counter(core, language, longest)
    x, _, _ = strings.strings(language, [2 * longest])
    states = memory(core, x[: 2 * longest])[:, 0, unit].double()
    half, end = longest, 2 * longest
    within = float(states[half - 1] - states[half // 2 - 1]) / (half - half // 2) if half > 1 else 0.0
    beyond = float(states[end - 1] - states[half - 1]) / (end - half)
    return beyond / within if within else 0.0
