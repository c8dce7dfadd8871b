"""`make bench`: the timing chapters at quick size on this machine, as a table in the terminal."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bookkit import execute, fingerprint
from bookkit.errors import BookError
from bookkit.places import Places
from bookkit.progress import Display
from bookkit.toc import chapters


def bench(root: Path) -> int:
    """Execute every timing chapter anew with quick parameters, apart from the book, and print what it found.

    Returns:
        0, or 1 when a chapter failed.

    Raises:
        BookError: the book has no timing chapter.
    """
    places = Places(root, quick=True, build=root / "_build" / "bench")
    chosen = [chapter for chapter in chapters(root) if chapter.kind == "timing"]
    if not chosen:
        raise BookError("no chapter of kind 'timing' in the book")
    console = Console(highlight=False)
    with places.alone(), Display(console) as display:
        around = fingerprint.Surroundings.of(places)
        for chapter in chosen:
            values = chapter.values({}, quick=True)
            display.start(chapter.name, "bench")
            inputs = fingerprint.take(chapter, values, places, around)
            try:
                listen = partial(display.event, chapter.name)
                record = execute.execute(chapter, values, places, inputs, listen=listen)
            except execute.Failure as failure:
                display.say(f"FAILED {failure}", "red")
                return 1
            machine = record.get("machine", {})
            title = f"{chapter.name}: {machine.get('cpu')}, {machine.get('cores')} cores"
            table = Table("claim", "condition", "effect", "95 % interval", "word", title=title)
            for verdict in record.get("verdicts", []):
                rows = [*verdict["strata"], {**verdict, "name": "all", "estimate": verdict["effect"]}]
                for row in rows:
                    interval = f"{row['low']:.3g} to {row['high']:.3g} {verdict['unit']}"
                    table.add_row(verdict["id"], row["name"], f"{row['estimate']:.3g}", interval, row["word"])
                table.add_section()
            console.print(table)
    return 0
