"""What the chapters left behind for the site: a record for each chapter, a sidecar for each figure, checked by type."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class RecordError(ValueError):
    """A record that is missing or not as it should be. The message is one line."""


class Record(BaseModel):
    """Base of the records; what is not asked for is left alone."""

    model_config = ConfigDict(extra="ignore")


class Machine(Record):
    """Where something was computed."""

    cpu: str | None = None
    cores: int | None = None
    system: str | None = None
    capability: str | None = None

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' * (self.cores != 1)}" if self.cores else None
        return ", ".join(part for part in (self.cpu, cores, self.system, self.capability) if part) or "not recorded"


class Provenance(Record):
    """What a chapter and a figure both know about how they were computed."""

    chapter: Line
    parameters: dict[str, Any] = {}
    published: bool = True
    commit: str | None = None
    dirty: bool = False
    date: datetime
    machine: Machine = Machine()
    versions: dict[str, str | None] = {}
    seconds: float | None = None

    @property
    def day(self) -> str:
        """The date as a reader writes it."""
        return f"{self.date.day} {self.date:%B %Y}"

    @property
    def revision(self) -> str:
        """Commit, and whether the files differed from it."""
        if not self.commit:
            return "not recorded"
        return self.commit[:10] + (" with local changes" if self.dirty else "")

    @property
    def software(self) -> str:
        """Names and versions on one line."""
        names = {"python": "Python", "torch": "PyTorch", "numpy": "NumPy"}
        return ", ".join(f"{names.get(name, name)} {version}" for name, version in self.versions.items() if version)


class Files(Record):
    """File names of a figure, beside its sidecar."""

    svg: Line
    dark: Line
    pdf: Line
    png: Line
    csv: Line


class Sidecar(Provenance):
    """A published figure."""

    id: Line
    caption: Line
    alt: Line
    files: Files
    seeds: int | None = None
    runs: int | None = None
    measured: bool = False
    command: str | None = None
    columns: dict[str, Line] = {}

    @property
    def rerun(self) -> str | None:
        """The command as lines for the root of the project: papermill of its environment, and nothing written beside it."""
        plain = re.fullmatch(r"papermill (chapters/\S+) out\.ipynb(.*)", self.command or "", re.DOTALL)
        if not plain:
            return self.command
        place = "_build/rerun"
        return f"mkdir -p {place}\n.venv/bin/papermill {plain[1]} {place}/out.ipynb --cwd {place}{plain[2]}"


class Sweep(Record):
    """How many runs of a sweep were found and computed."""

    name: str
    runs: int = 0
    found: int = 0
    computed: int = 0
    reasons: dict[str, int] = {}
    core_seconds: float = 0.0
    seconds: float = 0.0


class ChapterRecord(Provenance):
    """One executed chapter; `meanings` is added by staging."""

    published_parameters: dict[str, Any] = {}
    sweeps: list[Sweep] = []
    figures: list[str] = []
    seconds: float = 0.0
    meanings: dict[str, str] = Field(default={})

    @property
    def changed(self) -> dict[str, Any]:
        """Parameters with other than their published values."""
        return {name: value for name, value in self.parameters.items() if value != self.published_parameters.get(name)}

    @property
    def runs(self) -> int:
        """Number of runs of all sweeps."""
        return sum(sweep.runs for sweep in self.sweeps)

    @property
    def found(self) -> int:
        """Number of runs that were found in the store or the lock."""
        return sum(sweep.found for sweep in self.sweeps)

    @property
    def computed(self) -> int:
        """Number of runs that were computed for this copy."""
        return sum(sweep.computed for sweep in self.sweeps)

    @property
    def core_seconds(self) -> float:
        """What all runs cost from nothing, on one core."""
        return sum(sweep.core_seconds for sweep in self.sweeps)


Kind = TypeVar("Kind", bound=Record)


def read(kind: type[Kind], path: Path) -> Kind:
    """Read one record.

    Raises:
        RecordError: the file is missing, no JSON, or a field is missing or of the wrong type.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError:
        raise RecordError(f"{path} is missing") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{path}: {field or 'the file'}: {first['msg']}") from None


def duration(seconds: float | None) -> str:
    """Seconds as a reader says them: `4.2 s`, `3.5 min`, `1.2 h`."""
    if seconds is None:
        return "not recorded"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
