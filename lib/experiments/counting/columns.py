"""What the columns of the published data of the chapter *memory/counting* mean."""

from __future__ import annotations

COLUMNS = {
    "language": "anbn or anbncn",
    "asked": "letters that the loss is on: all, or those that are determined by the past; empty for the table",
    "cell": "lstm, gru, gru_before (resets before the product), rnn (tanh), relu, or table (a table of the last letters)",
    "start": "start of the gates: default, bias:1, or chrono (as long as the longest string trained on)",
    "fails_at": "least n of a string with a wrong determined letter",
    "censored": "True where no tested string had a wrong letter; fails_at is then one more than the longest tested",
    "learned": "True where every string of the training range is right",
    "right": "share of the tested strings without an error, 0 to 1",
    "fit": "geometric mean probability of the right letter within the training range, 0 to 1",
    "misfit": "what fit lacks to 1, %",
    "chosen_at": "training step of the look with the best fit, whose weights are judged",
    "follows": "correlation of the counting unit with the count",
    "pace": "mean step of the counting unit beyond the training range ÷ within it; a counter has 1",
    "context": "letters that the table remembers; empty for networks",
    "task": "what was tuned: a language and the letters of the loss, or brackets",
}
UNITS = {
    "step": "letters read so far",
    "memory": "value of the counting unit (c of an LSTM, else h), turned to rise with a",
    "shown": "n of the string that is read",
}
NESTING = {
    "depth": "brackets open at once, at most, in the strings tested",
    "right": "share of right answers at this depth, %",
    "estimate": "LSTM − GRU at this depth and match, mean over seeds, points",
}
