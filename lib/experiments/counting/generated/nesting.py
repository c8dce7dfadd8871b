"""Sentences on nested brackets in the chapter *memory/counting*, from its runs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence.figures import LABELS
from evidence.format import listed
from evidence.statistics import Interval
from evidence.verdicts import ledger
from experiments.counting.analysis import CELLS, EQUAL, at_depth, depth_difference, select
from experiments.counting.nesting import SOUND

NEAR = 2
"""Points above the best answer out of the last symbols up to which a median counts as lying on it."""


def nested(nests: pd.DataFrame) -> str:
    """LSTM − GRU at twice the training depth, and whether the sign is the same at other depths."""
    depth = 2 * _trained(nests)
    width, equal = (depth_difference(nests, depth, match) for match in EQUAL)
    return (
        f"At depth {depth}, twice what was trained, LSTM − GRU is {width.signed()} points of right answers at equal width "
        f"({_apart(width)}) and {equal.signed()} at equal parameters ({_apart(equal)}). {turns(nests)}"
    )


def turns(nests: pd.DataFrame) -> str:
    """Which cell is ahead at which depth beyond the trained one, at equal width."""
    found = {depth: depth_difference(nests, depth) for depth in _beyond(nests)}
    lstm = [depth for depth, each in found.items() if each.low > 0]
    gru = [depth for depth, each in found.items() if each.high < 0]
    if lstm and gru:
        return (
            f"The sign turns with depth: the GRU is ahead at depth {spelt(gru)}, the LSTM at depth {spelt(lstm)} "
            "(equal width)."
        )
    if lstm or gru:
        first, second, depths = ("LSTM", "GRU", lstm) if lstm else ("GRU", "LSTM", gru)
        return (
            f"The {first} is ahead at depth {spelt(depths)} (equal width), the {second} at no depth beyond the trained."
        )
    return "At no depth beyond the trained can the two be told apart (equal width)."


def medians(nests: pd.DataFrame) -> str:
    """Median share of right answers by cell at twice the training depth."""
    depth = 2 * _trained(nests)
    parts = [f"{LABELS[cell]} {value:.1f} %" for cell, value in _medians(nests, depth).items()]
    return f"at depth {depth} {', '.join(parts)}"


def differences(nests: pd.DataFrame) -> str:
    """LSTM − GRU at a few depths beyond the trained one, at equal width."""
    trained, deepest = _trained(nests), max(_beyond(nests))
    depths = sorted({min(trained + 1, deepest), min(trained + 2, deepest), 2 * trained, deepest})
    parts = [f"{depth_difference(nests, depth).signed()} points at depth {depth}" for depth in depths]
    return ", ".join(parts)


def lengthened(nests: pd.DataFrame, tested_length: int) -> str:
    """How much is lost on long strings no deeper than the training ones."""
    parts = []
    for cell in CELLS:
        rows = select(nests, cell)
        parts.append(f"{LABELS[cell]} {100 * rows['within'].median():.1f} and {100 * rows['long'].median():.1f} %")
    return f"medians on fresh strings of the training length, and on strings of {tested_length}: " + ", ".join(parts)


def beside(nests: pd.DataFrame, windows: pd.DataFrame, depth: int) -> str:
    """How far the medians lie apart at a depth, and where a window of the last symbols stands."""
    middle = _medians(nests, depth)
    first, last = max(middle, key=lambda cell: middle[cell]), min(middle, key=lambda cell: middle[cell])
    plain = depth_difference(nests, depth, cell="rnn")
    seen = float(windows.set_index("depth")["right"].loc[depth])
    return (
        f"At depth {depth} the highest median ({LABELS[first]}) and the lowest ({LABELS[last]}) are "
        f"{middle[first] - middle[last]:.1f} points apart; LSTM − tanh RNN is {plain.signed()} points in the mean. The best "
        f"answer out of the last {windows['context'].iloc[0]} symbols is right in {100 * seen:.0f} %"
    )


def on_line(nests: pd.DataFrame, windows: pd.DataFrame) -> str:
    """Which medians lie where the best answer out of the last symbols lies, beyond the trained depth."""
    line = 100 * windows.set_index("depth")["right"]
    close: dict[str, list[int]] = {}
    for depth in _beyond(nests):
        for cell, value in _medians(nests, depth).items():
            if value <= line[depth] + NEAR:
                close.setdefault(cell, []).append(depth)
    if not close:
        return f"no median comes within {NEAR} points of it beyond the trained depth"
    parts = [f"the {LABELS[cell]} at depth {spelt(close[cell])}" for cell in CELLS if cell in close]
    names = ", of ".join(parts)
    return f"within {NEAR} points of it, or below, is the median of {names}: there it shows nothing older than those symbols"


def place(nests: pd.DataFrame, cell: str = "rnn") -> str:
    """Where the median of a cell stands among all at twice the training depth."""
    middle = _medians(nests, 2 * _trained(nests))
    return f"{1 + sum(value > middle[cell] for value in middle.values())} of {len(middle)}"


def lowest_within(nests: pd.DataFrame) -> str:
    """The lowest median within the trained depth."""
    depths = range(2, max(2, _trained(nests)) + 1)
    found = min(min(_medians(nests, depth).values()) for depth in depths)
    return f"{found:.0f} %"


def advice(nests: pd.DataFrame) -> str:
    """What nesting says to a reader who has to choose."""
    depth, margin = 2 * _trained(nests), ledger()["P7"].margin
    found = {each: depth_difference(nests, each) for each in _beyond(nests)}
    ahead, behind = ([each for each, one in found.items() if sign * one.low > 0 < sign * one.high] for sign in (1, -1))
    far = found[depth]
    if ahead and behind:
        said = "Nested structure gives no answer that holds at every depth"
    elif far.low > margin:
        said = "Nested structure speaks for the LSTM, as far as this task shows"
    elif far.high < -margin:
        said = "Nested structure is no reason for the LSTM; here the GRU did better"
    else:
        said = "Nested structure is no reason to prefer one of the two"
    shown = sorted({depth, *behind[:1], *ahead[:1]}) if ahead and behind else [depth]
    parts = [f"{found[each].signed()} points at depth {each}" for each in shown]
    falls = [f"{LABELS[cell]} {select(nests, cell)['fails_at'].median():g}" for cell in CELLS]
    return (
        f"{said}: LSTM − GRU is {', '.join(parts)}. Trained to depth {_trained(nests)}, the median seed falls under "
        f"{100 * SOUND:.0f} % right answers first at depth: {', '.join(falls)}"
    )


def numbers(nests: pd.DataFrame, windows: pd.DataFrame) -> dict[str, str]:
    """Texts for the prose, by name; `windows` as from `counting.depth_baseline`."""
    found = {
        "nested": nested(nests),
        "medians": medians(nests),
        "differences": differences(nests),
        "turns": turns(nests),
        "lengthened": lengthened(nests, int(nests["tested_length"].iloc[0])),
        "beside": beside(nests, windows, 2 * _trained(nests)),
        "on-line": on_line(nests, windows),
        "place": place(nests),
        "lowest": lowest_within(nests),
        "nest-advice": advice(nests),
    }
    return {name: text.replace(" %", "\N{NO-BREAK SPACE}%") for name, text in found.items()}


def spelt(depths: Sequence[int]) -> str:
    """Depths in words, such as `5 and 7 to 12`."""
    groups: list[list[int]] = []
    for depth in depths:
        if groups and depth == groups[-1][-1] + 1:
            groups[-1].append(depth)
        else:
            groups.append([depth])
    parts = []
    for each in groups:
        parts += [f"{each[0]} to {each[-1]}"] if len(each) > 2 else [str(depth) for depth in each]
    return listed(parts)


def _trained(nests: pd.DataFrame) -> int:
    return int(nests["depth"].iloc[0])


def _beyond(nests: pd.DataFrame) -> list[int]:
    depths = nests["curves"].iloc[0]["depth"]
    return [int(depth) for depth in depths if depth > _trained(nests)]


def _medians(nests: pd.DataFrame, depth: int) -> dict[str, float]:
    table = at_depth(nests, depth)
    return {cell: float(select(table, cell)["answered"].median()) for cell in CELLS}


def _apart(found: Interval) -> str:
    if found.low > 0:
        return "the LSTM is ahead"
    return "the GRU is ahead" if found.high < 0 else "no difference can be told"
