"""Sentences of the chapter *memory/counting*, from its runs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy.stats import spearmanr

from evidence.figures import LABELS
from evidence.statistics import ratio_bootstrap
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, DEPENDS, INCONCLUSIVE, SUPPORTED, Verdict, ledger
from experiments.counting.analysis import CELLS, GATED, LANGUAGES, WEISS, ratio, select, share_beyond


def fails(rows: pd.DataFrame) -> str:
    """Median and range of the first failing n, such as `61 (34 to 215)`; with `>` where it is censored."""
    tested = int(rows["tested"].iloc[0])
    low, middle, high = (_n(each, tested) for each in rows["fails_at"].quantile([0, 0.5, 1]))
    return f"{middle} ({low} to {high})"


def count(rows: pd.DataFrame, n: int) -> str:
    """How many seeds are right for every string up to n, with the Wilson interval of the share."""
    found = share_beyond(rows, n)
    return f"{round(found.estimate * found.n)} of {found.n} seeds [{100 * found.low:.0f}, {100 * found.high:.0f}] %"


def made(right: Mapping[tuple[str, str], bool]) -> str:
    """Which networks with weights written by hand are right on the one long string."""
    parts = [
        f"{LABELS[cell]} on {LANGUAGES[language]} {'yes' if done else 'no'}" for (cell, language), done in right.items()
    ]
    return ", ".join(parts)


def finding(runs: pd.DataFrame, language: str) -> str:
    """How far LSTM and GRU count in one language, at equal width."""
    first, second = (select(runs, cell, language=language) for cell in ("lstm", "gru"))
    return (
        f"The shortest string of {LANGUAGES[language]} that the LSTM gets wrong has n = {fails(first)}, that of the GRU "
        f"n = {fails(second)}: medians and ranges over {len(first)} seeds. Their ratio is "
        f"{ratio(runs, language).format('{:.2f}')}, and at equal parameters {ratio(runs, language, 'parameters').format('{:.2f}')}."
    )


def plain(runs: pd.DataFrame, longest: int) -> str:
    """How many seeds of the networks without gates learned the training range at all."""
    parts = [f"the {LABELS[cell]} {count(select(runs, cell, language='anbn'), longest)}" for cell in ("rnn", "relu")]
    return "Of the networks without gates: " + ", ".join(parts) + "."


def settled(runs: pd.DataFrame, longest: int) -> str:
    """What was learned, by what share of seeds, how far: the two papers beside each other."""
    rows = select(runs, "lstm", language="anbn")
    twice, far, tested = share_beyond(rows, 2 * longest), share_beyond(rows, WEISS), int(rows["tested"].iloc[0])
    text = (
        f"Of the LSTMs, {count(rows, 2 * longest)} are right for every n up to {2 * longest}, twice the training range."
    )
    if far.estimate == 0 and tested >= WEISS:
        text += f" None gets to {WEISS}."
    elif tested >= WEISS:
        if far.low > 0.5:
            said = "the optimistic reading holds for most seeds"
        elif far.high < 0.5:
            said = "most do not get that far"
        else:
            said = "whether most seeds get that far is not decided"
        text += f" Right up to {WEISS} are {count(rows, WEISS)}: {said}."
        if tested > WEISS:
            text += f" Never failed up to n = {tested}: {_number(int(rows['censored'].sum()))}."
    return text + (
        " So the LSTM counts beyond what it has seen, and by how much is a matter of the seed."
        if twice.estimate > 0
        else " So what it learned does not reach even twice what it has seen."
    )


def settled_shortly(runs: pd.DataFrame, longest: int) -> str:
    """The same in one sentence."""
    rows = select(runs, "lstm", language="anbn")
    far = min(WEISS, int(rows["tested"].iloc[0]))
    reached, beyond = (int((rows["fails_at"] > n).sum()) for n in (2 * longest, far))
    return (
        f"Of {len(rows)} LSTMs {_number(reached)} {'is' if reached == 1 else 'are'} right for every n up to {2 * longest}, twice "
        f"the training range, and {_number(beyond)} up to {far}."
    )


def unfailed(part: pd.DataFrame) -> str:
    """How many of some runs never failed, such as `none of the 200` or `1 of the 20`."""
    return f"{_number(int(part['censored'].sum()))} of the {len(part)}"


def unfailed_beside(longer: pd.DataFrame) -> str:
    """How many never failed of the runs that were trained twice as long, by cell."""
    parts = [f"{unfailed(select(longer, cell, language='anbn'))} {LABELS[cell]}s" for cell in ("lstm", "gru")]
    return f"{parts[0]} and {parts[1]} trained twice as long"


def resets(runs: pd.DataFrame) -> str:
    """The two GRUs beside each other."""
    parts = []
    for language, name in LANGUAGES.items():
        after, before = (select(runs, cell, language=language)["fails_at"] for cell in ("gru", "gru_before"))
        found = ratio_bootstrap(before.to_numpy(), after.loc[before.index].to_numpy())
        apart = "no difference can be told" if found.low <= 1 <= found.high else "they differ"
        parts.append(f"{found.format('{:.2f}')} on {name} ({apart})")
    return "First failing n with the reset before the product ÷ after it: " + " and ".join(parts) + "."


def paces(runs: pd.DataFrame) -> str:
    """Whether the counting unit keeps its pace beyond the training range, by cell."""
    parts = []
    for cell in GATED:
        pace = select(runs, cell, language="anbn")["pace"]
        low, middle, high = pace.quantile([0.25, 0.5, 0.75])
        parts.append(f"{LABELS[cell]} {middle:.2f} (middle half of the seeds {low:.2f} to {high:.2f})")
    return ", ".join(parts).replace("-", "−")


def mistakes(runs: pd.DataFrame) -> str:
    """Which way the first mistake goes, by cell."""
    parts = []
    for cell in GATED:
        early = select(runs, cell, language="anbn")["early"].dropna().astype(bool)
        parts.append(f"{LABELS[cell]} {int(early.sum())} of {len(early)}")
    return ", ".join(parts)


def foretold(runs: pd.DataFrame) -> str:
    """Whether the fit on the training range tells how far an LSTM will count."""
    rows = select(runs, "lstm", language="anbn")
    if rows["fit"].nunique() < 2 or rows["fails_at"].nunique() < 2:
        return "All seeds are alike here, so nothing can be foretold."
    if len(rows) < 3:
        return "with two seeds no relation can be told"
    found = spearmanr(rows["fit"], rows["fails_at"])
    said = (
        "a better fit goes with a longer reach" if found.statistic > 0 else "a better fit does not mean a longer reach"
    )
    if found.pvalue >= 0.05:
        said = "no relation can be told"
    elif found.pvalue >= 0.01:
        said = f"a weak hint that {said}"
    return f"rank correlation {found.statistic:+.2f}, p = {found.pvalue:.3f}: {said}".replace("-", "−")


def compared(runs: pd.DataFrame, other: pd.DataFrame) -> str:
    """First failing n of LSTM and GRU in other runs, beside the reported ones of the same seeds."""
    parts, pairs = [], {}
    for cell in ("lstm", "gru"):
        now = select(other, cell, language="anbn")
        before = select(runs, cell, language="anbn").loc[now.index]
        pairs[cell] = now["fails_at"].to_numpy()
        parts.append(f"the {LABELS[cell]} first fails at {fails(now)} instead of {fails(before)}")
    found = ratio_bootstrap(pairs["lstm"], pairs["gru"])
    return (
        f"{parts[0]}, {parts[1]}; LSTM ÷ GRU is then {found.format('{:.2f}')} (medians of {len(pairs['lstm'])} seeds)"
    )


def whole(runs: pd.DataFrame) -> str:
    """Share of all tested strings that are right, wherever the first mistake stands."""
    parts = []
    for cell in CELLS:
        right = 100 * select(runs, cell, language="anbn")["right"]
        parts.append(f"{LABELS[cell]} {right.median():.0f} % (at most {right.max():.0f} %)")
    return ", ".join(parts)


def harsh(runs: pd.DataFrame, cell: str = "relu") -> str:
    """Whether a network is right on strings beyond its first mistake: by medians, against the training range."""
    rows = select(runs, cell, language="anbn")
    tested, longest = int(rows["tested"].iloc[0]), int(rows["longest"].iloc[0])
    right, before = 100 * rows["right"].median(), 100 * (rows["fails_at"] - 1).median() / tested
    whole, name = 100 * longest / tested, LABELS[cell]
    text = (
        f"The strings of the training range alone make {whole:.0f} %, and those before the first mistake of the {name} "
    )
    text += f"{before:.0f} %. "
    if round(right) <= round(before):
        return text + f"So the {name} is right on hardly anything beyond its first mistake: the metric hides nothing."
    if right < whole:
        return text + (
            f"So the {name} is right on more than its first mistake lets see, and still on fewer strings than there are in "
            "the training range: it reads its count off badly, and the metric alone is not to blame."
        )
    return text + f"So the {name} can count, reads its count off badly, and the metric makes it look worse than it is."


def further(runs: pd.DataFrame) -> str:
    """How many times as far as the GRU the LSTM counts, in short."""
    parts = [f"{ratio(runs, language).format('{:.1f}')} on {name}" for language, name in LANGUAGES.items()]
    return f"First failing n, LSTM ÷ GRU at equal width: {', '.join(parts)}."


def turned(other: pd.DataFrame) -> str:
    """Who counts further when the loss is on the determined letters alone."""
    found = ratio(other, "anbn")
    if found.low > 1:
        return "The LSTM still counts further"
    return "The order turns round" if found.high < 1 else "The lead of the LSTM is gone, as far as can be told,"


def count_advice(runs: pd.DataFrame, other: pd.DataFrame) -> str:
    """What counting says to a reader who has to choose."""
    margin = ledger()["M3"].margin
    if min(ratio(runs, language).low for language in LANGUAGES) <= margin:
        return "the cell is not what decides"
    if ratio(other, "anbn").low > margin:
        return "take the LSTM"
    return "take the LSTM, and put the loss on every letter, not only on those that you score"


def counted(verdict: Verdict) -> str:
    """The conditions by what their intervals say about the claim."""
    said = (
        (SUPPORTED, "Supported"),
        (CONTRADICTED, "Contradicted, the whole interval below the margin"),
        (INCONCLUSIVE, "Undecided, the margin inside the interval"),
    )
    parts = []
    for word, text in said:
        names = [stratum.name for stratum in verdict.strata if stratum.word == word]
        if names:
            parts.append(f"{text}, in {len(names)} of {len(verdict.strata)} conditions: {'; '.join(names)}.")
    return " ".join(parts)


def sentence(runs: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{ratio(runs, language).format('{:.1f}')} on {name}" for language, name in LANGUAGES.items()]
    advice = {
        DEPENDS: "whether you will see this hangs on the letters that the loss is on; test both on your own lengths",
        SUPPORTED: "if your data make a network count, take the LSTM, and test it at the lengths that you will meet",
        CONTRADICTED: "counting is no reason to take an LSTM",
    }.get(verdict.word, "test both on your own lengths")
    return f"LSTM ÷ GRU at equal width is {' and '.join(parts)} with the loss on every letter: {advice}."


def numbers(runs: pd.DataFrame, tuned: Tuned, looks: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Texts for the prose, by name.

    Args:
        looks: the runs of the second looks, `asked` and `longer`.
    """
    longest = int(runs["longest"].iloc[0])
    found = {f"finding-{language}": finding(runs, language) for language in LANGUAGES}
    found |= {
        "settled": settled(runs, longest),
        "settled-shortly": settled_shortly(runs, longest),
        "plain": plain(runs, longest),
        "resets": resets(runs),
        "pace": paces(runs),
        "early": mistakes(runs),
        "whole": whole(runs),
        "harsh": harsh(runs),
        "further": further(runs),
        "turned": turned(looks["asked"]),
        "advice": count_advice(runs, looks["asked"]),
        "foretold": foretold(runs),
        "longest": str(longest),
        "twice": str(2 * longest),
        "tested": str(int(runs["tested"].iloc[0])),
        "weiss": str(WEISS),
        "margin": f"{ledger()['M3'].margin:g}",
        "rates": ", ".join(f"{LABELS[row.cell]} {row.learning_rate:g}" for row in tuned.best.itertuples()),
        "unfailed": unfailed(runs),
        "unfailed-beside": unfailed_beside(looks["longer"]),
    }
    found |= {name: compared(runs, other) for name, other in looks.items()}
    for cell in ("lstm", "gru", "rnn"):
        rows = select(runs, cell, language="anbn")
        found[f"learned-{cell}"] = count(rows, longest)
        found[f"clipped-{cell}"] = f"{100 * rows['clipped'].median():.0f} %"
        found[f"model-{cell}"] = f"{rows['width'].iloc[0]} units, {rows['parameters'].iloc[0]:,} parameters"
    rows = select(runs, "gru", "parameters", language="anbn")
    found["model-gru-parameters"] = f"{rows['width'].iloc[0]} units, {rows['parameters'].iloc[0]:,} parameters"
    return {name: text.replace(" %", "\N{NO-BREAK SPACE}%") for name, text in found.items()}


def _number(count: int) -> str:
    return str(count) if count else "none"


def _n(value: float, tested: int) -> str:
    return f"more than {tested}" if value > tested else f"{value:g}"
