"""What the columns of the published data of the chapter *performance/data_size* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "mnist1d or vowels",
    "model": "cell and what is held equal, or the baseline",
    "examples": "training sequences drawn",
    "seed": "of the draw, the first weights and the order of the batches",
    "start": "start of the gates: default, bias:1, or chrono (as long as the longest sequence)",
    "dropout": "share of the numbers before the head that a training step leaves out",
    "weight_decay": "share of every weight that a step takes off, times the rate",
    "stopping": "True where a fifth was held back and the best look at it was kept",
    "damping": "what was done against learning by heart",
    "accuracy": "share of right answers on held-out data, 0 to 1",
    "train_accuracy": "the same on the sequences trained on, a thousand at most",
    "stopped_at": "share of the steps at which the weights were taken",
    "difference": "GRU − LSTM on the same draw, points",
    "estimate": "GRU − LSTM, points, a mean over seeds",
    "setting": "how both cells were set",
    "n": "seeds of the mean",
    "exchanged": "True where the test part was drawn from and the rest judged",
    "frame": "points of MNIST-1D read in one step",
}
GRU = {name: f"{what}, of the GRU" for name, what in COLUMNS.items() if name == "accuracy"}
GRU |= {name: f"{name.replace('_', ' ')} of the GRU" for name in ("width", "parameters", "learning_rate")}
"""In the table of differences."""
