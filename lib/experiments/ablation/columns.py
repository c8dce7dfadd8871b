"""What the columns of the published data of the chapter *architecture/ablation* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "recall, registers (two of them), mnist1d or characters",
    "cell": "cell whose gate was held: lstm or gru",
    "variant": "what was trained: lstm or gru whole, with the gate named held at a constant, or lstm_coupled, f = 1 − i",
    "match": "what is held equal to the whole cell: width, or parameters of the whole model",
    "hidden_size": "units of the whole cell",
    "length": "steps of noise (recall), of a sequence (registers, mnist1d), or back that the gradient goes (characters)",
    "accuracy": "share of right answers on held-out data, 0 to 1; empty for characters",
    "bits": "bits per character on held-out text; empty for the other tasks",
    "score": "what rates are chosen by: accuracy, 1 and the share of steps to spare where all is right, or bits saved",
    "points": "right answers, %; of characters the share of the way from letter frequencies to the n-gram, %",
    "loss": "points of the whole cell with the same seed − points",
    "held": "value at which the middle unit holds the gate, 0 to 1",
    "held_low": "a tenth of the units hold it below",
    "held_high": "a tenth of the units hold it above",
    "clip": "norm to which gradients are cut",
}
