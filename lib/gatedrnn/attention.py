"""Attention on top of a recurrent layer, over its own past states; and a small transformer that has attention alone.

Causal throughout: what is said at step t rests on steps up to t. Introduced in the chapter *outlook/attention*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gatedrnn.catalogue import CELLS
from gatedrnn.cells import State
from gatedrnn.checks import require, whole
from gatedrnn.kernels.lengths import Lengths, as_lengths, masked
from gatedrnn.layers import Recurrent

KINDS = ("none", "additive", "dot")


@dataclass(frozen=True)
class Attended:
    """What a layer said, and where it looked.

    `outputs` is (Q, B, H), `state` that of the recurrent layer. `weights` (B, Q, T) are at least 0, add up to 1 over
    T, and are 0 after the step that asks; after a sequence's true end all are 0. Without attention there are none.
    """

    outputs: Tensor
    state: State
    weights: Tensor | None


class Additive(nn.Module):
    """Scores by a small network: e = vᵀ tanh(W q + U k + b) (Bahdanau, Cho and Bengio 2015, appendix A.1.2).

    Args:
        size: H, of states. attention_size: A, units of the network.
    """

    def __init__(self, size: int, attention_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, attention_size, bias=False)
        self.key = nn.Linear(size, attention_size)
        self.score = nn.Linear(attention_size, 1, bias=False)

    def forward(self, asking: Tensor, states: Tensor) -> Tensor:
        """(B, Q, H) and (B, T, H) → scores (B, Q, T); takes B·Q·T·A numbers of memory."""
        met = torch.tanh(self.query(asking).unsqueeze(2) + self.key(states).unsqueeze(1))  # (B, Q, T, A)
        return self.score(met).squeeze(3)


class Dot(nn.Module):
    """Scores by a scaled product: e = (W q)·(U k) / √A (Vaswani et al. 2017, equation 1).

    Args:
        size: H, of states. attention_size: A, of queries and keys.
    """

    def __init__(self, size: int, attention_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(size, attention_size, bias=False)
        self.key = nn.Linear(size, attention_size, bias=False)

    def forward(self, asking: Tensor, states: Tensor) -> Tensor:
        """(B, Q, H) and (B, T, H) → scores (B, Q, T)."""
        keys = self.key(states)
        return self.query(asking) @ keys.transpose(1, 2) / math.sqrt(keys.shape[2])


class Attentive(nn.Module):
    """A recurrent layer that looks back at its own states.

    At step t the state h_t is compared with every state h_s, s ≤ t; a softmax makes weights of the scores; the context
    is the weighted mean of the states: c_t = Σ_s α_ts h_s (Bahdanau et al. 2015, equations 5 and 6). What goes out is
    tanh(W [c_t; h_t] + b), the attentional state (Luong, Pham and Manning 2015, equation 5). The recurrence itself does
    not see it, so the layer runs on the fast kernels.

    Args:
        cell, input_size, hidden_size, num_layers: as for `Recurrent`; of several layers the last is looked at.
        attention: `additive`, `dot`, or `none`: then it is the recurrent layer itself.
        attention_size: A, H by default.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        attention: str = "dot",
        num_layers: int = 1,
        attention_size: int | None = None,
    ) -> None:
        super().__init__()
        require("attention", attention, KINDS)
        self.core = Recurrent(cell, input_size, hidden_size, num_layers)
        self.attention, self.hidden_size = attention, self.core.hidden_size
        self.attention_size = whole("attention_size", hidden_size if attention_size is None else attention_size)
        if attention != "none":
            scores = Additive if attention == "additive" else Dot
            self.scores = scores(hidden_size, self.attention_size)
            self.mix = nn.Linear(2 * hidden_size, hidden_size)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Lengths | None = None, queries: int | None = None
    ) -> tuple[Tensor, State]:
        """Outputs (Q, B, H) and last state; arguments as for `attend`."""
        found = self.attend(x, state, lengths, queries)
        return found.outputs, found.state

    def attend(
        self, x: Tensor, state: State | None = None, lengths: Lengths | None = None, queries: int | None = None
    ) -> Attended:
        """Run over sequences and say where it looked.

        Args:
            x: (T, B, I).
            state: initial state of the recurrent layer; zeros by default. Nothing before this call is looked at.
            lengths: B true lengths in any form; nothing after a true end is looked at.
            queries: Q, how many of the last steps of each sequence, up to its true end, are asked; all T by default.

        Raises:
            ValueError: queries is no whole number from 1 to the shortest length.
        """
        states, last = self.core(x, state, lengths)
        steps, batch = states.shape[:2]
        ends = None if lengths is None else as_lengths(lengths, steps, batch).to(x.device)
        times = asked(steps, batch, ends, queries, x.device)  # (B, Q)
        asking = states.transpose(0, 1)
        if queries is not None:
            asking = asking.gather(1, times.unsqueeze(2).expand(-1, -1, self.hidden_size))
        if self.attention == "none":
            return Attended(asking.transpose(0, 1), last, None)
        weights = self._weights(asking, states.transpose(0, 1), times, ends)
        context = weights @ states.transpose(0, 1)  # (B, Q, H)
        outputs = torch.tanh(self.mix(torch.cat([context, asking], dim=2))).transpose(0, 1)
        if ends is not None and queries is None:
            outputs = masked(outputs, ends)
        return Attended(outputs, last, weights)

    def _weights(self, asking: Tensor, states: Tensor, times: Tensor, ends: Tensor | None) -> Tensor:
        """α_ts = softmax over s ≤ t of the scores, (B, Q, T)."""
        places = torch.arange(states.shape[1], device=states.device)
        later = places > times.unsqueeze(2)  # (B, Q, T)
        weights = self.scores(asking, states).masked_fill(later, -math.inf).softmax(2)
        if ends is None:
            return weights
        return weights.masked_fill((times >= ends.unsqueeze(1)).unsqueeze(2), 0.0)

    def kept(self, length: int) -> int:
        """Numbers kept for a sequence after so many steps, to go on by one: state, and past states with their keys."""
        layers = len(self.core.layers)
        state = layers * self.hidden_size * len(CELLS[self.core.cell].states)
        past = 0 if self.attention == "none" else self.hidden_size + self.attention_size
        return state + length * past


class Transformer(nn.Module):
    """Causal self-attention in place of recurrence (Vaswani et al. 2017), normed before each part (Xiong et al. 2020).

    Args:
        input_size: I. hidden_size: D, a multiple of `heads`. num_layers: L. heads: of each layer.
        feedforward: units between the two products of each layer; 2 D by default.

    Places are told by sinusoids that are added to the inputs. No dropout.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 2, heads: int = 2, feedforward: int | None = None
    ) -> None:
        super().__init__()
        heads, hidden_size = whole("heads", heads), whole("hidden_size", hidden_size)
        if hidden_size % heads:
            raise ValueError(f"hidden_size = {hidden_size} is not allowed: a multiple of the {heads} heads")
        self.hidden_size = hidden_size
        between = 2 * hidden_size if feedforward is None else whole("feedforward", feedforward)
        self.enter = nn.Linear(whole("input_size", input_size), hidden_size)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(hidden_size, heads, between, dropout=0.0, activation="gelu", norm_first=True)
            for _ in range(whole("num_layers", num_layers))
        )  # one by one: `nn.TransformerEncoder` would start all layers with the same weights
        self.norm = nn.LayerNorm(hidden_size)

    def forward(
        self, x: Tensor, state: State | None = None, lengths: Lengths | None = None, queries: int | None = None
    ) -> tuple[Tensor, State]:
        """Run over sequences.

        Args:
            x: (T, B, I). lengths, queries: as for `Attentive.attend`.
            state: none or empty, as a transformer has no state; it is here so that layers can be exchanged.

        Returns:
            outputs (Q, B, D), zero after a true end, and the empty state.
        """
        if state:
            raise ValueError(f"state of {len(state)} tensors is not allowed: a transformer has none")
        steps, batch = x.shape[:2]
        ends = None if lengths is None else as_lengths(lengths, steps, batch).to(x.device)
        times = asked(steps, batch, ends, queries, x.device)
        x = x if ends is None else masked(x, ends)
        h = self.enter(x) + sinusoids(steps, self.hidden_size).to(x).unsqueeze(1)
        later = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)
        for block in self.blocks:
            h = block(h, src_mask=later, is_causal=True)
        h = self.norm(h)
        if queries is not None:
            return h.gather(0, times.T.unsqueeze(2).expand(-1, -1, self.hidden_size)), ()
        return (h if ends is None else masked(h, ends)), ()

    def kept(self, length: int) -> int:
        """Numbers kept for a sequence after so many steps, to go on by one: the keys and values of every layer."""
        return 2 * len(self.blocks) * length * self.hidden_size


def asked(steps: int, batch: int, ends: Tensor | None, queries: int | None, device: torch.device) -> Tensor:
    """Steps that are asked, (B, Q): all, or the last `queries` up to each true end.

    Raises:
        ValueError: queries is no whole number from 1 to the shortest length.
    """
    if queries is None:
        return torch.arange(steps, device=device).expand(batch, -1)
    least = steps if ends is None else int(ends.min())
    if whole("queries", queries) > least:
        raise ValueError(f"queries = {queries} is not allowed: at most {least}, the length of the shortest sequence")
    last = torch.full((batch,), steps, device=device) if ends is None else ends
    return last.unsqueeze(1) - queries + torch.arange(queries, device=device)


def sinusoids(steps: int, size: int) -> Tensor:
    """Places as (T, D): sin and cos of t / 10000^(2i/D) in turns (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(-math.log(10_000.0) * 2 * torch.arange((size + 1) // 2) / size)
    angles = torch.arange(steps).unsqueeze(1) * rates  # (T, ⌈D/2⌉)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :size]
