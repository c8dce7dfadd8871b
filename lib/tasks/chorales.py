"""Bach chorales: which of 88 piano keys sound at each quarter note.

361 four-part chorales from the corpus of music21 ("with permission of the encoders"), read from its files; music21
itself is never imported, because its parser is slow. Transposed copies of a chorale are dropped. Transcribed
piano rolls of chorales are an old test of recurrent networks (Boulanger-Lewandowski et al. 2012, Chung et al. 2014);
their own split cannot be rebuilt, so this one is another: compare with their numbers in size, not in decimals.
Scores are negative log-likelihoods in nats, summed over the keys and averaged over the steps of all chorales.
"""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad

from evidence import paths
from tasks.kept import read_arrays, write_arrays

KEYS = 88
LOWEST = 21
"""MIDI number of the first key."""
PARTS = 4
HELD_OUT = 60
"""Chorales in the validation part, and as many in the test part."""
CROP = 64
"""Longest window, in quarter notes, that a training batch shows of a chorale."""
INSTALL = "pip install --no-deps music21==10.5.1"
SHA256 = "35974a3eb84977058e7a2fb82af5f5f9beffa835d60baa0034508ec3e66de030"
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Batch:
    """Chorales side by side: `x` (T, B, 88) the frame before each, `y` (T, B, 88) the frame, `lengths` (B,)."""

    x: Tensor
    y: Tensor
    lengths: Tensor


@cache
def load() -> dict[str, list[Tensor]]:
    """The parts `train` (241), `validation` (60) and `test` (60): chorales (T, 88) of zeros and ones, float32.

    Raises:
        RuntimeError: the package `music21` is missing, or holds other data; the line names what to install.
    """
    packed, lengths = _read() or _decode()
    rolls = torch.from_numpy(np.unpackbits(packed, axis=1, count=KEYS).astype("float32"))
    chorales = list(rolls.split(lengths.tolist()))
    order = torch.randperm(len(chorales), generator=torch.Generator().manual_seed(0)).tolist()
    mixed = [chorales[place] for place in order]
    return {
        "train": mixed[2 * HELD_OUT :],
        "validation": mixed[:HELD_OUT],
        "test": mixed[HELD_OUT : 2 * HELD_OUT],
    }


def together(chorales: list[Tensor]) -> Batch:
    """Chorales as one batch, padded with silence at their ends; the frame before the first is silence too."""
    y = torch.nn.utils.rnn.pad_sequence(chorales)
    return Batch(pad(y[:-1], (0, 0, 0, 0, 1, 0)), y, torch.tensor([len(each) for each in chorales]))


def batches(seed: int, batch: int, crop: int = CROP) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless training batches `(x, y, lengths)`, reshuffled every epoch; longer chorales show a window of `crop`."""
    data = load()["train"]
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(data), generator=generator).tolist()
        for start in range(0, len(order) - batch + 1, batch):
            windows = []
            for place in order[start : start + batch]:
                spare = max(0, len(data[place]) - crop)
                first = int(torch.randint(spare + 1, (), generator=generator))
                windows.append(data[place][first : first + crop])
            found = together(windows)
            yield found.x, found.y, found.lengths


def nll(logits: Tensor, y: Tensor, lengths: Tensor) -> Tensor:
    """Negative log-likelihood per quarter note in nats, over the true steps of all chorales.

    Args:
        logits: (T, B, 88). y: (T, B, 88). lengths: (B,).
    """
    inside = torch.arange(len(y)).unsqueeze(1) < lengths  # (T, B)
    losses = binary_cross_entropy_with_logits(logits, y, reduction="none").sum(2)
    return (losses * inside).sum() / inside.sum()


@cache
def key_logits() -> Tensor:
    """Logit of the share of training frames in which each key sounds, (88,)."""
    frames = torch.cat(load()["train"])
    return torch.logit((frames.sum(0) + 0.5) / (len(frames) + 1))


def unigram() -> float:
    """Test score of knowing only how often each key sounds."""
    test = together(load()["test"])
    return float(nll(key_logits().expand_as(test.y), test.y, test.lengths))


def logistic() -> float:
    """Test score of one logistic regression a key on the frame before: torch, full batch, L-BFGS.

    Its penalty was chosen on the validation part out of 3e-5, 1e-4, … 1e-2.
    """
    data = {name: together(part) for name, part in load().items()}
    x, y, lengths = (getattr(data["train"], name) for name in ("x", "y", "lengths"))
    inside = torch.arange(len(y)).unsqueeze(1) < lengths
    x, y = x[inside], y[inside]
    linear = torch.nn.Linear(KEYS, KEYS)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.copy_(key_logits())
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=30, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(linear(x), y, reduction="sum") / len(x)
        loss = loss + 3e-5 * linear.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        test = data["test"]
        return float(nll(linear(test.x), test.y, test.lengths))


def _decode() -> tuple[np.ndarray, np.ndarray]:
    """Read the corpus: frames of all chorales as bits (N, 11), and the length of each chorale."""
    rolls: dict[bytes, np.ndarray] = {}
    for path in sorted(_corpus().glob("*.mxl")):
        score = _score(path)
        if len(score.findall("part")) == PARTS:
            roll = _roll(score)
            rolls.setdefault(_shape(roll), roll)
    lengths = np.array([len(roll) for roll in rolls.values()])
    packed = np.packbits(np.concatenate(list(rolls.values())), axis=1) if rolls else np.zeros((0, 11), "uint8")
    found = _checksum(packed, lengths)
    if found != SHA256:
        raise RuntimeError(f"data set chorales: checksum {found} differs; {INSTALL}")
    write_arrays(_cached(), {"packed": packed, "lengths": lengths})
    return packed, lengths


def _corpus() -> Path:
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"data set chorales: package 'music21' is missing; {INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "corpus" / "bach"


def _score(path: Path) -> ElementTree.Element:
    """The MusicXML inside a compressed file."""
    with zipfile.ZipFile(path) as file:
        container = ElementTree.fromstring(file.read("META-INF/container.xml"))
        inner = container.find(".//{*}rootfile")
        assert inner is not None
        return ElementTree.fromstring(file.read(inner.attrib["full-path"]))


def _roll(score: ElementTree.Element) -> np.ndarray:
    """Keys that sound at each quarter note of a score, repeats not played twice: (T, 88) of zeros and ones."""
    sounds = [each for part in score.findall("part") for each in _notes(part)]
    steps = max(-(-end // 1) for _, end, _ in sounds)
    roll = np.zeros((int(steps), KEYS), dtype=np.uint8)
    for start, end, pitch in sounds:
        roll[-(-start // 1) : -(-end // 1), pitch - LOWEST] = 1
    return roll


def _notes(part: ElementTree.Element) -> Iterator[tuple[Fraction, Fraction, int]]:
    """Start, end (in quarter notes) and MIDI number of every note of a part."""
    now = last = Fraction(0)
    divisions = 1
    for element in part.iterfind("measure/*"):
        if element.tag == "attributes":
            divisions = int(element.findtext("divisions", str(divisions)))
        length = Fraction(int(element.findtext("duration", "0")), divisions)
        if element.tag == "backup":
            now -= length
        elif element.tag == "forward":
            now += length
        elif element.tag == "note" and length:  # grace notes have no duration
            if element.find("chord") is None:
                last, now = now, now + length
            pitch = element.find("pitch")
            if pitch is not None:
                octave, step = int(pitch.findtext("octave", "")), pitch.findtext("step", "")
                midi = 12 * (octave + 1) + STEPS[step] + int(float(pitch.findtext("alter", "0")))
                yield last, last + length, midi


def _shape(roll: np.ndarray) -> bytes:
    """A chorale without its key: equal for two that are transpositions of each other."""
    lowest = int(np.flatnonzero(roll.any(0))[0])
    return np.roll(roll, -lowest, axis=1).tobytes()


def _read() -> tuple[np.ndarray, np.ndarray] | None:
    """The decoded arrays of an earlier time, or None where there are none or they were altered."""
    arrays = read_arrays(_cached(), ("packed", "lengths"))
    return (arrays["packed"], arrays["lengths"]) if arrays and _checksum(**arrays) == SHA256 else None


def _cached() -> Path:
    return paths.data() / f"chorales-{SHA256[:12]}.npz"


def _checksum(packed: np.ndarray, lengths: np.ndarray) -> str:
    """SHA-256 of the decoded arrays."""
    return hashlib.sha256(packed.astype("uint8").tobytes() + lengths.astype("<i8").tobytes()).hexdigest()
