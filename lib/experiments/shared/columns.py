"""What the columns of published data mean: those that sweeps and timings give every chapter, and a chapter's own."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

COMMON = {
    # what a run was given
    "cell": "recurrent cell: lstm, gru, gru_before (resets before the product), rnn (tanh) or relu",
    "match": "what is held equal to the LSTM: width, or parameters of the whole model",
    "seed": "of the first weights and of the data stream",
    "hidden_size": "units of the LSTM that the others are matched to",
    "layers": "recurrent layers, stacked",
    "start": "first bias of the keeping gate: default, bias:<number>, or chrono:<longest time>",
    "bias": "first bias of the keeping gate",
    "learning_rate": "of Adam",
    "batch": "sequences in a training step",
    "steps": "training steps allowed",
    "every": "training steps between evaluations",
    "tuning": "True for a run that only chooses a learning rate",
    # what it gave back
    "width": "units of the network itself",
    "parameters": "numbers that the model learns",
    "steps_taken": "training steps made",
    "solved_at": "training step of the evaluation that ended the run; empty where none did",
    "clipped": "share of training steps whose gradient was cut, 0 to 1",
    "skipped": "share of steps that were skipped, as their gradient was not finite",
    "diverged": "True where too many gradients in a row were not finite, which ended the run",
    "score": "what rates are chosen by; larger is better",
    "seconds": "time of the whole run on one core; differs from machine to machine",
    "train_seconds": "of these, in training steps",
    "kernel": "code that computed the recurrent layer",
    # intervals
    "low": "lower end of its 95 % interval",
    "high": "upper end of its 95 % interval",
}
"""Columns of the rows of a sweep, and of a table of intervals."""

TIMED = {
    "name": "what was timed",
    "round": "round of the readings; all contenders are read once in each",
    "position": "place in the order of its round",
    "calls": "calls in the reading",
    "block": "block of single calls; contenders take turns by blocks",
    "seconds": "time of one call, s",
    "batch_size": "sequences side by side, B",
    "length": "time steps of a sequence, T",
    "threads": "of the processor, that one call may use",
    "mode": "training (forward, loss, backward) or inference (forward)",
    "hidden_size": "units H of the LSTM; inputs have the same size",
}
"""Columns of readings of the clock."""


def meanings(data: pd.DataFrame, *own: Mapping[str, str]) -> dict[str, str]:
    """What the columns of these data mean, for `figures.publish`, which names those that nobody explained.

    Args:
        data: as published. own: a chapter's columns; of a name that is explained twice the last one counts.
    """
    known = {name: text for each in (COMMON, *own) for name, text in each.items()}
    return {name: known[name] for name in map(str, data) if name in known}
