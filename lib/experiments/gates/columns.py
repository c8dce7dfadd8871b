"""What the columns of the published data of the chapter *memory/gates* mean."""

from __future__ import annotations

COLUMNS = {
    "cell": "lstm, gru, or lstm_coupled (f = 1 − i)",
    "arm": "lstm, gru, gru-parameters (as many parameters as the LSTM), or coupled (LSTM with f = 1 − i)",
    "length": "steps of a truncated sequence in training",
    "lanes": "stretches of text at which gates are looked at",
    "score": "bits per character saved on validation text against guessing among all symbols",
    "label": "what is told: inside a bracket or capital word; log2(1 + characters since the start) of a word, clause … verse",
    "memory": "correlation of all units, read as memory (c of an LSTM, h of a GRU), with the label on other text",
    "single": "the same of the one unit that fitted best on the text for choosing",
    "fresh": "the same as memory, before training",
    "shown": "the same as memory, read as h",
    "time": "memory time of the unit's keeping gate, −1 ÷ mean ln(gate), characters",
    "fresh_time": "the same before training",
    "reach": "largest |memory| of the unit",
    "gate": "i, f, o of an LSTM; r, z of a GRU",
    "left": "share of characters at which the unit's gate is shut, 0 to 1",
    "right": "share of characters at which it is open, 0 to 1",
    "clamp": "gate and how it was held: shut, open, or at its mean",
    "lost": "bits per character lost by that",
    "closing": "bits that a closing bracket costs, mean",
    "stops": "bits that the end of a sentence costs, mean",
    "chosen": "bits lost on a closing bracket without the probe's unit",
    "others": "the same without another unit, mean over several",
    "row": "line of the figure: cell, unit and seed shown",
    "place": "place of the character in the passage, from 0",
    "character": "the character read",
    "value": "state of the unit after it (of an LSTM c, or tanh c for brackets; of a GRU h), turned to rise with the label",
}
