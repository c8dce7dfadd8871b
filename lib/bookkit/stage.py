"""Staging: from source notebooks and executed ones to a clean tree that Jupyter Book builds.

Words come from the source notebook and outputs from the executed one, so that a change of prose alone needs no new
execution. Nothing in the tree says where or when papermill ran.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from bookkit import audit, downloads
from bookkit.downloads import FIGURE
from bookkit.errors import BookError
from bookkit.prose import Statements
from bookkit.sphinx_ext.records import ChapterRecord, RecordError, read
from evidence import parameters

BINDER, COLAB = "https://mybinder.org", "https://colab.research.google.com"


class StageError(BookError):
    """The book cannot be staged. The message is one line that names the file."""


def stage(executed: Path, target: Path, root: Path) -> Path:
    """Write the Sphinx source tree of the book.

    Args:
        executed: folder of executed chapters, `<part>/<name>/notebook.ipynb` with `chapter.json` and `figures/`.
        target: the tree to write; an older one is replaced once the new one is whole.
        root: the book's folder, with `_toc.yml`, `_config.yml`, `references.bib` and `chapters/`.

    Returns:
        `target`.

    Raises:
        StageError: a page is missing, a chapter was not executed or not in its present form, a figure id is used twice.
    """
    beside = target.with_name(f".{target.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "figures").mkdir(parents=True)
    (beside / "_book").mkdir()
    for name in ("_toc.yml", "references.bib", "CITATION.cff"):
        if (root / name).is_file():
            shutil.copyfile(root / name, beside / name)
    config = settings(yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")), root)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (beside / "_config.yml").write_text(text, encoding="utf-8")
    statements = statements_of(executed, root)
    for page in pages(root):
        source = page_file(page, root)
        place = beside / source.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".ipynb":
            _stage_chapter(source, place, page.removeprefix("chapters/"), executed, beside, statements)
        else:
            text = statements.resolved(source.read_text(encoding="utf-8"), source.relative_to(root).as_posix())
            place.write_text(text, encoding="utf-8")
    _check_readme(root / "README.md", statements)
    if found := statements.problems:
        some = f"{len(found)} statement{'s' * (len(found) > 1)} of the prose do not follow from this build:"
        raise StageError("\n".join([some, *(f"- {each}" for each in found)]))
    audits = json.dumps(audit.so_far(root), ensure_ascii=False, indent=1)
    (beside / "_book" / "audits.json").write_text(audits, encoding="utf-8")
    checks = {name: vars(check) for name, check in statements.checks.items()}
    (beside / "_book" / "checks.json").write_text(json.dumps(checks, ensure_ascii=False, indent=1), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(beside, target)
    return target


def _check_readme(path: Path, statements: Statements) -> None:
    """Judge the marks of the first page of the project: they are comments, as a code host would show links to nowhere."""
    text = readme(path.parent)
    statements.resolved(text, path.name)
    for comment in re.findall(r"<!--.*?-->", text, re.S):
        if re.search(r"\b(?:holds?|values?|verdicts?)\b", comment):
            statements.problems.append(f"{path.name}: this mark is not understood: “{comment}”")


def statements_of(executed: Path, root: Path) -> Statements:
    """What the executed chapters of the table of contents published for the prose.

    Raises:
        StageError: a record is missing or broken.
    """
    found = Statements()
    for page in pages(root):
        path = executed / page.removeprefix("chapters/") / "chapter.json"
        if page_file(page, root).suffix == ".ipynb":
            try:
                found.add(json.loads(path.read_text(encoding="utf-8")))
            except OSError:
                raise StageError(f"{path} is missing: {page} was not executed") from None
            except (ValueError, AttributeError, TypeError, KeyError) as error:
                raise StageError(f"{path}: not the record of a chapter: {error!r}") from None
    return found


def readme(root: Path) -> str:
    """README with its marks; they stand in comments there, since a code host would show links that lead nowhere."""
    path = root / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return re.sub(r"<!--\s*holds:([\w-]+)\s*-->", r"[✓](holds:\1)", text)


def pages(root: Path) -> list[str]:
    """Pages of `_toc.yml` in reading order, without endings, such as `chapters/architecture/ablation`."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))

    def files(entry: Any) -> list[str]:
        if isinstance(entry, list):
            return [file for item in entry for file in files(item)]
        if not isinstance(entry, dict):
            return []
        own = [entry[key] for key in ("root", "file") if key in entry]
        return own + [file for key in ("chapters", "sections", "parts", "subtrees") for file in files(entry.get(key))]

    return [re.sub(r"\.(md|ipynb)$", "", file) for file in files(toc)]


def page_file(page: str, root: Path) -> Path:
    """Source file of a page."""
    for suffix in (".ipynb", ".md"):
        if (path := root / f"{page}{suffix}").is_file():
            return path
    raise StageError(f"_toc.yml names {page}, but there is neither {page}.ipynb nor {page}.md")


def settings(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """The configuration with what depends on where the book is built: base address, repository, launch buttons."""
    sphinx = config.setdefault("sphinx", {}).setdefault("config", {})
    base = os.environ.get("BOOK_BASEURL") or config.get("html", {}).get("baseurl") or ""
    if base:
        base = base.rstrip("/") + "/"
        config.setdefault("html", {})["baseurl"] = base
        sphinx.update(ogp_site_url=base, sitemap_url_scheme="{link}", site_url=base)
        sphinx.setdefault("extensions", []).append("sphinx_sitemap")
    repository = remote(root)
    if repository:
        config["repository"] = {**config.get("repository", {}), "url": repository, "path_to_book": ""}
        config["launch_buttons"] = {**config.get("launch_buttons", {}), "binderhub_url": BINDER, "colab_url": COLAB}
        config.setdefault("html", {})["use_repository_button"] = True
    else:
        config.pop("launch_buttons", None)
    return config


def remote(root: Path) -> str | None:
    """Web address of the git remote `origin` where it is a public host's, else None."""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.fullmatch(
        r"(?:https://|ssh://git@|git@)(?:[^@/]*@)?(github\.com|gitlab\.com)[:/](.+?)(?:\.git)?/?", answer
    )
    return f"https://{match[1]}/{match[2]}" if match else None


def _stage_chapter(source: Path, place: Path, name: str, executed: Path, tree: Path, statements: Statements) -> None:
    folder = executed / name
    if not (folder / "notebook.ipynb").is_file():
        raise StageError(f"{source.name}: not executed yet, {folder / 'notebook.ipynb'} is missing")
    notebook = nbformat.read(source, as_version=4)
    outputs = outputs_of(source, notebook, nbformat.read(folder / "notebook.ipynb", as_version=4))
    try:
        record = read(ChapterRecord, folder / "chapter.json")
    except RecordError as error:
        raise StageError(str(error)) from None
    download = downloads.executed_copy(notebook, [list(each) for each in outputs], record, statements)
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        cells.append(_clean(cell))
        if cell.cell_type == "markdown":
            cells[-1].source = statements.resolved(cells[-1].source, f"chapters/{name}.ipynb, cell {number}")
        if cell.cell_type != "code":
            continue
        if "parameters" in cell.metadata.get("tags", []):
            record.meanings = {key: value.help for key, value in parameters.read(cell.source).items()}
            cells[-1].metadata["tags"] = ["remove-cell"]
        cells[-1].outputs, figures = _split(outputs.pop(0))
        for figure in figures:
            cells.append(_directive("figure-card", figure, f"figure-{figure}"))
            _copy_figure(figure, folder / "figures", tree / "figures", name, statements)
    _insert_card(cells, name, source)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    staged = NotebookNode(
        nbformat=4, nbformat_minor=5, cells=cells, metadata={**metadata, "language_info": {"name": "python"}}
    )
    nbformat.write(nbformat.from_dict(staged), place)
    for path, text in (
        (tree / "_book" / "records" / f"{name}.json", record.model_dump_json(indent=1)),
        (tree / "_book" / "sources" / f"chapters/{name}.ipynb", nbformat.writes(download)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def outputs_of(source: Path, notebook: NotebookNode, done: NotebookNode) -> list[list[NotebookNode]]:
    """Outputs of the executed code cells, in the order of the source's.

    Args:
        source: path of the notebook, for the message. notebook: as it is written. done: as it was executed.

    Raises:
        StageError: a code cell is not the one that was executed.
    """
    ran = [
        cell
        for cell in done.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]
    written = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.source for cell in ran] != [cell.source for cell in written]:
        pairs = zip(ran, written, strict=False)
        number = next(
            (i for i, (old, new) in enumerate(pairs, 1) if old.source != new.source), min(len(ran), len(written)) + 1
        )
        raise StageError(
            f"{source.name}: code cell {number} is not the one that was executed; execute the chapter again"
        )
    return [cell.outputs for cell in ran]


def _clean(cell: NotebookNode) -> NotebookNode:
    tags = cell.metadata.get("tags", [])
    kept = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "source": cell.source,
        "metadata": {"tags": tags} if tags else {},
    }
    if cell.cell_type == "code":
        kept.update(execution_count=None, outputs=[])
    return nbformat.from_dict(kept)


def _split(outputs: list[NotebookNode]) -> tuple[list[NotebookNode], list[str]]:
    """Outputs that stay, and the ids of the published figures among them."""
    stay, figures = [], []
    for output in outputs:
        data = output.get("data", {})
        if FIGURE in data:
            value = data[FIGURE]
            figures.append((json.loads(value) if isinstance(value, str) else value)["id"])
        elif not (output.output_type == "stream" and output.name == "stderr"):
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output["execution_count"] = None
            stay.append(output)
    return stay, figures


def _directive(name: str, argument: str, cell_id: str) -> NotebookNode:
    cell = new_markdown_cell(f"```{{{name}}} {argument}\n```")
    cell["id"] = cell_id[:64]
    return cell


def _insert_card(cells: list[NotebookNode], name: str, source: Path) -> None:
    for cell in cells:
        if cell.cell_type == "markdown" and (title := re.search(r"^# .*$", cell.source, re.MULTILINE)):
            card = f"\n\n```{{chapter-card}} {name}\n```\n"
            cell.source = cell.source[: title.end()] + card + cell.source[title.end() :]
            return
    raise StageError(f"{source.name}: no title, a line that starts with '# '")


def _copy_figure(figure: str, source: Path, target: Path, chapter: str, statements: Statements) -> None:
    if (target / f"{figure}.json").exists():
        raise StageError(f"figure id {figure!r} of {chapter} is used twice in the book")
    if not (source / f"{figure}.json").is_file():
        raise StageError(f"{chapter}: figure {figure!r} has no sidecar, {source / (figure + '.json')} is missing")
    for ending in ("json", "svg", "dark.svg", "pdf", "png", "csv"):
        file = source / f"{figure}.{ending}"
        if not file.is_file() or not file.stat().st_size:
            raise StageError(f"{chapter}: figure {figure!r}: {file} is missing or empty")
        shutil.copyfile(file, target / file.name)
    sidecar = json.loads((target / f"{figure}.json").read_text(encoding="utf-8"))
    sidecar["caption"] = statements.resolved(sidecar["caption"], f"caption of {figure} in {chapter}")
    sidecar["alt"] = statements.plain(sidecar["alt"], f"alternative text of {figure} in {chapter}")
    (target / f"{figure}.json").write_text(json.dumps(sidecar, ensure_ascii=False, indent=1), encoding="utf-8")
