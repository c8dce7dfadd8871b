"""What the columns of the published data of the chapter *performance/data_size* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "mnist1d or vowels",
    "model": "cell and what is held equal, or the baseline",
    "examples": "training sequences drawn",
    "seed": "of the draw, the first weights and the order of the batches",
    "accuracy": "share of right answers on held-out data, 0 to 1",
    "train_accuracy": "the same on the sequences trained on, a thousand at most",
    "difference": "GRU − LSTM on the same draw, points",
    "frame": "points of MNIST-1D read in one step",
}
GRU = {name: f"{what}, of the GRU" for name, what in COLUMNS.items() if name == "accuracy"}
GRU |= {name: f"{name.replace('_', ' ')} of the GRU" for name in ("width", "parameters", "learning_rate")}
"""In the table of differences."""
