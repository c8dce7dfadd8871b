"""What the columns of the published data of the chapter *applications/speech* mean."""

from __future__ import annotations

COLUMNS = {
    "name": "the network in words",
    "network": "lstm, gru, convolution, or frame (each step alone)",
    "directions": "in which the string is read, 1 or 2",
    "match": "what is held equal to the LSTM of as many directions: width or parameters",
    "errors": "label error rate in held-out voices, 0 to 1",
    "percent": "label error rate in held-out voices, %",
    "label_accuracy": "1 − errors",
    "exact": "share of strings without an error, 0 to 1",
    "train_errors": "label error rate on some training strings, 0 to 1",
    "step": "training step of the look",
    "difference": "label error rate, LSTM − GRU, points",
    "condition": "directions and what is held equal, in words",
    "model": "lstm, gru, or a regression on the mean or on four summaries (static) of the frames",
    "frames": "of the utterance that were heard",
    "right": "speakers told right, %",
}
EXAMPLE = {
    "string": "number of the test string",
    "seconds": "time of the frame, s",
    **{f"band {band}": "loudness of this mel band, standardised; 0 is the lowest" for band in range(20)},
}
