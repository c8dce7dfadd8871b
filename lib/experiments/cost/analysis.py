"""From the readings of the chapter *performance/cost* to its captions, numbers and sentences."""

from __future__ import annotations

import pandas as pd

from evidence import verdicts
from evidence.format import listed
from evidence.statistics import Interval
from experiments.cost import runs
from experiments.cost.runs import PAIRS
from experiments.shared import workloads
from gatedrnn.kernels import matched

MISSING = "not measured here"
KINDS = ("light", "middle", "heavy")

TITLES = {
    "oneDNN": "PyTorch, default",
    "native": "PyTorch, no oneDNN",
    "ONNX Runtime": "ONNX Runtime",
    "matched": "matched kernels",
}


def availability() -> str:
    """Whether the matched kernels took part, in one sentence."""
    if matched.available():
        return "They were compiled on the machine that built this page."
    return f"They could not be compiled on the machine that built this page ({matched.problem()}), so they are missing."


def span(values: pd.Series, form: str = "{:.2f}") -> str:
    """Print the range of some values, such as `1.20 to 5.90`."""
    values = values.dropna()
    if values.empty:
        return MISSING
    low, high = form.format(values.min()), form.format(values.max())
    return low if low == high else f"{low} to {high}"


def tally(ratios: pd.DataFrame) -> str:
    """In how many shapes the GRU is surely faster or slower, for each mode, one implementation."""
    parts = []
    for mode, part in ratios.groupby("mode", sort=False):
        faster, slower = int((part["high"] < 1).sum()), int((part["low"] > 1).sum())
        parts.append(f"{mode} {faster} and {slower} of {len(part)}")
    return ", ".join(parts)


def map_caption(ratios: pd.DataFrame, length: int, rounds: int, threads: int = 1) -> str:
    """Caption of a speed-ratio map."""
    counts = "; ".join(f"{TITLES[side]}: {tally(part)}" for side, part in ratios.groupby("implementation", sort=False))
    many = f"{threads} thread" + "s" * (threads > 1)
    onnx = " ONNX Runtime's threads compete with PyTorch's for the cores: read nothing into its row." * (threads > 1)
    return (
        f"The speed-ratio map: GRU time ÷ LSTM time on {many}, T = {length}. Shapes in which the GRU is surely faster and "
        f"surely slower: {counts}. Thick line: the border of “surely faster”. In brackets: the 95 % interval contains 1. "
        f"Medians of {rounds} interleaved rounds.{onnx}"
    )


def map_alt(ratios: pd.DataFrame) -> str:
    """A speed-ratio map in words: its lightest and heaviest corners."""
    parts = []
    for (side, mode), part in ratios.groupby(["implementation", "mode"], sort=False):
        rows = part.sort_values(["hidden_size", "batch_size"])
        ends = [f"{row.ratio:.2f} at H = {row.hidden_size}, B = {row.batch_size}" for row in rows.itertuples()]
        parts.append(f"{mode}, {TITLES[side]}: {ends[0]}, {ends[-1]}")
    return "Heat maps of GRU time over LSTM time by hidden size and batch size. " + "; ".join(parts) + "."


def map_numbers(ratios: pd.DataFrame) -> dict[str, str]:
    """Ranges of the ratio by mode, implementation and work; and from which width on the stock GRU is faster."""
    work = [runs.regime(h, b) for h, b in zip(ratios["hidden_size"], ratios["batch_size"], strict=True)]
    table = ratios.assign(work=work)
    found: dict[str, str] = {}
    for mode in workloads.MODES:
        for side in PAIRS:
            rows = table[(table["mode"] == mode) & (table["implementation"] == side)]
            key = f"{mode}-{side.replace(' ', '-')}"
            found |= {f"{key}-{kind}": span(rows[rows["work"] == kind]["ratio"]) for kind in KINDS}
            found[f"{key}-median"] = span(rows["ratio"].quantile([0.5]))
            found[f"{key}-middle-half"] = span(rows["ratio"].quantile([0.25, 0.75]))
    stock = ratios[(ratios["mode"] == "training") & (ratios["implementation"] == "oneDNN")]
    ends = sorted({int(stock["batch_size"].min()), int(stock["batch_size"].max())})
    starts = {batch: runs.onward(stock[stock["batch_size"] == batch], "hidden_size") for batch in ends}
    crossed = [f"from hidden size {start} on with batch size {batch}" for batch, start in starts.items() if start]
    found["crossing"] = listed(crossed) if crossed else f"at no width with batch size {listed(map(str, ends), 'or')}"
    found["limit-light"], found["limit-heavy"] = (f"{value / 1e6:.0f} million" for value in (runs.LIGHT, runs.HEAVY))
    return found


def shares_caption(table: pd.DataFrame) -> str:
    """Caption of the figure that takes the stock ratio apart."""
    ends = f"B = {table['batch_size'].min()} and {table['batch_size'].max()}"
    return (
        f"The ratio of stock PyTorch taken apart, {ends}, one thread. Green: the same cells on matched kernels, so "
        "architecture alone. Dots: stock PyTorch. The arrow between them is what the unequal kernels of stock PyTorch "
        f"add. Architecture makes {span(table['architecture'])}; kernels multiply it by {span(table['kernel'])}."
    )


def shares_alt(table: pd.DataFrame) -> str:
    """The same in words."""
    parts = [
        f"{row.mode} H = {row.hidden_size}, B = {row.batch_size}: stock {row.stock:.2f}, matched {row.architecture:.2f}"
        for row in table[table["batch_size"] == table["batch_size"].min()].itertuples()
    ]
    return (
        "Dots of the GRU to LSTM ratio by hidden size, stock and matched, joined by arrows. " + "; ".join(parts) + "."
    )


def share_numbers(table: pd.DataFrame) -> dict[str, str]:
    """How much of the stock ratio is architecture and how much is kernel."""
    found = {}
    for mode in workloads.MODES:
        part = table[(table["mode"] == mode) & table["architecture"].notna()]
        found[f"architecture-{mode}"] = span(part["architecture"].quantile([0.5])) if len(part) else MISSING
        found[f"kernel-{mode}"] = span(part["kernel"])
        against = int(((part["architecture"] < 1) & (part["stock"] > 1)).sum())
        found[f"against-{mode}"] = f"{against} of {len(part)} shapes"
        found[f"won-{mode}"] = f"{int((part['stock'] < 0.95).sum()) or 'none'} of {len(part)} shapes"
    return found


def speed_numbers(table: pd.DataFrame) -> dict[str, str]:
    """Medians and extremes over the shapes of how many times as fast as stock each cell runs on matched kernels."""
    found = {}
    for cell in ("lstm", "gru"):
        for mode in workloads.MODES:
            part = table[(table["cell"] == cell) & (table["mode"] == mode) & (table["implementation"] == "matched")]
            found[f"gain-{cell}-{mode}"] = span(part["ratio"], "{:.1f}")
    return found


def kernel_numbers(kernels: pd.DataFrame, floors: pd.Series) -> dict[str, str]:
    """Operator calls and floors of the time of a step."""
    counts = kernels.set_index(["cell", "onednn", "mode"])["per_step"]
    same = kernels[kernels["cell"] == "gru"].groupby("mode")["per_step"].nunique().eq(1).all()
    found = {"gru-same": "the same calls" if same else "not the same calls"}
    for cell, allowed, name in (("lstm", True, "oneDNN"), ("lstm", False, "native"), ("gru", True, "gru")):
        found[f"calls-{name}"] = f"{counts[cell, allowed, 'inference']:.0f}"
        found[f"calls-{name}-training"] = f"{counts[cell, allowed, 'training']:.0f}"
    names = {"LSTM, oneDNN": "oneDNN", "LSTM, native": "native", "GRU": "gru"}
    names |= {"LSTM, matched": "matched-lstm", "GRU, matched": "matched-gru"}
    for contender, name in names.items():
        found[f"floor-{name}"] = f"{floors[contender]:.1f} µs" if contender in floors else MISSING
    found["toll"] = f"{floors['GRU'] / counts['gru', True, 'inference']:.1f} µs"
    found["fused-name"] = kernels.set_index(["cell", "onednn", "mode"])["products"]["lstm", True, "inference"]
    return found


def kernels_alt(kernels: pd.DataFrame, floors: pd.Series) -> str:
    """The figure of calls and floors in words."""
    counts = kernels[kernels["mode"] == "inference"].set_index(["cell", "onednn"])["per_step"]
    calls = ", ".join(
        f"{cell.upper()} {'with' if allowed else 'without'} oneDNN {n:.0f}" for (cell, allowed), n in counts.items()
    )
    least = ", ".join(f"{name} {value:.1f} µs" for name, value in floors.items())
    return f"Operator calls for each time step of inference: {calls}. Least time of a step: {least}."


def roofline_caption(table: pd.DataFrame, peak: float) -> str:
    """Caption of the roofline figure."""
    batches = table["batch_size"].min(), table["batch_size"].max()
    return (
        f"GFLOP/s of each implementation on one thread: FLOPs of the products counted from the shapes, over the time "
        f"measured. Faint: B = {batches[0]}, full: B = {batches[1]}. Dashed: one large matrix product in PyTorch, "
        f"{peak:.0f} GFLOP/s, the roof of one library; what multiplies with another may pass it. Grey band: the bare product of "
        "one time step."
    )


def roofline_alt(table: pd.DataFrame) -> str:
    """The roofline in words: the share of the limit at the largest batch and three widths."""
    sizes = sorted(table["hidden_size"].unique())
    shown = [sizes[0], sizes[len(sizes) // 2], sizes[-1]]
    rows = table[(table["batch_size"] == table["batch_size"].max()) & table["hidden_size"].isin(shown)]
    parts = [
        f"{name}, {mode}: "
        + ", ".join(
            f"{100 * share:.0f} % at H = {h}" for h, share in zip(part["hidden_size"], part["share"], strict=True)
        )
        for (name, mode), part in rows.groupby(["name", "mode"], sort=False)
    ]
    return "Lines of GFLOP/s against hidden size; shares of the limit at the largest batch. " + "; ".join(parts) + "."


def roofline_numbers(table: pd.DataFrame, bare: pd.DataFrame, peak: float) -> dict[str, str]:
    """Shares of the limit, in training, at the ends of the map."""
    found = {"peak": f"{peak:.0f} GFLOP/s"}
    narrow, wide = table["hidden_size"].min(), table["hidden_size"].max()
    few, many = table["batch_size"].min(), table["batch_size"].max()
    found |= {"narrow": str(narrow), "wide": str(wide), "few": str(few), "many": str(many)}
    spots = {"narrow": (narrow, many), "wide": (wide, many), "single": (wide, few)}
    rows = table[table["mode"] == "training"].set_index(["name", "hidden_size", "batch_size"])["share"]
    names = {"LSTM, oneDNN": "lstm", "GRU": "gru", "LSTM, matched": "matched-lstm", "GRU, matched": "matched-gru"}
    for name, key in names.items():
        for spot, (hidden, batch) in spots.items():
            share = rows.get((name, hidden, batch))
            found[f"roof-{key}-{spot}"] = MISSING if share is None else f"{100 * share:.0f} %"
    alone = bare.set_index(["hidden_size", "batch_size"])["gflops"]
    found["bare-single"] = f"{100 * alone[wide, few] / peak:.0f} %"
    return found


def change_numbers(ratios: pd.DataFrame, threaded: pd.DataFrame) -> dict[str, str]:
    """By what the median ratio is multiplied when there are more threads, by mode and implementation."""
    key = ["mode", "implementation", "hidden_size", "batch_size"]
    both = threaded.merge(ratios, on=key, suffixes=("_more", "_one"))
    both["change"] = both["ratio_more"] / both["ratio_one"]
    change = both.groupby(["mode", "implementation"])["change"].median()
    return {
        f"change-{mode}-{side.replace(' ', '-')}": f"{change[mode, side]:.2f}" if (mode, side) in change else MISSING
        for mode in workloads.MODES
        for side in PAIRS
    }


def sentence(mode: str, found: dict[str, Interval]) -> str:
    """What a verdict on time says to a reader who has to choose."""
    parts = []
    for side, name in (("oneDNN", "Stock PyTorch"), ("matched", "Equal kernels")):
        kinds = {kind: found.get(f"{side}, {kind} work, 1 thread") for kind in ("light", "heavy")}
        values = [f"{each.estimate:.2f} ({kind} work)" for kind, each in kinds.items() if each]
        if values:
            parts.append(f"{name}: the GRU takes {' and '.join(values)} times as long as the LSTM.")
    return f"{mode.capitalize()} on a CPU. " + " ".join(parts)


def margin() -> str:
    """The ledger's margin for "faster" and "less"."""
    return f"{verdicts.ledger()['P1'].margin:g}"
