"""Recurrent cells and layers for the CPU: LSTM, GRU (both resets) and plain RNN, on equal kernels."""
