"""From the runs of the chapter *architecture/ablation* to its tables, numbers, sentences and verdict."""

from __future__ import annotations

from typing import Any

import pandas as pd
from IPython.display import Markdown

from gatedrnn.ablations import OPEN, SHUT, VARIANTS, Ablated
from gatedrnn.experiments.ablation import TASKS
from gatedrnn.initialisation import half_life
from gatedrnn.models import parameters
from gatedrnn.statistics import Interval, bootstrap, sign_flip, tost_paired, wilson
from gatedrnn.tasks import mnist1d, recall
from gatedrnn.tuning import Tuned
from gatedrnn.verdicts import CONTRADICTED, SUPPORTED, Evidence, Verdict, decide, ledger

TASK_NAMES = {"recall": "recall", "mnist1d": "MNIST-1D"}
GATES = {
    "lstm": {"input": "lstm_no_input", "forget": "lstm_no_forget", "output": "lstm_no_output"},
    "gru": {"reset": "gru_no_reset", "update": "gru_no_update"},
}
BET = {"lstm": "forget", "gru": "update"}
COMPARABLE = 2.0
"""Points of accuracy within which a coupled LSTM counts as comparable to the whole one: the margin of claim P4."""


def changes(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each ablated run minus that of the whole cell with the same task and seed, in points.

    Args:
        runs: rows of the sweep, of `size` `width` and `parameters`.

    Returns:
        One row a run of an ablated cell.
    """
    rows = runs.assign(cell=runs["variant"].map(lambda name: VARIANTS[name].cell))
    whole = rows[rows["variant"] == rows["cell"]].set_index(["task", "cell", "seed"])["accuracy"]
    rows = rows[rows["variant"] != rows["cell"]].copy()
    keys = pd.MultiIndex.from_frame(rows[["task", "cell", "seed"]])
    rows["change"] = 100 * (rows["accuracy"].to_numpy() - whole.loc[keys].to_numpy())
    columns = ["task", "cell", "variant", "size", "seed", "accuracy", "change", "parameters", "width", "learning_rate"]
    return rows[columns].reset_index(drop=True)


def change(table: pd.DataFrame, task: str, variant: str, size: str = "width") -> pd.Series:
    """Changes of one variant on one task, by seed."""
    part = table[(table["task"] == task) & (table["variant"] == variant) & (table["size"] == size)]
    return part.set_index("seed")["change"].sort_index()


def evidence(table: pd.DataFrame, size: str = "width") -> dict[str, Evidence]:
    """Evidence on claim A4 by cell and task: loss without the gate bet on, minus the largest loss without another.

    The other gate is the one whose removal costs most on average. Differences are paired by seed; the exact
    sign-flip test is against the margin of the ledger.
    """
    found = {}
    for cell, gates in GATES.items():
        for task in TASKS:
            losses = {gate: -change(table, task, variant, size) for gate, variant in gates.items()}
            bet = losses.pop(BET[cell])
            other = min(losses.values(), key=lambda loss: -loss.mean())
            difference = (bet - other).to_numpy()
            p = sign_flip(difference, ledger()["A4"].margin)
            found[f"{cell.upper()}, {TASK_NAMES[task]}"] = Evidence(bootstrap(difference), p)
    return found


def factor(strata: dict[str, str]) -> str:
    """What tells the conditions apart: `cell`, `task` or both, from the words by `CELL, task`."""
    for place, name in enumerate(("the cell", "the task")):
        groups: dict[str, set[str]] = {}
        for key, word in strata.items():
            groups.setdefault(key.split(", ")[place], set()).add(word)
        if all(len(words) == 1 for words in groups.values()):
            return name
    return "the cell and the task"


def sentence(verdict: Verdict) -> str:
    """What the verdict says to a reader who has to choose."""
    words = {CONTRADICTED: "is not the one missed most", SUPPORTED: "is the one missed most"}
    parts = []
    for cell in GATES:
        by_word: dict[str, list[str]] = {}
        for stratum in verdict.strata:
            if stratum.name.startswith(cell.upper()):
                by_word.setdefault(stratum.word, []).append(stratum.name.split(", ")[1])
        said = [
            f"{words.get(word, 'cannot be told from the others')} on {' and '.join(on)}" for word, on in by_word.items()
        ]
        parts.append(f"the {BET[cell]} gate of the {cell.upper()} " + ", and ".join(said))
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def missed_most(table: pd.DataFrame, cell: str, task: str) -> tuple[str, Interval]:
    """The gate whose removal costs most at equal width, and the change of accuracy in points."""
    gate = min(GATES[cell], key=lambda name: change(table, task, GATES[cell][name]).mean())
    return gate, bootstrap(change(table, task, GATES[cell][gate]))


def finding(table: pd.DataFrame, cell: str) -> str:
    """One sentence a task: which gate is missed most, and which is better left out."""
    parts = []
    for task in TASKS:
        gate, interval = missed_most(table, cell, task)
        missed = (
            f"the {gate} gate is missed most ({points_text(interval)})" if interval.high < 0 else "no gate is missed"
        )
        gains = {each: bootstrap(change(table, task, variant)) for each, variant in GATES[cell].items()}
        better = [f"the {each} gate ({points_text(gain)})" for each, gain in gains.items() if gain.low > 0]
        more = f", and the cell does better without {_listed(better)}" if better else ""
        parts.append(f"on {TASK_NAMES[task]} {missed}{more}")
    return f"{cell.upper()}: " + "; ".join(parts) + "."


def reading(table: pd.DataFrame, task: str) -> str:
    """Every removal on one task, with its change."""
    parts = []
    for cell, gates in GATES.items():
        changes_ = [f"{gate} {points_text(bootstrap(change(table, task, variant)))}" for gate, variant in gates.items()]
        parts.append(f"{cell.upper()} without a gate, change of accuracy: " + "; ".join(changes_))
    return ". ".join(parts) + "."


def coupled(table: pd.DataFrame) -> str:
    """What coupling f = 1 − i changes, with an equivalence test."""
    parts = []
    for task in TASKS:
        values = change(table, task, "lstm_coupled")
        test = tost_paired(values, 0 * values, COMPARABLE)
        interval = bootstrap(values)
        same = f"not shown to be comparable within ±{COMPARABLE:g} points"
        if test.equivalent:
            same = f"comparable within ±{COMPARABLE:g} points"
        elif interval.low > 0 or interval.high < 0:
            same = "better" if interval.low > 0 else "worse"
        parts.append(f"{points_text(interval)} on {TASK_NAMES[task]} ({same})")
    return "Coupling the LSTM's gates, f = 1 − i, changes accuracy by " + " and ".join(parts) + "."


def sizes(table: pd.DataFrame) -> str:
    """Whether giving the parameters back changes the picture."""
    means = table.groupby(["task", "variant", "size"])["change"].mean().unstack("size")
    shift = (means["parameters"] - means["width"]).abs()
    task, variant = shift.idxmax()
    words = [{name: _word(given) for name, given in evidence(table, size).items()} for size in ("width", "parameters")]
    differ = [name for name in words[0] if words[0][name] != words[1][name]]
    text = (
        f"Giving the parameters back moves the mean of a variant by {shift.median():.1f} points in the middle case and by "
        f"{shift.max():.1f} points at most ({VARIANTS[variant].label}, {TASK_NAMES[task]}). "
    )
    if differ:
        return text + f"The answer changes for {' and '.join(differ)}."
    return text + "The answer to the claim is the same in all conditions: it is the gate."


def numbers(runs: pd.DataFrame, table: pd.DataFrame, tuned: Tuned, second: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name."""
    config = runs.iloc[0]
    delay, bias = int(config["delay"]), float(config["bias"])
    accuracy = 100 * runs[runs["size"] == "width"].groupby(["task", "variant"])["accuracy"].mean()
    share = 1 / (1 + 2.718281828459045**-bias)
    found = {
        "finding-lstm": finding(table, "lstm"),
        "finding-gru": finding(table, "gru"),
        "finding-coupled": coupled(table),
        "read-recall": reading(table, "recall"),
        "read-mnist1d": reading(table, "mnist1d"),
        "read-size": sizes(table),
        "open": f"{OPEN:+g}",
        "shut": f"{SHUT:+g}",
        "frame": str(int(config["frame"])),
        "symbols": str(recall.SYMBOLS),
        "delay": str(delay),
        "guess": f"{100 * recall.baseline():.1f} %",
        "logistic": f"{100 * mnist1d.baseline():.0f} %",
        "tuning-seeds": str(tuned.runs["seed"].nunique()),
        "width": str(int(config["hidden_size"])),
        "steps": str(int(runs[runs["task"] == "mnist1d"]["steps"].iloc[0])),
        "keep": f"{share:.2f}",
        "half-life": f"{half_life(bias):.1f}",
        "clipped-most": f"{100 * runs.groupby(['task', 'variant'])['clipped'].mean().max():.0f} %",
    }
    for (task, variant), value in accuracy.items():
        found[f"accuracy-{task}-{variant.replace('_', '-')}"] = f"{value:.0f} %"
        if variant not in GATES:
            points = points_text(bootstrap(change(table, task, variant)))
            found[f"change-{task}-{variant.replace('_', '-')}"] = points
    return {**found, **second_look(runs, second), "second-verdict": second_verdict(runs, second)}


def second_grid(tuned: Tuned, fixed: dict[str, Any], budget: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """The two surprising cells again with another first bias, at the learning rates they were tuned to."""
    again = [("recall", "lstm", 3.0), ("mnist1d", "lstm_no_input", 0.0)]
    return [
        {
            **fixed,
            "task": task,
            "variant": variant,
            "bias": bias,
            **budget[task],
            "held_out": "test",
            "learning_rate": tuned.rate(task=task, variant=variant),
        }
        for task, variant, bias in again
    ]


def second_verdict(runs: pd.DataFrame, second: pd.DataFrame) -> str:
    """Whether the two explanations hold: paired differences of accuracy between the first biases, by seed."""
    rows = runs[runs["size"] == "width"]
    parts = []
    for (task, variant), part in second.groupby(["task", "variant"], sort=False):
        before = rows[(rows["task"] == task) & (rows["variant"] == variant)].set_index("seed")["accuracy"].sort_index()
        after = part.set_index("seed")["accuracy"].sort_index()
        gain = bootstrap(100 * (after - before))
        said = (
            "bears the explanation out"
            if gain.low > 0
            else "does not bear the explanation out: the reason is still open"
        )
        parts.append(f"on {TASK_NAMES[task]} the change of bias is worth {points_text(gain)}, which {said}")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def second_look(runs: pd.DataFrame, second: pd.DataFrame) -> dict[str, str]:
    """The two surprises under other first biases: solved seeds on recall, accuracy on MNIST-1D."""
    rows = pd.concat([runs[runs["size"] == "width"], second])
    found = {}
    for bias, part in rows[(rows["task"] == "recall") & (rows["variant"] == "lstm")].groupby("bias"):
        solved, n = int(part["solved_at"].notna().sum()), len(part)
        rate = wilson(solved, n)
        found[f"solved-bias-{_name(bias)}"] = f"{solved} of {n} seeds [{100 * rate.low:.0f}, {100 * rate.high:.0f}] %"
    for variant in ("lstm", "lstm_no_input"):
        for bias, part in rows[(rows["task"] == "mnist1d") & (rows["variant"] == variant)].groupby("bias"):
            interval = bootstrap(100 * part["accuracy"])
            found[f"mnist1d-{variant.replace('_', '-')}-bias-{_name(bias)}"] = interval.format("{:.0f}", "%")
    return found


def variant_table(hidden_size: int) -> Markdown:
    """The variants with their equation and parameters at equal width, for MNIST-1D, as a Markdown table."""
    changed = {"i": "$i_t = 1$", "f": "$f_t = 1$", "o": "$o_t = 1$", "r": "$r_t = 1$", "z": "$z_t = 0$"}
    lines = ["| cell | variant | what changes | learned numbers in the cell |", "|---|---|---|---|"]
    for name, variant in VARIANTS.items():
        what = "$f_t = 1 - i_t$" if variant.opposite else "".join(changed[gate] for gate in variant.frozen) or "nothing"
        count = parameters(Ablated(name, 2, hidden_size))
        label = "whole" if name == variant.cell else variant.label
        lines.append(f"| {variant.cell.upper()} | {label} | {what} | {count:,} |")
    return Markdown("\n".join(lines))


def result_table(runs: pd.DataFrame, task: str) -> Markdown:
    """Means and deviations over seeds on one task, a line a variant, as a Markdown table."""
    solved = "seeds solved | " if task == "recall" else ""
    lines = [
        f"| variant | learning rate | accuracy at equal width, % | at equal parameters, % | {solved}steps | clipped |",
        "|---|---|---|---|---|---|" + ("---|" if solved else ""),
    ]
    rows = runs[runs["task"] == task]
    for variant in VARIANTS:
        part = rows[(rows["variant"] == variant) & (rows["size"] == "width")]
        wider = rows[(rows["variant"] == variant) & (rows["size"] == "parameters")]
        cells = [
            f"whole {variant.upper()}" if variant in GATES else f"{VARIANTS[variant].cell.upper()}, {_short(variant)}",
            f"{part['learning_rate'].iloc[0]:g}",
            _spread(part),
            f"{_spread(wider)} (width {wider['width'].iloc[0]})" if len(wider) else "the same",
            *([f"{int(part['solved_at'].notna().sum())} of {len(part)}"] if solved else []),
            f"{part['steps_taken'].mean():.0f}",
            f"{100 * part['clipped'].mean():.0f} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def _word(given: Evidence) -> str:
    return decide("A4", given).word


def points_text(interval: Interval) -> str:
    """A change in points, such as `−12 [−15, −9] points`."""
    return f"{interval.signed(0)} points"


def _spread(part: pd.DataFrame) -> str:
    return f"{100 * part['accuracy'].mean():.1f} ± {100 * part['accuracy'].std():.1f}"


def _short(variant: str) -> str:
    return VARIANTS[variant].label.split(", ")[-1]


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _name(bias: float) -> str:
    return f"{bias:g}".replace("-", "minus-")
