"""The speech synthesiser espeak-ng out of the package `espeakng-loader`, called through ctypes.

Its voices are the base voices of English accents, each with one of 104 variants (pitch, formants, breath, echo).
It draws random numbers and keeps some state from one utterance to the next: an utterance is the same again only when it
is spoken by a fresh process, after the same utterances, from the same seeds. Introduced in *applications/speech*.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

INSTALL = "pip install espeakng-loader==0.2.4, on Linux x86-64"
LIBRARY = "libespeak-ng.so"
DATA = ("phondata", "phonindex", "phontab", "intonations", "en_dict")
SHA256 = "6c019a173a5b7c4f6f9f0dc47842779fd14c47f503f46de84dc31d0da0c859de"
ACCENTS = (
    "en", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbclan", "en-gb-x-gbcwmd"
)  # fmt: skip
"""Base voices: British, American, Scottish, Received Pronunciation, Caribbean, New York, Lancaster, West Midlands."""
SYNCHRONOUS, SPEED, PITCH, CHARACTERS_UTF8 = 2, 1, 3, 1
"""Constants of the library's interface: output mode, two parameters, and the encoding of the text."""


def variants() -> list[str]:
    """Names of the voice variants in the package, sorted."""
    return sorted(path.name for path in (folder() / "espeak-ng-data/voices/!v").iterdir())


@cache
def folder() -> Path:
    """Folder of the package, which is not imported.

    Raises:
        RuntimeError: the package is missing, or has other files; the line names what to install.
    """
    spec = find_spec("espeakng_loader")
    root = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if root is None or not (root / LIBRARY).is_file():
        raise RuntimeError(f"spoken digits: package 'espeakng-loader' is missing or has no {LIBRARY}; {INSTALL}")
    found = checksum(root)
    if found != SHA256:
        raise RuntimeError(f"spoken digits: checksum {found} of espeakng-loader differs; {INSTALL}")
    return root


def checksum(root: Path) -> str:
    """SHA-256 over all files that have a say in how English sounds: library, phonemes, dictionary, voices."""
    data = root / "espeak-ng-data"
    voices = [path for place in ("voices/!v", "lang/gmw") for path in sorted((data / place).iterdir())]
    digest = hashlib.sha256()
    for path in (root / LIBRARY, *(data / name for name in DATA), *voices):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Speaker:
    """The synthesiser, started once in a process.

    Attributes:
        rate: samples a second.
    """

    def __init__(self) -> None:
        root = folder()
        try:
            self.library = ctypes.CDLL(str(root / LIBRARY))
        except OSError as error:
            raise RuntimeError(f"spoken digits: {LIBRARY} cannot be loaded ({error}); {INSTALL}") from None
        self.library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self.library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self.parts: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.heard = kind(self._hear)  # held here: the library keeps only its address
        self.rate = int(self.library.espeak_Initialize(SYNCHRONOUS, 0, str(root / "espeak-ng-data").encode(), 0))
        if self.rate <= 0:
            raise RuntimeError(f"spoken digits: espeak-ng did not start, code {self.rate}; {INSTALL}")
        self.library.espeak_SetSynthCallback(self.heard)

    def say(self, text: str, voice: str, seed: int, speed: int = 175, pitch: int = 50) -> np.ndarray:
        """Speak a text.

        Args:
            text: in English. voice: accent and variant, such as `en-us+f1`. seed: of the breath and the flutter.
            speed: words a minute. pitch: from 0 to 100.

        Returns:
            (samples,) between −1 and 1, at `rate`.

        Raises:
            RuntimeError: the library refused the voice or the text.
        """
        self.parts.clear()
        self._call("espeak_SetVoiceByName", voice.encode())
        self._call("espeak_SetParameter", SPEED, speed, 0)
        self._call("espeak_SetParameter", PITCH, pitch, 0)
        self.library.espeak_ng_SetRandSeed(seed)
        ctypes.CDLL(None).srand(seed)  # some of its noise comes from the C library
        letters = text.encode() + b"\0"
        self._call("espeak_Synth", letters, len(letters), 0, 0, 0, CHARACTERS_UTF8, None, None)
        self._call("espeak_Synchronize")
        if not self.parts:
            raise RuntimeError(f"spoken digits: espeak-ng said nothing for {text!r} with the voice {voice!r}")
        return np.concatenate(self.parts) / 32768

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self.library, name)(*arguments)
        if code:
            raise RuntimeError(f"spoken digits: {name}{arguments[:1]} failed with code {code}")

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self.parts.append(np.ctypeslib.as_array(samples, (count,)).astype("float64"))
        return 0
