"""What each chapter on real data hands over for the table of the chapter *verdicts*, see `gatedrnn.comparisons`."""

from __future__ import annotations

import math

import pandas as pd

from gatedrnn.analyses import demand as of_demand
from gatedrnn.analyses import language as of_language
from gatedrnn.analyses import music as of_music
from gatedrnn.analyses import on_device as of_devices
from gatedrnn.analyses import speech as of_speech
from gatedrnn.analyses import streaming as of_streaming
from gatedrnn.comparisons import Comparison
from gatedrnn.experiments.on_device_live import bytes_of
from gatedrnn.statistics import paired_bootstrap

CELLS = ("lstm", "gru")


def _values(baseline: float, lstm: pd.Series, gru: pd.Series) -> dict[str, float]:
    return {"baseline": float(baseline), "lstm": float(lstm.mean()), "gru": float(gru.mean())}


def _gap(lstm: pd.Series, gru: pd.Series, digits: int) -> str:
    return paired_bootstrap(lstm, gru).signed(digits)


def language(runs: pd.DataFrame, baselines: pd.DataFrame) -> list[Comparison]:
    """Of the chapter *applications/language*."""
    name, value = of_language.strongest(baselines)
    lstm, gru = (of_language.bits(runs, cell) for cell in CELLS)
    gap = of_language.gap(runs).signed(3)
    text = "the next character of the King James Bible"
    return [Comparison(text, "bits per character", True, 2, name, _values(value, lstm, gru), gap, ["U1", "U5"])]


def speech(runs: pd.DataFrame, early: pd.DataFrame, plain: pd.DataFrame) -> list[Comparison]:
    """Of the chapter *applications/speech*: digit strings in both reading directions, and Japanese vowels."""
    found = []
    others = [(name, of_speech.errors(runs, name, 1, "parameters").mean()) for name in of_speech.PLAIN]
    name, value = min(others, key=lambda each: each[1])
    for directions, way in of_speech.WAYS.items():
        lstm, gru = (of_speech.errors(runs, cell, directions, "width") for cell in CELLS)
        task, unit = f"synthetic digit strings, cells reading in {way}", "% of labels wrong"
        values = _values(value, lstm, gru)
        found.append(Comparison(task, unit, True, 1, of_speech.PLAIN[name], values, _gap(lstm, gru, 1), ["U2"]))
    heard = [early[early["cell"] == cell].set_index("seed")["curves"].sort_index() for cell in CELLS]
    lstm, gru = (each.map(lambda curves: 100 * curves["heard"][-1]).astype(float) for each in heard)
    ends = plain[plain["frames"] == plain["frames"].max()].set_index("kind")["accuracy"]
    which = {"mean": "regression on the mean", "static": "regression on mean, deviation, first and last frame"}
    values, best = _values(100 * ends.max(), lstm, gru), which[str(ends.idxmax())]
    task, unit = "the speaker of a Japanese vowel", "% right"
    found.append(Comparison(task, unit, False, 1, best, values, _gap(lstm, gru, 1), ["U2"]))
    return found


def music(runs: pd.DataFrame, best: pd.DataFrame) -> list[Comparison]:
    """Of the chapter *applications/music*, with each head."""
    papers = of_music.PUBLISHED
    parts = [
        f"LSTM {papers[name]['lstm']:.2f}, GRU {papers[name]['gru']:.2f} {{cite}}`{key}`"
        for name, key in (("Chung et al. 2014", "chung2014empirical"), ("Bai et al. 2018", "bai2018empirical"))
    ]
    tuned = " and ".join(f"{value:.2f}" for value in papers["Zakovskis et al. 2021, tuned"].values())
    printed = "; ".join([*parts, f"tuned {tuned} {{cite}}`zakovskis2021gates`"])
    found = []
    for head, words in (("keys", "each key by itself"), ("chord", "keys that know each other")):
        name, value = of_music.best_baseline(best, head)
        lstm, gru = (of_music.nll(runs, cell, head) for cell in CELLS)
        values, unit, gap = _values(value, lstm, gru), "NLL, nats a quarter note", of_music.gap(runs, head).signed(3)
        elsewhere = f"{printed} (their own split)" if head == "keys" else ""
        task = f"Bach's chorales, {words}"
        found.append(Comparison(task, unit, True, 2, name, values, gap, ["U5"], elsewhere))
    return found


def demand(runs: pd.DataFrame, base: pd.DataFrame, stepped: pd.DataFrame, every: pd.DataFrame) -> list[Comparison]:
    """Of the chapter *applications/demand*: a day ahead, and one half-hour ahead."""
    kind = of_demand.best(base)
    near = every[every["kind"].isin(["autoregression", "persistence"])].set_index("kind")["mae"]
    found = []
    for task, name, value, rows in (
        ("electricity demand, a day ahead", of_demand.PLAIN[kind], base.loc[kind, "mae"], runs),
        ("electricity demand, half an hour ahead", str(near.idxmin()), near.min(), stepped),
    ):
        lstm, gru = (of_demand.MEGAWATTS * of_demand.part(rows, cell)["mae"] for cell in CELLS)
        values = _values(of_demand.MEGAWATTS * value, lstm, gru)
        found.append(Comparison(task, "mean absolute error, MW", True, 1, name, values, _gap(lstm, gru, 1), ["U5"]))
    return found


def streaming(runs: pd.DataFrame, base: pd.DataFrame) -> list[Comparison]:
    """Of the chapter *applications/streaming*."""
    kind = of_streaming.best(base)
    value = base.set_index("kind").loc[kind, "rmse"]
    lstm, gru = (of_streaming.part(runs, cell)["rmse"] for cell in CELLS)
    task, unit = "glucose half an hour ahead, learned online", "RMSE, mg/dL"
    values, name = _values(value, lstm, gru), of_streaming.PLAIN[kind]
    return [Comparison(task, unit, True, 2, name, values, _gap(lstm, gru, 2), ["U3"])]


def on_device(runs: pd.DataFrame, target: float) -> list[Comparison]:
    """Of the chapter *applications/on_device*: bytes at equal quality; nothing where a network misses the target."""
    frame, widths = int(runs["frame"].iloc[0]), of_devices.chosen(runs, target)
    if any(math.isinf(of_devices.least(runs, name, target)) for name in widths):
        return []
    networks = {"baseline": "convolution", "lstm": "lstm", "gru": "gru"}
    values = {who: float(bytes_of(name, widths[name], "float32", frame)) for who, name in networks.items()}
    ratio = of_devices.byte_ratio(runs, target).format("{:.2f}")
    task, unit = f"MNIST-1D on a device, {100 * target:.0f} % right", "bytes of the smallest file"
    return [Comparison(task, unit, True, 0, "convolution", values, f"GRU ÷ LSTM {ratio}", ["U4"])]
