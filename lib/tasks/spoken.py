"""Synthetic speech: strings of digits, spoken by espeak-ng in voices that the training set does not know.

Shape: strings of 5 to 9 digits in English, as log-mel frames of 10 ms (`tasks.logmel`), three frames a step, so
that T is 60 on average and a step has 60 numbers. Each string has an accent, a speed and a pitch drawn anew, and noise.
Parts: 1500 strings for training, 200 for tuning and 400 for the test. A variant of the voice (with all its numbered
sisters, such as klatt to klatt6) is in one part only. Unit of the score: label error rate.
Source: the package `espeakng-loader` (espeak-ng, GPL-3), see `tasks.espeak`; no recording is involved.
Introduced in the chapter *applications/speech*.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from evidence import paths
from tasks import espeak, logmel
from tasks.kept import read_arrays, write_arrays

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COUNTS = {"train": 1500, "validation": 200, "test": 400}
SHORTEST, LONGEST = 5, 9
"""Digits in a string."""
STACK = 3
"""Frames joined to one step."""
INPUTS = STACK * logmel.BANDS
STEP = STACK * logmel.HOP
"""Seconds a step."""
SPEEDS, PITCHES, NOISES = (150, 250), (30, 70), (5.0, 25.0)
"""Ranges from which each string draws its words a minute, its pitch, and its signal-to-noise ratio in decibels."""
ARRAYS = ("x", "lengths", "digits", "counts", "voice", "part")


@dataclass(frozen=True)
class Strings:
    """Frames x (T, N, 60), zero after the end; lengths (N,) in steps; digits (N, 9), −1 after the end; counts (N,).

    The frames have mean 0 and deviation 1 in each of the 60 numbers, over the frames of the training part. `voice` (N,)
    numbers the voice variant.
    """

    x: np.ndarray
    lengths: np.ndarray
    digits: np.ndarray
    counts: np.ndarray
    voice: np.ndarray


def family(variant: str) -> str:
    """A voice variant without its number: klatt3 and klatt → klatt, anikaRobot → anika."""
    return re.sub(r"(\d+|robot)$", "", variant.lower())


def divided(variants: list[str]) -> dict[str, list[str]]:
    """Voice variants by part: three fifths of the families for training, one for validation, one for the test."""
    families = sorted({family(each) for each in variants})
    order = np.random.default_rng(0).permutation(len(families))
    fifth = len(families) // 5
    place = {"test": order[:fifth], "validation": order[fifth : 2 * fifth], "train": order[2 * fifth :]}
    chosen = {part: {families[each] for each in place[part]} for part in COUNTS}
    return {part: [each for each in variants if family(each) in chosen[part]] for part in COUNTS}


@cache
def load() -> dict[str, Strings]:
    """The parts `train`, `validation` and `test`; spoken at the first call, which takes some seconds, and kept in `_build`.

    Raises:
        RuntimeError: the package is missing or is another; the line names what to install.
    """
    data = read_arrays(cached(), ARRAYS)
    if data is None:
        espeak.folder()
        _in_fresh_process(cached())
        data = read_arrays(cached(), ARRAYS)
    if data is None:
        raise RuntimeError(f"spoken digits: {cached().name} could not be read again after it was written")
    parts = {}
    known = data["part"] == list(COUNTS).index("train")
    frames = np.concatenate(
        [each[:count] for each, count in zip(data["x"][known], data["lengths"][known], strict=True)]
    )
    mean, deviation = frames.mean(0, dtype="float64"), frames.std(0, dtype="float64")
    for number, name in enumerate(COUNTS):
        rows = data["part"] == number
        x, lengths = data["x"][rows].astype("float32"), data["lengths"][rows].astype("int64")
        inside = np.arange(x.shape[1])[None, :] < lengths[:, None]
        scaled = ((x - mean) / deviation * inside[..., None]).astype("float32").swapaxes(0, 1).copy()
        parts[name] = Strings(
            scaled, lengths, *(data[key][rows].astype("int64") for key in ("digits", "counts", "voice"))
        )
    return parts


def spoken(counts: dict[str, int]) -> dict[str, np.ndarray]:
    """Speak so many strings a part, in a process that has not spoken before: the same arrays every time.

    Returns:
        `x` (N, T, 60) log-mel, float16; `lengths`; `digits`; `counts`; `voice`; `part`, its number in `COUNTS`.
    """
    speaker, generator = espeak.Speaker(), np.random.default_rng(1)
    variants = espeak.variants()
    voices = divided(variants)
    rows: list[tuple[int, ...]] = []
    each: list[np.ndarray] = []
    for part, (name, count) in enumerate(counts.items()):
        for _ in range(count):
            variant = voices[name][generator.integers(len(voices[name]))]
            accent = espeak.ACCENTS[generator.integers(len(espeak.ACCENTS))]
            digits = generator.integers(10, size=generator.integers(SHORTEST, LONGEST + 1))
            speed, pitch = (int(generator.integers(low, high + 1)) for low, high in (SPEEDS, PITCHES))
            text = " ".join(WORDS[digit] for digit in digits)
            sound = speaker.say(text, f"{accent}+{variant}", len(rows) + 1, speed, pitch)
            noise = generator.normal(size=len(sound)) * np.sqrt(np.mean(sound**2))
            sound = sound + noise * 10 ** (-generator.uniform(*NOISES) / 20)
            each.append(logmel.stacked(logmel.frames(sound, speaker.rate), STACK).astype("float16"))
            rows.append(
                (len(each[-1]), len(digits), variants.index(variant), part, *digits, *[-1] * (LONGEST - len(digits)))
            )
    table = np.array(rows, dtype="int16")
    x = np.zeros((len(rows), max(map(len, each)), INPUTS), "float16")
    for place, frames in enumerate(each):
        x[place, : len(frames)] = frames
    return dict(zip(ARRAYS, (x, table[:, 0], table[:, 4:], table[:, 1], table[:, 2], table[:, 3]), strict=True))


def cached() -> Path:
    """File of the spoken strings, named by the package's checksum and the text of the modules that make them."""
    texts = [Path(str(module.__file__)).read_bytes() for module in (espeak, logmel, sys.modules[__name__])]
    return paths.data() / f"spoken-{hashlib.sha256(b''.join([espeak.SHA256.encode(), *texts])).hexdigest()[:12]}.npz"


def speak(path: Path) -> None:
    """Speak all strings and keep them in a file; only for a process that has not spoken before."""
    write_arrays(path, spoken(COUNTS))


def _in_fresh_process(path: Path) -> None:
    code = "import pathlib, sys; from tasks import spoken; spoken.speak(pathlib.Path(sys.argv[1]))"
    library = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": library})
    if done.returncode:
        raise RuntimeError(
            f"spoken digits: the synthesiser failed: {(done.stderr.strip() or 'killed').splitlines()[-1]}"
        )
