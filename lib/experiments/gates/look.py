"""What a trained character model's gates and units did on held-out text: the curves of *memory/gates*."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from experiments.gates import marks
from experiments.gates.probing import correlations, probe
from gatedrnn.initialisation import KEEPING
from gatedrnn.models import LanguageModel
from tasks import kjv

SHUT, OPEN = 0.1, 0.9
"""A gate below the first counts as shut, above the second as open (Karpathy et al. 2015)."""
TIMES = (0.3, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300)
"""Memory times in characters at which the share of units that keep longer is taken."""
MOVES = {"add": (True, True), "hold": (True, False), "write": (False, True), "blank": (False, False)}
"""What a unit does at a character → whether it keeps and whether it writes."""
SPAN = 75
"""Characters of the strip of text that is shown."""


@dataclass(frozen=True)
class Look:
    """Which characters of a held-out part are read: the first `steps` of each of `lanes` equal stretches."""

    lanes: int
    steps: int = 400
    warm: int = 100
    """Steps read first, to fill the state, and not looked at."""

    def __post_init__(self) -> None:
        if not 8 <= self.lanes <= 400:
            raise ValueError(f"lanes = {self.lanes!r} is not allowed: a whole number from 8 to 400")

    def rows(self, part: str) -> Tensor:
        """Places in the part, (steps, lanes)."""
        size = len(kjv.split().test) if part == "test" else len(kjv.split().valid)
        return torch.arange(self.steps).unsqueeze(1) + torch.arange(self.lanes) * (size // self.lanes)


@dataclass(frozen=True)
class Reading:
    """What a model did on a stretch of text, all (T, B, H) but the labels (T, B, K).

    `gates` by name; `states`: `c`, `tanh c` and `h` of an LSTM, `h` of other cells.
    """

    cell: str
    gates: dict[str, Tensor]
    states: dict[str, Tensor]
    labels: Tensor

    @property
    def carried(self) -> str:
        """Name of the state that is carried on by the keeping gate: c of an LSTM, else h."""
        return "c" if "c" in self.states else "h"


@torch.no_grad()
def reading(model: LanguageModel, part: str, look: Look) -> Reading:
    """Read stretches of a held-out part, `valid` or `test`, with every gate recorded; the warm-up is left out."""
    rows = look.rows(part)
    stream = getattr(kjv.split(), part)
    core = model.core
    traced = core.trace(model.embedding(stream[rows])).gates[0]
    kept = {name: values[look.warm :] for name, values in traced.items()}
    gates = {name: kept[name] for name in core._cells()[0].gates}
    states = {"c": kept["c"], "tanh c": kept["c"].tanh()} if "c" in kept else {}
    return Reading(core.cell, gates, states | {"h": kept["h"]}, marks.labels_of(part)[rows[look.warm :]])


def gate_curves(seen: Reading) -> dict[str, list]:
    """`times`, shares of units whose keeping gate alone keeps longer than each of `TIMES`; `moves`, shares of characters
    and units at each of `MOVES`."""
    keep = seen.gates[KEEPING[seen.cell]]
    write = seen.gates.get("i", 1 - keep)
    moves = [
        ((keep > OPEN) if kept else (keep < SHUT)) & ((write > OPEN) if written else (write < SHUT))
        for kept, written in MOVES.values()
    ]
    return {"times": longer(keep), "moves": [round(float(each.float().mean()), 4) for each in moves]}


def longer(keep: Tensor) -> list[float]:
    """Share of units whose keeping gate (T, B, H) alone would keep a memory longer than each of `TIMES`."""
    return rounded((memory_time(keep).unsqueeze(1) > torch.tensor(TIMES)).float().mean(0))


def memory_time(keep: Tensor) -> Tensor:
    """Steps after which a keeping gate (T, B, H) alone has cut a memory to 1/e: −1 / mean ln f, for each unit (H,)."""
    return -1 / keep.double().clamp(1e-12, 1 - 1e-9).log().mean((0, 1))


def reach(seen: Reading) -> float:
    """Largest |value| of what is carried, in the median unit."""
    return float(seen.states[seen.carried].abs().amax((0, 1)).median())


def probe_curves(valid: Reading, test: Reading) -> dict[str, list]:
    """Probes of all units of each state, fitted on the validation part and scored on the test part, one entry a label of
    `marks.MARKS`."""
    return {
        name: rounded(
            probe(*(each.flatten(0, 1) for each in (valid.states[name], valid.labels, test.states[name], test.labels)))
        )
        for name in valid.states
    }


def follower(valid: Reading) -> tuple[int, float]:
    """The unit that follows the brackets best on the validation part, by what it shows (h), and the sign of the tie."""
    ties = correlations(valid.states["h"].flatten(0, 1), valid.labels[..., :1].flatten(0, 1))[:, 0]
    unit = int(ties.abs().argmax())
    return unit, -1.0 if float(ties[unit]) < 0 else 1.0


def strip(test: Reading, unit: int, sign: float) -> list[float]:
    """What a unit shows along the strip of text, turned so that it rises inside brackets."""
    lane, start = strip_place(test.labels[..., 0])
    return rounded(sign * test.states["h"][start : start + SPAN, lane, unit], 2)


def strip_place(bracket: Tensor) -> tuple[int, int]:
    """Lane and first step of the first strip in which most brackets open, for labels (T, B) after the warm-up."""
    opens = ((bracket[1:] == 1) & (bracket[:-1] == 0)).float()  # (T - 1, B)
    sums = torch.cat([torch.zeros(1, opens.shape[1]), opens.cumsum(0)])
    counts = (sums[SPAN - 1 :] - sums[: 1 - SPAN]).T  # (B, strips)
    best = int(counts.argmax())
    return best // counts.shape[1], best % counts.shape[1]


def strip_text(look: Look) -> str:
    """The strip's characters."""
    rows = look.rows("test")[look.warm :]
    lane, start = strip_place(marks.labels_of("test")[rows][..., 0])
    chosen = kjv.split().test[rows[start : start + SPAN, lane]]
    return "".join(kjv.symbols()[number] for number in chosen.tolist())


def rounded(values: Tensor, digits: int = 3) -> list[float]:
    """As plain numbers, with so many digits after the point."""
    return [round(value, digits) for value in values.tolist()]
