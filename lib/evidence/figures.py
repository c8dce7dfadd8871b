"""One look for all figures, and `publish`: the one way for a figure to enter the book.

Colours and markers belong to cells, the same throughout the book. They are told apart by readers who are colour
blind (after Okabe and Ito) and have enough contrast on a white and on a dark page; on a dark page the neutral inks are
swapped.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.figure import Figure

from evidence import paths, provenance
from evidence.record import current, write_json

WIDTH = 7.2
"""Width of a figure over the full page, in inches."""

COLOURS = {
    "lstm": "#0077bb",
    "gru": "#dd6611",
    "gru_before": "#b8860b",
    "rnn": "#7d7d7d",
    "relu": "#9b59b6",
    "fastgrnn": "#6f4e37",
    "minlstm": "#1b8a8a",
    "mingru": "#aa3377",
    "baseline": "#8a8f98",
}
MARKERS = {
    "lstm": "o",
    "gru": "s",
    "gru_before": "D",
    "rnn": "^",
    "relu": "v",
    "fastgrnn": "P",
    "minlstm": "p",
    "mingru": "X",
    "baseline": "x",
}
LABELS = {
    "lstm": "LSTM", "gru": "GRU", "gru_before": "GRU (reset before)", "minlstm": "minLSTM", "mingru": "minGRU",
    "fastgrnn": "FastGRNN", "rnn": "tanh RNN", "relu": "ReLU RNN",
}  # fmt: skip
ACCENTS = {"good": "#1a9870", "bad": "#cc3344", "light": "#9ecae1"}

INK, MUTED, FAINT, PAPER = "#1f2430", "#5b6270", "#d5d9e0", "#fffffe"
DARK = {
    INK: "#e8eaf0",
    MUTED: "#a8b0be",
    FAINT: "#3a414e",
    PAPER: "#14181e",
    COLOURS["lstm"]: "#4fb3f0",
    COLOURS["gru"]: "#ff9147",
    COLOURS["gru_before"]: "#e0b84a",
    COLOURS["rnn"]: "#a5a5a5",
    COLOURS["relu"]: "#c39bd3",
    COLOURS["fastgrnn"]: "#c9a58a",
    COLOURS["minlstm"]: "#4fc9c4",
    COLOURS["mingru"]: "#ee8ac0",
    COLOURS["baseline"]: "#a8b0be",
    ACCENTS["good"]: "#3fcf9f",
    ACCENTS["bad"]: "#ff6b7a",
}
"""Light ink → the ink that replaces it on a dark page."""

STYLE: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "figure.figsize": (WIDTH, 3.4),
    "figure.dpi": 110,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.hashsalt": "lstm-vs-gru",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "patch.edgecolor": INK,
    "patch.force_edgecolor": False,
    "axes.prop_cycle": cycler(color=[COLOURS["lstm"], COLOURS["gru"], COLOURS["rnn"], COLOURS["relu"]]),
}


@dataclass(frozen=True)
class Published:
    """A published figure; a notebook shows it, and the book makes a numbered figure with a card of it."""

    id: str
    png: bytes

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = {"application/vnd.book.figure+json": {"id": self.id}, "image/png": self.png, "text/plain": self.id}
        return bundle, {}


def use_style() -> None:
    """Set the book's figure style for this process."""
    sns.set_theme(context="paper", style="ticks", rc=STYLE)


def publish(
    fig: Figure,
    id: str,
    caption: str,
    alt: str,
    data: pd.DataFrame,
    *,
    columns: Mapping[str, str],
    seeds: int | None = None,
    runs: int | None = None,
    measured: bool = False,
) -> Published:
    """Write a figure under a stable name, in every form that readers ask for, with a record of its origin.

    Args:
        fig: the figure; it is closed.
        id: kebab-case name, unique in the book: its anchor is `fig-<id>`.
        caption: what to see, in Markdown; made from numbers where it states any.
        alt: the figure in words for those who cannot see it; at least 40 characters.
        data: what is drawn, tidy, one row an observation (every seed).
        columns: what each column of `data` means, in a line, with its unit; the card under the figure shows it.
        seeds, runs: how many are behind the figure.
        measured: timings, taken where the book is built.

    Writes `figures/<id>.svg`, `.dark.svg`, `.pdf`, `.png`, `.csv` and `.json` into the chapter's output.

    Raises:
        ValueError: a bad id, a missing caption or alt text, no data, or a column without meaning or of other data.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise ValueError(f"id = {id!r} is not allowed: kebab-case, such as 'ablation-loss'")
    if not caption.strip():
        raise ValueError(f"figure {id!r}: caption = {caption!r} is not allowed: say what to see")
    if len(alt.strip()) < 40:
        raise ValueError(f"figure {id!r}: alt = {alt!r} is not allowed: at least 40 characters that tell the figure")
    if data.empty:
        raise ValueError(f"figure {id!r}: data of shape {data.shape} is not allowed: at least one row")
    if unexplained := [name for name in map(str, data) if not columns.get(name, "").strip()]:
        raise ValueError(f"figure {id!r}: columns lack what {', '.join(unexplained)} of its data means")
    if unknown := sorted({*columns} - {*map(str, data)}):
        raise ValueError(
            f"figure {id!r}: columns explain {', '.join(unknown)}, and its data have {', '.join(map(str, data))}"
        )
    running = current()
    folder = (running.folder if running else paths.output()) / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    fig.draw_without_rendering()
    with plt.rc_context({"figure.constrained_layout.use": False}):  # laid out once, or each file would be drawn twice
        fig.set_layout_engine(None)
        light = _svg(fig)
        with _lean_fonts():
            fig.savefig(folder / f"{id}.pdf", metadata={"CreationDate": None})
        fig.savefig(folder / f"{id}.png", dpi=200, facecolor="white", metadata={"Software": None})
    (folder / f"{id}.svg").write_text(light, encoding="utf-8")
    (folder / f"{id}.dark.svg").write_text(darken(light), encoding="utf-8")
    data.to_csv(folder / f"{id}.csv", index=False)
    plt.close(fig)
    about = {"id": id, "caption": caption, "alt": alt, "seeds": seeds, "runs": runs, "measured": measured}
    _sidecar(folder / f"{id}.json", {**about, "columns": {name: columns[name] for name in map(str, data)}})
    if running:
        running.add("figures", id)
    return Published(id, (folder / f"{id}.png").read_bytes())


def darken(svg: str) -> str:
    """The same SVG for a dark page: neutral inks and cell colours replaced, nothing else."""
    return re.sub(r"#[0-9a-f]{6}", lambda match: DARK.get(match[0], match[0]), svg)


def _svg(fig: Figure) -> str:
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


@contextlib.contextmanager
def _lean_fonts() -> Iterator[None]:
    """Embed fonts without the tables for setting text: every glyph has its place already.

    Cutting these tables to the glyphs in use takes nearly half of the time of a PDF. Matplotlib has no option for it.
    """
    from fontTools.subset import Options

    before = Options._drop_tables_default
    Options._drop_tables_default = [*before, "GDEF", "GPOS", "GSUB", "kern"]
    try:
        yield
    finally:
        Options._drop_tables_default = before


def _sidecar(path: Path, about: dict[str, Any]) -> None:
    running = current()
    record = running.record if running else {}
    head, dirty = provenance.commit()
    id = about["id"]
    files = {"svg": f"{id}.svg", "dark": f"{id}.dark.svg", "pdf": f"{id}.pdf", "png": f"{id}.png", "csv": f"{id}.csv"}
    write_json(
        path,
        {
            **about,
            "chapter": record.get("chapter"),
            "files": files,
            "commit": head,
            "dirty": dirty,
            "date": record.get("date"),
            "machine": provenance.machine(),
            "versions": provenance.versions(),
            "parameters": record.get("parameters", {}),
            "published": record.get("published", False),
            "seconds": round(time.perf_counter() - running.started, 2) if running else None,
            "command": running.command if running else None,
        },
    )
