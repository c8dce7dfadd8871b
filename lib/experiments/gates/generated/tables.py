"""Tables and quoted numbers of the chapter *memory/gates*."""

from __future__ import annotations

import pandas as pd
import torch
from IPython.display import Markdown

from evidence.statistics import bootstrap
from experiments.gates.analysis import (
    ARMS,
    GATES,
    arms_in,
    clamp_table,
    corners,
    difference,
    gate_table,
    metric,
    per_seed,
    probed,
    rows,
    unit_table,
)
from experiments.gates.generated import words
from experiments.gates.generated.words import GATE_NAMES, SHORT
from experiments.gates.look import Look
from experiments.gates.marks import MARKS, STOPS, verse_begins
from experiments.gates.memory import LONG, memory_text, reach_text, stays_text
from tasks import kjv

NO_BREAK = "\N{NO-BREAK SPACE}"


def structure() -> dict[str, int]:
    """What of the structure that a person sees is marked in the text, counted."""
    text = kjv.text()
    return {
        "line breaks, between paragraphs": text.count("\n"),
        "pairs of square brackets, around words that the translators supplied": text.count("["),
        "pairs of parentheses": text.count("("),
        "ends of a sentence, `.` `?` `!`": sum(text.count(symbol) for symbol in ".?!"),
        "quotation marks": sum(text.count(symbol) for symbol in '"“”‘«»'),
        "digits, such as numbers of chapters and verses": sum(symbol.isdigit() for symbol in text),
        "verses, not marked": len(verse_begins()),
    }


def structure_table() -> Markdown:
    """The structure of the text as a Markdown table."""
    size = len(kjv.text())
    lines = ["| what | in the text | characters from one to the next |", "|---|--:|--:|"]
    lines += [f"| {what} | {n:,} | {f'{size / n:,.0f}' if n else '–'} |" for what, n in structure().items()]
    return Markdown("\n".join(lines))


def marks_counted(look: Look) -> dict[str, int]:
    """How many closing brackets and ends of a sentence the bits for each rest on: those of the stretches looked at."""
    following = kjv.split().test[look.rows("test")[1 + look.warm :]]
    wanted = {"closing": "]", "stops": STOPS}
    return {name: int(torch.isin(following, kjv.encode(symbols)).sum()) for name, symbols in wanted.items()}


def result_table(runs: pd.DataFrame, counted: dict[str, int]) -> Markdown:
    """A line an arm: what it had and what it reached, means and standard deviations over seeds."""
    each = [
        f"bits for each {name} ({counted[key]} of them)" for key, name in (("closing", "`]`"), ("stops", "`.` `?` `!`"))
    ]
    heads = ["cell", "width", "parameters", "learning rate", "bits per character", *each]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for arm in arms_in(runs):
        part = rows(runs, arm)
        digits = {"bits": 3, "closing": 1, "stops": 1}
        spread = [_close(f"{part[name].mean():.{n}f} ± {part[name].std():.{n}f}") for name, n in digits.items()]
        had = [f"{part['width'].iloc[0]}", f"{part['parameters'].iloc[0]:,}", f"{part['learning_rate'].iloc[0]:g}"]
        lines.append(f"| {' | '.join([ARMS[arm][2], *had, *spread])} |")
    return Markdown("\n".join(lines))


def difference_table(runs: pd.DataFrame) -> Markdown:
    """LSTM − another cell in the correlation with each label, with 95 % intervals over seeds."""
    columns = {
        "one unit, LSTM − GRU": ("single", "gru"),
        "all units, LSTM − GRU": ("every", "gru"),
        "all units, LSTM − GRU of equal parameters": ("every", "gru-parameters"),
        "all units, LSTM − LSTM with f = 1 − i": ("every", "coupled"),
    }
    lines = [f"| label | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for label in MARKS:
        found = [
            difference(probed(runs, "lstm", label, kind), probed(runs, other, label, kind)).signed(2)
            for kind, other in columns.values()
        ]
        lines.append(f"| {SHORT[label]} | {' | '.join(each.replace(', ', f',{NO_BREAK}') for each in found)} |")
    return Markdown("\n".join(lines))


def clamp_markdown(runs: pd.DataFrame) -> Markdown:
    """Bits per character lost by gate held and by where it is held, with 95 % intervals, as a Markdown table."""
    table = clamp_table(runs)
    held = {"mean": "at each unit's mean", "open": "open, at 1", "shut": "shut, at 0"}
    lines = [f"| gate held | {' | '.join(held.values())} |", "|---|" + "--:|" * len(held)]
    for arm in ("lstm", "gru"):
        for gate in GATES[arm]:
            part = table[(table["arm"] == arm)].groupby("clamp")["lost"]
            found = [bootstrap(part.get_group(f"{gate} {what}").to_numpy()).format() for what in held]
            cells = [each.replace("-", "−").replace(", ", f",{NO_BREAK}") for each in found]
            lines.append(f"| {ARMS[arm][2]}: {GATE_NAMES[gate]} | {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def second_table(runs: pd.DataFrame, others: dict[str, pd.DataFrame]) -> Markdown:
    """What another start or another learning rate changes: means over seeds."""
    heads = ["runs", "seeds", "bits per character", "bits for each `]`", "memory time, middle unit"]
    heads += [f"units above {LONG} characters", f"“{SHORT['bracket']}”, one unit", f"“{SHORT['sentence']}”, all units"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "--:|" * (len(heads) - 1)]
    for name, part in {"as above": runs, **others}.items():
        units = unit_table(part)
        for arm in [each for each in ("lstm", "gru") if each in arms_in(part)]:
            long = units[units["arm"] == arm].groupby("seed")["time"].agg(lambda times: (times > LONG).mean()).mean()
            cells = [
                f"{ARMS[arm][2]}, {name}",
                f"{len(rows(part, arm))}",
                f"{metric(part, arm, 'bits').mean():.3f}",
                f"{metric(part, arm, 'closing').mean():.1f}",
                f"{per_seed(units, arm, 'time').median():.1f}",
                f"{100 * long:.0f}{NO_BREAK}%",
                f"{probed(part, arm, 'bracket', 'single').mean():.2f}",
                f"{probed(part, arm, 'sentence', 'every').mean():.2f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def strip_table(runs: pd.DataFrame, passage: str) -> pd.DataFrame:
    """One row a line of the strip and character, for `draw_strip`: of the seed whose unit scored in the middle."""
    lines = []
    wanted = (("bracket", "single", ("lstm", "gru", "coupled")), ("sentence", "single", ("lstm", "gru")))
    for label, kind, arms in wanted:
        for arm in arms:
            score = probed(runs, arm, label, kind).sort_values()
            seed = score.index[len(score) // 2]
            values = rows(runs, arm).loc[seed, "curves"][f"strip {label}"]
            title = f"{ARMS[arm][2]}: the unit for “{SHORT[label]}”, seed {seed}"
            part = pd.DataFrame({"character": list(passage), "value": values})
            lines.append(part.assign(row=title, arm=arm, label=label, place=range(len(part))))
    return pd.concat(lines, ignore_index=True)


def numbers(runs: pd.DataFrame, units: pd.DataFrame, base: pd.DataFrame) -> dict[str, str]:
    """Names and texts of what the prose quotes."""
    texts = {
        "bits": words.bits_text(runs),
        "coupled-bits": words.coupled_bits_text(runs),
        "memory": memory_text(units),
        "stays": stays_text(units),
        "claim": words.claim_text(runs),
        "control": words.control_text(runs),
        "advice": words.advice_text(runs),
        "flags": words.flags_text(runs),
        "chance": words.chance_text(runs),
        "learned": words.learned_text(runs),
        "reading": words.reading_text(runs),
        "closing": words.closing_text(runs),
        "cut": words.cut_text(runs),
        "brackets": words.level_text(runs, "bracket", "single"),
        "sentences": words.level_text(runs, "sentence", "every"),
        "clipped": words.clipped_text(runs),
        "ngrams": ", ".join(f"{row.order}-gram {row.bits:.2f}" for row in base.itertuples()),
        "ngrams-beside": words.ngram_text(runs, base),
    }
    lost = clamp_table(runs)
    texts["tied"] = bootstrap(
        lost[(lost["arm"] == "lstm") & (lost["clamp"] == "i = 1 − f")]["lost"].to_numpy()
    ).format()
    for name, share in corners(runs).items():
        texts[f"corner-{name}"] = bootstrap(100 * share.to_numpy()).format("{:.0f}", "%")
    for arm in ("lstm", "gru", "coupled"):
        texts[f"reach-{arm}"] = reach_text(units, arm)
    gates = gate_table(runs)
    means = 100 * gates[gates["arm"].isin(("lstm", "gru"))].groupby(["arm", "gate"])[["left", "right"]].mean()
    for (_, gate), row in means.iterrows():
        texts[f"gate-{gate}"] = f"shut {row['left']:.0f} %, open {row['right']:.0f} %"
    return {name: text.replace(" %", f"{NO_BREAK}%") for name, text in texts.items()}


def _close(text: str) -> str:
    return text.replace(" ", NO_BREAK)
