"""Models of the chapter *memory/sensors*: a recurrent layer with a choice of what is read off it, and a small convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gatedrnn.checks import require, whole
from gatedrnn.kernels.lengths import at_lengths, masked
from gatedrnn.layers import Recurrent

POOLS = ("last", "mean")
TAPS = (9, 5, 3)
"""Steps that each convolution sees."""


class Reader(nn.Module):
    """One class a recording: a recurrent layer, and a linear head on what is read off it.

    Args:
        core: one recurrent layer.
        classes: K.
        pool: what is read: `last`, the state at the true end; or `mean`, the mean of the states up to there.
        truncate: steps after which the gradient is cut, counted from the beginning; 0 cuts nowhere.

    Raises:
        ValueError: an unknown pool, or a number of steps below 0.
    """

    def __init__(self, core: Recurrent, classes: int, pool: str, truncate: int = 0) -> None:
        super().__init__()
        require("pool", pool, POOLS)
        self.core, self.pool, self.truncate = core, pool, whole("truncate", truncate, 0)
        self.dropout = nn.Dropout(0.0)
        self.head = nn.Linear(core.hidden_size, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, C), true lengths (B,) → (B, K) logits."""
        if self.truncate:
            outputs = cut(self.core, x, lengths, self.truncate)
        else:
            outputs, _ = self.core(x, lengths=lengths)
        read = at_lengths(outputs, lengths) if self.pool == "last" else average(outputs, lengths)
        return self.head(self.dropout(read))


class Convolution(nn.Module):
    """One class a recording: three convolutions over time, their mean, a linear head (after Wang, Yan and Oates 2017).

    Without their normalisation over a batch, which would mix what is padded into what is not.

    Args:
        inputs: C. channels: of each convolution. classes: K.
    """

    def __init__(self, inputs: int, channels: int, classes: int) -> None:
        super().__init__()
        sizes = [inputs, *[channels] * len(TAPS)]
        self.layers = nn.ModuleList(
            nn.Conv1d(first, second, taps, padding=taps // 2)
            for first, second, taps in zip(sizes, sizes[1:], TAPS, strict=False)
        )
        self.dropout = nn.Dropout(0.0)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, C), true lengths (B,) → (B, K) logits."""
        x = masked(x, lengths)  # zeros after the end, as convolutions see them before the beginning
        for layer in self.layers:
            x = masked(layer(x.permute(1, 2, 0)).relu().permute(2, 0, 1), lengths)
        return self.head(self.dropout(average(x, lengths)))


def cut(core: Recurrent, x: Tensor, lengths: Tensor, every: int) -> Tensor:
    """Outputs (T, B, H), the state handed on unchanged every so many steps and the gradient not: truncated backpropagation.

    What is read at the true end learns from the steps since the last cut, so from 1 to `every` of them.
    """
    parts, state = [], None
    for start in range(0, len(x), every):
        piece = x[start : start + every]
        left = (lengths - start).clamp(1, len(piece))  # whoever is at its end already makes a step that nobody reads
        outputs, last = core(piece, state, left)
        parts.append(outputs)
        state = tuple(each.detach() for each in last)
    return masked(torch.cat(parts), lengths)


def average(outputs: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the steps before the true end, (B, H), of outputs (T, B, H) that are zero after it."""
    return outputs.sum(0) / lengths.unsqueeze(1)
