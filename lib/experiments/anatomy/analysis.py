"""From what the chapter *architecture/anatomy* counts and follows to its tables, checks and verdicts.

What is counted here without a sweep passes through `evidence.swap`, so that the swap test reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from evidence.figures import LABELS
from evidence.format import NBSP
from evidence.statistics import Interval
from evidence.swap import exchanged
from experiments.anatomy import equality, runs
from gatedrnn.initialisation import KEEPING, half_life
from tasks import kjv

QUANTITIES = {"parameters": "parameters", "FLOPs": "operations", "state": "state", "kept": "kept for training"}
MATCHED = {"width": "equal width", "parameters": "equal parameters"}


def tally(parts: pd.DataFrame) -> pd.DataFrame:
    """Number of gates, candidates and states, one row a cell and one column a kind; from `runs.parts`."""
    found = parts.groupby(["cell", "kind"], sort=False).size().rename("number").reset_index()
    return exchanged(found, ("cell", "kind")).pivot(index="cell", columns="kind", values="number").fillna(0).astype(int)


def parts_by_cell(parts: pd.DataFrame) -> pd.DataFrame:
    """The names in `runs.parts`, one row a cell and one column a kind, for the page."""
    named = parts.assign(cell=parts["cell"].map(LABELS))
    names = named.groupby(["cell", "kind"], sort=False)["part"].agg(", ".join).unstack(fill_value="–")
    return names.rename_axis(index=None, columns=None)[["gate", "candidate", "state"]]


def faded(lags: int, pairs: int, hidden_size: int, biases: list[float], seeds: int) -> pd.DataFrame:
    """`runs.faded`: what is left of the first input after each lag, in fresh cells."""
    found = runs.faded(lags, pairs, hidden_size, biases, seeds)
    return exchanged(found, ("cell", "bias", "tied", "seed", "lag"))


def half_way(table: pd.DataFrame, quantity: str = "kept") -> float:
    """First lag, interpolated, at which half is left of one curve out of `faded`; infinite where none is."""
    values, lags = table[quantity].to_numpy(), table["lag"].to_numpy()
    below = (values < 0.5).nonzero()[0]
    if not len(below):
        return float("inf")
    right = int(below[0])
    high, low = values[right - 1], values[right]
    return float(lags[right - 1] + (high - 0.5) / (high - low))


def half_lives(table: pd.DataFrame) -> pd.DataFrame:
    """Half-life of every cell drawn in `faded`, beside that of the formula: `measured`, `formula`, in steps."""
    rows = []
    for (cell, bias, seed), part in table[~table["tied"]].groupby(["cell", "bias", "seed"], sort=False):
        formula = half_life(bias) if cell in KEEPING else None
        rows.append({"cell": cell, "bias": bias, "seed": seed, "measured": half_way(part), "formula": formula})
    return pd.DataFrame(rows)


def steps(value: float, lags: int) -> str:
    """A half-life as prose types it; one that did not end within the lags followed is `more than` these."""
    return f"more than {lags}" if value > lags else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def at_lag(table: pd.DataFrame, lag: int, quantity: str) -> pd.Series:
    """A quantity of `faded` at one lag, median over the cells drawn, by cell, bias and whether the gates are tied."""
    return table[table["lag"] == lag].groupby(["cell", "bias", "tied"])[quantity].median()


def ratios(hidden_sizes: list[int]) -> pd.DataFrame:
    """GRU ÷ LSTM of each quantity in `runs.matched`: `H` of the LSTM, `matched`, `quantity`, `H_gru`, `ratio`."""
    found = exchanged(runs.matched(hidden_sizes), ("cell", "H", "matched", "quantity"))
    wide = found.set_index(["H", "matched", "quantity", "cell"])[["value", "width"]].unstack()
    ratio = wide["value", "gru"] / wide["value", "lstm"]
    return pd.DataFrame({"H_gru": wide["width", "gru"], "ratio": ratio}).reset_index()


def ratio_table(table: pd.DataFrame, width: int) -> pd.DataFrame:
    """`ratios` at one width, one row a quantity and one column a matching, for the page."""
    wide = table[table["H"] == width].pivot(index="quantity", columns="matched", values="ratio")
    wide = wide.loc[list(QUANTITIES), list(MATCHED)].map("{:.2f}".format)
    return wide.rename(index=QUANTITIES, columns=MATCHED).rename_axis(index=None, columns=None)


def kept_by_torch(hidden_size: int, batch_size: int, length: int) -> pd.Series:
    """Numbers that PyTorch keeps for each unit and step, by cell and kernel; from `runs.kept_by_torch`."""
    found = exchanged(runs.kept_by_torch(hidden_size, batch_size, length), ("cell", "kernel"))
    return found.set_index(["cell", "kernel"])["numbers"]


def whole_models(vocabularies: list[int], hidden_sizes: list[int]) -> pd.DataFrame:
    """Whole language models: `V`, `H`, the `ratio` GRU ÷ LSTM, and the layer's `share` of the LSTM's model."""
    found = exchanged(runs.whole_models(vocabularies, hidden_sizes), ("cell", "V", "H"))
    wide = found.set_index(["V", "H", "cell"])[["layer", "model"]].unstack()
    lstm = wide["model", "lstm"]
    return pd.DataFrame({"ratio": wide["model", "gru"] / lstm, "share": wide["layer", "lstm"] / lstm}).reset_index()


def simpler(table: pd.DataFrame, width: int) -> dict[str, Interval]:
    """Conditions of the claim that a GRU is computationally simpler: each quantity under both matchings."""
    at = table[table["H"] == width].set_index(["matched", "quantity"])["ratio"]
    return {
        f"{name}, {matching}": _exact(at[match, quantity])
        for quantity, name in QUANTITIES.items()
        if quantity != "parameters"
        for match, matching in MATCHED.items()
    }


def fewer(layer: float, models: pd.DataFrame, width: int) -> dict[str, Interval]:
    """Conditions of the claim that a GRU has fewer parameters: the layer itself, then whole models.

    Args:
        layer: GRU ÷ LSTM of the layer's parameters. models: from `whole_models`. width: at which it is judged.
    """
    found = {"the layer itself": _exact(layer)}
    for row in models[models["H"] == width].sort_values("V").itertuples():
        found[f"language model, {row.V:,} symbols: the layer is {100 * row.share:.0f}{NBSP}% of it"] = _exact(row.ratio)
    return found


def _exact(value: float) -> Interval:
    return Interval(value, value, value)


def compared(shapes: list[tuple[int, int, int]], input_size: int, seed: int) -> pd.DataFrame:
    """`equality.equality`: how far the reference cells and the kernels are from `torch.nn`."""
    found = equality.equality(shapes, input_size, seed)
    return exchanged(found, ("cell", "implementation", "T", "B", "H", "precision", "quantity"))


def verse_table(table: pd.DataFrame) -> pd.DataFrame:
    """Gate values over the verse, one row a cell, gate, row of the figure and character; from runs of `read_verse`."""
    verse = kjv.verse()[1]
    rows = []
    for _, run in table.iterrows():
        curves = run["curves"]
        for gate in [name.removeprefix("mean ") for name in curves if name.startswith("mean ")]:
            chosen = zip(curves[f"units {gate}"], curves[f"ties {gate}"], strict=True)
            series = [("mean", None, f"mean {gate}"), *((f"{unit}", tie, f"{gate} {unit}") for unit, tie in chosen)]
            for unit, tie, key in series:
                for place, (symbol, value) in enumerate(zip(verse, curves[key], strict=True)):
                    rows.append(
                        {"cell": run["cell"], "gate": gate, "unit": unit, "tie": tie, "place": place}
                        | {"character": symbol, "value": value}
                    )
    return pd.DataFrame(rows)


def swings(table: pd.DataFrame) -> pd.DataFrame:
    """How far each gate of `verse_table` swings over the verse: its `mean` over all units, and the `units` shown.

    Standard deviations over the characters, by gate; of the units shown the median.
    """
    spread = table.groupby(["gate", "unit"])["value"].std().reset_index()
    mean = spread[spread["unit"] == "mean"].set_index("gate")["value"]
    return pd.DataFrame({"mean": mean, "units": spread[spread["unit"] != "mean"].groupby("gate")["value"].median()})


def drift(length: int, batch_size: int, hidden_size: int, scales: list[float], seed: int) -> pd.DataFrame:
    """`equality.drift`, with the distance of the two GRUs as a `share` of the state."""
    found = equality.drift(length, batch_size, hidden_size, scales, seed)
    return found.assign(share=found["difference"] / found["size"])


def parting(table: pd.DataFrame) -> pd.Series:
    """Mean share out of `drift` in the last third of the sequence, by reset and scale."""
    return table[table["step"] > 2 * table["step"].max() / 3].groupby(["reset", "scale"])["share"].mean()


def told(table: pd.DataFrame, **names: Mapping[str, str] | Callable[..., str]) -> pd.DataFrame:
    """A table with the values of some columns as a reader says them, for an alternative text."""
    return table.assign(**{column: table[column].map(words) for column, words in names.items()})
