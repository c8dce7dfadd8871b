"""What the columns of the published data of the chapter *memory/gradients* mean."""

from __future__ import annotations

COLUMNS = {
    "lag": "steps back from the end of the sequence",
    "memory": "log10 of the gain of the memory's gradient over this lag (c of an LSTM, else h)",
    "hidden": "the same for h",
    "gate": "log10 of the product of the keeping gates alone",
    "lags": "steps of the sequence looked at",
    "delay": "of the recall task that is learned first",
    "steps": "training steps before the look, at most; 0 is a fresh cell",
    "half_life": "lag at which half of the memory's gradient is left, steps; lags where more is left to the end",
    "half_life_h": "the same for h",
}
