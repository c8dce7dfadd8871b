"""Numbers and sentences of the chapter *architecture/ablation*, made from its runs."""

from __future__ import annotations

import pandas as pd

from evidence.format import NBSP, listed
from evidence.statistics import Interval, bootstrap, tost_paired, wilson
from evidence.tuning import Tuned
from evidence.verdicts import Evidence, decide
from experiments.ablation.analysis import GATES, TASK_NAMES, change, evidence, points_text
from experiments.ablation.generated.captions import called
from experiments.ablation.runs import TASKS
from gatedrnn.initialisation import half_life
from gatedrnn.variants import OPEN, SHUT, VARIANTS
from tasks import mnist1d, recall

COMPARABLE = 2.0
"""Points of accuracy within which a coupled LSTM counts as comparable to the whole one: the margin of claim P4."""
RISING = 2.0
"""Points by which a mean rises over the last quarter of the steps where the prose calls it still rising."""
SCATTER = 20.0
"""Points between tuning seeds beyond which the prose does not trust the choice that they made."""


def missed_most(table: pd.DataFrame, cell: str, task: str) -> tuple[str, Interval]:
    """The gate whose removal costs most at equal width, and the change of accuracy in points."""
    gate = min(GATES[cell], key=lambda name: change(table, task, GATES[cell][name]).mean())
    return gate, bootstrap(change(table, task, GATES[cell][gate]))


def missed_text(table: pd.DataFrame, cell: str, task: str) -> str:
    """Which gate is missed most on a task, if any."""
    gate, interval = missed_most(table, cell, task)
    return f"the {gate} gate is missed most ({points_text(interval)})" if interval.high < 0 else "no gate is missed"


def widths(runs: pd.DataFrame) -> str:
    """How wide the cells are that were given their parameters back."""
    rows = runs[runs["match"] == "parameters"]
    low, high = int(rows["width"].min()), int(rows["width"].max())
    return str(low) if low == high else f"{low} to {high}"


def finding(table: pd.DataFrame, cell: str) -> str:
    """One sentence a task: which gate is missed most, and which is better left out."""
    parts = []
    for task in TASKS:
        missed = missed_text(table, cell, task)
        gains = {each: bootstrap(change(table, task, variant)) for each, variant in GATES[cell].items()}
        better = [f"the {each} gate ({points_text(gain)})" for each, gain in gains.items() if gain.low > 0]
        more = f", and the cell does better without {listed(better, 'or')}" if better else ""
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
    means = table.groupby(["task", "variant", "match"])["change"].mean().unstack("match")
    ends = 100 * table.groupby(["task", "variant", "match"])["accuracy"].mean().unstack("match")
    shift = means["parameters"] - means["width"]
    task, variant = shift.abs().idxmax()
    words = [
        {name: _word(given) for name, given in evidence(table, match).items()} for match in ("width", "parameters")
    ]
    differ = [name for name in words[0] if words[0][name] != words[1][name]]
    before, after = ends.loc[(task, variant), ["width", "parameters"]]
    text = (
        f"Giving the parameters back moves the mean of a variant by {shift.abs().median():.1f} points in the middle case. The "
        f"largest move is {_signed(shift[task, variant])} points ({VARIANTS[variant].cell.upper()}, {VARIANTS[variant].label}, "
        f"{TASK_NAMES[task]}: from {before:.0f} to {after:.0f}{NBSP}%). The wider cells use the rate that was tuned at equal "
        "width, so a part of such a move may be due to the rate. "
    )
    if differ:
        return text + f"The answer to the claim changes for {' and '.join(differ)}."
    return text + "The answer to the claim is the same in all conditions."


def levels(runs: pd.DataFrame) -> str:
    """Which variants were still learning when their steps were spent: the rise of the mean over the last quarter."""
    parts = []
    for task in TASKS:
        rows = runs[(runs["task"] == task) & (runs["match"] == "width")]
        length = max(len(curves["step"]) for curves in rows["curves"])
        back = max(1, length // 4)
        rising: list[str] = []
        flat: list[str] = []
        for variant, part in rows.groupby("variant", sort=False):
            kept = [
                each["accuracy"] + each["accuracy"][-1:] * (length - len(each["accuracy"])) for each in part["curves"]
            ]
            mean = [100 * sum(values) / len(values) for values in zip(*kept, strict=True)]
            rise = mean[-1] - mean[max(0, length - 1 - back)]
            if part["solved_at"].notna().all():
                continue
            name = called(str(variant)).replace(", coupled", "").replace(",", "")
            (rising if round(rise) >= RISING else flat).append(f"{name} ({_signed(rise)})")
        said = [f"still rising: {', '.join(rising)}"] if rising else []
        said += [f"level: {', '.join(flat)}"] if flat else []
        parts.append(f"{TASK_NAMES[task]}, {'; '.join(said) or 'every seed of every variant had solved it'}")
    return f"Change of the mean over the last quarter of the steps, in points: on {'. On '.join(parts)}."


def left_out(table: pd.DataFrame, gain: Interval) -> str:
    """Without which gates the LSTM does better on recall, and whether a larger first bias (its gain) explains it."""
    gains = {gate: bootstrap(change(table, "recall", variant)) for gate, variant in GATES["lstm"].items()}
    better = sorted((gate for gate in gains if gains[gate].low > 0), key=lambda gate: -gains[gate].estimate)
    if not better:
        return "On recall it does not do better without any of its gates."
    named = [f"{gate} gate ({points_text(gains[gate])})" for gate in better]
    text = f"On recall it does better without its {listed(named, 'or')}"
    text += f"; removing the {better[0]} gate helps most." if len(better) > 1 else "."
    if "forget" in better and gain.low > 0:
        text += (
            " A larger first bias of the forget gate mends the cell without removing anything: what stood in the way is"
        )
        text += " where that gate starts, not what it can learn."
        better.remove("forget")
    if better:
        text += f" Why it helps to remove the {listed(better, 'or')} gate is not explained here."
    return text


def update(runs: pd.DataFrame, table: pd.DataFrame) -> str:
    """What is left of a GRU without its update gate, and whether its reset gate is worth less."""
    rows = runs[(runs["task"] == "recall") & (runs["variant"] == "gru_no_update")]
    width, wider = (rows[rows["match"] == match] for match in ("width", "parameters"))
    text = (
        f"Without it recall ends at {100 * width['accuracy'].mean():.0f}{NBSP}% at equal width and at "
        f"{100 * wider['accuracy'].mean():.0f}{NBSP}% at equal parameters (guessing scores "
        f"{100 * recall.baseline():.1f}{NBSP}%), and MNIST-1D changes by "
        f"{points_text(bootstrap(change(table, 'mnist1d', 'gru_no_update')))}."
    )
    if solved := int(width["solved_at"].notna().sum()):
        text += f" That {solved} of {len(width)} seeds still solve recall shows that what is left need not"
        text += " forget as quickly as we expected."
    found = {(g, t): bootstrap(change(table, t, GATES["gru"][g])) for g in GATES["gru"] for t in TASKS}
    resets = " and ".join(f"{TASK_NAMES[task]} by {points_text(found['reset', task])}" for task in TASKS)
    text += f" Taking out the reset gate changes {resets}."
    if all(found["update", task].high < found["reset", task].low for task in TASKS):
        text += " It is worth far less here: where every operation counts, it is the first gate to try without."
    return text


def doubt(tuned: Tuned) -> str:
    """How far the tuning seeds of the whole LSTM on recall agree at the rate they chose."""
    rate = tuned.rate(task="recall", variant="lstm")
    rows = tuned.runs[(tuned.runs["task"] == "recall") & (tuned.runs["variant"] == "lstm")]
    found = sorted(100 * rows[rows["learning_rate"] == rate]["accuracy"])
    if len(found) == 1:
        return "The rate was tuned, but on one seed, which rules out little."
    ends = (
        f"at the chosen rate of {rate:g} the {len(found)} tuning seeds reach {found[0]:.0f} to {found[-1]:.0f}{NBSP}%"
    )
    if found[-1] - found[0] > SCATTER:
        return f"The rate was tuned, but {ends}: so few seeds that differ so much rule out little."
    return f"The rate was tuned, and {ends}."


def numbers(runs: pd.DataFrame, table: pd.DataFrame, tuned: Tuned, second: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name."""
    config = runs.iloc[0]
    delay, bias = int(config["delay"]), float(config["bias"])
    accuracy = 100 * runs[runs["match"] == "width"].groupby(["task", "variant"])["accuracy"].mean()
    share = 1 / (1 + 2.718281828459045**-bias)
    rates = tuned.best.groupby("task")["learning_rate"].agg(["min", "max"])
    found = {
        "finding-lstm": finding(table, "lstm"),
        "finding-gru": finding(table, "gru"),
        "finding-coupled": coupled(table),
        "read-recall": reading(table, "recall"),
        "read-mnist1d": reading(table, "mnist1d"),
        "read-size": sizes(table),
        "open": f"{OPEN:+g}",
        "shut": f"{SHUT:+g}".replace("-", "−"),
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
        "levels": levels(runs),
        "update": update(runs, table),
        "left-out": left_out(table, _gains(runs, second)["recall"]),
        "doubt": doubt(tuned),
        "factor": f"{(rates['max'] / rates['min']).max():.0f}",
        "widths": widths(runs),
        "missed-mnist1d": missed_text(table, "lstm", "mnist1d"),
    }
    for (task, variant), value in accuracy.items():
        found[f"accuracy-{task}-{variant.replace('_', '-')}"] = f"{value:.0f} %"
        if variant not in GATES:
            points = points_text(bootstrap(change(table, task, variant)))
            found[f"change-{task}-{variant.replace('_', '-')}"] = points
    return {**found, **second_look(runs, second), "second-verdict": second_verdict(runs, second)}


def second_verdict(runs: pd.DataFrame, second: pd.DataFrame) -> str:
    """Whether the two explanations hold: paired differences of accuracy between the first biases, by seed."""
    parts = []
    for task, gain in _gains(runs, second).items():
        said = (
            "bears the explanation out"
            if gain.low > 0
            else "does not bear the explanation out: the reason is still open"
        )
        parts.append(f"on {TASK_NAMES[task]} the change of bias is worth {points_text(gain)}, which {said}")
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


def _gains(runs: pd.DataFrame, second: pd.DataFrame) -> dict[str, Interval]:
    """What the other first bias is worth, by task, in points."""
    rows, found = runs[runs["match"] == "width"], {}
    for (task, variant), part in second.groupby(["task", "variant"], sort=False):
        before = rows[(rows["task"] == task) & (rows["variant"] == variant)].set_index("seed")["accuracy"].sort_index()
        found[str(task)] = bootstrap(100 * (part.set_index("seed")["accuracy"].sort_index() - before))
    return found


def second_look(runs: pd.DataFrame, second: pd.DataFrame) -> dict[str, str]:
    """The two surprises under other first biases: solved seeds on recall, accuracy on MNIST-1D."""
    rows = pd.concat([runs[runs["match"] == "width"], second])
    found = {}
    for bias, part in rows[(rows["task"] == "recall") & (rows["variant"] == "lstm")].groupby("bias"):
        solved, n = int(part["solved_at"].notna().sum()), len(part)
        rate = wilson(solved, n)
        found[f"solved-bias-{_name(bias)}"] = (
            f"{solved} of {n} seeds [{100 * rate.low:.0f},{NBSP}{100 * rate.high:.0f}]{NBSP}%"
        )
    for variant in ("lstm", "lstm_no_input"):
        for bias, part in rows[(rows["task"] == "mnist1d") & (rows["variant"] == variant)].groupby("bias"):
            interval = bootstrap(100 * part["accuracy"])
            found[f"mnist1d-{variant.replace('_', '-')}-bias-{_name(bias)}"] = interval.format("{:.0f}", "%")
    return found


def _word(given: Evidence) -> str:
    return decide("A4", given).word


def _signed(value: float) -> str:
    return f"{value:+.0f}".replace("-", "−") if round(value) else "0"


def _name(bias: float) -> str:
    return f"{bias:g}".replace("-", "minus-")
