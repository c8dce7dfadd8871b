"""A piano roll made audible: a soft organ tone from sines, as a small WAV inside the page.

A clip is mono, 8 bits a sample, and needs neither a server nor another file. Introduced in the chapter
*applications/music*.
"""

from __future__ import annotations

import base64
import html
import io
import wave
from collections.abc import Iterator, Sequence

import numpy as np
from IPython.display import HTML

RATE = 8000
"""Samples a second: the highest overtone drawn stays below half of it."""
OVERTONES = (1.0, 0.5, 0.25, 0.16, 0.1)
ATTACK, RELEASE = 0.02, 0.08
"""Seconds in which a note swells and dies away."""

Frames = Sequence[Sequence[int]]


def notes(frames: Frames) -> Iterator[tuple[int, int, int]]:
    """Key, first frame and frames held of every note: a key that sounds in neighbouring frames is one held note."""
    started: dict[int, int] = {}
    for at, frame in enumerate([*frames, []]):
        for key in [key for key in started if key not in frame]:
            first = started.pop(key)
            yield key, first, at - first
        for key in frame:
            started.setdefault(key, at)


def render(frames: Frames, lowest: int = 21, seconds: float = 0.5, rate: int = RATE) -> bytes:
    """A WAV file, mono, 8 bits.

    Args:
        frames: keys that sound in each frame. lowest: MIDI number of key 0.
        seconds: length of a frame. rate: samples a second.

    Raises:
        ValueError: no frame, or a length or rate that is not above 0.
    """
    if not frames:
        raise ValueError("frames = [] is not allowed: at least one")
    for name, value in (("seconds", seconds), ("rate", rate)):
        if not value > 0:
            raise ValueError(f"{name} = {value!r} is not allowed: a number above 0")
    signal = np.zeros(round(len(frames) * seconds * rate))
    for key, first, held in notes(frames):
        start, end = round(first * seconds * rate), round((first + held) * seconds * rate)
        time = np.arange(end - start) / rate
        pitch = 440 * 2 ** ((key + lowest - 69) / 12)
        parts = [(n, share) for n, share in enumerate(OVERTONES, 1) if n * pitch < rate / 2]
        tone = sum((share * np.sin(2 * np.pi * n * pitch * time) for n, share in parts), np.zeros_like(time))
        swell = np.minimum(1, time / ATTACK) * np.minimum(1, (time[-1] - time) / RELEASE)
        signal[start:end] += tone * swell
    loudest = np.abs(signal).max()
    scaled = signal * (120 / loudest) if loudest else signal
    dither = np.random.default_rng(0).triangular(-1, 0, 1, len(signal)) if loudest else 0.0
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)  # unsigned
        file.setframerate(rate)
        file.writeframes(np.clip(np.round(128 + scaled + dither), 0, 255).astype("uint8").tobytes())
    return buffer.getvalue()


def players(clips: dict[str, bytes]) -> HTML:
    """Players one below the other, each named for the eye and for a screen reader; the sound lies in the page itself."""
    rows = []
    for name, wav in clips.items():
        label = html.escape(name, quote=True)
        source = f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"
        audio = f'<audio controls preload="metadata" aria-label="{label}" src="{source}"></audio>'
        rows.append(f'<p style="margin:0.4rem 0"><span style="display:block">{label}</span>{audio}</p>')
    return HTML("\n".join(rows))
