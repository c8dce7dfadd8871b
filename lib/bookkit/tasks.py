"""The tasks of a build, given to doit: which chapters run, in which order, side by side or alone; then the site."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doit.task import Task

from bookkit import execute, fingerprint, lifeline, runner
from bookkit.errors import BookError
from bookkit.failures import Failure, broken
from bookkit.places import Places, remove
from bookkit.progress import Display, duration
from bookkit.toc import Chapter, chapters, select
from evidence import engine
from evidence.running import RunError

SIDE_BY_SIDE = 2
PHASES = ((("sweep", "light"), SIDE_BY_SIDE), (("timing",), 1), (("last",), 1))
QUICK_PHASES = ((("timing", "sweep", "light"), SIDE_BY_SIDE), (("last",), 1))
"""Kinds of chapters that run together, in order, and how many at a time. A quick build times nothing for real."""
Site = Callable[[Places], None]
VARIABLES = {
    "BOOK_BASEURL": (r"(https?://[^\s/]+\S*)?", "the site's address, such as https://example.org/book"),
    "BOOK_WORKERS": (r"[0-9]*", "a number of processes"),
    "BOOK_ENGINE": (rf"({engine.ADDRESS})?", engine.ALLOWED),
    "SOURCE_DATE_EPOCH": (r"[0-9]+", "seconds since 1970"),
    "GATEDRNN_KERNELS": (r"(torch)?", "torch, or nothing"),
}
"""Variables of the environment that a build reads: what their values look like, and that in words."""


@dataclass
class Build:
    """One build of the book, or of one chapter.

    Args:
        places: folders.
        display: where progress is shown.
        fresh: trust no stored result.
        overrides: parameters, for a build of one chapter.
        reached: digests of the library code that a notebook's code reaches.
        site: builds the site from the executed chapters.
    """

    places: Places
    display: Display
    fresh: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)
    reached: fingerprint.Reach = fingerprint.reach
    site: Site | None = None
    failures: list[Failure] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)

    def run(self, only: str | None = None) -> int:
        """Execute what changed, then build the site.

        Args:
            only: name of the one chapter to execute.

        Returns:
            Exit status: 0, or 1 when a chapter failed (the site before stays).
        """
        check_variables(os.environ)
        check_engine()
        found = chapters(self.places.root)
        chosen = found if only is None else [select(found, only)]
        values = {each.name: each.values(self.overrides, self.places.quick) for each in chosen}
        kinds = {each.name: each.kind for each in found}
        with self.places.alone(), self.display:
            self._begin(found, only)
            for together, workers in QUICK_PHASES if self.places.quick else PHASES:
                if "last" in together and self.failures:
                    break
                those = [each for kind in together for each in chosen if kinds[each.name] == kind]
                if "last" in together and those:
                    self._refuse_damaged(those[0].name, [each.name for each in found if each not in those])
                self._execute(those, values, workers, again=self.fresh and only is not None)
            for failure in self.failures:
                self.display.say(f"\nFAILED {failure}", "red")
            if self.failures:
                return 1
            if missing := [each.name for each in found if not execute.is_whole(self.places.executed / each.name)]:
                names = ", ".join(missing)
                self.display.say(f"Site not built: never executed, or damaged since: {names}. 'make book' does it.")
                return 0 if only else 1
            status = self._build_site(found)
            if status == 0 and self.fresh and not only:
                self.places.fresh_marker.unlink(missing_ok=True)
            return status

    def _begin(self, found: Sequence[Chapter], only: str | None) -> None:
        places = self.places
        if self.fresh and not places.quick:
            self.display.say(fresh_cost(places, only))
        if self.fresh and not only:
            begin_fresh(places, self.display)
        elif not self.fresh:
            places.fresh_marker.unlink(missing_ok=True)  # what follows may use the lock: no part of a fresh build
            remove(places.fresh_runs)
        known = {each.name for each in found}
        for folder in {path.parent for name in (execute.STAMP, execute.RECORD) for path in places.executed.rglob(name)}:
            if folder.relative_to(places.executed).as_posix() not in known:
                remove(folder)

    def _refuse_damaged(self, reader: str, names: Iterable[str]) -> None:
        if bad := [name for name in names if execute.damaged(self.places.executed / name)]:
            raise BookError(f"{reader} reads the result of {bad[0]}, which was damaged: 'make book' computes it again")

    def _execute(
        self, chosen: Sequence[Chapter], values: Mapping[str, Mapping[str, Any]], workers: int, again: bool
    ) -> None:
        if not chosen:
            return
        around = fingerprint.Surroundings.of(self.places)
        tasks = []
        for chapter in chosen:
            inputs = fingerprint.take(chapter, values[chapter.name], self.places, around, self.reached)
            reason = "every run is computed again" if again else self._why(chapter, inputs)
            action = (self._one, [chapter, values[chapter.name], inputs, reason, again])
            target = self.places.executed / chapter.name / "notebook.ipynb"
            tasks.append(runner.task(f"execute:{chapter.name}", action, [target], [reason is None]))
        stale = sum(not all(done for done, *_ in task.uptodate) for task in tasks)
        if runner.run(self.places, tasks, min(workers, stale)) and not self.failures:
            raise BookError("a chapter was not executed: the task runner stopped without a word")

    def _why(self, chapter: Chapter, inputs: Mapping[str, Any]) -> str | None:
        folder = self.places.executed / chapter.name
        if not folder.is_dir():
            return "fresh build" if self.fresh else "never executed"
        stored = execute.read_stamp(folder)
        return (stored and fingerprint.why(stored, inputs, self.places)) or execute.damaged(folder)

    def _one(
        self, chapter: Chapter, values: Mapping[str, Any], inputs: Mapping[str, Any], reason: str, again: bool
    ) -> bool:
        name = chapter.name
        store = self.places.fresh_runs / name if again else None
        if store and store.exists():
            reason = "going on where computing it again was interrupted"
        before = execute.read_record(self.places.executed / name).get("seconds")
        self.display.start(name, reason, before)
        try:
            record = execute.execute(
                chapter,
                values,
                self.places,
                inputs,
                fresh=self.fresh,
                store=store,
                listen=lambda event: self.display.event(name, event),
            )
        except Exception as error:  # the task runner would keep any other error to itself
            if lifeline.ended.is_set():
                return False
            failure = error if isinstance(error, Failure) else broken(chapter, self.places, error)
            self.failures.append(failure)
            self.display.end(name, f"failed after {duration(self.display.elapsed(name))}", "red")
            return False
        self.executed.append(name)
        self.display.end(name, f"executed in {duration(self.display.elapsed(name))} ({reason}){runs_line(record)}")
        return True

    def _build_site(self, found: Sequence[Chapter]) -> int:
        counts = f"{len(self.executed)} of {len(found)} chapters executed"
        site = self.site or build_site
        built: list[bool] = []
        errors: list[Exception] = []

        def action() -> bool:
            self.display.start("site", "what it is made from changed")
            try:
                site(self.places)
            except Exception as error:
                errors.append(error)
                self.display.end("site", f"failed: {error}", "red")
                return False
            built.append(True)
            self.display.end("site", f"built in {duration(self.display.elapsed('site'))}")
            return True

        sources = [[str(path), fingerprint.file_digest(path)] for path in site_sources(self.places)]
        digest = fingerprint.sha(json.dumps([sources, os.environ.get("BOOK_BASEURL")]))  # taken before they are read
        target = self.places.site / "index.html"
        task = runner.task("site", (action, []), [target], [_unchanged(digest, self.places.site)])
        status = runner.run(self.places, [task], 0)
        if status != 0 and not errors:
            raise BookError("the site was not built: the task runner stopped without a word")
        if status == 0:
            self.display.say(f"{counts}; site {'built' if built else 'unchanged'}: {target}")
        return 1 if status else 0


def check_variables(environment: Mapping[str, str]) -> None:
    """Refuse a build before it starts where a variable of the environment has a value that would stop it later.

    Raises:
        BookError: names the variable, its value and what is allowed.
    """
    for name, (pattern, allowed) in VARIABLES.items():
        if name in environment and not re.fullmatch(pattern, environment[name]):
            raise BookError(f"{name} = {environment[name]!r} is not allowed: {allowed}")


def fresh_cost(places: Places, only: str | None = None) -> str:
    """What a fresh build of the book, or of one chapter, computes again, in words: as the locked runs say."""
    from evidence import lock

    used = None
    if only is not None:
        folder = places.executed / only
        sweeps = execute.read_record(folder).get("sweeps", []) if execute.is_whole(folder) else []
        used = {key for sweep in sweeps for key in sweep["keys"]}
    costs, cores = lock.costs(places.lock), os.cpu_count() or 1
    seconds = sum(cost for (_, key), cost in costs.items() if used is None or key in used)
    clock = duration(seconds / cores)
    return f"Fresh: {seconds / 3600:.2f} core-hours of runs are computed again, about {clock} on {cores} cores."


def check_engine() -> None:
    """Refuse a build before it starts where a cluster is asked for that does not answer.

    Raises:
        BookError: names the cluster and what is wrong.
    """
    try:
        if address := engine.asked():
            with engine.connected(address):
                pass
    except RunError as error:
        raise BookError(str(error)) from None


def begin_fresh(places: Places, display: Display) -> None:
    """Empty the run store and the executed chapters, unless an interrupted fresh build is to be continued."""
    marker = places.fresh_marker
    if marker.is_file() and marker.read_text(encoding="utf-8").strip() == "building":
        display.say("Fresh build: going on where the last one was interrupted.")
        return
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text("emptying", encoding="utf-8")
    for folder in (places.runs, places.fresh_runs, places.executed, places.work):
        remove(folder)
    marker.write_text("building", encoding="utf-8")


def build_site(places: Places) -> None:
    """Stage the executed chapters and build the site."""
    from bookkit import site, stage

    stage.stage(places.executed, places.stage, places.root)
    site.build(places.stage, places.site)


def site_sources(places: Places) -> list[Path]:
    """Files that the site is made from."""
    root = places.root
    names = ("_config.yml", "_toc.yml", "references.bib", "CITATION.cff", "README.md", "constraints.txt", ".git/config")
    files = [root / name for name in names]
    files += [root / "results" / "audits.jsonl"]
    files += [path for path in places.executed.rglob("*") if path.name != "fingerprint.json"]
    files += [path for path in (root / "chapters").rglob("*") if path.suffix != ".yml"]
    files += [path for path in (root / "lib" / "bookkit").rglob("*") if "__pycache__" not in path.parts]
    return sorted(path for path in files if path.is_file() and ".ipynb_checkpoints" not in path.parts)


def runs_line(record: Mapping[str, Any]) -> str:
    """How many runs a chapter's sweeps found and computed, and why."""
    parts = []
    for sweep in record.get("sweeps", []):
        reasons = "; ".join(f"{why}: {count}" for why, count in sweep.get("reasons", {}).items())
        why = f" ({reasons})" if reasons else ""
        parts.append(
            f"{sweep['name']}: {sweep['runs']} runs, {sweep['found']} found, {sweep['computed']} computed{why}"
        )
    return "".join(f"\n  {part}" for part in parts)


def _unchanged(sources: str, site: Path) -> tuple:
    """Up to date only when the sources are those of the last build, and the site is as that build left it."""

    def check(task: Task, values: Mapping[str, Any]) -> bool:
        task.value_savers.append(lambda: {"sources": sources, "site": _digest(site)})
        return values.get("sources") == sources and values.get("site") == _digest(site)

    return check, [], {}


def _digest(folder: Path) -> str:
    return fingerprint.sha(json.dumps(execute.digests(folder)))
