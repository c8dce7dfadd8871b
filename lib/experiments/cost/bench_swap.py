"""Two small models as people write them, trained and run with torch.nn and after `gatedrnn.nn.swap`. For `make bench`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import pack_padded_sequence

from evidence import timing
from gatedrnn.nn import swap

Loss = Callable[[nn.Module], Tensor]


class _Tagger(nn.Module):
    """A tag for each word: embedding, two bidirectional LSTM layers over packed sentences, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(1000, 64), nn.Linear(256, 17)
        self.lstm = nn.LSTM(64, 128, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:  # (B, T), (B,) → (N, K), in packed order
        packed = pack_padded_sequence(self.embedding(words), lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.lstm(packed)[0].data)


class _Forecaster(nn.Module):
    """The next value of a series from a week of hours: one GRU layer, a linear head on its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(1, 64, batch_first=True), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, 1) → (B, 1)
        return self.head(self.gru(x)[0][:, -1])


def models() -> dict[str, tuple[nn.Module, Loss]]:
    """Each model with a loss on random data of its shape: 32 sentences of 10 to 40 words; 32 series of 168 hours."""
    torch.manual_seed(0)
    words, lengths = torch.randint(1000, (32, 40)), torch.randint(10, 41, (32,))
    lengths[0] = 40
    tags, x, y = torch.randint(17, (int(lengths.sum()),)), torch.randn(32, 168, 1), torch.randn(32, 1)
    return {
        "tagger, bidirectional LSTM": (_Tagger(), lambda model: cross_entropy(model(words, lengths), tags)),
        "forecaster, GRU": (_Forecaster(), lambda model: mse_loss(model(x), y)),
    }


def _step(model: nn.Module, loss: Loss, training: bool) -> Callable[[], None]:
    optimiser = torch.optim.Adam(model.parameters())

    def step() -> None:
        optimiser.zero_grad()
        with torch.set_grad_enabled(training):
            found = loss(model)
        if training:
            found.backward()
            optimiser.step()

    return step


def compare(rounds: int = 8, min_seconds: float = 0.1) -> list[dict[str, Any]]:
    """Time a step of each model in turns, one thread: `model`, `mode`, medians of `before`, `after` (s) and `gain`."""
    rows = []
    for name, (model, loss) in models().items():
        swap(swapped := copy.deepcopy(model))
        for mode in ("training", "inference"):
            before, after = (_step(each, loss, mode == "training") for each in (model, swapped))
            with timing.threads(1):
                readings = timing.interleave({"before": before, "after": after}, rounds, min_seconds)
            gain = float(timing.ratios(readings, "before", "after")["ratio"].median())
            times = readings.groupby("name")["seconds"].median().to_dict()
            rows.append({"model": name, "mode": mode, **times, "gain": gain})
    return rows
