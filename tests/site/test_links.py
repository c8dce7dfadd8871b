"""Links and anchors inside the built site, and nothing on a page that asks another server."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup


@pytest.fixture(scope="module")
def soups(site: Path, pages: list[str]) -> dict[str, BeautifulSoup]:
    return {name: BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser") for name in pages}


def test_every_page_of_the_table_of_contents_is_there(site: Path) -> None:
    from bookkit.stage import pages

    stage = site.parent / "stage"
    if not (stage / "_toc.yml").is_file():
        pytest.skip(f"no staged tree in {stage}")
    assert [page for page in pages(stage) if not (site / f"{page}.html").is_file()] == []


def test_internal_links_and_anchors_lead_somewhere(site: Path, soups: dict[str, BeautifulSoup]) -> None:
    ids = {name: {tag["id"] for tag in soup.select("[id]")} for name, soup in soups.items()}
    broken = []
    for name, soup in soups.items():
        for tag in soup.select("[href], [src]"):
            link = str(tag.get("href") or tag.get("src") or "")
            if urlsplit(link).scheme or link.startswith("//") or link in {"", "#"}:
                continue
            path, anchor = urldefrag(link)
            path = unquote(path.partition("?")[0])
            target = (site / name).parent.joinpath(path).resolve() if path else site / name
            if not target.is_file():
                broken.append(f"{name}: {link} leads to no file")
            elif anchor and target.suffix == ".html":
                page = target.relative_to(site).as_posix()
                if unquote(anchor) not in ids.get(page, set()) and not anchor.startswith("__"):
                    broken.append(f"{name}: {link} leads to no anchor")
    assert broken == []


def test_nothing_is_loaded_from_another_server(soups: dict[str, BeautifulSoup]) -> None:
    loading = "script[src], img[src], iframe[src], link[rel=stylesheet], link[rel=preload], link[rel=preconnect]"
    outside = [
        f"{name}: {tag.get('src') or tag.get('href')}"
        for name, soup in soups.items()
        for tag in soup.select(loading)
        if str(tag.get("src") or tag.get("href")).startswith(("http:", "https:", "//"))
    ]
    assert outside == []


def test_pictures_have_alternative_texts(soups: dict[str, BeautifulSoup]) -> None:
    bare = [
        f"{name}: {tag.get('src')}"
        for name, soup in soups.items()
        for tag in soup.select("article img")
        if not str(tag.get("alt") or "").strip()
    ]
    assert bare == []


def test_descriptions_hold_no_tex(soups: dict[str, BeautifulSoup]) -> None:
    for name, soup in soups.items():
        for tag in soup.select('meta[name="description"], meta[property="og:description"]'):
            assert "\\" not in str(tag["content"]), name


def test_notebooks_for_download_are_executed_and_read_as_text(site: Path) -> None:
    notebooks = sorted((site / "_sources").rglob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert any(cell.get("outputs") for cell in cells), path.name
        text = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        assert "](value:" not in text and "](holds:" not in text, path.name
        assert "papermill" not in json.dumps([cell["metadata"] for cell in cells]), path.name


def test_no_path_of_the_building_machine_is_printed(site: Path, pages: list[str]) -> None:
    home = str(Path.home())
    for name in pages:
        text = (site / name).read_text(encoding="utf-8")
        assert str(site.parent) not in text, name
        assert home == "/" or f"{home}/" not in text, name
