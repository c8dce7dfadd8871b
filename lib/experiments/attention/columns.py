"""What the columns of the published data of the chapter *outlook/attention* mean."""

from __future__ import annotations

COLUMNS = {
    "task": "scattered or beginning (recall of several tokens), demand (a day ahead) or text (the next character)",
    "cell": "lstm, gru, or transformer, which has attention alone",
    "attention": "over the cell's own past states: none, additive or dot (scaled product)",
    "way": "alone, with (the kind of attention that tuning chose), other (kind), transformer, or seconds (the transformer in "
    "the time of an LSTM with attention)",
    "length": "steps of the sequence",
    "score": "100 × the share of a plain guess's error that is saved",
    "error": "recall: share of tokens named wrong; demand: mean absolute error, GW; text: bits per character",
    "guess": "error of the plain guess: any symbol; last week's demand; the frequencies of letters",
    "kept": "bytes kept for a sequence of this length: state, past states, keys",
    "looked": "how many states the weights spread over: exponential of their mean entropy",
    "on_mark": "weight on the token that is asked for and the two steps after it, 0 to 1",
    "look": "True for a run that kept what its weights look at",
    "rung": "budget, in that of the middle rung",
    "gain": "score with attention − without, same seed, points",
    "case": "task, and length of recall",
    "lead": "score of the LSTM − score of the GRU, same seed, points",
    "p": "that the lead is the same without and with attention",
}
LOOKS = {
    "weight": "of the softmax over past states; by steps back the mean over sequences and questions",
    "question": "which token is asked for, from 0",
    "place": "recall: step of the sequence; else steps back",
    "marked": "1 where the token that is asked for was shown, else 0",
}
COSTS = {
    "seconds": "one training step, forward to Adam, on one thread",
    "kept": "bytes kept for a sequence of this length",
}
