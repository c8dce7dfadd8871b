"""`make prose`: write what the chapters computed into the sentences that type it; the diff is the review."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat

from bookkit.places import Places
from bookkit.prose import MARK, Statements, same
from bookkit.stage import outputs_of, page_file, pages, statements_of


def proofread(places: Places) -> int:
    """Replace typed values that differ from the executed chapters', and name what fails or is not there. Returns 0.

    Raises:
        StageError: a chapter was not executed, or not in its present form; then nothing is written.
    """
    statements = statements_of(places.executed, places.root)
    files = {page: page_file(page, places.root) for page in pages(places.root)}
    for page, path in files.items():
        if path.suffix == ".ipynb":
            done = places.executed / page.removeprefix("chapters/") / "notebook.ipynb"
            outputs_of(path, nbformat.read(path, as_version=4), nbformat.read(done, as_version=4))
    changed = 0
    for path in files.values():
        for before, after in _mend(path, statements):
            changed += 1
            print(f"{path.relative_to(places.root)}: {before} → {after}")
    for name, check in statements.checks.items():
        if not check.holds:
            print(f"does not hold{'' if check.judged else ' (and is not judged here)'}: {name}: {check.shown}")
    if unknown := statements.unknown():
        print(f"no chapter publishes: {', '.join(unknown)}")
    unjudged = {name for name in statements.used if name in statements.values and not statements.values[name].judged}
    print(f"prose: {changed} texts written, {len(unjudged)} cannot be judged here")
    return 0


def _mend(path: Path, statements: Statements) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        new = statements.typed(text)
        yield from _differences(text, new)
    else:
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            written = statements.typed(source)
            yield from _differences(source, written)
            if written != source:
                cell["source"] = written.splitlines(keepends=True) if isinstance(cell["source"], list) else written
        new = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if new != text:
        path.write_text(new, encoding="utf-8")


def _differences(before: str, after: str) -> Iterator[tuple[str, str]]:
    pairs = zip(MARK.finditer(before), MARK.finditer(after), strict=True)
    yield from ((old[0], new[0]) for old, new in pairs if old["code"] is None and not same(old[0], new[0]))
