"""Japanese vowels: nine men say /ae/; which of them was it (Kudo, Toyama and Shimbo 1999)?

Shape: 270 training and 370 test utterances of 7 to 29 frames with 12 cepstral coefficients each, a frame a step; 9
classes. Training holds 30 utterances of every speaker, the test set 24 to 88. Unit of the score: share of right answers.
Source: two text files inside the package `sktime` (BSD-3), which is located but never imported; the original
division into training and test set. For tuning, every fifth utterance of each speaker is held back.
Introduced in the chapter *performance/data_size*.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import one_hot

CLASSES = 9
COEFFICIENTS = 12
LONGEST = 29
INSTALL = "pip install sktime==1.2.0"
FILES = ("JapaneseVowels_TRAIN.ts", "JapaneseVowels_TEST.ts")
SHA256 = "c755c99a2ac227123c34966a41b7940e802cdd6c360f7915e7c37cb8a781e821"


@dataclass(frozen=True)
class Utterances:
    """Cepstra x (29, N, 12), zero after the end, true lengths (N,) from 7 to 29, and speakers y (N,) from 0 to 8."""

    x: Tensor
    lengths: Tensor
    y: Tensor

    def __getitem__(self, chosen: Tensor) -> Utterances:
        return Utterances(self.x[:, chosen], self.lengths[chosen], self.y[chosen])

    @property
    def inside(self) -> Tensor:
        """Which frames are before the true end, (29, N, 1)."""
        return (torch.arange(LONGEST).unsqueeze(1) < self.lengths).unsqueeze(-1)

    def standardised(self, by: Utterances) -> Utterances:
        """Each coefficient shifted and scaled by the mean and deviation that it has in the frames of `by`."""
        frames = by.x[by.inside.squeeze(-1)]
        scaled = (self.x - frames.mean(0)) / frames.std(0)
        return Utterances(scaled * self.inside, self.lengths, self.y)


@cache
def load() -> dict[str, Utterances]:
    """The parts `full` (270), its division into `train` (216) and `validation` (54), and `test` (370), as recorded.

    Raises:
        RuntimeError: the package is missing, or its files are others; the line names what to install.
    """
    texts = [path.read_bytes() for path in _paths()]
    found = hashlib.sha256(b"".join(texts)).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"data set Japanese vowels: checksum {found} differs; {INSTALL}")
    full, test = (parse(text.decode()) for text in texts)
    rank = (one_hot(full.y).cumsum(0) - 1).gather(1, full.y.unsqueeze(1)).squeeze(1)  # place among the speaker's own
    held = rank % 5 == 4
    return {"full": full, "train": full[~held], "validation": full[held], "test": test}


def parse(text: str) -> Utterances:
    """Utterances of a `.ts` file: after `@data`, a line has twelve series and a label from 1, with colons between."""
    series, labels = [], []
    for line in text.partition("@data")[2].split():
        *rows, label = line.split(":")
        series.append(torch.tensor([[float(value) for value in row.split(",")] for row in rows]).T)  # (T, 12)
        labels.append(int(label) - 1)
    x = torch.zeros(LONGEST, len(series), COEFFICIENTS)
    for place, frames in enumerate(series):
        x[: len(frames), place] = frames
    return Utterances(x, torch.tensor([len(frames) for frames in series]), torch.tensor(labels))


def summary(part: Utterances, kind: str) -> Tensor:
    """Utterances without their order.

    Args:
        kind: `mean` over time, (N, 12); or `static`: mean, deviation, first and last frame, (N, 48).
    """
    count = part.lengths.unsqueeze(-1)
    mean = part.x.sum(0) / count
    if kind == "mean":
        return mean
    if kind != "static":
        raise ValueError(f"kind = {kind!r} is not allowed: 'mean' or 'static'")
    deviation = (((part.x - mean) * part.inside).square().sum(0) / count).sqrt()
    last = part.x[part.lengths - 1, torch.arange(len(part.y))]
    return torch.cat([mean, deviation, part.x[0], last], dim=1)


def _paths() -> list[Path]:
    """The two files in the installed package, which is not imported: that alone would take seconds."""
    spec = find_spec("sktime")
    places = spec.submodule_search_locations if spec else None
    paths = [Path(places[0]) / "datasets/data/JapaneseVowels" / name for name in FILES] if places else []
    if not paths or not all(path.is_file() for path in paths):
        raise RuntimeError(f"data set Japanese vowels: package 'sktime' is missing; {INSTALL}")
    return paths
