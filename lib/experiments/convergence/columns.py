"""What the columns of the published data of the chapter *performance/convergence* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "mnist1d, chorales or recall",
    "quality": "on held-out data: share of right answers, of the chorales NLL in nats a quarter note",
    "held_out": "part of the data that is scored; recall draws fresh sequences",
    "frame": "points of MNIST-1D read in one step",
    "delay": "steps of recall between symbol and question",
    "step": "training step of the evaluation",
    "reached": "True where the run met the target",
    "time": "training steps to the target; of a run that never met it, all its steps",
    "clock": "steps, or seconds with matched or with stock kernels",
    "ratio": "time to the target, GRU ÷ LSTM",
    "censored": "how many of the two runs never met it and count with all their steps",
    "kernels": "matched (this book's) or stock (torch.nn)",
}
LAYERS = {
    "accuracy": "on the test set at this step, %",
    "final": "of the run at its end, %",
}
