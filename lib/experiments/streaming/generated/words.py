"""Sentences, captions and descriptions of the chapter *applications/streaming*, made from its runs and readings."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.statistics import Interval, bootstrap, ratio_bootstrap
from evidence.verdicts import ledger
from experiments.streaming.analysis import MATCHES, MODELS, PLAIN, about, best, label, micro, part, ratio, title
from experiments.streaming.runs import operations
from tasks import glucose

NAMES = {
    "persistence": 'the forecast "as now"',
    "autoregression": "the autoregression",
    "river linear": "river's linear model",
    "river tree": "river's tree",
}

NEAR = "At this size most of either is fixed cost: one call at a time, the clock hardly tells the two cells apart."


def numbers(runs: pd.DataFrame, base: pd.DataFrame, window: int) -> Iterator[tuple[str, str]]:
    """Names and texts of what the prose quotes; all rest on stored runs."""
    for row in base.to_dict("records"):
        yield f"rmse-{row['kind'].replace(' ', '-')}", f"{row['rmse']:.2f}"
    for cell, match in MODELS:
        own = part(runs, cell, match)
        width = int(own["width"].iloc[0])
        yield f"rmse-{cell}-{match}", bootstrap(own["rmse"]).format("{:.2f}")
        yield f"width-{cell}-{match}", str(width)
        yield f"parameters-{cell}-{match}", f"{own['parameters'].iloc[0]:,}"
        yield f"flops-{cell}-{match}", f"{operations(cell, width, window):,}"
    yield "updates", f"{part(runs, 'lstm')['steps_taken'].iloc[0]:,}"
    yield "ratio", ratio(runs, "operations").format("{:.3f}")
    yield "lags", str(glucose.LAGS)
    yield "forgetting", f"{base.set_index('kind').loc['autoregression', 'setting']:g}"
    yield "margin", _share(1 - ledger()["U3"].margin)
    yield "finding", finding(runs)
    yield "against", against(runs, base)
    yield "ungated", ungated(runs)
    yield "verdict", verdict_words(runs)
    yield "late", late(runs, base)


def finding(runs: pd.DataFrame) -> str:
    """Which cell errs less, at equal operations and at equal width."""
    parts = []
    for match in ("operations", "width"):
        found = ratio(runs, match)
        parts.append(f"at {MATCHES[match]} {_who(found)} (error GRU ÷ LSTM {found.format('{:.3f}')})")
    return f"{'; '.join(parts)}."


def verdict_words(runs: pd.DataFrame) -> str:
    """What the verdict does and does not say, from the ratio at equal operations and its margin."""
    found, margin = ratio(runs, "operations"), ledger()["U3"].margin
    text = f"At equal operations an update the GRU's error is {found.format('{:.3f}')} times the LSTM's. "
    if found.high < margin:
        return (
            text + f"All of the interval over seeds is below {margin:g}: the GRU is ahead by more than the claim asks."
        )
    if found.low > margin and found.high < 1:
        gap = f"by {_share(1 - found.estimate)}, less than the {_share(1 - margin)} that the claim asks for"
        return text + f"So the GRU is ahead, but {gap}: all of the interval over seeds is above {margin:g}."
    if found.low > margin:
        return (
            text
            + f"All of the interval over seeds is above {margin:g}: a lead as large as the claim asks is ruled out."
        )
    return text + f"The interval holds {margin:g}: these runs cannot tell."


def when(runs: pd.DataFrame) -> str:
    """Whether a lead over all readings is one of the second half too."""
    whole, later = ratio(runs, "operations"), ratio(runs, "operations", "late")
    if whole.low <= 1 <= whole.high:
        return ""
    if later.low <= 1 <= later.high:
        return "The lead was made early, by learning sooner: in the second half there is no clear difference."
    return "The second half shows a difference too."


def against(runs: pd.DataFrame, base: pd.DataFrame, metric: str = "rmse") -> str:
    """The two cells beside the best baseline."""
    kind = best(base)
    reference = float(base.loc[base["kind"] == kind, metric].iloc[0])
    parts = []
    for cell in ("lstm", "gru"):
        found = bootstrap(part(runs, cell)[metric])
        word = "less" if found.high < reference else "more" if found.low > reference else "about as much"
        parts.append(f"the {LABELS[cell]} errs {word} ({found.format('{:.2f}')} mg/dL)")
    return f"{NAMES[kind]} errs by {reference:.2f} mg/dL; {' and '.join(parts)}"


def ungated(runs: pd.DataFrame) -> str:
    """The tanh network of the same width beside the two gated cells."""
    own = part(runs, "rnn")["rmse"]
    parts = []
    for cell in ("lstm", "gru"):
        found = ratio_bootstrap(own, part(runs, cell)["rmse"])
        word = "less than" if found.high < 1 else "more than" if found.low > 1 else "about as much as"
        parts.append(f"{word} the {LABELS[cell]} (ratio {found.format('{:.3f}')})")
    gates = all(ratio_bootstrap(own, part(runs, cell)["rmse"]).high < 1 for cell in ("lstm", "gru"))
    end = " Gates are not what this stream needs." if gates else ""
    work = part(runs, "rnn")["operations"].iloc[0] / part(runs, "lstm")["operations"].iloc[0]
    return f"The tanh RNN, with no gates and {work:.2f} of the LSTM's operations, errs {' and '.join(parts)}.{end}"


def late(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The same for the second half, when everybody has learned for a while."""
    found = ratio(runs, "operations", "late")
    return (
        f"On the second half alone, {against(runs, base, 'late')}. GRU ÷ LSTM at equal operations is {found.format('{:.3f}')} "
        f"there. {when(runs)}"
    ).strip()


def advice(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """What a practitioner should do, by the errors found and the operations counted."""
    kind = best(base)
    reference = float(base.loc[base["kind"] == kind, "rmse"].iloc[0])
    own = {cell: part(runs, cell) for cell in ("lstm", "gru", "rnn")}
    errs = {cell: rows["rmse"] for cell, rows in own.items() if bootstrap(rows["rmse"]).high < reference}
    start = f"For a stream that you must learn from as it comes, start with {NAMES[kind]}"
    if not errs:
        return f"{start}: no network of this size did better here, and every one costs far more for each reading."
    least = min(errs, key=lambda cell: errs[cell].mean())
    level = [
        cell
        for cell in errs
        if all(ratio_bootstrap(errs[other], errs[cell]).high >= 1 for other in errs if other != cell)
    ]
    take = min(level or [least], key=lambda cell: own[cell]["operations"].iloc[0])
    gain = f"{reference - errs[take].mean():.2f}{NBSP}mg/dL"
    text = f"{start}. If {gain} less are worth the work to you, take the {LABELS[take]}: "
    if len(errs) == 1:
        return f"{text}no other network did better than the start."
    cost = own[take]["operations"].iloc[0]
    fewest = all(cost <= own[cell]["operations"].iloc[0] for cell in errs)
    work = "it does the fewest operations of the networks that did better" if fewest else "it costs more operations"
    return f"{text}{work}, {'and no other' if fewest else 'but every cheaper one'} errs clearly {'less' if fewest else 'more'}."


def measured(latency: pd.DataFrame, streams: pd.DataFrame, every: int) -> Iterator[tuple[str, str]]:
    """Names and texts of what rests on timings; `every` is the number of readings between two updates of a network."""
    table = latency.set_index(["name", "what"])
    for name in streams["name"]:
        for what in ("predict", "learn"):
            for point in ("p50", "p99"):
                yield f"{what}-{point}-{name.replace(' ', '-')}", _time(table.loc[(name, what), point])
    carried = streams.set_index("name")["carried"]
    for name, count in carried.items():
        yield f"carried-{str(name).replace(' ', '-')}", about(count)
    middle = table["p50"]
    clock = {what: middle["gru operations", what] / middle["lstm width", what] for what in ("predict", "learn")}
    for what, found in clock.items():
        yield f"clock-{what}", f"{found:.2f}"
    near = all(0.8 < found < 1.25 for found in clock.values())
    yield "clock", NEAR if near else "So the clock does not follow the counted work closely here."
    yield "dearer", f"{middle['lstm width', 'learn'] / middle['autoregression', 'learn']:.0f}"
    read = [
        middle[name, "predict"] + middle[name, "learn"] / each
        for name, each in (("lstm width", every), ("autoregression", 1))
    ]
    yield "reading", f"{read[0] / read[1]:.0f}"
    yield "together", together(streams)


def together(streams: pd.DataFrame) -> str:
    """How many streams one shared network serves, GRU against LSTM."""
    shared = streams.set_index("name")["shared"]
    same, work = (shared[f"gru {match}"] / shared["lstm width"] for match in ("width", "operations"))
    return (
        f"Where one network with fixed weights serves many streams side by side, the GRU of the same width serves {same:.1f} "
        f"times as many as the LSTM, the GRU of equal operations {work:.1f} times."
    )


def sentence(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """What the verdict says to a reader who has to choose."""
    rest = against(runs, base)
    return f"{verdict_words(runs)} {rest[0].upper()}{rest[1:]}."


def errors_caption(seeds: int) -> str:
    """Caption of the figure of errors."""
    return (
        f"Error of the forecast for 30 minutes ahead, each made before its answer was known. Left: over all readings so far; "
        f"thin lines are {seeds} seeds, thick ones their medians. Right: over the whole stretch, a dot a seed, bars at the means, "
        "crosses for what is no recurrent network."
    )


def errors_alt(runs: pd.DataFrame, base: pd.DataFrame) -> str:
    """The figure of errors in words."""
    parts = [f"{PLAIN[row['kind']]} {row['rmse']:.1f}" for row in base.to_dict("records")]
    parts += [f"{label(*model)} {part(runs, *model)['rmse'].mean():.1f}" for model in MODELS]
    return f"Lines of the error so far and dots of the whole error, in mg/dL: {', '.join(parts)}."


def ratios_caption(seeds: int) -> str:
    """Caption of the figure of ratios."""
    return (
        f"Error of the GRU divided by that of the LSTM; {seeds} seeds, every one a dot, medians with 95 % intervals. The "
        f"claim counts as true where the interval lies left of the dashed line, {ledger()['U3'].margin:g}."
    )


def ratios_alt(runs: pd.DataFrame) -> str:
    """The figure of ratios in words."""
    parts = [
        f"{MATCHES[match]}, {when}: {ratio(runs, match, metric).format('{:.3f}')}"
        for match in ("operations", "width")
        for metric, when in (("rmse", "all readings"), ("late", "second half"))
    ]
    return "Dot plot of the ratio of errors, GRU over LSTM. " + "; ".join(parts) + "."


def latency_caption(calls: int) -> str:
    """Caption of the figure of latencies."""
    return (
        f"How long one call takes on one thread, measured here: {calls} calls of each in turns. To predict is one reading; to "
        "learn is one update, for a network forward, backward and Adam over its window."
    )


def latency_alt(latency: pd.DataFrame) -> str:
    """The figure of latencies in words."""
    parts = [
        f"{title(row['name'])} {row['what']} {_time(row['p50'])}, 99th percentile {_time(row['p99'])}"
        for row in latency.to_dict("records")
    ]
    return "Dots of latencies on a log scale, medians: " + "; ".join(parts) + "."


def tuning_alt(rates: pd.DataFrame) -> str:
    """The figure of learning rates in words."""
    parts = [f"{LABELS[row['cell']]} {row['learning_rate']:g}" for row in rates.to_dict("records")]
    return "Error on the earlier stretch against the learning rate; the best rates are " + ", ".join(parts) + "."


def _who(found: Interval) -> str:
    if found.low > 1:
        return "the LSTM errs less"
    return "the GRU errs less" if found.high < 1 else "neither errs clearly less"


def _share(value: float) -> str:
    return f"{100 * value:.1f}".removesuffix(".0") + f"{NBSP}%"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.2f}{NBSP}ms" if seconds >= 1e-3 else f"{micro(seconds)}{NBSP}µs"
