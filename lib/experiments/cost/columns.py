"""What the columns of the published data of the chapter *performance/cost* mean."""

from __future__ import annotations

COLUMNS = {
    "implementation": "code of both cells: oneDNN, native (PyTorch without oneDNN), ONNX Runtime or matched (this book's)",
    "ratio": "time of the GRU ÷ time of the LSTM",
    "rounds": "of interleaved readings",
    "stock": "time of the GRU ÷ the LSTM in stock PyTorch",
    "architecture": "the same on matched kernels",
    "kernel": "stock ÷ architecture: what unequal kernels add",
}
STEPS = {
    "low": "lower quartile of microseconds",
    "median": "of one call, s",
    "high": "upper quartile of microseconds",
    "readings": "behind the quartiles",
    "flops": "FLOPs of a time step over the batch",
    "microseconds": "time of one time step, µs; empty in rows of the profiler",
    "cell": "lstm or gru; in rows of the profiler alone, as are the columns after it",
    "onednn": "True where PyTorch may call oneDNN",
    "kernel": "whole layer (fused) or step by step",
    "products": "operators that multiply matrices",
    "calls": "operator calls in one call of the layer",
    "per_step": "operator calls that one more time step costs",
}
RATES = {
    "gflops": "GFLOP/s from the FLOPs of the shapes, median over rounds",
    "low": "lower quartile of gflops",
    "high": "upper quartile of gflops",
    "share": "gflops ÷ those of one large matrix product",
}
MEMORY = {
    "what": "which memory: of the model, needed or kept for the backward pass, peak of a process",
    "bytes": "its size, bytes",
    "floats": "bytes ÷ (4 B H T): float32 numbers a unit and time step",
}
