"""Live measurements of the chapter *applications/on_device*: time and memory of a file in ONNX Runtime.

The weights are fresh ones: neither the clock nor the memory asks whether a network has learned.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import psutil

from evidence import timing
from experiments.on_device import deployment
from experiments.on_device.runs import made
from tasks import mnist1d

COPIES = 60
"""Sessions that are opened to tell what one of them takes."""
OPENINGS = 10
"""Times that sessions are opened anew while time is taken."""
Model = tuple[str, int, str]
"""Network, width and format."""


@cache
def file(network: str, width: int, form: str, frame: int) -> bytes:
    """The bytes of a network's file; those of equal shape are equally long, whatever they have learned."""
    model = made(network, width, frame).eval()
    return deployment.in_format(deployment.exported(model), form).SerializeToString()


def bytes_of(network: str, width: int, form: str, frame: int) -> int:
    """Bytes of a network's file."""
    return len(file(network, width, form, frame))


def readings(models: Iterable[Model], frame: int, rounds: int) -> pd.DataFrame:
    """Time of a call with one curve, taken in turns: one row a reading, with `network`, `width` and `form`.

    The sessions are opened anew `OPENINGS` times (never for less than one round): where a session's memory happens to lie
    makes it faster or slower for as long as it is open.
    """
    chosen = {str(model): model for model in models}
    parts: list[pd.DataFrame] = []
    for opening in range(min(OPENINGS, rounds)):
        part = rounds // OPENINGS + (opening < rounds % OPENINGS)
        calls = {name: _call(model, frame) for name, model in chosen.items()}
        table = timing.interleave(calls, part, 0.003)
        parts.append(table.assign(round=table["round"] + sum(each["round"].nunique() for each in parts)))
    return _named(pd.concat(parts, ignore_index=True), chosen)


def waits(models: Iterable[Model], frame: int, calls: int) -> pd.DataFrame:
    """Time of single calls with one curve: one row a call, with `network`, `width` and `form`.

    There are `calls` of each model, spread over `OPENINGS` sessions of it (a few more where they do not divide).
    """
    chosen = {str(model): model for model in models}
    parts = [
        timing.latency({name: _call(model, frame) for name, model in chosen.items()}, -(-calls // OPENINGS), 2)
        for _ in range(OPENINGS)
    ]
    return _named(pd.concat(parts, ignore_index=True), chosen)


def resident(models: Iterable[Model], frame: int) -> pd.DataFrame:
    """Bytes by which an open session lifts the resident memory of a fresh process: one row a model, `resident`."""
    chosen = list(models)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        lifted = list(
            pool.map(_lift, [file(*model, frame) for model in chosen], [shape(model[0], frame) for model in chosen])
        )
    table = pd.DataFrame(chosen, columns=["network", "width", "form"])
    return table.assign(resident=lifted)


def shape(network: str, frame: int) -> tuple[int, int, int]:
    """Shape of one curve as a network takes it, (T, 1, I)."""
    step = mnist1d.POINTS if network == "convolution" else frame
    return mnist1d.POINTS // step, 1, step


def _call(model: Model, frame: int) -> Callable[[], Any]:
    session = opened(file(*model, frame))
    given = {"x": np.random.default_rng(0).normal(size=shape(model[0], frame)).astype("float32")}
    return lambda: session.run(None, given)


def opened(file: bytes, keep: Path | None = None) -> onnxruntime.InferenceSession:
    """A session with one thread that multiplies 8-bit weights out once, when it is opened.

    Args:
        file: bytes of the graph. keep: where to write the graph that the runtime made of it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # else it multiplies them out at every call
    if keep is not None:
        options.optimized_model_filepath = str(keep)
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _lift(file: bytes, given: tuple[int, int, int]) -> int:
    process, x = psutil.Process(), np.zeros(given, "float32")
    held = []
    for _ in range(COPIES // 4):  # libraries and pools are there before the first look
        held.append(opened(file))
        held[-1].run(None, {"x": x})
    before = process.memory_info().rss
    for _ in range(COPIES):
        held.append(opened(file))
        held[-1].run(None, {"x": x})
    return round((process.memory_info().rss - before) / COPIES)


def _named(table: pd.DataFrame, models: dict[str, Model]) -> pd.DataFrame:
    for place, column in enumerate(("network", "width", "form")):
        table[column] = [models[name][place] for name in table["name"]]
    return table.drop(columns="name")


def shares(models: Iterable[Model], frame: int) -> dict[Model, float]:
    """Share of 8-bit integers among the stored numbers of each model."""
    return {model: deployment.share_of_integers(onnx.ModelProto.FromString(file(*model, frame))) for model in models}
