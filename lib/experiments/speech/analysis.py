"""From the runs of the chapter *applications/speech* to its tables and its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.statistics import mean_interval
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, weigh
from tasks import logmel, spoken

WAYS = {1: "one direction", 2: "both directions"}
EQUAL = {"width": "equal width", "parameters": "equal parameters"}
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


def again() -> list[dict[str, Any]]:
    """The networks of the second look: both cells of equal width in one direction."""
    return [case for case in cases(both=False) if case["network"] in ("lstm", "gru") and case["directions"] == 1]


def name_of(network: str, directions: int, match: str) -> str:
    """How a network is called in tables and figures."""
    way = "" if network in PLAIN else f", {WAYS[directions]}"
    return NAMES[network] + way + (", equal parameters" if network == "gru" and match == "parameters" else "")


def rate(tuned: Tuned, case: dict[str, Any]) -> float:
    """Learning rate of a network: that of the same network at equal width where only this was tuned."""
    match = "width" if case["network"] == "gru" else case["match"]
    return tuned.rate(**{**case, "match": match})


def select(runs: pd.DataFrame, network: str, directions: int, match: str) -> pd.DataFrame:
    """Runs of one network, by seed."""
    rows = runs[(runs["network"] == network) & (runs["directions"] == directions) & (runs["match"] == match)]
    return rows.set_index("seed", drop=False).sort_index()


def errors(runs: pd.DataFrame, network: str, directions: int, match: str) -> pd.Series:
    """Label error rate in percent of one network, by seed."""
    return 100 * select(runs, network, directions, match)["errors"]


def differences(runs: pd.DataFrame) -> pd.DataFrame:
    """Label error rate of the LSTM minus that of the GRU with the same seed, in points: one row a run of the GRU."""
    parts = []
    for directions, way in WAYS.items():
        for match, equal in EQUAL.items():
            gap = errors(runs, "lstm", directions, "width") - errors(runs, "gru", directions, match)
            known = {"condition": f"{way}, {equal}", "directions": directions, "match": match}
            parts.append(gap.rename("difference").reset_index().assign(**known))
    return pd.concat(parts, ignore_index=True)


def evidence(table: pd.DataFrame) -> dict[str, Evidence]:
    """Evidence on claim U2 by condition; the exact sign-flip test is against the margin of the ledger."""
    groups = {str(name): part["difference"].to_numpy() for name, part in table.groupby("condition", sort=False)}
    return {name: weigh("U2", each) for name, each in groups.items()}


def told(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with `name` and with `percent`, the label error rate."""
    names = [name_of(*each) for each in zip(runs["network"], runs["directions"], runs["match"], strict=True)]
    return runs.assign(name=names, percent=100 * runs["errors"])


def descent(runs: pd.DataFrame) -> pd.DataFrame:
    """The training, one row a run and look: `step`, `errors`, `name` and what the run was."""
    keys = ["name", "network", "directions", "match", "seed"]
    looks = runs["curves"].map(lambda curves: list(zip(curves["step"], curves["errors"], strict=True)))
    rows = told(runs)[keys].assign(look=looks).explode("look", ignore_index=True)
    return rows.assign(step=rows["look"].str[0], errors=rows["look"].str[1].astype(float)).drop(columns="look")


def heard(early: pd.DataFrame, plain: pd.DataFrame) -> pd.DataFrame:
    """Japanese vowels, one row a model, seed and number of frames heard: `model`, `seed`, `frames`, `right` in percent."""
    parts = [
        pd.DataFrame({"frames": row["curves"]["frames"], "right": 100 * np.array(row["curves"]["heard"])}).assign(
            model=row["cell"], seed=row["seed"]
        )
        for _, row in early.iterrows()
    ]
    rows = plain.assign(model=plain["kind"], right=100 * plain["accuracy"])[["frames", "right", "model", "seed"]]
    return pd.concat([*parts, rows], ignore_index=True)


def frames_of(strings: spoken.Strings, chosen: Sequence[int]) -> pd.DataFrame:
    """One row a frame of some strings: `string`, `seconds` and the bands."""
    parts = []
    for place in chosen:
        frames = strings.x[: strings.lengths[place], place].reshape(-1, logmel.BANDS)
        table = pd.DataFrame(frames.round(3), columns=[f"band {band}" for band in range(logmel.BANDS)])
        table.insert(0, "seconds", np.round(np.arange(len(frames)) * logmel.HOP, 3))
        table.insert(0, "string", place)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def result_table(runs: pd.DataFrame) -> Markdown:
    """Errors and what was spent, a line a network, as a Markdown table."""
    heads = ["network", "label errors, %", "strings right, %", "on training strings, %", "units", "parameters"]
    heads += ["learning rate", "clipped steps, %"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for case in cases():
        part = select(runs, **case)
        shares = 100 * part[["exact", "train_errors", "clipped"]].mean()
        cells = [name_of(**case), mean_interval(100 * part["errors"].to_numpy()).format("{:.1f}").replace(" ", NBSP)]
        cells += [f"{shares['exact']:.0f}", f"{shares['train_errors']:.1f}", f"{part['width'].iloc[0]:.0f}"]
        cells += [
            f"{part['parameters'].iloc[0]:,.0f}",
            f"{part['learning_rate'].iloc[0]:g}",
            f"{shares['clipped']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))
