"""All cells by name. A new one is entered here, and its kernel, where it has one, in `gatedrnn.kernels`."""

from __future__ import annotations

from gatedrnn.cells import GRU, LSTM, RNN, Cell, GRUBefore, ReLURNN
from gatedrnn.choices import Choices
from gatedrnn.lightweight import FastGRNN, MinGRU, MinLSTM

CELLS: Choices[type[Cell]] = Choices(
    "cell", {
        "lstm": LSTM, "gru": GRU, "gru_before": GRUBefore, "minlstm": MinLSTM, "mingru": MinGRU, "fastgrnn": FastGRNN,
        "rnn": RNN, "relu": ReLURNN},
)  # fmt: skip
