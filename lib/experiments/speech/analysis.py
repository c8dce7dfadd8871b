"""From the runs of the chapter *applications/speech* to its tables, numbers, sentences and verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.statistics import Interval, bootstrap, sign_flip
from evidence.tuning import Tuned
from evidence.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Evidence, Stratum, Verdict, ledger
from experiments.shared.tuned_leads import EQUAL

WAYS = {1: "one direction", 2: "both directions"}
PLAIN = {"convolution": "convolution", "frame": "each step alone"}
"""The baselines that are no recurrent networks."""
NAMES = {**{cell: LABELS[cell] for cell in ("lstm", "gru")}, **PLAIN}


def cases(both: bool = True) -> list[dict[str, Any]]:
    """Networks that are compared, as configurations; without `both`, one row for each that gets a learning rate."""
    rows = [
        {"network": network, "directions": directions, "match": match}
        for directions in WAYS
        for network, match in (("lstm", "width"), ("gru", "width"), ("gru", "parameters"))
        if both or match == "width"
    ]
    return [*rows, *({"network": name, "directions": 1, "match": "parameters"} for name in PLAIN)]


def name_of(network: str, directions: int, match: str) -> str:
    """How a network is called in tables and figures."""
    way = "" if network in PLAIN else f", {WAYS[directions]}"
    return NAMES[network] + way + (", equal parameters" if network == "gru" and match == "parameters" else "")


def errors(runs: pd.DataFrame, network: str, directions: int, match: str, metric: str = "errors") -> pd.Series:
    """Label error rate in percent of one network, by seed."""
    rows = runs[(runs["network"] == network) & (runs["directions"] == directions) & (runs["match"] == match)]
    return 100 * rows.set_index("seed")[metric].sort_index()


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Label error rate of the LSTM minus that of the GRU with the same seed, in points: one row a run of the GRU."""
    rows = []
    for directions, way in WAYS.items():
        lstm = errors(runs, "lstm", directions, "width")
        for match, equal in EQUAL.items():
            gap = lstm - errors(runs, "gru", directions, match)
            rows += [
                {
                    "condition": f"{way}, {equal}",
                    "directions": directions,
                    "match": match,
                    "seed": seed,
                    "difference": value,
                }
                for seed, value in gap.items()
            ]
    return pd.DataFrame(rows)


def evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U2 by condition; the exact sign-flip test is against the margin of the ledger."""
    found = {}
    for condition, part in table.groupby("condition", sort=False):
        values = part["difference"].to_numpy()
        found[str(condition)] = Evidence(bootstrap(values), sign_flip(values, ledger()["U2"].margin))
    return found


def with_factor(verdict: Verdict) -> Verdict:
    """The verdict with what tells its decided conditions apart: the directions, what is held equal, or both."""
    decided = [(stratum.name.split(", "), stratum.word) for stratum in verdict.strata if stratum.word != INCONCLUSIVE]
    for place, name in enumerate(("the directions", "what is held equal")):
        words: dict[str, set[str]] = {}
        for parts, word in decided:
            words.setdefault(parts[place], set()).add(word)
        if all(len(each) == 1 for each in words.values()):
            return replace(verdict, factor=name)
    return replace(verdict, factor="the directions and what is held equal")


def rate(tuned: Tuned, case: dict[str, Any]) -> float:
    """Learning rate of a network: that of the same network at equal width where only this was tuned."""
    match = "width" if case["network"] == "gru" else case["match"]
    return tuned.rate(**{**case, "match": match})


def words(verdict: Verdict) -> str:
    """The difference in each condition, and what it says."""
    parts = []
    for each in verdict.strata:
        found = {SUPPORTED: "the LSTM is clearly better", INCONCLUSIVE: "nothing is decided"}.get(each.word)
        if each.word == CONTRADICTED:
            found = f"the LSTM is not better by {abs(ledger()['U2'].margin):g} point"
            found = "the GRU is better" if each.low > 0 else found
        parts.append(f"{points(_interval(each))} ({each.name}): {found}")
    return f"LSTM − GRU is {'; '.join(parts)}."


def sentence(runs: pd.DataFrame, verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    parts = [f"{points(_interval(each))} ({each.name})" for each in verdict.strata]
    return f"LSTM − GRU in label error rate on synthetic digit strings: {'; '.join(parts)}. {advice(runs)}"


def advice(runs: pd.DataFrame) -> str:
    """What to try first, by the best network and by what the second direction brings."""
    table = summary(runs)
    best = table.iloc[table["mean"].argmin()]
    plain = table[table["network"].isin(PLAIN)]
    plain = plain.iloc[plain["mean"].argmin()]
    gains = [
        bootstrap((errors(runs, cell, 1, "width") - errors(runs, cell, 2, "width")).to_numpy())
        for cell in ("lstm", "gru")
    ]
    cells = bootstrap((errors(runs, "lstm", 2, "width") - errors(runs, "gru", 2, "width")).to_numpy())
    larger = min(abs(gain.estimate) for gain in gains) > abs(cells.estimate)
    text = f"Lowest error rate here: {best['name']}, {best['mean']:.1f} %"
    text += (
        "." if best["network"] in PLAIN else f"; the best without recurrence ({plain['name']}): {plain['mean']:.1f} %."
    )
    ahead = table[table["network"].isin(["lstm", "gru"]) & (table["directions"] == 1)]["low"].min() > plain["high"]
    if ahead:
        text += f" If a short delay is allowed, try a {plain['name']} before a cell that reads in one direction."
    return text + (
        " Where the whole recording is there before the answer is due, let the cell read it in both directions: with "
        f"{_times(table)} times the parameters, that moves the error rate more than the choice of the cell."
        if larger and min(gain.low for gain in gains) > 0
        else " Whether a second direction helps is as much a question as which cell: try it."
    )


def _times(table: pd.DataFrame) -> str:
    """Parameters of the LSTM in both directions ÷ those in one."""
    counts = table[table["network"] == "lstm"].set_index("directions")["parameters"]
    return f"{counts[2] / counts[1]:.2g}"


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a network: its name, mean and interval of the error rate in percent, parameters, and how it was trained."""
    rows = []
    for case in cases():
        part = runs[np.logical_and.reduce([runs[key] == value for key, value in case.items()])]
        found = bootstrap(100 * part["errors"].to_numpy())
        first = part.iloc[0]
        rows.append(
            {**case, "name": name_of(**case), "mean": found.estimate, "low": found.low, "high": found.high}
            | {"exact": 100 * part["exact"].mean(), "train": 100 * part["train_errors"].mean()}
            | {key: first[key] for key in ("width", "parameters", "learning_rate", "steps")}
            | {"clipped": 100 * part["clipped"].mean(), "seconds": part["train_seconds"].median()}
        )
    return pd.DataFrame(rows)


def result_table(runs: pd.DataFrame) -> Markdown:
    """Errors and what was spent, a line a network, as a Markdown table."""
    lines = [
        "| network | label errors, % | strings right, % | on training strings, % | units | parameters | learning rate | "
        "clipped steps, % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in summary(runs).to_dict("records"):
        interval = f"{row['mean']:.1f} [{row['low']:.1f}, {row['high']:.1f}]".replace(" ", "\u00a0")
        cells = [row["name"], interval, f"{row['exact']:.0f}"]
        cells += [
            f"{row['train']:.1f}",
            row["width"],
            f"{row['parameters']:,}",
            f"{row['learning_rate']:g}",
            f"{row['clipped']:.0f}",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return Markdown("\n".join(lines))


def numbers(runs: pd.DataFrame, tuned: Tuned, early: pd.DataFrame, plain: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name."""
    table = summary(runs)
    found = {
        f"{row['network']}-{row['directions']}-{row['match']}": f"{row['mean']:.1f} %" for _, row in table.iterrows()
    }
    found |= {f"units-{key}": str(width) for key, width in zip(found, table["width"], strict=True)}
    first = runs.iloc[0]
    found |= {key: str(int(first[key])) for key in ("steps", "batch")}
    found["tuning-seeds"] = str(tuned.runs["seed"].nunique())
    found["advice"] = advice(runs)
    found["finding"] = finding(runs)
    found["against"] = against(table)
    found["descent"] = descent(runs)
    found["early"] = early_text(early, plain)
    for kind, part in plain.groupby("kind"):
        whole = 100 * part.set_index("frames")["accuracy"]
        found |= {f"early-{kind}": f"{whole.iloc[-1]:.1f} %", f"early-{kind}-first": f"{whole.iloc[0]:.1f} %"}
    for cell, part in early.groupby("cell"):
        found[f"early-{cell}"] = f"{100 * part['accuracy'].mean():.1f} %"
        found[f"early-{cell}-first"] = f"{100 * np.mean([curves['heard'][0] for curves in part['curves']]):.1f} %"
    found["early-parameters"] = " and ".join(
        f"{part['parameters'].iloc[0]:,} ({LABELS[cell]})" for cell, part in early.groupby("cell", sort=False)
    )
    return found


def finding(runs: pd.DataFrame) -> str:
    """Error rates of the cells in one and in both directions, in one sentence."""
    parts = []
    for directions, way in WAYS.items():
        lstm, gru = (errors(runs, cell, directions, "width").mean() for cell in ("lstm", "gru"))
        gap = bootstrap(
            (errors(runs, "lstm", directions, "width") - errors(runs, "gru", directions, "width")).to_numpy()
        )
        parts.append(
            f"reading in {way}, LSTM {lstm:.1f} % and GRU {gru:.1f} % of labels wrong (LSTM − GRU {points(gap)})"
        )
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def against(table: pd.DataFrame) -> str:
    """The best network without recurrence against the best cells of each direction."""
    plain = table[table["network"].isin(PLAIN)]
    plain = plain.iloc[plain["mean"].argmin()]
    parts = []
    for directions, way in WAYS.items():
        rows = table[table["network"].isin(["lstm", "gru"]) & (table["directions"] == directions)]
        cell = rows.iloc[rows["mean"].argmin()]
        clear = plain["high"] < cell["low"] or cell["high"] < plain["low"]
        said = ("beats" if plain["mean"] < cell["mean"] else "loses to") if clear else "cannot be told from"
        name = cell["name"].replace(f", {way}", "")
        times = cell["parameters"] / plain["parameters"]
        more = f", with {times:.2g} times as many parameters" if times > 1.2 else ""
        parts.append(f"{said} the best cell reading in {way} ({name}, {cell['mean']:.1f} %{more})")
    return f"The best network without recurrence ({plain['name']}, {plain['mean']:.1f} %) {' and '.join(parts)}."


def descent(runs: pd.DataFrame) -> str:
    """Whether the error rates were still falling when the steps were spent."""
    parts = []
    for case in [each for each in cases() if each["match"] == "width"] + [cases()[-2]]:
        part = runs[np.logical_and.reduce([runs[key] == value for key, value in case.items()])]
        last = 100 * np.array([curves["errors"][-2:] for curves in part["curves"]]).mean(0)
        parts.append(f"{name_of(**case)}, from {last[0]:.1f} to {last[-1]:.1f} %")
    return "In the last quarter of the steps the error rate still moved: " + "; ".join(parts) + "."


def again() -> list[dict[str, Any]]:
    """The networks of the second look: both cells of equal width in one direction."""
    return [case for case in cases(both=False) if case["network"] in ("lstm", "gru") and case["directions"] == 1]


def longer_text(runs: pd.DataFrame, second: pd.DataFrame) -> str:
    """Which cell has the lower error rate with more steps, and whether it is the one that had it before; same seeds."""
    kept = runs[runs["seed"].isin(set(second["seed"]))]
    before, after = (
        {cell: errors(rows, cell, 1, "width").mean() for cell in ("lstm", "gru")} for rows in (kept, second)
    )
    times = second["steps"].iloc[0] / runs["steps"].iloc[0]
    first, then = (min(each, key=lambda cell: each[cell]) for each in (before, after))
    turned = "as before" if first == then else f"where the {LABELS[first]} had it before"
    return (
        f"With {times:g} times the steps the {LABELS[then]} has the lower error rate (LSTM {after['lstm']:.1f} %, GRU "
        f"{after['gru']:.1f} %), {turned}. {second['seed'].nunique()} seeds are few: call it open."
    )


def early_text(early: pd.DataFrame, plain: pd.DataFrame) -> str:
    """Where the cells lead over the static baseline of the same frames, and where not."""
    means = {
        cell: 100 * np.array([curves["heard"] for curves in part["curves"]]).mean(0)
        for cell, part in early.groupby("cell")
    }
    frames = early["curves"].iloc[0]["frames"]
    static = 100 * plain.groupby("frames")["accuracy"].max()
    best = np.max(list(means.values()), axis=0)
    ahead = [mark for mark, value in zip(frames, best, strict=True) if value > static[mark]]
    gap = pd.DataFrame({cell: part.set_index("seed")["early_accuracy"] for cell, part in early.groupby("cell")})
    found = bootstrap(100 * (gap["lstm"] - gap["gru"]).to_numpy())
    led = f"after {_listed(ahead)} of {_listed(frames)} frames" if ahead else "at no number of frames"
    return (
        f"The better of the two cells has a higher mean accuracy than the better regression {led}. LSTM − GRU, averaged over "
        f"these numbers of frames: {points(found)}."
    )


def points(interval: Interval) -> str:
    """Such as `+3.1 [+2.0, +4.2] points`."""
    return interval.signed() + " points"


def _interval(stratum: Stratum) -> Interval:
    return Interval(stratum.estimate, stratum.low, stratum.high)


def _listed(values: list[int]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
