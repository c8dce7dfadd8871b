"""Baselines for the chorales that are no recurrent network: chords counted, keys regressed on the frames before.

A *chord* is the whole set of keys that sound at a quarter note. Counting whole chords knows which keys belong
together; a regression treats each key by itself, as the heads of the recurrent models do, but knows keys from similar
chords. All scores are natural logarithms of probabilities over all 2⁸⁸ chords, so they compare with
`chorales.nll`. Introduced in the chapter *applications/music*.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from tasks import chorales

Chord = bytes


def chords(chorale: Tensor) -> list[Chord]:
    """Each frame of a chorale (T, 88) as one symbol."""
    return [row.tobytes() for row in chorale.numpy().astype("uint8")]


def ngram(train: Sequence[Sequence[Chord]], test: Sequence[Sequence[Chord]], order: int, base: Tensor) -> Tensor:
    """Log-probability of every test chord by an n-gram model over whole chords, Witten–Bell smoothed, (N,).

    With c of the m times that a context was seen followed by this chord, and k different chords in all,
    p = (c + k · p of the next shorter context) / (m + k). The empty context falls back on `base`.

    Args:
        train, test: pieces as chords; no context reaches beyond the start of its piece.
        order: n ≥ 1; the model sees the n − 1 chords before each one.
        base: (N,) log-probability of each test chord where nothing was counted, piece after piece.

    Raises:
        ValueError: the order is below 1, or `base` does not fit the test pieces.
    """
    total = sum(map(len, test))
    if not (isinstance(order, int) and order >= 1):
        raise ValueError(f"order = {order!r} is not allowed: a whole number of at least 1")
    if base.shape != (total,):
        raise ValueError(f"base of shape {tuple(base.shape)} is not allowed: ({total},), one value a test chord")
    followers: dict[tuple[Chord, ...], Counter[Chord]] = defaultdict(Counter)
    for piece in train:
        for at, chord in enumerate(piece):
            for length in range(min(order - 1, at) + 1):
                followers[tuple(piece[at - length : at])][chord] += 1
    found = []
    lowest = iter(base.double().exp().tolist())
    for piece in test:
        for at, chord in enumerate(piece):
            p = next(lowest)
            for length in range(min(order - 1, at) + 1):
                seen = followers.get(tuple(piece[at - length : at]))
                if seen:
                    p = (seen[chord] + len(seen) * p) / (seen.total() + len(seen))
            found.append(math.log(p))
    return torch.tensor(found, dtype=torch.float64)


def windows(pieces: Sequence[Tensor], width: int) -> tuple[Tensor, Tensor]:
    """The `width` frames before each frame, and the frame itself, piece after piece; silence before a piece begins.

    Args:
        pieces: each (T, 88). width: w ≥ 1.

    Returns:
        (N, w · 88), latest frame last, and (N, 88).
    """
    before = [pad(each, (0, 0, width, 0))[:-1].unfold(0, width, 1).transpose(1, 2).flatten(1) for each in pieces]
    return torch.cat(before), torch.cat(list(pieces))


def log_likelihood(logits: Tensor, y: Tensor) -> Tensor:
    """Log-probability of each frame: logits and frames (…, 88) → (…), the sum over its keys."""
    return -binary_cross_entropy_with_logits(logits, y, reduction="none").sum(-1).double()


class Head(nn.Module):
    """Logits of 88 keys from features of the past; with `together`, each key also sees the keys below it.

    The product of the keys' probabilities, from the lowest key up, is then an exact probability of the whole chord:
    p(chord) = Π p(key | lower keys, past), a fully visible belief net on top of the features.

    Args:
        features: F. together: whether a key sees lower keys of its own chord.
    """

    def __init__(self, features: int, together: bool) -> None:
        super().__init__()
        self.past = nn.Linear(features, chorales.KEYS)
        self.below = nn.Parameter(torch.zeros(chorales.KEYS, chorales.KEYS)) if together else None
        with torch.no_grad():
            self.past.bias.copy_(chorales.key_logits())  # or training would first learn only that

    def forward(self, features: Tensor, y: Tensor) -> Tensor:
        """(…, F) features and the true frame (…, 88) → logits (…, 88); a logit never depends on its own key or higher."""
        logits = self.past(features)
        return logits if self.below is None else logits + y @ self.below.tril(-1).T

    @torch.no_grad()
    def draw(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """One chord (88,) drawn from the model's own probabilities, key by key from below; features (F,)."""
        logits = self.past(features)
        chance = torch.rand(chorales.KEYS, generator=generator)
        if self.below is None:
            return (chance < logits.sigmoid()).float()
        chord, below = torch.zeros(chorales.KEYS), self.below.tril(-1)
        for key in range(chorales.KEYS):
            chord[key] = chance[key] < (logits[key] + below[key] @ chord).sigmoid()
        return chord


def logistic(train: Sequence[Tensor], width: int, penalty: float, together: bool, iterations: int = 40) -> Head:
    """One logistic regression a key on the `width` frames before: full batch, L-BFGS.

    Args:
        train: pieces (T, 88). width: frames seen. penalty: on the sum of the squared weights, per frame.
        together: whether a key also sees the lower keys of its own chord. iterations: of L-BFGS at most.
    """
    x, y = windows(train, width)
    head = Head(x.shape[1], together)
    with torch.no_grad():
        head.past.weight.zero_()
    weights = [each for name, each in head.named_parameters() if "bias" not in name]
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=iterations, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(head(x, y), y, reduction="sum") / len(x)
        loss = loss + penalty * torch.stack([each.square().sum() for each in weights]).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return head


def runs_of_chords(piece: Tensor, length: int = 4) -> set[tuple[tuple[int, ...], ...]]:
    """Every run of `length` chords in a piece (T, 88), counted from its first lowest key: the same in every key."""
    frames = [tuple(row.nonzero().flatten().tolist()) for row in piece]
    found = set()
    for at in range(len(frames) - length + 1):
        run = frames[at : at + length]
        lowest = next((frame[0] for frame in run if frame), 0)
        found.add(tuple(tuple(key - lowest for key in frame) for frame in run))
    return found


def shared(pieces: Sequence[Tensor], others: Sequence[Tensor]) -> list[float]:
    """For each piece, the largest share of its runs of four chords, in any key, that one of the others has too."""
    theirs = [runs_of_chords(other) for other in others]
    found = []
    for piece in pieces:
        own = runs_of_chords(piece)
        found.append(max(len(own & other) for other in theirs) / max(1, len(own)))
    return found
