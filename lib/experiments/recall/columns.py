"""What the columns of the published data of the chapter *memory/recall* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "recall, adding or selective (two registers)",
    "cell": "lstm, gru, rnn (tanh), or a control between them: lstm_shut (input gate starts shut), lstm_coupled (f = 1 − i)",
    "length": "steps of the sequence; of recall, steps of noise before the question",
    "solved": "1 where the run solved the task, else 0",
    "steps": "training steps to the solution; all that were allowed where there is none",
    "steps_allowed": "training steps allowed",
    "quality": "share of right answers on fresh sequences, 0 to 1; of adding the mean squared error",
    "random_labels": "True where the answers trained on belong to other sequences",
    "step": "training step of the look; empty for runs of which only the end is shown",
    "keep": "mean openness of the gate that keeps, 0 to 1; with two registers, at unmarked steps",
    "write": "mean openness of the gate that writes, 0 to 1; with two registers, at unmarked steps",
    "keep_marked": "the same of the keeping gate at marked steps",
    "write_marked": "the same of the writing gate at marked steps",
    "contrast": "write_marked − write",
}
