"""MiniRocket (Dempster, Schmidt and Webb 2021): how often fixed convolutions of a recording exceed thresholds drawn from data.

The kept packages that have it (`sktime`, `aeon`, `tsai`) compile it with `numba`, which brings LLVM along and compiles for
longer than all recordings here take; for recordings of unequal length `sktime` calls its own version provisional and naive.
So here it is, after the paper: each recording is padded with zeros to both sides by half of a kernel's reach, which the
paper does for every other kernel only.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from tasks.sensors import Recordings

TAPS, HEAVY = 9, 3
"""Weights of a kernel: three of them are 2, the others −1 (the paper, section 3.1)."""
KERNELS = math.comb(TAPS, HEAVY)
PER_KERNEL = 119
"""Features of each of the 84 kernels: 9,996 in all."""
REACHES = 32
"""Dilations of a kernel at most."""
AT_ONCE = 4
"""Recordings that are convolved together; of more the results leave the processor's cache."""
GOLDEN = (math.sqrt(5) + 1) / 2
"""Its multiples, cut to their fraction, spread over 0 to 1: the quantiles at which thresholds are taken."""


@dataclass(frozen=True)
class Fitted:
    """Thresholds by dilation, each (84, features of a kernel at that dilation)."""

    thresholds: dict[int, Tensor]

    def features(self, part: Recordings) -> Tensor:
        """Share of the steps of each recording at which each kernel exceeds each threshold, (N, F); its first value is read."""
        weights = kernels()
        found = torch.empty(len(part), sum(each.numel() for each in self.thresholds.values()))
        for length in part.lengths.unique().tolist():  # equal lengths together, so that nothing is padded
            for places in (part.lengths == length).nonzero().squeeze(1).split(AT_ONCE):
                x = part.x[:length, places, 0].T
                found[places] = torch.cat([_shares(x, weights, *each) for each in self.thresholds.items()], dim=1)
        return found


def kernels() -> Tensor:
    """All kernels, (84, 9)."""
    weights = torch.full((KERNELS, TAPS), -1.0)
    for kernel, heavy in enumerate(itertools.combinations(range(TAPS), HEAVY)):
        weights[kernel, list(heavy)] = 2.0
    return weights


def dilations(longest: int, per_kernel: int = PER_KERNEL) -> dict[int, int]:
    """Dilation → features that each kernel gets there: 32 of them evenly spread over the logarithm, cut to whole numbers.

    Args:
        longest: steps of the longest recording; a kernel never reaches further. per_kernel: features of a kernel in all.
    """
    highest = math.log2(max(1.0, (longest - 1) / (TAPS - 1)))
    count = min(per_kernel, REACHES)
    drawn = [int(2 ** (highest * each / max(1, count - 1))) for each in range(count)]
    shares = {dilation: drawn.count(dilation) * per_kernel // count for dilation in sorted(set(drawn))}
    for dilation in itertools.islice(itertools.cycle(shares), per_kernel - sum(shares.values())):
        shares[dilation] += 1
    return shares


def learn(part: Recordings, seed: int, per_kernel: int = PER_KERNEL) -> Fitted:
    """Draw a recording for each kernel and dilation, and take quantiles of their convolution as thresholds.

    Args:
        part: to draw from. seed: of the draw. per_kernel: features of a kernel in all.
    """
    generator = torch.Generator().manual_seed(seed)
    weights, thresholds, taken = kernels(), {}, 0
    for dilation, count in dilations(int(part.lengths.max()), per_kernel).items():
        quantiles = (torch.arange(taken + 1, taken + KERNELS * count + 1, dtype=torch.float64) * GOLDEN % 1).float()
        drawn = torch.randint(len(part), (KERNELS,), generator=generator).tolist()
        rows = []
        for kernel, place in enumerate(drawn):
            x = part.x[: int(part.lengths[place]), place, 0].unsqueeze(0)
            convolved = _convolved(x, dilation, weights[kernel : kernel + 1]).flatten()
            rows.append(convolved.quantile(quantiles[kernel * count : (kernel + 1) * count]))
        thresholds[dilation] = torch.stack(rows)
        taken += KERNELS * count
    return Fitted(thresholds)


def _shares(x: Tensor, weights: Tensor, dilation: int, thresholds: Tensor) -> Tensor:
    """Features of recordings (n, T) at one dilation, (n, 84 · features)."""
    convolved = _convolved(x, dilation, weights)  # (n, 84, T)
    shares = [(convolved > each.unsqueeze(-1)).count_nonzero(2) for each in thresholds.T]
    return torch.stack(shares, dim=2).flatten(1) / x.shape[1]


def _convolved(x: Tensor, dilation: int, weights: Tensor) -> Tensor:
    """Convolution of (n, T) with kernels (k, 9), as long as before: (n, k, T)."""
    steps, reach = x.shape[1], dilation * (TAPS // 2)
    around = pad(x, (reach, reach))
    return weights @ torch.stack([around[:, tap * dilation :][:, :steps] for tap in range(TAPS)], dim=1)
