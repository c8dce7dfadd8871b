"""Log-mel frames: a sound as a sequence of short spectra, on the scale of the ear (Davis and Mermelstein 1980).

A frame is the spectrum of a window of `WINDOW` seconds, taken every `HOP` seconds, its power summed in `BANDS`
overlapping triangles that are equally wide in mel, 2595 log10(1 + f / 700 Hz), then the logarithm.
Introduced in the chapter *applications/speech*.
"""

from __future__ import annotations

from functools import cache

import numpy as np

WINDOW, HOP = 0.025, 0.010
"""Seconds of sound in a frame, and from one frame to the next."""
BANDS = 20
LOWEST, HIGHEST = 100.0, 8000.0
"""Edges of the first and the last band, in Hz."""
EMPHASIS = 0.97
"""Share of the last sample taken from each one, which lifts the high tones."""
FLOOR = 1e-6
"""Least power in a band, of a sound between −1 and 1."""


def mel(hertz: np.ndarray | float) -> np.ndarray:
    """Frequencies in mel."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def hertz(mels: np.ndarray | float) -> np.ndarray:
    """Frequencies in Hz."""
    return 700 * (10 ** (np.asarray(mels) / 2595) - 1)


@cache
def filters(size: int, rate: int) -> np.ndarray:
    """Weights of the bands, (BANDS, size // 2 + 1).

    Args:
        size: of the Fourier transform. rate: samples a second.
    """
    edges = hertz(np.linspace(mel(LOWEST), mel(min(HIGHEST, rate / 2)), BANDS + 2))
    bins = np.arange(size // 2 + 1) * rate / size
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


def frames(sound: np.ndarray, rate: int) -> np.ndarray:
    """Natural logarithm of the power in each band, (T, BANDS).

    Args:
        sound: (samples,) between −1 and 1, at least one window long. rate: samples a second.

    Raises:
        ValueError: a sound shorter than one window.
    """
    width, hop = round(WINDOW * rate), round(HOP * rate)
    if len(sound) < width:
        raise ValueError(f"sound of {len(sound)} samples is not allowed: at least {width}, one window")
    lifted = np.append(sound[0], sound[1:] - EMPHASIS * sound[:-1])
    windows = np.lib.stride_tricks.sliding_window_view(lifted, width)[::hop] * np.hanning(width)
    size = 1 << (width - 1).bit_length()
    power = np.abs(np.fft.rfft(windows, size)) ** 2 / width
    return np.log(power @ filters(size, rate).T + FLOOR)


def stacked(each: np.ndarray, count: int) -> np.ndarray:
    """Neighbouring frames joined: (T, F) → (T // count, count × F); what is left over at the end is dropped."""
    steps = len(each) // count
    return each[: steps * count].reshape(steps, count * each.shape[1])
