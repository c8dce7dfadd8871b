"""What the columns of the published data of the chapter *memory/sensors* mean."""

from __future__ import annotations

COLUMNS = {
    "data": "plaid or acsf1",
    "factor": "steps of a recording that are averaged to one; 1 is raw",
    "pool": "what the answer is read off: the last state, or the mean of all states",
    "truncate": "steps after which the gradient is cut; 0 nowhere",
    "epochs": "passes over the recordings trained on",
    "dropout": "share of the numbers before the head that a step leaves out",
    "weight_decay": "share of every weight, times the rate, that a step takes off",
    "scale": "own: each recording by its own mean and deviation; shared: all by those of the training part",
    "exchanged": "True where the published parts are exchanged",
    "seed": "of the division into training and validation, the first weights and the order of the batches",
    "accuracy": "share of right answers on the test part (where tuning, on the validation part), 0 to 1",
    "validation": "the same on the validation part, at the best look, whose weights are kept",
    "train_accuracy": "the same on the recordings trained on",
    "train_loss": "cross entropy on the recordings trained on, nats",
    "best_step": "training step of the best look",
    "difference": "accuracy, GRU − LSTM, of the same seed, points",
    "model": "cell or baseline",
    "seconds": "time to train, all steps or the whole fit, on one thread",
    "kind": "summary: regression on statistics; kernels: regression on MiniRocket",
    "features": "numbers that stand for a recording",
    "attack": "what was changed",
}
