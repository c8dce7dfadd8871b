"""What the columns of the published data of the chapter *applications/on_device* mean."""

from __future__ import annotations

COLUMNS = {
    "network": "lstm, gru or convolution",
    "width": "units of the cell, or channels of the convolution",
    "frame": "points of a curve that a cell reads in one step",
    "form": "of the file: float32, int8 weights or int8 dynamic",
    "accuracy": "share of right answers in float32, 0 to 1",
    "accuracy_weights": "the same with 8-bit weights",
    "accuracy_dynamic": "the same with dynamic quantisation",
    "gap": "largest difference of a logit from PyTorch's",
    "lost": "accuracy lost against the float32 file of the same run, points",
    "target": "accuracy to be met",
    "what": "bytes of the file or latency of a call, and its form",
    "estimate": "smallest GRU that meets it ÷ smallest LSTM",
}
