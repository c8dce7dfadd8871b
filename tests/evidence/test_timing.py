"""Counts agree with torch's own counters; readings are interleaved, settings restored, bad input refused."""

from __future__ import annotations

import contextlib
import time
from multiprocessing import forkserver
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from evidence import timing
from experiments.cost import figures as plots
from experiments.cost import kernels, runs
from experiments.shared import footprint, workloads
from gatedrnn import flops

STOCK = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
size = st.integers(1, 9)
stock_cell = st.sampled_from(sorted(STOCK))
shape = {"input_size": size, "hidden_size": size, "batch_size": size, "length": size}


@given(cell=stock_cell, input_size=size, hidden_size=size)
@settings(max_examples=30, deadline=None)
def test_parameters_are_those_of_torch(cell: str, input_size: int, hidden_size: int) -> None:
    real = sum(each.numel() for each in STOCK[cell](input_size, hidden_size).parameters())
    assert flops.count_parameters(cell, input_size, hidden_size) == real
    assert flops.parameter_bytes(cell, input_size, hidden_size) == 4 * real


@given(cell=stock_cell, gradient=st.booleans(), **shape)
@settings(max_examples=30, deadline=None)
def test_flops_are_those_torch_counts(
    cell: str, gradient: bool, input_size: int, hidden_size: int, batch_size: int, length: int
) -> None:
    layer = STOCK[cell](input_size, hidden_size)
    inputs = torch.randn(length, batch_size, input_size, requires_grad=gradient)
    sizes = (input_size, hidden_size, batch_size, length)
    with timing.onednn(False):  # torch's counter does not know the fused layer
        with FlopCounterMode(display=False) as forward:
            outputs, _ = layer(inputs)
        with FlopCounterMode(display=False) as backward:
            outputs.sum().backward()
    assert flops.forward_flops(cell, *sizes).matmul == forward.get_total_flops()
    assert flops.backward_flops(cell, *sizes, input_gradient=gradient).matmul == backward.get_total_flops()


class Counter(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts results of elementwise operations, one FLOP each."""

    NAMES = ("add", "sub", "rsub", "mul", "sigmoid", "tanh")

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in self.NAMES:
            self.flops += result.numel()
        return result


def equations(cell: str, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """One step, written out, with weights of ones."""
    width = h.shape[1]
    w, u, b = torch.ones(x.shape[1], width), torch.ones(width, width), torch.ones(width)

    def gate(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return (x @ w + b) + (h @ u + b)

    if cell == "rnn":
        return torch.tanh(gate(x, h))
    if cell == "lstm":
        i, f, o, g = (*(torch.sigmoid(gate(x, h)) for _ in range(3)), torch.tanh(gate(x, h)))
        return o * torch.tanh(f * h + i * g)
    r, z = torch.sigmoid(gate(x, h)), torch.sigmoid(gate(x, h))
    n = torch.tanh((x @ w + b) + r * (h @ u + b)) if cell == "gru" else torch.tanh(gate(x, r * h))
    return (1 - z) * n + z * h


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "gru_before"])
def test_elementwise_flops_are_those_of_the_equations(cell: str) -> None:
    with Counter() as counter:
        equations(cell, torch.ones(3, 5), torch.ones(3, 7))
    assert flops.forward_flops(cell, 5, 7, batch_size=3).elementwise == counter.flops


@given(**shape)
def test_gru_does_three_quarters_of_the_products(
    input_size: int, hidden_size: int, batch_size: int, length: int
) -> None:
    sizes = (input_size, hidden_size, batch_size, length)
    for count in (flops.forward_flops, flops.backward_flops, flops.training_flops):
        assert 4 * count("gru", *sizes).matmul == 3 * count("lstm", *sizes).matmul
        assert count("gru_before", *sizes).matmul == count("gru", *sizes).matmul


@given(input_size=st.integers(1, 300), hidden_size=st.integers(1, 300))
def test_width_for_a_budget_is_the_nearest(input_size: int, hidden_size: int) -> None:
    budget = flops.count_parameters("lstm", input_size, hidden_size)
    width = flops.width_for("gru", budget, input_size)
    miss = [abs(flops.count_parameters("gru", input_size, w) - budget) for w in (width, max(1, width - 1), width + 1)]
    assert miss[0] == min(miss)
    assert flops.width_for("lstm", budget, input_size) == hidden_size


def test_state_and_activation_bytes() -> None:
    assert flops.state_bytes("lstm", 8, 3) == 2 * flops.state_bytes("gru", 8, 3) == 2 * 4 * 8 * 3
    kept = {cell: flops.activation_bytes(cell, 1) // 4 for cell in ("rnn", "lstm", "gru", "gru_before")}
    assert kept == {"rnn": 1, "lstm": 6, "gru": 5, "gru_before": 4}


def test_saved_bytes_of_a_known_graph() -> None:
    linear = torch.nn.Linear(3, 5, bias=False)
    inputs = torch.randn(7, 3)
    assert footprint.saved_bytes(lambda: linear(inputs), linear, inputs) == 0
    assert footprint.saved_bytes(lambda: torch.tanh(linear(inputs)), linear, inputs) == 4 * 7 * 5
    assert footprint.saved_bytes(lambda: linear(inputs), linear) == 4 * 7 * 3


@pytest.mark.parametrize("contender", workloads.CONTENDERS)
def test_no_kernel_saves_less_than_is_needed(contender: str) -> None:
    needed = flops.activation_bytes(workloads.cell_of(contender), 16, 4, 10)
    assert footprint.saved_by(contender, 16, 4, 10) >= needed


def test_peak_of_a_process_holds_what_is_saved() -> None:
    case: footprint.Case = ("GRU", "training", 128, 64, 64)
    assert footprint.peak_memory([case])[0] > footprint.saved_by(case[0], *case[2:])


def test_the_server_of_fresh_processes_made_ready_is_the_one_that_is_used() -> None:
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    server._stop()  # one may run since an earlier test
    footprint.prepare()
    ready = server._forkserver_pid
    footprint.peak_memory([("GRU", "inference", 4, 2, 3)])
    assert ready is not None
    assert server._forkserver_pid == ready


def test_threads_and_onednn_are_restored() -> None:
    before = torch.get_num_threads()
    with timing.threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    allowed = torch.backends.mkldnn.enabled
    with contextlib.suppress(KeyError), timing.onednn(False):
        assert not torch.backends.mkldnn.enabled
        raise KeyError
    assert torch.backends.mkldnn.enabled == allowed


def test_readings_take_turns() -> None:
    log: list[str] = []
    arms = {"a": lambda: log.append("a"), "b": lambda: log.append("b"), "c": lambda: log.append("c")}
    table = timing.interleave(arms, rounds=6, min_seconds=0)
    assert list(table["name"][:6]) == ["a", "b", "c", "b", "c", "a"]
    assert table.groupby("name").size().tolist() == [6, 6, 6]
    assert (table.groupby(["name", "position"]).size() == 2).all()  # nobody always follows the same neighbour
    assert log[-18:] == list(table["name"])


def test_a_reading_lasts_and_its_seconds_are_those_of_one_call() -> None:
    table = timing.interleave({"nap": lambda: time.sleep(0.001)}, rounds=2, min_seconds=0.01)
    assert (table["calls"] >= 2).all()
    assert (table["seconds"] >= 0.001).all()


def test_a_setting_holds_in_every_call_and_not_outside() -> None:
    inside: list[bool] = []

    @contextlib.contextmanager
    def setting():
        with timing.onednn(False):
            yield

    arm = timing.Arm(lambda: inside.append(torch.backends.mkldnn.enabled), setting)
    timing.interleave({"a": arm}, rounds=1, min_seconds=0)
    timing.latency({"a": arm}, calls=3, blocks=1)
    assert inside
    assert not any(inside)


def test_latency_times_each_call() -> None:
    table = timing.latency({"nap": lambda: time.sleep(0.002), "none": lambda: None}, calls=10, blocks=2, warmup=1)
    assert table.groupby(["name", "block"]).size().tolist() == [5, 5, 5, 5]
    assert (table.loc[table["name"] == "nap", "seconds"] >= 0.002).all()
    assert timing.percentiles(table).set_index("name").loc["nap", "p50"] >= 0.002


def test_percentiles_quartiles_and_ratios_of_known_values() -> None:
    values = np.arange(101.0)
    table = pd.DataFrame({"name": "a", "seconds": values})
    found = timing.percentiles(table).iloc[0]
    assert (found["p50"], found["p95"], found["p99"]) == (50, 95, 99)
    assert timing.quartiles(table).iloc[0][["low", "median", "high"]].tolist() == [25, 50, 75]
    pairs = pd.DataFrame({"name": ["a", "b"] * 2, "round": [0, 0, 1, 1], "seconds": [1.0, 2.0, 3.0, 4.0]})
    assert timing.ratios(pairs, over="a", under="b")["ratio"].tolist() == [0.5, 0.75]


def test_only_the_lstm_has_a_fused_kernel_and_only_with_onednn() -> None:
    found = kernels.kernels(8, 2, 4).set_index(["cell", "onednn", "mode"]).sort_index()
    if torch.backends.mkldnn.is_available():
        assert (found.loc[("lstm", True), "kernel"] == "whole layer").all()
        assert (found.loc[("lstm", True), "per_step"] == 0).all()
    assert (found.drop(("lstm", True))["kernel"] == "step by step").all()
    assert (found.drop(("lstm", True))["per_step"] > 10).all()
    assert found.loc[("gru", True), "calls"].equals(found.loc[("gru", False), "calls"])


def test_evidence_and_maps_of_made_up_readings() -> None:
    """The GRU takes exactly half of the fused LSTM's time and twice the other's."""
    seconds = {"LSTM, oneDNN": 2.0, "LSTM, native": 0.5, "GRU": 1.0}
    rows = [
        {"name": n, "round": r, "seconds": s * (1 + r), "mode": m, "hidden_size": h, "batch_size": b, "length": 32}
        for n, s in seconds.items()
        for r in range(3)
        for m in workloads.MODES
        for h in (16, 512)
        for b in (1, 64)
    ]
    readings = pd.DataFrame(rows).assign(threads=1)
    ratios = runs.ratio_table(readings)
    assert np.allclose(ratios.groupby("implementation")["ratio"].mean()[["oneDNN", "native"]], [0.5, 2.0])
    found = runs.evidence(readings, "training")
    assert set(found) == {
        f"{i}, {w} work, 1 thread" for i in ("oneDNN", "native") for w in ("light", "middle", "heavy")
    }
    assert all(np.isclose(each.low, 0.5) for name, each in found.items() if name.startswith("oneDNN"))
    texts = [text.get_text() for text in plots.ratio_map(ratios).axes[0].texts]
    assert texts == ["0.50"] * 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flops.count_parameters("gur", 1, 1), "cell = 'gur'"),
        (lambda: flops.forward_flops("gru", 1, 0), "hidden_size = 0"),
        (lambda: flops.state_bytes("gru", 1.5), r"hidden_size = 1\.5"),
        (lambda: flops.width_for("gru", 0, 1), "budget = 0"),
        (lambda: timing.interleave({}), "alternatives = {}"),
        (lambda: timing.interleave({"a": int}, rounds=0), "rounds = 0"),
        (lambda: timing.interleave({"a": int}, min_seconds=-1), "min_seconds = -1"),
        (lambda: timing.latency({"a": int}, calls=-1), "calls = -1"),
        (lambda: timing.threads(0).__enter__(), "count = 0"),
        (lambda: timing.onednn("yes").__enter__(), "enabled = 'yes'"),
        (lambda: timing.percentiles(pd.DataFrame({"name": [1], "seconds": [1]}), at=[101]), "at = 101"),
        (lambda: timing.ratios(pd.DataFrame({"name": ["a"]}), over="b", under="a"), "name = 'b'"),
        (lambda: workloads.arm("GRN", "training", 1, 1, 1), "contender = 'GRN'"),
        (lambda: workloads.arm("GRU", "train", 1, 1, 1), "mode = 'train'"),
        (lambda: workloads.layer("gru_before", 1, 1), "cell = 'gru_before'"),
        (lambda: footprint.peak_memory([("GRN", "training", 1, 1, 1)]), "contender = 'GRN'"),
    ],
)
def test_bad_input_is_named_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
