"""What the columns of the published data of the chapter *architecture/ablation* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "recall or mnist1d",
    "cell": "cell that a gate was taken from: lstm or gru",
    "variant": "what was trained: lstm or gru whole, or without the gate named",
    "match": "what is held equal to the whole cell: width or parameters",
    "hidden_size": "units of the whole cell",
    "accuracy": "share of right answers on held-out data, 0 to 1",
    "change": "accuracy − that of the whole cell with the same seed, points",
    "step": "training step of the evaluation",
    "loss": "cross entropy on held-out data, nats",
    "delay": "steps of recall between symbol and question",
    "frame": "points of MNIST-1D read in one step",
    "held_out": "part of MNIST-1D that is scored",
}
