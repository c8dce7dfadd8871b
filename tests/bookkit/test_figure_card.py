"""The built pages: one book in miniature, built once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import minibook
import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_notebook

from bookkit.site import GROUNDS, SiteError, build, openable
from bookkit.sphinx_ext.assets import maths_characters
from bookkit.sphinx_ext.figure_card import address_of, bibtex, tex
from bookkit.sphinx_ext.maths import MathsError, mathml
from bookkit.sphinx_ext.polish import polish, without_tex
from bookkit.sphinx_ext.records import RecordError, Sidecar, duration, read
from bookkit.stage import stage

pytestmark = pytest.mark.xdist_group("minibook")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return minibook.write(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def site(book: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BOOK_BASEURL", raising=False)
        tree = stage(book / "_build" / "executed", book / "_build" / "stage", book)
        yield build(tree, book / "_build" / "html")


def soup(site: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((site / "chapters" / name).read_text(encoding="utf-8"), "html.parser")


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    found = page.select(selector)
    assert len(found) == 1, f"{selector}: {len(found)}"
    return found[0]


def test_a_figure_has_a_permanent_anchor_a_number_and_stable_files(site: Path) -> None:
    figure = one(soup(site, "alpha/first.html"), "figure#fig-first-lines")
    assert [img["src"] for img in figure.select("img")] == [
        "../../figures/first-lines.svg",
        "../../figures/first-lines.dark.svg",
    ]
    assert one(figure, ".caption-number").get_text(strip=True) == "Figure 1"
    for ending in ("svg", "dark.svg", "pdf", "png", "csv"):
        assert (site / "figures" / f"first-lines.{ending}").stat().st_size > 0


def test_both_drawings_have_the_alternative_text(site: Path) -> None:
    texts = {img["alt"] for img in soup(site, "alpha/first.html").select("figure img")}
    assert texts == {'Two falling curves: "LSTM" ends at 0.25 and GRU at 0.20 of <chance>.'}


def test_a_caption_is_markdown_and_its_html_is_shown(site: Path) -> None:
    caption = one(soup(site, "alpha/first.html"), "figcaption")
    assert one(caption, "strong").get_text() == "both"
    assert not caption.select("b")
    assert "<b>bold</b>" in caption.get_text()


def test_the_card_tells_how_to_cite_rerun_and_trust(site: Path) -> None:
    text = one(soup(site, "alpha/first.html"), "details.figure-card").get_text()
    for part in (
        "@misc{lstm-vs-gru-first-lines,",
        "Figure 1 (first-lines) in: LSTM vs GRU",
        ".venv/bin/papermill chapters/alpha/first.ipynb _build/rerun/out.ipynb --cwd _build/rerun -p seeds 10 -p rate 0.003",
        "at the root of the project, after make book",
        "0123456789",
        "Test CPU & Co, 2 cores",
        "PyTorch 2.13.0",
        "10 seeds",
        "3 November 2026",
    ):
        assert part in text
    assert "the published" not in text


def test_the_card_says_what_each_column_of_the_data_means(site: Path) -> None:
    card = one(soup(site, "alpha/first.html"), "details.figure-card")
    meanings = {row.dt.get_text(): row.dd.get_text() for row in card.select("dl.book-facts > div") if row.dt.code}
    assert meanings["lag"] == "steps between the symbol and the question"
    assert meanings["error"] == "share of <wrong> answers, 0 to 1"


def test_a_column_that_the_data_lack_is_refused(book: Path) -> None:
    tree = stage(book / "_build" / "executed", book / "_build" / "columns", book)
    path = tree / "figures" / "first-lines.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "columns": {"lag": "steps", "loss": "nats"}}))
    with pytest.raises(SiteError, match=r"column 'loss' is described, and not in first-lines\.csv"):
        build(tree, book / "_build" / "columns-html")


def test_a_drawing_opens_at_full_size_by_a_plain_link(site: Path) -> None:
    for link, theme in zip(soup(site, "alpha/first.html").select(".book-picture > a"), ("light", "dark"), strict=True):
        image = one(link, f"img.only-{theme}")
        assert link["href"] == f"{image['src']}#full"
        assert f"only-{theme}" in link["class"]
        assert link.get_text() == "Full size of figure 1"
        drawing = (site / "figures" / Path(str(image["src"])).name).read_text(encoding="utf-8")
        assert ElementTree.fromstring(drawing).get("id") == "full"
        assert f"background: {GROUNDS[theme == 'dark']}" in drawing


def test_a_drawing_in_a_page_is_the_one_that_was_published(book: Path) -> None:
    published = (book / "_build" / "executed" / "alpha" / "first" / "figures" / "first-lines.svg").read_text()
    added = re.sub(r'id="full"|<style>#full:target[^<]*</style>', "", openable(published, dark=False))
    assert added.replace("<svg  ", "<svg ") == published


def test_html_that_a_cell_writes_as_markdown_is_shown(site: Path) -> None:
    outputs = soup(site, "alpha/first.html").select(".cell_output")
    assert not [image for output in outputs for image in output.select("img")]
    assert sum(output.get_text().count("<img src=") for output in outputs) == 2


def test_a_table_of_many_columns_names_its_cells_for_narrow_screens(site: Path) -> None:
    page = soup(site, "alpha/first.html")
    table = one(page, "table.book-table-stack")
    rows = [[(cell["data-label"], cell["role"]) for cell in row.select("td")] for row in table.select("tbody tr")]
    assert rows == [[(name, "cell") for name in ("", "Claim", "Effect", "p", "Evidence")]] * 2
    assert {tag["role"] for tag in table.select("thead th")} == {"columnheader"}
    assert {tag["role"] for tag in table.select("tr")} == {"row"}
    first = table.select("tbody tr")[1].td
    assert first is not None
    assert one(first, "div")["data-above"] == "A1"


def test_few_columns_and_data_frames_stay_tables() -> None:
    few = "<table class='table'><thead><tr><th>a</th><th>b</th></tr></thead></table>"
    frame = f"<table class='dataframe'><thead><tr>{'<th>a</th>' * 6}</tr></thead></table>"
    assert "book-table-stack" not in polish(f"<article>{few}{frame}</article>")


def test_the_source_of_a_page_is_saved_and_not_shown(site: Path) -> None:
    link = one(soup(site, "alpha/first.html"), "a.btn-download-source-button")
    assert link["download"] == "first.ipynb"
    assert not link.get("target")


def test_the_search_has_the_texts_of_all_pages_by_section(site: Path) -> None:
    script = (site / "_static" / "searchtexts.js").read_text(encoding="utf-8")
    texts = json.loads(script.removeprefix("const BOOK_TEXTS = ").rstrip().removesuffix(";"))
    assert {"chapters/index.html", "chapters/alpha/first.html"} <= set(texts)
    (begin, heading, first), (cell, _, second) = texts["chapters/alpha/first.html"]
    assert (begin, heading, cell) == ("does-it-begin-with-h-t", "Does it begin with h_t?", "what-the-cell-computes")
    assert "A question that holds the word heliotrope." in first
    assert "A1 · <img src=”x” onerror=”document.title = 1”> · +1 · none" in second
    assert not any("papermill" in text or "heliotrope" in text for text in second)
    assert [path.name for path in site.rglob("*.html") if "_static/search.js" in path.read_text()] == ["search.html"]


def test_other_than_published_parameters_are_marked(site: Path) -> None:
    page = soup(site, "alpha/second.html")
    warning = one(page, ".book-other-parameters").get_text()
    assert "seeds = 2" in warning
    assert "published: 10" in warning
    card = one(page, "details.figure-card").get_text()
    assert "not the published parameters" in card
    assert "measured in this build" in card
    assert not soup(site, "alpha/first.html").select(".book-other-parameters")


def test_the_chapter_card_says_what_the_chapter_cost(site: Path) -> None:
    card = one(soup(site, "alpha/first.html"), "details.chapter-card").get_text()
    assert "240 runs, 230 found" in card
    assert "6.4 core-minutes from nothing" in card


def test_numbers_and_figures_are_named_across_pages(site: Path) -> None:
    text = one(soup(site, "index.html"), "article").get_text()
    assert "The gap was 1,250.50; see Figure\N{NO-BREAK SPACE}1 and A second chapter" in text
    assert "The gap is 1,250.50" in soup(site, "alpha/first.html").get_text()


def test_a_table_that_a_cell_writes_may_name_figures(site: Path) -> None:
    cells = [cell.get_text().strip() for cell in soup(site, "alpha/second.html").select(".table-scroll td")]
    assert {"A1 is supported", "Figure\N{NO-BREAK SPACE}1"} <= set(cells)


def test_the_execution_page_counts_runs(site: Path) -> None:
    rows = soup(site, "execution.html").select("table.book-table-wide tr")
    cells = [[cell.get_text(strip=True) for cell in row.select("td, th")] for row in rows]
    assert cells[2][:6] == ["A second chapter", "other", "42 s", "240", "10", "6.4"]
    assert cells[-1][3:5] == ["480", "20"]
    assert "no stored run: 10" in soup(site, "execution.html").get_text()


def test_the_page_on_scaling_tells_what_a_large_sweep_would_cost(site: Path) -> None:
    rows = soup(site, "scaling.html").select("table.book-table tr")
    cells = [[cell.get_text(strip=True) for cell in row.select("td, th")] for row in rows]
    assert cells[0][2] == "5,400 runs, core-hours"
    assert cells[2] == ["A second chapter", "1.60", "2.40", "1.2 h", "1.4 min"]


def test_pages_need_no_other_server_and_no_heavy_script(site: Path) -> None:
    for path in sorted((site / "chapters").rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script[^>]*(thebe|mathjax|fontawesome\.js)", text, re.IGNORECASE), path.name
        assert not re.search(r'(src|<link[^>]*href)="(https?:)?//', text), path.name


def test_only_the_search_page_loads_the_index(site: Path) -> None:
    loading = [path.name for path in sorted(site.rglob("*.html")) if "searchindex.js" in path.read_text()]
    assert loading == ["search.html"]


def test_the_front_door_leads_to_the_first_page(site: Path) -> None:
    door = BeautifulSoup((site / "index.html").read_text(), "html.parser")
    assert one(door, "html")["lang"] == "en"
    assert one(door, "a")["href"] == "chapters/index.html"
    assert "chapters/index.html" in str(one(door, "meta[http-equiv=refresh]")["content"])


def test_fonts_hold_only_what_the_pages_use(site: Path) -> None:
    font = TTFont(site / "_static" / "fonts" / "maths.woff2")
    letters = font.getBestCmap()
    assert "MATH" in font
    assert ord("⊙") in letters
    assert ord("𝑐") in letters
    assert len(letters) < 200


def test_readers_download_the_executed_notebook(site: Path) -> None:
    notebook = json.loads((site / "_sources" / "chapters" / "alpha" / "first.ipynb").read_text())
    assert any(
        "image/png" in output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", [])
    )


def test_a_checked_sentence_opens_to_what_was_checked_and_says_where_it_is_not_so(site: Path) -> None:
    def page(name: str) -> BeautifulSoup:
        return BeautifulSoup((site / "chapters" / f"{name}.html").read_text(), "html.parser")

    (button,) = page("index").select("button.book-check")
    note = page("index").find(id=str(button["popovertarget"]))
    assert button["aria-label"] == "checked" and note is not None
    assert "first-ahead" in note.get_text() and "+3 [1, 5] <points>" in note.get_text()
    assert not page("index").select(".book-check-said")
    (button,) = page("alpha/second").select("button.book-check-fails")
    (said,) = page("alpha/second").select(".book-check-said")
    assert said.get_text() == "not so in this run: +3 [1, 5] <points>"
    text = page("alpha/second").get_text(" ", strip=True)
    assert "won 12 of 40" in text and "With 2 seeds" in text, "what this run computed, not what is typed"


def test_a_bad_sidecar_ends_the_build_and_the_old_site_stays(site: Path, book: Path) -> None:
    tree = stage(book / "_build" / "executed", book / "_build" / "broken", book)
    path = tree / "figures" / "first-lines.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "alt": " "}))
    before = (site / "index.html").stat().st_mtime_ns
    with pytest.raises(SiteError, match=r"first-lines\.json: alt: String should have at least 1 character"):
        build(tree, site)
    assert (site / "index.html").stat().st_mtime_ns == before


def sidecar(**changes: object) -> Sidecar:
    base = {"id": "a-b", "chapter": "p/q", "caption": "One. Two.", "alt": "x", "date": "2026-11-03T00:00:00+00:00"}
    files = dict.fromkeys(("svg", "dark", "pdf", "png", "csv"), "f")
    return Sidecar.model_validate({**base, "files": files, **changes})


def test_a_citation_is_made_from_the_books_metadata() -> None:
    book = {"title": "A book", "authors": [{"name": "The Some & Any authors"}]}
    entry = bibtex(book, sidecar(commit="abcdef0123456789"), "Error of 5 % in a_b. More.", "7")
    assert "title        = {Error of 5 \\% in a\\_b}," in entry
    assert "author       = {{The Some & Any authors}}," in entry
    assert "Figure 7 (a-b) in: A book" in entry
    assert "year         = {2026}," in entry
    assert "Commit abcdef0123." in entry
    assert tex("100 % & {x}") == r"100 \% \& \{x\}"


def test_a_citation_has_an_address_only_where_the_site_has_one() -> None:
    config, page = SimpleNamespace(html_baseurl="https://example.org/book/"), "chapters/p/q"
    builder = SimpleNamespace(config=config, get_target_uri=lambda name: f"{name}.html")
    address = address_of(builder, page, "fig-a-b")
    assert address == "https://example.org/book/chapters/p/q.html#fig-a-b"
    entry = bibtex({"title": "A book", "authors": [{"name": "A"}]}, sidecar(), "One.", "7", address)
    assert f"  url          = {{{address}}}," in entry
    assert "  month        = nov," in entry
    config.html_baseurl = ""
    assert address_of(builder, page, "fig-a-b") == ""
    assert "url" not in bibtex({"title": "A book", "authors": [{"name": "A"}]}, sidecar(), "One.", "7")


def test_a_command_that_is_not_understood_is_shown_as_it_is() -> None:
    assert sidecar(command="make chapter NAME=p/q").rerun == "make chapter NAME=p/q"
    assert sidecar().rerun is None


@pytest.mark.papermill
def test_the_cards_command_runs_as_it_is_pasted_at_the_root(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "papermill").symlink_to(Path(sys.executable).parent / "papermill")
    (tmp_path / "chapters" / "p").mkdir(parents=True)
    cells = [new_code_cell("a = 0\nb = 'x'", metadata={"tags": ["parameters"]}), new_code_cell("print([a, b])")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "chapters" / "p" / "q.ipynb")
    card = sidecar(command="papermill chapters/p/q.ipynb out.ipynb -y '{a: [1, 2]}' -r b 'it is 5'")
    done = subprocess.run(["bash", "-e", "-c", str(card.rerun)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = nbformat.read(tmp_path / "_build" / "rerun" / "out.ipynb", as_version=4)
    assert out.cells[-1].outputs[0].text == "[[1, 2], 'it is 5']\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "_build", "chapters"]


def test_records_are_refused_by_field(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.json is missing"):
        read(Sidecar, tmp_path / "none.json")
    (tmp_path / "bad.json").write_text('{"id": "x"}')
    with pytest.raises(RecordError, match=r"bad\.json: chapter: Field required"):
        read(Sidecar, tmp_path / "bad.json")


@pytest.mark.parametrize(("seconds", "text"), [(4.24, "4.2 s"), (42, "42 s"), (210, "3.5 min"), (4320, "1.2 h")])
def test_durations_are_said_as_readers_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("tex_text", "part"),
    [
        (r"\boldsymbol{W}", "<mi>𝑾</mi>"),
        (r"\mathbf{x}", "<mi>𝐱</mi>"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathbb{1}", "𝟙"),
        (r"\mathrm{d}x", '<mi mathvariant="normal">d</mi>'),
        (r"\mathrm{loss}", ">loss</mi>"),
        (r"\operatorname{diag}(x)", ">diag</mi>"),
        (r"\Gamma", '<mi mathvariant="normal">Γ</mi>'),
        (r"a \odot b", "<mo>⊙</mo>"),
        (r"\text{if } x", "if"),
        (r"\log x", '<mi>log</mi><mspace width="0.167em" />'),
        (r"x < y", "&lt;"),
        ("b'_n", '<msub><mrow><mi>b</mi><mo lspace="0" rspace="0">′</mo></mrow><mi>n</mi></msub>'),
        ("f'(x)", '<mrow><mrow><mi>f</mi><mo lspace="0" rspace="0">′</mo></mrow>'),
    ],
)
def test_tex_becomes_mathml(tex_text: str, part: str) -> None:
    assert part in mathml(tex_text)


@pytest.mark.parametrize("name", ["aligned", "align", "align*", "split"])
def test_aligned_environments_are_tables(name: str) -> None:
    text = mathml(rf"\begin{{{name}}} a &= b \\ c &= d \end{{{name}}}", display=True)
    assert text.count("<mtr>") == 2
    assert "(1)" not in text
    assert 'class="aligned"' in text


@pytest.mark.parametrize("bad", [r"\unknowncommand x", r"a & b", r"\frac{a"])
def test_unknown_tex_is_refused(bad: str) -> None:
    with pytest.raises(MathsError, match="maths"):
        mathml(bad)


def test_descriptions_lose_their_tex() -> None:
    assert without_tex(r"Is \mathbf{h}_t \odot c_{t-1} $small$?") == "Is h_t odot ct-1 small?"


def test_the_theme_is_known_before_the_first_paint(site: Path) -> None:
    page = soup(site, "index.html")
    assert one(page, "html")["data-theme"] == "light"
    assert "prefers-color-scheme: dark" in str(one(page, "head"))


def test_social_tags_that_need_an_address_go_without_one() -> None:
    page = '<head><meta property="og:url" content="x"/><meta property="og:title" content="T"/></head>'
    assert "og:url" not in polish(page)
    assert "og:url" in polish(page, has_address=True)
    assert "og:title" in polish(page)


@pytest.mark.parametrize(("formula", "wanted"), [("<msqrt><mn>3</mn></msqrt>", True), ("<mn>3</mn>", False)])
def test_the_maths_font_has_the_sign_of_a_root_where_there_is_one(formula: str, wanted: bool) -> None:
    characters = maths_characters([f"<p>no √ outside</p><math>{formula}</math>"])
    assert (ord("√") in characters) == wanted
    assert ord("3") in characters
