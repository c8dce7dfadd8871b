"""What the columns of the published data of the chapter *outlook/lightweight* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "mnist1d, recall or parity",
    "cell": "lstm, gru, fastgrnn, minlstm or mingru",
    "layers": "recurrent layers",
    "width": "units of each layer",
    "length": "steps of a sequence; of recall, steps of noise",
    "quality": "share of right answers on held-out data, 0 to 1",
    "quality_int8": "the same with 8-bit weights, as far as torch quantises",
    "beyond": "share of right parities at steps later than were trained, 0 to 1",
    "tuned": "validation or held-out score by which rates are chosen; larger is better",
    "condition": "light cell, and the task",
    "kind": "what was done: as published, or the attack",
    "estimate": "time of a call, light cell ÷ GRU of equal quality; 10 stands for a quality that no width reached",
    "left_out": "why the condition tells nothing; empty where it counts",
    "bytes": "of all numbers in float32",
    "bytes_int8": "of all numbers with matrices in 8 bits",
    "multiply_adds": "of the products of all layers over one sequence, the head apart",
    "compiled": "time of a call by compiled kernels, median, µs",
    "torch": "time of a call as PyTorch has it, median, µs",
    "int8": "the same after dynamic quantisation, median, µs",
    "budget": "optimiser steps",
}
SCANS = {
    "form": "loop (compiled), scan, or steps (one after the other in torch's operations)",
    "seconds": "time of one training step of a layer (forward, loss, backward), s",
    "length": "steps of a sequence, T",
    "batch_size": "sequences side by side, B",
}
