"""What the columns of the published data of the chapter *applications/music* mean."""

from __future__ import annotations

COLUMNS = {
    "head": "keys (each by itself) or chord (keys that know each other)",
    "dropout": "share of values dropped in training",
    "seed": "of the first weights, the data stream and the notes drawn",
    "look": "True where the run was also looked into",
    "opening": "quarter notes given of the chorale that is continued",
    "continuation": "quarter notes drawn",
    "best_step": "training step with the best validation NLL, which is reported",
    "validation": "NLL on the validation part, nats a quarter note",
    "test": "NLL on the test part, nats a quarter note",
    "counted": "test NLL with a chord bigram above the model; empty where it was not tried",
    "frames": "quarter notes of the past that the cell is shown; 0 is all",
    "nll": "test NLL then, nats a quarter note",
    "writer": "LSTM, GRU, or Bach",
    "quarter": "place in the piece, quarter notes",
    "midi": "pitch of a key that sounds, MIDI number",
}
