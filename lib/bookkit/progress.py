"""What a build says while it runs: bars with the time left in a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

PLAIN_EVERY = 15.0


def duration(seconds: float) -> str:
    """`8 s`, `2:05`, `1:02:03`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _Left(ProgressColumn):
    """Time left: of a sweep by its runs so far, of a chapter by how long it took last time."""

    def render(self, task: Task) -> Text:
        end = task.fields.get("end")
        left = end - time.monotonic() if end else 0.0
        return Text(f"{duration(left)} left" if left >= 0.5 else "", style="cyan")


class Display:
    """Progress of a build; use it as a context manager. Methods may be called from several threads.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True, emoji=False)
        self.live = self.console.is_terminal
        self.started: dict[str, float] = {}
        self.bars: dict[str, Any] = {}
        self.sweeps: dict[str, tuple[float, int, float]] = {}
        self.guard = threading.Lock()
        columns = (
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            _Left(),
        )
        self.progress = Progress(*columns, console=self.console, transient=True, disable=not self.live)

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def say(self, line: str, style: str | None = None) -> None:
        """Print a line above the bars."""
        self.console.print(line, style=style, markup=False, emoji=False)

    def start(self, name: str, reason: str, expected: float | None = None) -> None:
        """A chapter, or a step named like one, begins."""
        about = f", about {duration(expected)} last time" if expected else ""
        with self.guard:
            self.started[name] = time.monotonic()
            if self.live:
                self.bars[name] = self.progress.add_task(
                    name, total=None, count="", end=expected and time.monotonic() + expected
                )
            else:
                self.say(f"{name}: started ({reason}{about})")

    def event(self, name: str, event: Mapping[str, Any]) -> None:
        """A sweep inside chapter `name` begins, gets on or ends; or the chapter has a line to say."""
        key = f"{name} · {event.get('name')}"
        now = time.monotonic()
        with self.guard:
            if event["event"] == "sweep":
                self.sweeps[key] = (now, event["found"], now)
                if self.live:
                    self.bars[key] = self.progress.add_task(
                        f"  {key}", total=event["total"], completed=event["found"], count="", end=None
                    )
                elif event["found"] < event["total"]:
                    self.say(f"  {key}: {event['total']} runs, {event['found']} found")
            elif event["event"] == "note":
                self.say(f"  {name}: {event['text']}")
            elif event["event"] == "run" and key in self.sweeps:
                self._run(key, event, now)
            elif event["event"] == "end" and self.live and key in self.bars:
                self.progress.remove_task(self.bars.pop(key))

    def end(self, name: str, note: str, style: str | None = None) -> None:
        """A chapter has ended."""
        with self.guard:
            for key in [key for key in self.bars if key == name or key.startswith(f"{name} · ")]:
                self.progress.remove_task(self.bars.pop(key))
            self.say(f"{name}: {note}", style)

    def elapsed(self, name: str) -> float:
        """Seconds since `start(name)`."""
        return time.monotonic() - self.started[name]

    def _run(self, key: str, event: Mapping[str, Any], now: float) -> None:
        began, found, said = self.sweeps[key]
        done, total = event["done"], event["total"]
        left = (now - began) / max(1, done - found) * (total - done)
        if self.live:
            self.progress.update(self.bars[key], completed=done, count=f"{done}/{total}", end=now + left)
        elif now - said >= PLAIN_EVERY and done < total:
            self.say(f"  {key}: {done} of {total} runs, about {duration(left)} left")
            self.sweeps[key] = (began, found, now)
