"""All cells by name. A new one is entered here, and its kernel, where it has one, in `gatedrnn.kernels`."""

from __future__ import annotations

from gatedrnn.cells import GRU, LSTM, RNN, Cell, GRUBefore, ReLURNN
from gatedrnn.choices import Choices

CELLS: Choices[type[Cell]] = Choices(
    "cell", {"lstm": LSTM, "gru": GRU, "gru_before": GRUBefore, "rnn": RNN, "relu": ReLURNN}
)
