"""Long recordings of real sensors: which appliance draws this current?

`plaid`: the current of 11 types of appliance in homes as they are switched on and run (Gao and others 2014), 537 recordings
to learn from and 537 to be judged by, of 100 to 1,344 steps. Their deviations range from 0.00003 to 96; five of them stand in
both parts. `acsf1`: the power that 10 types of appliance draw, long idle and then in bursts (Gisler and others 2013), 100 and
100 recordings of 1,460 steps, each scaled to mean 0 and deviation 1 by those who published it. One value a step. Unit of
the score: share of right answers. Both as edited by Schäfer and Leser for the UCR archive (Dau and others 2019), with its
parts. Source: text files inside the package `sktime` (BSD-3), which is located but never imported.

Published test accuracy of ROCKET (Dempster, Petitjean and Webb 2020): 90 % on `plaid`, 89 % on `acsf1`.
Introduced in the chapter *memory/sensors*.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gatedrnn.checks import require, whole

CLASSES = {"plaid": 11, "acsf1": 10}
LONGEST = {"plaid": 1344, "acsf1": 1460}
PARTS = ("train", "test")
SCALES = ("own", "shared")
SHARE = 5
"""One in so many training recordings of each class is held back for validation."""
QUIET = 1e-6
"""Deviation that counts as none: recordings that are flat, or as good as."""
INSTALL = "pip install sktime==1.2.0"
SHA256 = "011cb8cc892220bc06d2d22ce151eec6082d38347c20c9deadc8cd859c8f81e4"


@dataclass(frozen=True)
class Recordings:
    """Values x (T, N, C), zero after the end, true lengths (N,) up to T, and classes y (N,)."""

    x: Tensor
    lengths: Tensor
    y: Tensor

    def __getitem__(self, chosen: Tensor) -> Recordings:
        """These recordings, no longer than the longest of them."""
        lengths = self.lengths[chosen]
        return Recordings(self.x[: int(lengths.max()), chosen], lengths, self.y[chosen])

    def __len__(self) -> int:
        return len(self.y)

    @property
    def inside(self) -> Tensor:
        """Which steps are before the true end, (T, N, 1)."""
        return (torch.arange(len(self.x)).unsqueeze(1) < self.lengths).unsqueeze(-1)

    def shortened(self, factor: int) -> Recordings:
        """One step for every `factor` of them, their mean; the last step of a recording is the mean of what is left.

        Raises:
            ValueError: the factor is no whole number of at least 1.
        """
        factor = whole("factor", factor)
        steps = -(-len(self.x) // factor)
        more = steps * factor - len(self.x)
        blocks = torch.nn.functional.pad(self.x, (0, 0, 0, 0, 0, more)).unflatten(0, (steps, factor))
        lengths = (self.lengths + factor - 1) // factor
        count = (self.lengths - factor * torch.arange(steps).unsqueeze(1)).clamp(1, factor)  # (steps, N)
        return Recordings(blocks.sum(1) / count.unsqueeze(-1), lengths, self.y)

    def standardised(self, by: Recordings, scale: str = "own") -> Recordings:
        """Values on a scale that a network can read; whatever is learned for it is learned from `by`.

        Args:
            by: the recordings trained on.
            scale: `own`, each recording by its own mean and deviation, with the logarithm of that deviation, standardised
                over `by`, beside every step, C = 2; `shared`, all by the mean and deviation of the steps of `by`, C = 1.

        Raises:
            ValueError: an unknown scale.
        """
        require("scale", scale, SCALES)
        if scale == "shared":
            steps = by.x[by.inside]
            return Recordings((self.x - steps.mean()) / steps.std() * self.inside, self.lengths, self.y)
        (mean, deviation), (_, known) = self._own(), by._own()
        level, levels = ((each + QUIET).log10() for each in (deviation, known))
        spread = levels.std().clamp(min=QUIET)
        own = (self.x - mean) / (deviation + QUIET)
        size = ((level - levels.mean()) / spread).expand_as(own)
        return Recordings(torch.cat([own, size], dim=2) * self.inside, self.lengths, self.y)

    def _own(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each recording, (N, 1)."""
        count = self.lengths.unsqueeze(-1)
        mean = self.x.sum(0) / count
        return mean, (((self.x - mean) * self.inside).square().sum(0) / count).sqrt()


@cache
def load(name: str) -> dict[str, Recordings]:
    """The published parts `train` and `test` of `plaid` or `acsf1`, as recorded, C = 1.

    Raises:
        ValueError: an unknown name.
        RuntimeError: the package is missing, or its files are others; the line names what to install.
    """
    require("name", name, CLASSES)
    texts = _texts()
    return {part: parse(texts[name, part], LONGEST[name]) for part in PARTS}


def parse(text: str, longest: int) -> Recordings:
    """Recordings of a `.ts` file: after `@data`, a line has values with commas between, a colon, and a class from 0."""
    lines = [line.rpartition(":") for line in text.partition("@data")[2].split()]
    series = [torch.from_numpy(np.array(values.split(","), dtype="float32")) for values, _, _ in lines]
    x = torch.zeros(longest, len(series), 1)
    for place, values in enumerate(series):
        x[: len(values), place, 0] = values
    lengths = torch.tensor([len(values) for values in series])
    return Recordings(x, lengths, torch.tensor([int(label) for _, _, label in lines]))


def divide(y: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the recordings to train on, and of those to validate on: a fifth of each class, drawn by the seed.

    Args:
        y: classes (N,), at least 2 recordings of each. seed: of the draw.
    """
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    kept, held = [], []
    for label in y.unique():
        own = order[y[order] == label]
        count = max(1, round(len(own) / SHARE))
        held.append(own[:count])
        kept.append(own[count:])
    return torch.cat(kept).sort().values, torch.cat(held).sort().values


@cache
def _texts() -> dict[tuple[str, str], str]:
    """The four files by data set and part, checked together."""
    found = {key: path.read_bytes() for key, path in _paths().items()}
    checksum = hashlib.sha256(b"".join(found.values())).hexdigest()
    if checksum != SHA256:
        raise RuntimeError(f"data sets PLAID and ACSF1: checksum {checksum} differs; {INSTALL}")
    return {key: text.decode() for key, text in found.items()}


def _paths() -> dict[tuple[str, str], Path]:
    """The four files in the installed package, which is not imported: that alone would take seconds."""
    spec = find_spec("sktime")
    places = spec.submodule_search_locations if spec else None
    folder = Path(places[0]) / "datasets" / "data" if places else Path("missing")
    names = {(name, part): f"{name.upper()}_{part.upper()}.ts" for name in CLASSES for part in PARTS}
    paths = {key: folder / key[0].upper() / name for key, name in names.items()}
    if not all(path.is_file() for path in paths.values()):
        raise RuntimeError(f"data sets PLAID and ACSF1: package 'sktime' is missing; {INSTALL}")
    return paths
