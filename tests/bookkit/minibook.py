"""A book in miniature: two executed chapters and two pages, written as chapters and papermill write theirs."""

from __future__ import annotations

import atexit
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PROJECT = Path(__file__).resolve().parents[2]
ORIGIN = {
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "date": "2026-11-03T10:11:12+00:00",
    "machine": {"cpu": "Test CPU & Co", "cores": 2, "system": "Linux 6.1", "capability": "AVX2"},
    "versions": {"python": "3.11.9", "torch": "2.13.0", "numpy": "2.4.6"},
}
PARAMETERS = "seeds: Count = 10  # seeds of each run, at least 1\nrate: Positive = 0.003  # learning rate\n"
TOC = """format: jb-book
root: chapters/index
parts:
  - caption: Alpha
    chapters:
      - file: chapters/alpha/first
      - file: chapters/alpha/second
  - caption: About this build
    chapters:
      - file: chapters/execution
      - file: chapters/scaling
      - file: chapters/references
"""
INDEX = """---
file_format: mystnb
kernelspec:
  name: python3
---
# A small book

The gap was [1,250.50](value:first-gap); see {numref}`fig-first-lines` and {doc}`alpha/second`.
It begins with {cite:t}`hochreiter1997long`.

The first cell won [12 of 40](value:first-won) [✓](holds:first-ahead).
"""
PROSE = r"""(alpha-first)=
# Does it *begin* with $h_t$?

A question that holds the word heliotrope.

```{admonition} In short
The gap is [1,250.50](value:first-gap) and {numref}`fig-first-lines` shows it {cite:p}`gers2000learning`.
```
"""
HTML = '<img src="x" onerror="document.title = 1">'
MATHS = r"""## What the cell computes

Inline $\boldsymbol{W}\mathbf{x}_t \in \mathbb{R}^{H\times I}$, $\tilde{c}_t = \tanh(W_c x_t + b)$ and $\mathcal{L} < \log_2 8$.

$$
\begin{aligned}
i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) \\
\tilde{c}_t &= \tanh(W_c x_t + U_c h_{t-1} + b_c) \\
c_t &= f_t \odot c_{t-1} + i_t \odot \tilde{c}_t
\end{aligned}
$$ (eq-cell)

Equation {eq}`eq-cell` is followed by

\begin{align*}
\left\lVert \frac{\partial h_T}{\partial h_t} \right\rVert &\le \prod_{k=t+1}^{T} \operatorname{diag}(f_k)
  \qquad \text{for all } t < T \\
\hat{y} &= \begin{cases} 1 & x > 0 \\ 0 & \text{else}\end{cases}
\end{align*}
"""


@cache
def _original() -> Path:
    folder = Path(mkdtemp(prefix="minibook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _write(folder)


def write(root: Path) -> Path:
    """Write the book and its executed chapters (`_build/executed`) into the folder `root`; it is made once."""
    shutil.copytree(_original(), root, dirs_exist_ok=True)
    return root


def _write(root: Path) -> Path:
    for name in ("_config.yml", "references.bib", "CITATION.cff"):
        shutil.copyfile(PROJECT / name, root / name)
    (root / "_toc.yml").write_text(TOC)
    (root / "chapters" / "alpha").mkdir(parents=True)
    for name in ("execution.md", "scaling.md", "references.md"):
        shutil.copyfile(PROJECT / "chapters" / name, root / "chapters" / name)
    (root / "chapters" / "index.md").write_text(INDEX)
    write_chapter(root, "alpha/first", PROSE, [MATHS], "first-lines", measured=False, changed={})
    second = (
        "(alpha-second)=\n# A second chapter\n\nBack to {numref}`fig-first-lines`. With [10](value:second.seeds) seeds "
        "the cell of *this* chapter won [40 of 40](value:second-won) [✓](holds:second-ahead).\n"
    )
    write_chapter(root, "alpha/second", second, [], "second-lines", measured=True, changed={"seeds": 2})
    return root


def write_chapter(
    root: Path, name: str, prose: str, more: list[str], figure: str, measured: bool, changed: dict[str, object]
) -> None:
    """Write one chapter, and what papermill would have made of it."""
    short = name.rpartition("/")[2]
    cells = [
        new_markdown_cell(prose, id="title"),
        new_code_cell("import json", id="imports", metadata={"tags": ["remove-cell"]}),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell("begin()", id="begin", metadata={"tags": ["remove-cell"]}),
        *(new_markdown_cell(text, id=f"more-{index}") for index, text in enumerate(more)),
        new_code_cell("print('a result')\nplot()", id="plot"),
        new_code_cell("table()", id="table", metadata={"tags": ["hide-input"]}),
        new_markdown_cell("What it means.", id="meaning"),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "book": {"kind": "light"}}
    source = root / "chapters" / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=metadata), source)
    done = nbformat.read(source, as_version=4)
    done.cells.insert(3, new_code_cell("# Parameters\nseeds = 2\n", metadata={"tags": ["injected-parameters"]}))
    plot = next(cell for cell in done.cells if cell.id == "plot")
    plot.outputs = [
        new_output("stream", name="stdout", text="a result\n"),
        new_output("stream", name="stderr", text="/home/someone/secret: a warning\n"),
        new_output(
            "display_data",
            data={
                "application/vnd.book.figure+json": {"id": figure},
                "image/png": "iVBORw0KGgo=",
                "text/plain": figure,
            },
        ),
    ]
    table = next(cell for cell in done.cells if cell.id == "table")
    ledger = (
        "| Claim | Figure |\n|---|---|\n| A1 is **supported** | {numref}`fig-first-lines` |\n\n"
        f"|  | Claim | Effect | p | Evidence |\n|---|---|---:|---|---|\n| A1 | {HTML} | +1 | | none |\n|  | again | 0 | | |\n"
        f"\n{HTML}\n"
    )
    frame = pd.DataFrame({"steps": [10, 200], "error": [0.25, 0.125]}).to_html(index=False)
    table.outputs = [
        new_output("display_data", data={"text/markdown": ledger, "text/plain": "<Markdown>"}),
        new_output("display_data", data={"text/html": frame, "text/plain": "a"}),
    ]
    plot.metadata["papermill"] = {"start_time": "2026-11-03T10:11:12", "duration": 1.5}
    plot.execution_count = 4
    folder = root / "_build" / "executed" / name
    (folder / "figures").mkdir(parents=True)
    nbformat.write(done, folder / "notebook.ipynb")
    published = {"seeds": 10, "rate": 0.003}
    origin = {
        **ORIGIN,
        "chapter": name,
        "parameters": {**published, **changed},
        "published": not changed,
        "seconds": 42.5,
    }
    sweep = {"name": short, "runs": 240, "found": 230, "computed": 10, "reasons": {"no stored run": 10}}
    record = {
        **origin,
        "published_parameters": published,
        "sweeps": [{**sweep, "core_seconds": 384.0, "seconds": 6.0}],
        "figures": [figure],
        "verdicts": [],
        "values": {
            f"{short}-won": {"text": "12 of 40", "measured": False},
            f"{short}-gap": {"text": "1,250.50", "measured": False},
        },
        "checks": {
            f"{short}-ahead": {
                "holds": not changed,
                "shown": "+3 [1, 5] <points>",
                "measured": False,
                "symmetric": False,
            }
        },
    }
    (folder / "chapter.json").write_text(json.dumps(record))
    write_figure(folder / "figures", figure, {**origin, "measured": measured})


def write_figure(folder: Path, figure: str, origin: dict[str, object]) -> None:
    """Write the files of one figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    for ending, ink in (("svg", "#1f2430"), ("dark.svg", "#e8eaf0")):
        with plt.rc_context(
            {"text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": ink, "xtick.color": ink, "ytick.color": ink}
        ):
            fig, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained", dpi=50)
            axes.plot([1, 2, 4, 8], [0.9, 0.5, 0.3, 0.25], color="#0077bb", marker="o")
            axes.plot([1, 2, 4, 8], [0.95, 0.6, 0.35, 0.2], color="#dd6611", marker="s")
            axes.set(xlabel="lag, steps", ylabel="error")
            for kind in ["svg", "pdf", "png"] if ending == "svg" else ["dark.svg"]:
                fig.savefig(folder / f"{figure}.{kind}", format=kind.rpartition(".")[2], transparent=True)
            plt.close(fig)
    (folder / f"{figure}.csv").write_text("lag,error\n1,0.9\n")
    columns = {"lag": "steps between the symbol and the question", "error": "share of <wrong> answers, 0 to 1"}
    files = {kind: f"{figure}.{kind}" for kind in ("svg", "pdf", "png", "csv")}
    sidecar = {
        **origin,
        "id": figure,
        "caption": "Error against lag, **both** cells & $h_t$ <b>bold</b>. Dots are seeds.",
        "alt": 'Two falling curves: "LSTM" ends at 0.25 and GRU at 0.20 of <chance>.',
        "files": {**files, "dark": f"{figure}.dark.svg"},
        "seeds": 10,
        "runs": 240,
        "columns": columns,
        "command": "papermill chapters/alpha/first.ipynb out.ipynb -p seeds 10 -p rate 0.003",
    }
    (folder / f"{figure}.json").write_text(json.dumps(sidecar))
