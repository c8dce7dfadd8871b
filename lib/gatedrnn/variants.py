"""Cells with a gate taken out, at the speed of the whole cell.

A gate is taken out by freezing it open or shut: its weights are zero and its bias is so large that the logistic
function returns 1, or 0, to the last bit of float32. The kernel then computes the ablated cell exactly. A coupled
pair of gates, f = 1 − i, is the same trick: σ(−a) = 1 − σ(a), so the forget gate's weights are the input gate's with
the opposite sign. Only what is left is learned, and counted as parameters.

After Greff et al. (2017), who ablated the LSTM. Introduced in the chapter *architecture/ablation*.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gatedrnn.choices import Choices
from gatedrnn.initialisation import KEEPING
from gatedrnn.layers import Recurrent

OPEN, SHUT = 60.0, -60.0
"""Biases at which σ is 1 to the last bit of float32, and below 1e-26."""


@dataclass(frozen=True)
class Variant:
    """A cell with some gates frozen or tied.

    Args:
        cell: `lstm` or `gru`.
        label: as printed.
        frozen: bias of each frozen gate, by block name.
        opposite: gates that are one minus another gate, by block name.
        constant: gates that keep a bias of their own for each unit, learned like any weight, and hear nothing else.
    """

    cell: str
    label: str
    frozen: dict[str, float] = field(default_factory=dict)
    opposite: dict[str, str] = field(default_factory=dict)
    constant: tuple[str, ...] = ()


VARIANTS = Choices(
    "variant",
    {
        "lstm": Variant("lstm", "LSTM"),
        "lstm_no_input": Variant("lstm", "no input gate", {"i": OPEN}),
        "lstm_no_forget": Variant("lstm", "no forget gate", {"f": OPEN}),
        "lstm_no_output": Variant("lstm", "no output gate", {"o": OPEN}),
        "lstm_constant_input": Variant("lstm", "constant input gate", constant=("i",)),
        "lstm_constant_forget": Variant("lstm", "constant forget gate", constant=("f",)),
        "lstm_constant_output": Variant("lstm", "constant output gate", constant=("o",)),
        "lstm_coupled": Variant("lstm", "coupled, f = 1 − i", opposite={"f": "i"}),
        "gru": Variant("gru", "GRU"),
        "gru_constant_reset": Variant("gru", "constant reset gate", constant=("r",)),
        "gru_constant_update": Variant("gru", "constant update gate", constant=("z",)),
        "gru_no_reset": Variant("gru", "no reset gate", {"r": OPEN}),
        "gru_no_update": Variant("gru", "no update gate", {"z": SHUT}),
    },
)


class Ablated(nn.Module):
    """One layer of a variant, over whole sequences.

    Args:
        variant: a name in `VARIANTS`.
        input_size: I. hidden_size: H.
        bias: first bias of the keeping gate (f of an LSTM, z of a GRU); of a coupled pair too.
    """

    def __init__(self, variant: str, input_size: int, hidden_size: int, bias: float = 0.0) -> None:
        super().__init__()
        self.variant, self.hidden_size = VARIANTS[variant], hidden_size
        self.b: nn.Parameter
        self.b2: nn.Parameter
        whole = Recurrent(self.variant.cell, input_size, hidden_size)
        self.whole = [whole]  # in a list: a kernel to run, not parameters to learn
        layer = whole._cells()[0]
        self.blocks = layer.blocks
        fixed = {*self.variant.frozen, *self.variant.opposite}
        self.biased = [name for name in self.blocks if name not in fixed]
        self.learned = [name for name in self.biased if name not in self.variant.constant]
        keeping = KEEPING[self.variant.cell]
        for name, block in zip(("w", "u", "b", "b2"), layer.parameters(), strict=True):
            chunks = dict(zip(self.blocks, block.detach().chunk(len(self.blocks)), strict=True))
            self.register_parameter(name, nn.Parameter(torch.cat([chunks[each] for each in self._rows(name)])))
        with torch.no_grad():
            if keeping in self.biased:
                self._set_bias(keeping, bias)
            elif keeping in self.variant.opposite:
                self._set_bias(self.variant.opposite[keeping], -bias)

    @property
    def path(self) -> str:
        """Which kernel `forward` runs: recorded with each run."""
        return self.whole[0].path

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(T, B, I) → outputs (T, B, H) and the last state, from a zero state."""
        return torch.func.functional_call(self.whole[0], self.weights(), (x,))

    def weights(self) -> dict[str, Tensor]:
        """Weights of the whole cell that compute this variant, by the names of its state dict."""
        names = {"w": "weight_ih", "u": "weight_hh", "b": "bias_ih", "b2": "bias_hh"}
        return {f"layers.0.{long}": self._assemble(short) for short, long in names.items()}

    def _rows(self, name: str) -> list[str]:
        """The blocks that a parameter learns: of a constant gate its bias alone."""
        return self.biased if name == "b" else self.learned

    def _assemble(self, name: str) -> Tensor:
        learned = getattr(self, name)
        if self.learned == list(self.blocks):
            return learned
        rows = dict(zip(self._rows(name), learned.split(self.hidden_size), strict=True))
        for gate in self.variant.constant:
            rows.setdefault(gate, learned.new_zeros(self.hidden_size, *learned.shape[1:]))
        for gate, bias in self.variant.frozen.items():
            rows[gate] = learned.new_full((self.hidden_size, *learned.shape[1:]), bias if name == "b" else 0.0)
        for gate, other in self.variant.opposite.items():
            rows[gate] = -rows[other]
        return torch.cat([rows[each] for each in self.blocks])

    def _set_bias(self, gate: str, value: float) -> None:
        for name, number in (("b", value), ("b2", 0.0)):
            if gate in self._rows(name):
                block = self._rows(name).index(gate)
                getattr(self, name)[block * self.hidden_size : (block + 1) * self.hidden_size] = number
