"""A cell with a gate frozen, from any start of its gates, that goes on from a given state."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from gatedrnn.cells import Cell, State
from gatedrnn.initialisation import KEEPING, initialise
from gatedrnn.layers import Recurrent
from gatedrnn.variants import VARIANTS, Ablated

PARTS = (("w", "weight_ih"), ("u", "weight_hh"), ("b", "bias_ih"), ("b2", "bias_hh"))


class Frozen(Ablated):
    """One layer of a variant that starts like the whole cell: what both have is equal at first.

    Args:
        variant: a name in `gatedrnn.variants.VARIANTS`.
        input_size: I. hidden_size: H.
        start: of the gates, see `gatedrnn.initialisation`; a constant gate starts at the bias of its gate, and of a
            coupled pair the keeping gate decides.
    """

    def __init__(self, variant: str, input_size: int, hidden_size: int, start: str) -> None:
        super().__init__(variant, input_size, hidden_size)
        self.constants = {
            gate: slice(place * hidden_size, (place + 1) * hidden_size)
            for place, gate in enumerate(self.biased)
            if gate in self.variant.constant
        }
        whole = Recurrent(VARIANTS[variant].cell, input_size, hidden_size)
        initialise(whole, start)
        self._start_like(cast(Cell, whole.layers[0]))

    @torch.no_grad()
    def _start_like(self, layer: Cell) -> None:
        keeping = KEEPING[self.variant.cell]
        for name, long in PARTS:
            rows = dict(zip(self.blocks, getattr(layer, long).chunk(len(self.blocks)), strict=True))
            if name in ("b", "b2") and keeping in self.variant.opposite:
                rows[self.variant.opposite[keeping]] = -rows[keeping]
            getattr(self, name).copy_(torch.cat([rows[each] for each in self._rows(name)]))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(T, B, I) and a state, zero by default → outputs (T, B, H) and the last state."""
        return torch.func.functional_call(self.whole[0], self.weights(), (x, state))

    def held(self) -> Tensor | None:
        """Where each unit holds its constant gate, (H,) from 0 to 1; None without such a gate."""
        if not self.constants:
            return None
        (rows,) = self.constants.values()
        return self.b.detach()[rows].sigmoid()
