"""A published figure: every form at a stable name, the same byte for byte, with its origin beside it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fontTools.ttLib import TTFont

from evidence import figures
from evidence import record as chapter

DATA = pd.DataFrame({"cell": ["lstm", "gru"], "seed": [0, 0], "loss": [0.1, 0.2]})
COLUMNS = {"cell": "lstm or gru", "seed": "of the weights", "loss": "cross entropy, nats"}
ALT = "Loss against steps for two cells; the LSTM ends at 0.10 and the GRU at 0.20."
COLOUR = re.compile(r"#[0-9a-f]{6}\b")


@pytest.fixture
def output(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_OUTPUT", str(tmp_path))
    monkeypatch.setattr(chapter, "_current", None)
    with mpl.rc_context():
        figures.use_style()
        yield tmp_path
    plt.close("all")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The output of a chapter with one figure, and what its notebook shows."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch, mpl.rc_context():
        patch.setenv("BOOK_OUTPUT", str(folder))
        patch.setattr(chapter, "_current", None)
        chapter.begin("part/name", {"seeds": 3}, ["seeds: int = 10", "# Parameters\nseeds = 3\n"])
        open_before = plt.get_fignums()  # of other tests in this process
        shown = publish(seeds=3, runs=6, measured=True)
        assert plt.get_fignums() == open_before, "the figure is closed, or the notebook would show it twice"
    return folder, shown


def drawn():
    fig, axes = plt.subplots(figsize=(3, 2))
    for cell in ("lstm", "gru", "rnn"):
        axes.plot([0, 1, 2], [1, 2, 1.5], color=figures.COLOURS[cell], marker=figures.MARKERS[cell])
    axes.fill_between([0, 1, 2], 0, 1, alpha=0.3, clip_path=None)
    axes.text(1, 1, "direct label")
    axes.set(xlabel="steps", ylabel="loss")
    return fig


def publish(**changes):
    options = {"id": "some-figure", "caption": "Loss of two cells.", "alt": ALT, "data": DATA}
    options |= {"columns": COLUMNS, **changes}
    return figures.publish(drawn(), **options)


def test_every_form_lies_at_a_stable_name(published):
    output, _ = published
    names = {f"some-figure{ending}" for ending in (".svg", ".dark.svg", ".pdf", ".png", ".csv", ".json")}
    assert {path.name for path in (output / "figures").iterdir()} == names
    for name in ("some-figure.svg", "some-figure.dark.svg"):
        assert ElementTree.parse(output / "figures" / name).getroot().tag.endswith("svg")
    assert (output / "figures" / "some-figure.pdf").read_bytes().startswith(b"%PDF")
    pd.testing.assert_frame_equal(pd.read_csv(output / "figures" / "some-figure.csv"), DATA)


def test_the_pdf_holds_its_glyphs_and_no_tables_for_setting_text(published):
    content = (published[0] / "figures" / "some-figure.pdf").read_bytes()
    fonts = []
    for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, flags=re.S):
        with contextlib.suppress(zlib.error):
            part = zlib.decompress(part)
        if part.startswith(b"\0\1\0\0"):
            fonts.append(TTFont(io.BytesIO(part)))
    assert fonts, "text is embedded as TrueType: it can be searched and edited"
    for font in fonts:
        assert not {"GDEF", "GPOS", "GSUB", "kern"} & set(font.keys())
    assert any(len(font["glyf"].glyphs) > 5 for font in fonts)


def test_publishing_again_gives_the_same_bytes(published, output):
    publish()
    for path in (output / "figures").iterdir():
        if path.suffix != ".json":  # the record: this time outside a chapter
            assert path.read_bytes() == (published[0] / "figures" / path.name).read_bytes(), path.name


def test_no_time_of_drawing_is_in_the_pictures(published):
    output, _ = published
    for ending in ("svg", "dark.svg"):
        text = (output / "figures" / f"some-figure.{ending}").read_text()
        assert "<dc:date>" not in text
    assert b"CreationDate" not in (output / "figures" / "some-figure.pdf").read_bytes()


def test_the_dark_figure_differs_in_its_colours_alone(published):
    output, _ = published
    light, dark = ((output / "figures" / f"some-figure{ending}").read_text() for ending in (".svg", ".dark.svg"))
    assert light != dark
    assert COLOUR.sub("", light) == COLOUR.sub("", dark)
    pairs = set(zip(COLOUR.findall(light), COLOUR.findall(dark), strict=True))
    assert all(new == figures.DARK.get(old, old) for old, new in pairs)
    assert figures.INK not in dark and figures.COLOURS["lstm"] not in dark


def test_both_are_transparent(published):
    output, _ = published
    for ending in (".svg", ".dark.svg"):
        assert "#ffffff" not in (output / "figures" / f"some-figure{ending}").read_text()


def luminance(colour):
    levels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in levels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("cell", sorted(figures.COLOURS))
def test_lines_stand_out_on_both_pages(cell):
    """At least 3 : 1, as WCAG 2 asks of graphics."""
    colour = figures.COLOURS[cell]
    assert contrast(colour, "#ffffff") >= 3
    assert contrast(figures.DARK.get(colour, colour), "#121212") >= 3


def test_text_stands_out_on_both_pages():
    for ink in (figures.INK, figures.MUTED):
        assert contrast(ink, "#ffffff") >= 4.5
        assert contrast(figures.DARK[ink], "#121212") >= 4.5


def test_cells_are_told_apart_without_colour():
    assert figures.COLOURS.keys() == figures.MARKERS.keys()
    assert len(set(figures.MARKERS.values())) == len(figures.MARKERS)
    assert len(set(figures.COLOURS.values())) == len(figures.COLOURS)


@pytest.mark.parametrize("id", ["", "Some", "some_figure", "-some", "some-", "some--figure", "../some", "some figure"])
def test_a_bad_id_is_named(output, id):
    with pytest.raises(ValueError, match=rf"^id = {re.escape(repr(id))} is not allowed: kebab-case"):
        publish(id=id)
    assert not (output / "figures").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alt": "short"}, r"^figure 'some-figure': alt = 'short' is not allowed: at least 40 characters"),
        ({"alt": "  " * 40}, r"^figure 'some-figure': alt = "),
        ({"caption": " "}, r"^figure 'some-figure': caption = ' ' is not allowed: say what to see$"),
        ({"data": DATA.iloc[:0]}, r"^figure 'some-figure': data of shape \(0, 3\) is not allowed: at least one row$"),
        ({"data": pd.DataFrame()}, r"^figure 'some-figure': data of shape \(0, 0\) is not allowed"),
        (
            {"columns": {"cell": "lstm or gru", "loss": " "}},
            r"^figure 'some-figure': columns lack what seed, loss of its data means$",
        ),
        (
            {"columns": {**COLUMNS, "lag": "steps"}},
            r"^figure 'some-figure': columns explain lag, and its data have cell, seed, loss$",
        ),
    ],
)
def test_what_is_missing_is_named(output, changes, message):
    with pytest.raises(ValueError, match=message):
        publish(**changes)
    assert not (output / "figures").exists()


def test_the_record_beside_a_figure_is_complete(published):
    output, _ = published
    record = json.loads((output / "figures" / "some-figure.json").read_text())
    assert {"commit", "dirty", "date", "machine", "versions"} <= record.keys()
    assert record["files"] == {
        "svg": "some-figure.svg",
        "dark": "some-figure.dark.svg",
        "pdf": "some-figure.pdf",
        "png": "some-figure.png",
        "csv": "some-figure.csv",
    }
    assert (record["id"], record["chapter"], record["alt"]) == ("some-figure", "part/name", ALT)
    assert record["columns"] == COLUMNS
    assert (record["seeds"], record["runs"], record["measured"]) == (3, 6, True)
    assert (record["parameters"], record["published"]) == ({"seeds": 3}, False)
    assert record["command"] == "papermill chapters/part/name.ipynb out.ipynb -p seeds 3"
    assert record["seconds"] >= 0
    assert json.loads((output / "chapter.json").read_text())["figures"] == ["some-figure"]


def test_a_notebook_shows_one_output_with_a_picture_to_fall_back_on(published):
    output, shown = published
    bundle, _ = shown._repr_mimebundle_()
    assert bundle["application/vnd.book.figure+json"] == {"id": "some-figure"}
    assert bundle["image/png"] == (output / "figures" / "some-figure.png").read_bytes()


def test_all_files_share_one_layout(output, monkeypatch):
    """Laid out anew, each file would take twice the time, and a narrower font could move what stands in it."""
    laid_out = []
    engine = mpl.layout_engine.ConstrainedLayoutEngine
    execute = engine.execute
    monkeypatch.setattr(engine, "execute", lambda self, fig: (laid_out.append(fig), execute(self, fig)))
    publish()
    assert len(laid_out) == 1
