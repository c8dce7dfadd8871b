"""What the columns of the published data of the chapter *applications/streaming* mean."""

from __future__ import annotations

COLUMNS = {
    "model": "network or baseline, in words",
    "cell": "lstm, gru, rnn (tanh), or the kind of baseline",
    "match": "what is held equal to the LSTM: width, operations of an update, or parameters",
    "seed": "of the first weights; −1 for a baseline, which has none",
    "block": "part of the stream, in order",
    "rmse": "root mean square error within it, mg/dL",
    "so_far": "the same over all parts up to it, mg/dL",
    "metric": "rmse (whole stretch) or late (its second half)",
    "ratio": "error of the GRU ÷ error of the LSTM with the same seed",
    "name": "network or baseline",
    "what": "predict (one forecast) or learn (one update)",
    "p50": "median time of a call, s",
    "p95": "95 of 100 calls are no slower, s",
    "p99": "99 of 100 calls are no slower, s",
}
TUNING = {
    "first": "first reading of the stretch",
    "end": "reading after its last",
    "every": "readings between two updates",
    "window": "readings that an update goes back",
    "rmse": "root mean square error over the stretch, mg/dL",
    "late": "the same over its second half, mg/dL",
    "operations": "FLOPs of an update",
    "score": "error of persistence ÷ rmse",
}
