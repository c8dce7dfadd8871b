"""What a trained character model's gates and units did on held-out text: the curves of *memory/gates*."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from experiments.gates import marks
from experiments.gates.probing import correlations, other_lanes, probe
from gatedrnn.initialisation import KEEPING
from gatedrnn.models import LanguageModel
from tasks import kjv

SHUT, OPEN = 0.1, 0.9
"""A gate below the first counts as shut, above the second as open (Karpathy et al. 2015)."""
SQUARES = 10
"""Squares along each side of the plane of forget and input gate."""
LAG = 10
"""Characters over which a state's correlation with itself is taken."""
KINDS = len(marks.MARKS)
"""Labels that are probed for."""
SPAN = 150
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

    `gates` by name; `states`: `c`, `tanh c` and `h` of an LSTM, `h` of a GRU. `memory` is what is carried on: c or h.
    """

    cell: str
    gates: dict[str, Tensor]
    states: dict[str, Tensor]
    labels: Tensor

    @property
    def memory(self) -> Tensor:
        """The cell state of an LSTM, the state of a GRU."""
        return self.states["c" if self.cell == "lstm" else "h"]


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
    """For each gate the share of characters at which each unit's is shut (`left f`) and open (`right f`); for an LSTM
    `plane`, the share of characters and units in each square of (f, i), f by rows."""
    curves: dict[str, list] = {}
    for name, values in seen.gates.items():
        curves[f"left {name}"] = rounded((values < SHUT).float().mean((0, 1)))
        curves[f"right {name}"] = rounded((values > OPEN).float().mean((0, 1)))
    if seen.cell == "lstm":
        f, i = ((seen.gates[name] * SQUARES).long().clamp(max=SQUARES - 1) for name in ("f", "i"))
        counts = torch.bincount((f * SQUARES + i).flatten(), minlength=SQUARES**2)
        curves["plane"] = [round(each, 5) for each in (counts / counts.sum()).tolist()]
    return curves


def state_curves(seen: Reading, before: Reading) -> dict[str, list]:
    """Per unit: `time`, the keeping gate's memory time in characters, and `stays`, the memory's correlation with itself
    10 characters later; `fresh time` and `fresh stays` before training; `reach`, the largest |memory|."""
    curves = {}
    for prefix, each in (("", seen), ("fresh ", before)):
        curves[f"{prefix}time"] = rounded(memory_time(each.gates[KEEPING[each.cell]]))
        curves[f"{prefix}stays"] = rounded(stays(each.memory, LAG))
    curves["reach"] = rounded(seen.memory.abs().amax((0, 1)), 2)
    return curves


def memory_time(keep: Tensor) -> Tensor:
    """Steps after which a keeping gate (T, B, H) alone has cut a memory to 1/e: −1 / mean ln f, for each unit (H,)."""
    return -1 / keep.double().clamp(1e-12, 1 - 1e-9).log().mean((0, 1))


def stays(memory: Tensor, lag: int) -> Tensor:
    """Correlation of each unit of (T, B, H) with itself `lag` steps later, (H,); 0 for a constant one."""
    early, late = memory[:-lag].flatten(0, 1).double(), memory[lag:].flatten(0, 1).double()
    early, late = early - early.mean(0), late - late.mean(0)
    scale = early.norm(dim=0) * late.norm(dim=0)
    return torch.where(scale > 1e-9, (early * late).sum(0) / scale.clamp(min=1e-9), 0.0)


def probe_curves(valid: Reading, test: Reading, fresh_valid: Reading, fresh_test: Reading) -> dict[str, list]:
    """Probes chosen on the validation part and scored on the test part, one entry a label of `marks.MARKS`.

    For each state, such as `tanh c`: `tanh c unit`, `tanh c chosen` (|r| of that unit on the validation part),
    `tanh c single` and `tanh c every`. Two kinds of chance, of the memory alone: `shifted …`, with labels of other
    stretches, and `fresh …`, of the untrained model.
    """
    flat, moved = (
        [way(each.labels).flatten(0, 1) for each in (valid, test)] for way in (lambda labels: labels, other_lanes)
    )
    cases = {name: (valid.states[name], test.states[name], flat) for name in valid.states}
    cases["fresh"] = (fresh_valid.memory, fresh_test.memory, flat)
    curves: dict[str, list] = {}
    for name, (values, new, (known, asked)) in cases.items():
        chance = name in valid.states and values is valid.memory  # both kinds of labels in one fit
        if chance:
            known, asked = (torch.cat(pair, dim=1) for pair in ((known, moved[0]), (asked, moved[1])))
        found = probe(values.flatten(0, 1), known, new.flatten(0, 1), asked)
        for prefix, part in ((name, slice(KINDS)), *([("shifted", slice(KINDS, None))] if chance else [])):
            curves[f"{prefix} single"] = rounded(found.single[part])
            curves[f"{prefix} every"] = rounded(found.every[part])
        if name in valid.states:
            curves[f"{name} unit"] = found.unit[:KINDS].tolist()
            curves[f"{name} chosen"] = rounded(found.chosen[:KINDS])
    return curves


def strips(test: Reading, probes: dict[str, list]) -> dict[str, list]:
    """State of two units along the strip of text, those that the probe chose for brackets and for sentences.

    The brackets' unit is read as tanh c in an LSTM, the other as c; in a GRU both as h. Its sign is turned so that it
    rises with the label.
    """
    lane, start = strip_place(test.labels[..., 0])
    curves = {}
    for name, state in (("bracket", "tanh c"), ("sentence", "c")):
        state = state if state in test.states else "h"
        place = list(marks.MARKS).index(name)
        values = test.states[state][..., probes[f"{state} unit"][place]]
        tie = correlations(values.flatten().unsqueeze(1), test.labels[..., place].flatten().unsqueeze(1))
        sign = -1.0 if float(tie) < 0 else 1.0
        curves[f"strip {name}"] = rounded(sign * values[start : start + SPAN, lane])
    return curves


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
