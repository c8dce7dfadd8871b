"""Tables and quoted numbers of the chapter *memory/gates*."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from gatedrnn.analyses import gates_words as words
from gatedrnn.analyses.gates import (
    ARMS,
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
from gatedrnn.analyses.gates_words import SHORT
from gatedrnn.statistics import bootstrap
from gatedrnn.tasks import kjv
from gatedrnn.tasks.marks import MARKS, verse_begins


def structure_table() -> pd.DataFrame:
    """What of the structure that a person sees is marked in the text, counted."""
    text = kjv.text()
    counted = {
        "line breaks, between paragraphs": text.count("\n"),
        "pairs of square brackets, around words that the translators supplied": text.count("["),
        "pairs of parentheses": text.count("("),
        "ends of a sentence, . ? !": sum(text.count(symbol) for symbol in ".?!"),
        "quotation marks": sum(text.count(symbol) for symbol in '"“”‘«»'),
        "digits, such as numbers of chapters and verses": sum(symbol.isdigit() for symbol in text),
        "verses, not marked": len(verse_begins()),
    }
    table = pd.DataFrame({"what": counted.keys(), "in the text": counted.values()})
    table["characters from one to the next"] = [f"{len(text) / n:,.0f}" if n else "" for n in table["in the text"]]
    return table.set_index("what")


def result_table(runs: pd.DataFrame) -> Markdown:
    """A line an arm: what it had and what it reached, means and standard deviations over seeds."""
    lines = [
        "| cell | width | parameters | learning rate | bits per character | bits for each ] | bits for each . ? ! | clipped |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm in arms_in(runs):
        part = rows(runs, arm)
        spread = [f"{part[name].mean():.3f} ± {part[name].std():.3f}" for name in ("bits", "closing", "stops")]
        had = [f"{part['width'].iloc[0]}", f"{part['parameters'].iloc[0]:,}", f"{part['learning_rate'].iloc[0]:g}"]
        cells = [ARMS[arm][2], *had, *spread, f"{100 * part['clipped'].mean():.0f} %"]
        lines.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(lines))


def difference_table(runs: pd.DataFrame) -> pd.DataFrame:
    """LSTM − another cell in the correlation with each label, with 95 % intervals over seeds."""
    columns = {
        "one unit, LSTM − GRU": ("single", "gru"),
        "all units, LSTM − GRU": ("every", "gru"),
        "all units, LSTM − GRU of equal parameters": ("every", "gru-parameters"),
        "all units, LSTM − LSTM with f = 1 − i": ("every", "coupled"),
    }
    table = {}
    for name, (kind, other) in columns.items():
        found = {
            label: difference(probed(runs, "lstm", label, kind), probed(runs, other, label, kind)) for label in MARKS
        }
        table[name] = {words.SHORT[label]: each.signed(2) for label, each in found.items()}
    return pd.DataFrame(table)


def second_table(runs: pd.DataFrame, others: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What another start or a longer training changes: means over seeds."""
    lines = []
    for name, part in {"as above": runs, **others}.items():
        units = unit_table(part)
        for arm in [each for each in ("lstm", "gru") if each in arms_in(part)]:
            lines.append(
                {
                    "runs": name,
                    "cell": ARMS[arm][2],
                    "seeds": len(rows(part, arm)),
                    "bits per character": f"{metric(part, arm, 'bits').mean():.3f}",
                    "bits for each ]": f"{metric(part, arm, 'closing').mean():.2f}",
                    "memory time, middle unit": f"{per_seed(units, arm, 'time').median():.1f}",
                    "brackets, one unit": f"{probed(part, arm, 'bracket', 'single').mean():.2f}",
                    "place in the sentence, all units": f"{probed(part, arm, 'sentence', 'every').mean():.2f}",
                }
            )
    return pd.DataFrame(lines).set_index(["runs", "cell"])


def strip_table(runs: pd.DataFrame, passage: str) -> pd.DataFrame:
    """One row a line of the strip and character, for `draw_strip`: of the seed whose unit scored in the middle."""
    lines = []
    wanted = (("bracket", "single", ("lstm", "gru", "coupled")), ("sentence", "single", ("lstm", "gru")))
    for label, kind, arms in wanted:
        for arm in arms:
            score = probed(runs, arm, label, kind).sort_values()
            seed = score.index[len(score) // 2]
            values = rows(runs, arm).loc[seed, "curves"][f"strip {label}"]
            title = f"{ARMS[arm][2]}: the unit for {SHORT[label]}, seed {seed}"
            part = pd.DataFrame({"character": list(passage), "value": values})
            lines.append(part.assign(row=title, arm=arm, label=label, place=range(len(part))))
    return pd.concat(lines, ignore_index=True)


def numbers(runs: pd.DataFrame, units: pd.DataFrame, base: pd.DataFrame) -> dict[str, str]:
    """Names and texts of what the prose quotes."""
    texts = {
        "bits": words.bits_text(runs),
        "coupled-bits": words.coupled_bits_text(runs),
        "memory": words.memory_text(units),
        "stays": words.stays_text(units),
        "claim": words.claim_text(runs),
        "advice": words.advice_text(runs),
        "flags": words.flags_text(runs),
        "chance": words.chance_text(runs),
        "learned": words.learned_text(runs),
        "reading": words.reading_text(runs),
        "closing": words.closing_text(runs),
        "cut": words.cut_text(runs),
        "brackets": words.level_text(runs, "bracket", "single"),
        "sentences": words.level_text(runs, "sentence", "every"),
        **{f"clamp-{what}": words.clamps_text(runs, what) for what in ("mean", "open", "shut")},
        "ngrams": ", ".join(f"{row.order}-gram {row.bits:.2f}" for row in base.itertuples()),
    }
    lost = clamp_table(runs)
    texts["tied"] = bootstrap(
        lost[(lost["arm"] == "lstm") & (lost["clamp"] == "i = 1 − f")]["lost"].to_numpy()
    ).format()
    for name, share in corners(runs).items():
        texts[f"corner-{name}"] = bootstrap(100 * share.to_numpy()).format("{:.0f}", "%")
    for arm in ("lstm", "gru", "coupled"):
        texts[f"reach-{arm}"] = f"{per_seed(units, arm, 'reach').median():.0f}"
    gates = gate_table(runs)
    means = 100 * gates[gates["arm"].isin(("lstm", "gru"))].groupby(["arm", "gate"])[["left", "right"]].mean()
    for (_, gate), row in means.iterrows():
        texts[f"gate-{gate}"] = f"shut {row['left']:.0f} %, open {row['right']:.0f} %"
    return texts
