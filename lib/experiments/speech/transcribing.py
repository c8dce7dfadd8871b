"""From frames to a string of labels: networks with one output a step, connectionist temporal classification, errors.

Connectionist temporal classification (Graves et al. 2006) needs no times in the training data: the network gives at
each step a label or a blank, and the loss sums over all placings of the labels that read as the right string once
repeats are merged and blanks dropped. Introduced in the chapter *applications/speech*.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import ctc_loss, log_softmax

from gatedrnn.checks import require
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent

BLANK = 0
"""Class of the blank; the label d is class d + 1."""
CELLS = ("lstm", "gru", "rnn")
NETWORKS = (*CELLS, "convolution", "frame")
KERNEL, LAYERS = 7, 2
"""Steps that one convolution sees, and how many lie on top of each other: together they see 13 steps."""


class Transcriber(nn.Module):
    """Logits at every step of a padded batch.

    Args:
        network: `lstm`, `gru`, `rnn`; `convolution`, two layers of one-dimensional convolution, which see
            13 steps; or `frame`, the same network of layers with one step at a time.
        input_size: numbers in a step. classes: labels and the blank.
        width: units of a layer; of a cell in both directions, units in each of them.
        directions: 1 or 2, for the cells.
        bias: first bias of the keeping gate.
    """

    def __init__(
        self, network: str, input_size: int, width: int, classes: int, directions: int = 1, bias: float = 1.0
    ) -> None:
        super().__init__()
        require("network", network, NETWORKS)
        if directions not in (1, 2) or (directions == 2 and network not in CELLS):
            raise ValueError(f"directions = {directions!r} is not allowed: 1, or for a recurrent cell 2")
        self.cores = nn.ModuleList()
        self.layers = nn.ModuleList()
        if network in CELLS:
            for _ in range(directions):
                core = Recurrent(network, input_size, width)
                initialise(core, f"bias:{bias}")
                self.cores.append(core)
        else:
            kernel = KERNEL if network == "convolution" else 1
            sizes = [input_size, *[width] * LAYERS]
            self.layers.extend(nn.Conv1d(a, b, kernel, padding="same") for a, b in pairwise(sizes))
        self.head = nn.Linear(width * directions, classes)

    @property
    def path(self) -> str | None:
        """Which kernel the recurrent layers run; None without one."""
        return self.cores[0].path if self.cores else None  # type: ignore[return-value]

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, I) frames with true lengths (B,) → (T, B, classes) logits; what stands after an end changes nothing."""
        if self.cores:
            outputs = [self.cores[0](x)[0]]
            if len(self.cores) == 2:
                outputs.append(reversed_within(self.cores[1](reversed_within(x, lengths))[0], lengths))
            return self.head(torch.cat(outputs, dim=-1))
        inside = (torch.arange(len(x)).unsqueeze(1) < lengths).T.unsqueeze(1)  # (B, 1, T)
        hidden = x.permute(1, 2, 0)
        for layer in self.layers:
            hidden = layer(hidden * inside).relu()
        return self.head(hidden.permute(2, 0, 1))


def reversed_within(x: Tensor, lengths: Tensor) -> Tensor:
    """Sequences (T, B, F) turned round, each within its true length (B,); the padding stays in its place."""
    steps = torch.arange(len(x)).unsqueeze(1)
    places = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x.gather(0, places.unsqueeze(-1).expand_as(x))


def loss(logits: Tensor, lengths: Tensor, labels: Tensor, counts: Tensor) -> Tensor:
    """Mean over the batch of the negative log probability of the right string, per label.

    Args:
        logits: (T, B, classes). lengths: (B,). labels: (B, L) from 0, anything after the end. counts: (B,) labels in each.
    """
    return ctc_loss(log_softmax(logits, -1), labels.clamp(min=0) + 1, lengths, counts, blank=BLANK)


def read(logits: Tensor, lengths: Tensor) -> list[list[int]]:
    """Strings by the best class of each step (T, B, classes): repeats merged, then blanks dropped."""
    best = logits.argmax(-1)
    found = []
    for steps, length in zip(best.T.tolist(), lengths.tolist(), strict=True):
        pairs = zip(steps[:length], [BLANK, *steps], strict=False)
        found.append([step - 1 for step, before in pairs if step != BLANK and step != before])
    return found


def edits(found: Sequence[int], right: Sequence[int]) -> int:
    """Fewest insertions, deletions and substitutions that turn one string into the other (Levenshtein 1966)."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(found, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def error_rate(found: Sequence[Sequence[int]], right: Sequence[Sequence[int]]) -> float:
    """Edits over all strings ÷ labels in the right ones: the label error rate, which may exceed 1."""
    return sum(map(edits, found, right)) / sum(map(len, right))
