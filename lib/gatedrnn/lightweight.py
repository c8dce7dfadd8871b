"""Cells made light: minGRU and minLSTM, whose gates hear the input alone, and FastGRNN, whose gate shares its weights.

A minimal cell has no matrix between its states, so all its steps can be taken at once (`gatedrnn.scan`); one step at a time,
as on a device that reads a sensor, it costs a product with the input and a handful of operations a unit. Its `weight_hh`
(0, H) and `bias_hh` (0,) are there for whoever reads weights by their names, and hold no number.

A state may come from anywhere, from the middle of a sequence or from another model: any finite numbers, of any sign.
Introduced in the chapter *outlook/lightweight*.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear, logsigmoid

from gatedrnn.cells import Sequential, State, Trace
from gatedrnn.kernels import shared
from gatedrnn.kernels.lengths import Lengths, as_lengths, at_lengths, masked
from gatedrnn.scan import scan


def g(x: Tensor) -> Tensor:
    """What makes a candidate positive: x + ½ from 0 on, σ(x) below (Feng et al. 2024, appendix B.3)."""
    return torch.where(x >= 0, x + 0.5, sigmoid(x))


def log_g(x: Tensor) -> Tensor:
    """log g(x), exact also where g(x) is too small for a float."""
    return torch.where(x >= 0, torch.log(x.clamp_min(0) + 0.5), logsigmoid(x))


class Lightweight(Sequential):
    """What the light cells have in common: one state, and whole sequences as `gatedrnn.kernels.dispatch.run` treats them."""

    def sequence(self, x: Tensor, state: State, lengths: Lengths | None) -> tuple[Tensor, State]:
        """All steps, in the type of the weights where autocast is on.

        Args:
            x: (T, B, I). state: `(h,)`, (B, H), any finite numbers. lengths: B true lengths in any form; all T by default.

        Returns:
            outputs (T, B, H), zero after the true end, and the state there.

        Raises:
            ValueError: a dtype that is not that of the weights, a state that is not finite, or a length out of range.
        """
        (h,) = state
        if torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                kind = self.weight_ih.dtype
                return self.sequence(x.to(kind), (h.to(kind),), lengths)
        self._admit(x, h)
        if lengths is None:
            outputs = self.over(x, h)
            return outputs, (outputs[-1],)
        ends = as_lengths(lengths, *x.shape[:2]).to(x.device)
        outputs = self.over(masked(x, ends), h)
        return masked(outputs, ends), (at_lengths(outputs, ends),)

    def over(self, x: Tensor, h: Tensor) -> Tensor:
        """Outputs (T, B, H) of all steps over x (T, B, I) from the state h (B, H)."""
        raise NotImplementedError

    def _admit(self, x: Tensor, h: Tensor) -> None:
        kind = self.weight_ih.dtype
        for name, each in (("x", x), ("state[0]", h)):
            if each.dtype != kind:
                raise ValueError(f"{name} of dtype {each.dtype} is not allowed: {kind}, that of the weights")
        if not torch.compiler.is_compiling() and not bool(h.isfinite().all()):
            worst = h[~h.isfinite()][0].item()
            raise ValueError(f"state[0] with {worst} in it is not allowed: finite numbers, of any sign")


class Minimal(Lightweight):
    """A cell whose gates and candidate hear the input alone: h' = k h + (1 − k) g(v), with k = σ(s).

    A subclass says what s and v are. Its weights start as those of `torch.nn.Linear`, which they are, and not of a recurrent
    layer: uniform within ±1/√I.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_hh = nn.Parameter(torch.empty(0, hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(0))
        for parameter in (self.weight_ih, self.bias_ih):
            nn.init.uniform_(parameter, -(input_size**-0.5), input_size**-0.5)

    def over(self, x: Tensor, h: Tensor) -> Tensor:
        """One step as a step, several as a scan in logarithms (Feng et al. 2024, appendix B.1 and B.3)."""
        if len(x) == 1:
            return self(x[0], (h,))[0][0].unsqueeze(0)
        return scan(*self.logarithms(linear(x, self.weight_ih, self.bias_ih)), h)

    def logarithms(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """From W x + b (…, G·H): the logarithms of what is kept of the old state, k, and of what is added to it, (1 − k) g(v)."""
        keep, candidate = self.logits(a)
        return logsigmoid(keep), logsigmoid(-keep) + log_g(candidate)

    def logits(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """From W x + b (…, G·H): s, whose σ is the share of the old state that stays, and v, the candidate before g."""
        raise NotImplementedError


class MinGRU(Minimal):
    """minGRU (Feng et al. 2024, arXiv 2410.01201, section 3.1; log-space version of appendix B.3).

    The update gate z *keeps*, as PyTorch's does: at z = 1 the old state stays. The paper's z is one minus this one.
    """

    blocks = ("z", "n")
    gates = ("z",)

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """z = σ(W_z x + b_z);  n = g(W_n x + b_n);  h' = (1 − z) n + z h."""
        (h,) = state
        a_z, a_n = (x @ self.weight_ih.T + self.bias_ih).chunk(2, dim=-1)
        z = sigmoid(a_z)  # update gate: how much of the old state to keep
        n = g(a_n)  # candidate: it does not see the old state
        h = sigmoid(-a_z) * n + z * h
        return (h,), {"z": z, "n": n, "h": h}

    def logits(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """The pre-activations of z and n."""
        a_z, a_n = a.chunk(2, dim=-1)
        return a_z, a_n


class MinLSTM(Minimal):
    """minLSTM (Feng et al. 2024, arXiv 2410.01201, section 3.2; log-space version of appendix B.3): no cell state.

    Both gates are divided by their sum, so that together they are 1, however long the sequence. What is kept is
    f / (f + i) = σ(log f − log i), the form used here: it has a value where both gates are too small for a float. One bias
    alone cannot open it beyond ⅔ (with the other gate at ½): see `gatedrnn.starts`.
    """

    blocks = ("i", "f", "g")
    gates = ("i", "f")

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """i, f = σ(W x + b), divided by i + f;  c = g(W_g x + b_g);  h' = f h + i c."""
        (h,) = state
        a_i, a_f, a_g = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        s = logsigmoid(a_f) - logsigmoid(a_i)  # log f − log i
        f = sigmoid(s)  # forget gate, divided by f + i: how much of the old state to keep
        i = sigmoid(-s)  # input gate, divided by f + i: how much of the candidate to write
        c = g(a_g)  # candidate: it does not see the old state
        h = f * h + i * c
        return (h,), {"i": i, "f": f, "g": c, "h": h}

    def logits(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """log f − log i, and the pre-activation of the candidate."""
        a_i, a_f, a_g = a.chunk(3, dim=-1)
        return logsigmoid(a_f) - logsigmoid(a_i), a_g


class FastGRNN(Lightweight):
    """FastGRNN (Kusupati et al. 2018, arXiv 1901.02358, section 3.2), its matrices whole: not low-rank, sparse or quantised.

    Gate and candidate share W (H, I) and U (H, H), and have a bias each. The update gate z keeps. ζ and ν are two numbers for
    the whole layer, kept between 0 and 1 by σ; they start as in the authors' code (microsoft/EdgeML), σ(1) and σ(−4).
    """

    blocks = ("z", "n")
    gates = ("z",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(self.weight_ih.detach()[:hidden_size].clone())
        self.weight_hh = nn.Parameter(self.weight_hh.detach()[:hidden_size].clone())
        self.bias_hh = nn.Parameter(torch.empty(0))
        self.zeta, self.nu = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(-4.0))

    def forward(self, x: Tensor, state: State) -> tuple[State, Trace]:
        """z = σ(W x + U h + b_z);  n = tanh(W x + U h + b_n);  h' = (ζ (1 − z) + ν) n + z h."""
        (h,) = state
        b_z, b_n = self.bias_ih.chunk(2)
        a = x @ self.weight_ih.T + h @ self.weight_hh.T  # shared by gate and candidate
        z = sigmoid(a + b_z)  # update gate: how much of the old state to keep
        n = tanh(a + b_n)  # candidate
        h = (sigmoid(self.zeta) * (1 - z) + sigmoid(self.nu)) * n + z * h
        return (h,), {"z": z, "n": n, "h": h}

    def over(self, x: Tensor, h: Tensor) -> Tensor:
        """One product with W for all steps, then step by step."""
        if len(x) == 1:
            return self(x[0], (h,))[0][0].unsqueeze(0)
        return shared.run(linear(x, self.weight_ih), self.weight_hh, self.bias_ih, self.zeta, self.nu, h)
