"""The sentences of the chapter *applications/streaming* say what the numbers say."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.streaming import analysis
from experiments.streaming.generated import words

OPERATIONS = {"rnn": 50, "gru": 150, "lstm": 200}
BASE = pd.DataFrame([{"kind": "autoregression", "rmse": 25.0}, {"kind": "persistence", "rmse": 28.0}])


def made(**means):
    """Runs of the three networks with the given errors; the GRU of equal operations errs as the GRU."""
    rows = []
    for seed in range(6):
        for cell, mean in means.items():
            own = {"cell": cell, "seed": seed, "rmse": mean + 0.01 * (seed % 3), "operations": OPERATIONS[cell]}
            rows += [{**own, "match": match} for match in ("width", "operations")]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("lstm", "gru", "rnn", "said"),
    [
        (20.0, 20.0, 20.0, "take the tanh RNN: it does the fewest operations"),
        (20.2, 20.0, 20.5, "take the GRU: it costs more operations"),
        (20.0, 20.2, 20.5, "take the LSTM: it costs more operations"),
        (20.2, 20.0, 26.0, "take the GRU: it does the fewest operations"),
        (26.0, 26.0, 20.0, "take the tanh RNN: no other network did better than the start"),
        (26.0, 26.0, 26.0, "no network of this size did better"),
    ],
)
def test_advice_weighs_the_networks_without_gates_too(lstm, gru, rnn, said):
    text = words.advice(made(lstm=lstm, gru=gru, rnn=rnn), BASE)
    assert "start with the autoregression" in text and said in text


@pytest.mark.parametrize(
    ("gru", "said"),
    [
        (19.0, "ahead by more than the claim asks"),
        (19.8, "ahead, but by 1 %, less than the 2 % that the claim asks for"),
        (20.2, "a lead as large as the claim asks is ruled out"),
    ],
)
def test_the_verdict_is_told_with_its_margin(gru, said):
    assert said in words.verdict_words(made(lstm=20.0, gru=gru)).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (134, "134"), (7331, "7,300"), (915_527, "920,000"), (1_433_545, "1.4 million")]
)
def test_streams_are_told_to_two_digits(count, text):
    assert analysis.about(count).replace("\N{NO-BREAK SPACE}", " ") == text


def test_the_clock_tells_the_cells_apart_only_where_it_does():
    def latency(gru):
        times = {"lstm width": 500e-6, "gru operations": gru, "autoregression": 10e-6}
        rows = [(name, what, each, each) for name, each in times.items() for what in ("predict", "learn")]
        return pd.DataFrame(rows, columns=["name", "what", "p50", "p99"])

    streams = pd.DataFrame(
        {"name": ["lstm width", "gru operations"], "carried": [1, 2], "shared": [100.0, 110.0]},
    )
    streams.loc[2] = ["gru width", 3, 150.0]
    for gru, said in ((520e-6, "hardly tells"), (900e-6, "does not follow")):
        table = pd.concat([latency(gru), latency(gru)[:2].assign(name="gru width")])
        texts = dict(words.measured(table, streams, 4))
        assert said in texts["clock"] and texts["dearer"] == "50" and texts["reading"] == "31"
        assert "1.5 times as many as the LSTM" in texts["together"] and "1.1 times" in texts["together"]
