"""Models of the chapter *applications/language* that are no network: n-grams and file compressors."""

from __future__ import annotations

from typing import Any

from evidence import timing
from experiments.language import words
from experiments.language.counts import ladder
from gatedrnn.checks import require
from tasks import kjv

GLANCE = 50_000
"""Characters of the validation text that are scored, as in the curves of the networks."""


def baseline(*, kind: str, highest: int, most: int, lanes: int, characters: int, seed: int) -> dict[str, Any]:
    """Models that are no network.

    Args:
        kind: `ngram` (Witten–Bell, all orders up to the highest), `bz2` or `lzma`.
        highest: order of the n-grams; 0 for the others.
        most: characters of the training text that may be read, its last ones.
        lanes: places from which the training text is taken. characters: read in all; 0 for all that may be.
        seed: nothing here is random; 0.

    Returns:
        Bits per character on the test text: `test` of a compressor; of n-grams the curves `order`, `validation` (a
        glance), `test` and `parameters` (different n-grams counted, of all orders up to this one).
    """
    require("kind", kind, ("ngram", "bz2", "lzma"))
    parts = kjv.split()
    if kind != "ngram":
        text = kjv.text()
        trained, held = text[: len(parts.train)][-most:], text[-len(parts.test) :]
        return {"test": round(words.compressed_bits(kind, trained, held), 5)}
    train = parts.train[-most:]
    read = words.same_reading(train, lanes, characters) if characters else train
    rungs = list(ladder(highest, read, [parts.valid[: GLANCE + 1], parts.test]))
    curves: dict[str, list[float]] = {
        "order": [each.order for each in rungs],
        "parameters": [each.counted for each in rungs],
    }
    for place, name in enumerate(("validation", "test")):
        curves[name] = [round(each.bits[place], 5) for each in rungs]
    return {"test": curves["test"][-1], "curves": curves}


def counting_seconds(highest: int, most: int) -> dict[int, float]:
    """Seconds that counting the training text and scoring the test text take, by order, measured now."""
    parts = kjv.split()
    with timing.threads(1):
        return {each.order: each.seconds for each in ladder(highest, parts.train[-most:], [parts.test])}
