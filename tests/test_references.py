"""The bibliography: entries that are complete and lead somewhere, and no citation without one."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pybtex.database import BibliographyData, Entry, parse_string

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = (PROJECT / "references.bib").read_text(encoding="utf-8")
KEYS = re.findall(r"^@\w+\{([^,\s]+),", SOURCE, flags=re.M)
MONTH = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>{}\\]*[^\s\"<>{}\\.,;:]")
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")

each_entry = pytest.mark.parametrize("key", KEYS)


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    """Entries by key; the parser refuses a key that comes twice."""
    parsed: BibliographyData = parse_string(SOURCE, "bibtex")
    return dict(parsed.entries)


def texts() -> dict[str, str]:
    """What may cite: pages, the markdown cells and the code of notebooks, and the library, by path."""
    found = {}
    for path in sorted([*(PROJECT / "chapters").rglob("*"), *(PROJECT / "lib").rglob("*.py")]):
        if ".ipynb_checkpoints" in path.parts:
            continue
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found[str(path.relative_to(PROJECT))] = "\n\n".join("".join(cell["source"]) for cell in cells)
        elif path.suffix in {".md", ".py"}:
            found[str(path.relative_to(PROJECT))] = path.read_text(encoding="utf-8")
    return found


def cited() -> dict[str, list[str]]:
    """Keys that are cited, and the files that cite them."""
    found: dict[str, list[str]] = {}
    for name, text in texts().items():
        for keys in CITATION.findall(text):
            for key in keys.split(","):
                found.setdefault(key.strip(), []).append(name)
    return found


def test_a_key_is_used_once(entries: dict[str, Entry]) -> None:
    assert [key for key, count in Counter(key.lower() for key in KEYS).items() if count > 1] == []
    assert sorted(entries) == sorted(KEYS)


@each_entry
def test_an_entry_is_complete(key: str, entries: dict[str, Entry]) -> None:
    fields, people = entries[key].fields, entries[key].persons
    assert fields.get("title", "").strip()
    assert people.get("author") and "others" not in " ".join(str(person) for person in people["author"])
    assert re.fullmatch(r"1[89]\d\d|20\d\d", fields.get("year", ""))
    assert not re.search(r"\d-\d", fields.get("pages", "")), "a range of pages has an en dash, typed --"


def test_months_are_typed_as_bibtex_names_them() -> None:
    typed = re.findall(r"^\s*month\s*=\s*(.*),$", SOURCE, flags=re.M)
    assert typed
    assert [month for month in typed if not MONTH.fullmatch(month)] == []


@each_entry
def test_an_entry_leads_somewhere(key: str, entries: dict[str, Entry]) -> None:
    fields = entries[key].fields
    doi, url = fields.get("doi"), fields.get("url")
    assert doi or url
    if doi is not None:
        assert DOI.fullmatch(doi), "the bare DOI, without https://doi.org/"
    if url is not None:
        parts = urlsplit(url)
        assert parts.scheme == "https" and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
        assert parts.path.strip("/") and not re.search(r"[\s\"<>{}\\^`|]|[.,;:]$", url)
        assert parts.netloc not in {"doi.org", "dx.doi.org"}, "a DOI has a field of its own"
    preprint = ARXIV.search(fields.get("journal", ""))
    assert preprint is None or url == f"https://arxiv.org/abs/{preprint[1]}"


def test_no_two_entries_lead_to_the_same_work(entries: dict[str, Entry]) -> None:
    for field in ("doi", "url"):
        values = Counter(entry.fields[field].lower() for entry in entries.values() if field in entry.fields)
        assert [value for value, count in values.items() if count > 1] == []


def test_every_citation_has_an_entry() -> None:
    found = cited()
    assert len(found) > 20, "the citations of the chapters were not found"
    assert {key: files for key, files in found.items() if key not in KEYS} == {}
