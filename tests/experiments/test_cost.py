"""Contenders compute the same; shares add up; slopes, roofline and goals of made-up readings are as made."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from rich.console import Console

from bookkit import bench as printed
from evidence import timing
from evidence.statistics import Interval
from evidence.verdicts import decide
from experiments.cost import analysis, bench, bench_jax, bench_sweep, memory, roofline, runs
from experiments.cost import figures as plots
from experiments.cost import lines as cost_lines
from experiments.cost import tables as cost_tables
from experiments.shared import footprint, runtimes, workloads
from gatedrnn import flops
from gatedrnn.kernels import library


@pytest.mark.parametrize("name", (*workloads.ONNX, *workloads.MATCHED))
@pytest.mark.parametrize(("hidden", "batch", "length"), [(1, 1, 1), (7, 3, 5), (33, 16, 20)])
def test_every_contender_computes_what_torch_does(
    name: str, hidden: int, batch: int, length: int, request: pytest.FixtureRequest
) -> None:
    if name in workloads.MATCHED:
        request.getfixturevalue("kernels")
    made = workloads.arm(name, "inference", hidden, batch, length)
    stock = workloads.layer(workloads.cell_of(name), hidden, hidden)
    with torch.inference_mode():
        torch.testing.assert_close(made.module(made.inputs)[0], stock(made.inputs)[0], rtol=1e-5, atol=1e-5)


def test_the_graph_resets_after_the_product_and_is_pinned() -> None:
    model = runtimes.graph(torch.nn.GRU(3, 5))
    (node,) = model.graph.node
    assert onnx.helper.get_node_attr_value(node, "linear_before_reset") == 1
    assert (model.opset_import[0].version, model.ir_version) == (runtimes.OPSET, runtimes.IR_VERSION)


@pytest.mark.parametrize(
    ("module", "message"),
    [(torch.nn.RNN(2, 2), "RNN"), (torch.nn.LSTM(2, 2, 2), "one layer"), (torch.nn.GRU(2, 2, bias=False), "biases")],
)
def test_what_has_no_graph_is_refused(module: torch.nn.RNNBase, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runtimes.graph(module)


def test_who_runs_where(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not set(workloads.ONNX) & set(workloads.available("training"))
    with pytest.raises(ValueError, match="ONNX Runtime only infers"):
        workloads.arm("GRU, ONNX Runtime", "training", 1, 1, 1)
    monkeypatch.setattr(library, "_outcome", {"problem": "no C++ compiler (c++) was found"})
    assert workloads.available("inference") == (*workloads.CONTENDERS, *workloads.ONNX)
    assert "no C++ compiler" in analysis.availability()
    with pytest.raises(RuntimeError, match="no C\\+\\+ compiler"):
        workloads.arm("GRU, matched", "training", 1, 1, 1)
    readings = workloads.grid(workloads.MODES, [2, 4], [1, 2], [2], rounds=2, min_seconds=0)
    ratios = runs.ratio_table(readings)
    assert set(ratios["implementation"]) == {"oneDNN", "native", "ONNX Runtime"}
    split = runs.shares(ratios)
    assert split["architecture"].isna().all()
    plots.shares(split)
    assert analysis.span(split["kernel"]) == analysis.MISSING


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("name", "floats"), [("LSTM, matched", 6), ("GRU, matched", 5)])
def test_matched_kernels_keep_what_is_needed_and_hardly_more(name: str, floats: int) -> None:
    shape = (32, 8, 64)
    needed = flops.activation_bytes(workloads.cell_of(name), *shape)
    assert needed == 4 * floats * np.prod(shape)
    assert needed <= footprint.saved_by(name, *shape) <= 1.05 * needed


TIMES = {"LSTM, oneDNN": 2.0, "LSTM, native": 4.0, "GRU": 6.0, "LSTM, matched": 1.6, "GRU, matched": 1.2}


def readings(names: dict[str, float], power: float = 1.0) -> pd.DataFrame:
    rows = [
        {"name": n, "round": r, "seconds": s * (1 + r) * (h * b) ** power, "mode": m, "hidden_size": h, "batch_size": b}
        for (n, s), r, m, h, b in itertools.product(names.items(), range(3), workloads.MODES, (16, 512), (1, 64))
    ]
    return pd.DataFrame(rows).assign(length=32, threads=1)


def test_architecture_and_kernel_make_up_the_stock_ratio() -> None:
    table = readings(TIMES)
    split = runs.shares(runs.ratio_table(table))
    assert np.allclose(split[["stock", "architecture", "kernel"]], [3.0, 0.75, 4.0])
    assert np.allclose(np.log(split["stock"]), np.log(split["architecture"]) + np.log(split["kernel"]))
    gains = runs.speed_table(table).set_index(["cell", "implementation"])["ratio"]
    assert np.allclose(gains["gru", "matched"], 5.0)
    assert np.allclose(gains["lstm", "matched"], 1.25)


def test_rows_of_runtimes_that_compete_for_the_cores_are_marked() -> None:
    kinds = ("matched, light work", "ONNX Runtime, light work")
    found = {f"{kind}, {threads}": Interval(0.8, 0.7, 0.9) for kind in kinds for threads in ("1 thread", "2 threads")}
    shown = cost_tables.evidence_table(found, decide("P2", found, factor="the kernel"))
    assert [name for name in shown.index if name.endswith("†")] == ["ONNX Runtime, light work, 2 threads †"]


def test_slopes_are_the_powers_that_were_put_in() -> None:
    table = readings(TIMES, power=2.0)
    single = table[table["batch_size"] == 1]
    tables = runs.growth_tables(single, table, single[single["hidden_size"] == 16], 16, 1, 32)
    found = runs.slopes(tables)
    assert set(found["axis"]) == {"hidden_size", "batch_size"}  # one length has no slope
    assert np.allclose(found[["start", "end"]], 2.0)


def test_achieved_rates_follow_from_flops_and_time() -> None:
    table = readings({"GRU, matched": 1.0}, power=0.0)
    rates = roofline.achieved(table, limit=1e-3).set_index(["mode", "hidden_size", "batch_size"])
    row = rates.loc[("inference", 512, 64)]
    assert row["gflops"] == pytest.approx(2 * 3 * 512 * 1024 * 64 * 32 / 2.0 / 1e9)  # the median round lasts 2 s
    assert row["share"] == pytest.approx(row["gflops"] / 1e-3)
    assert row["low"] < row["gflops"] < row["high"]
    limits = roofline.peaks(rounds=2, side=256)
    assert set(limits) >= {"MKL", "ONNX Runtime"}
    library, roof = roofline.highest({"MKL": 1.0}, limits)
    assert roof == max(limits.values()) == limits[library]
    assert 0 < roofline.bare([8], [2], rounds=1)["gflops"].iloc[0] < 10 * roof


def test_memory_evidence_takes_the_pairs_that_were_measured() -> None:
    rows = [
        {"name": n, "what": w, "batch_size": b, "bytes": bytes_ * b, "floats": 1.0}
        for n, bytes_ in (("LSTM, oneDNN", 4), ("LSTM, native", 5), ("GRU", 3))
        for w in ("model", "kept for backward", "peak of training", "peak of inference")
        for b in (8, 16)
    ]
    found = memory.memory_evidence(pd.DataFrame(rows))
    assert found["kept for backward, oneDNN"].estimate == 0.75
    assert not any("matched" in name for name in found)


def test_figures_draw_every_contender() -> None:
    table = readings({**TIMES, "LSTM, ONNX Runtime": 1.0, "GRU, ONNX Runtime": 1.0})
    ratios = runs.ratio_table(table)
    places = ("left", "center")  # where titles stand is a matter of style, which a test before may have set
    texts = [ax.get_title(loc=place) for ax in plots.ratio_map(ratios).axes for place in places]
    assert "Inference, matched kernels" in texts
    points = pd.DataFrame({"name": list(TIMES), "hidden_size": 8, "length": 1, "p50": 1e-5, "p95": 2e-5})
    times = pd.DataFrame({"name": list(TIMES), "hidden_size": 8, "length": 1, "median": 1e-5})
    fig = cost_lines.latency(points, times)
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == ["LSTM, oneDNN", "LSTM, matched", "GRU", "GRU, matched"]


def speed_rows(**changed: float) -> pd.DataFrame:
    row: dict[str, Any] = {"gru_gain": 4.0, "lstm_gain": 1.5, "gru_lstm": 0.75, "lstm_gflops": 70.0, "gru_gflops": 70.0}
    row |= {"lstm_onnx": 1.0, "gru_onnx": 1.0}
    shapes = [{"hidden_size": h, "batch_size": b, "length": t} for h, b, t in bench.SHAPES]
    return pd.DataFrame([{**row, **changed, **shape, "mode": m} for m in workloads.MODES for shape in shapes])


SWEEP = {"gain": 4.0, "book": 40.0, "plain": 10.0, "single": 12.0, "workers": 2, "threads": 2}
THREADS = pd.DataFrame(
    [{"hidden_size": 128, "batch_size": 32, "mode": "training", "lstm_threads": 1.9, "gru_threads": 1.8}]
)
NO_JAX: dict[str, Any] = {"version": None, "problem": "JAX is not installed", "rows": []}


def test_goals_are_met_or_missed_and_an_absent_jax_is_said() -> None:
    met = bench.goals(speed_rows(), 100.0, THREADS, NO_JAX, SWEEP)
    assert [goal["goal"] for goal in met if goal["met"] is None] == ["training: ≥ 1 × JAX's scan"]
    assert all(goal["met"] for goal in met if goal["met"] is not None)
    worse = {"gru_gain": 0.98, "gru_lstm": 0.95, "gru_onnx": 0.5}
    busy = THREADS.assign(gru_threads=1.1)
    slow = bench.goals(speed_rows(**worse), 200.0, busy, NO_JAX, {**SWEEP, "gain": 1.0})
    missed = " ".join(goal["goal"] for goal in slow if goal["met"] is False)
    for words in (
        "GRU ≥ 3 × nn.GRU", "GRU ≥ 1.3 × nn.GRU", "GRU ≥ 0.9 × ONNX", "of the roof at H ≥ 256", "of the roof at H = 128",
        "GRU ÷ LSTM within", "sweep", "GRU: 2 threads",
    ):  # fmt: skip
        assert words in missed
    assert "LSTM ≥ 1 × nn.LSTM" not in missed and "LSTM: 2 threads" not in missed


def test_what_lies_just_below_a_goal_is_said() -> None:
    goals = bench.goals(speed_rows(lstm_gain=0.98), 100.0, THREADS, NO_JAX, SWEEP)
    (goal,) = [goal for goal in goals if goal["goal"] == "training: LSTM ≥ 1 × nn.LSTM"]
    assert goal["met"] is False
    assert "0 of 18 shapes reach it, 18 more within 3 %" in goal["reached"]


def test_where_jax_is_faster_the_reason_is_looked_for_at_that_shape() -> None:
    shape = {"hidden_size": 4, "batch_size": 2, "length": 3}
    rows = [{"cell": "LSTM", **shape, "gain": 1.5}, {"cell": "GRU", **shape, "gain": 0.5}]
    goals = bench.goals(speed_rows(), 100.0, THREADS, {"version": "1", "problem": "", "rows": rows}, SWEEP)
    (missed,) = [goal for goal in goals if goal["met"] is False]
    assert "JAX" in missed["goal"]
    reason = bench.why_jax(missed["worst"], 100.0)
    assert reason.startswith("JAX reaches") and "H = 4, B = 2" in reason and "µs a step" in reason


def test_what_was_measured_is_printed() -> None:
    table = speed_rows().assign(lstm_share=0.6, gru_share=0.6)
    found = {
        "machine": {"cpu": "a processor", "cores": 2},
        "versions": {"torch": "2"},
        "peak_gflops": 100.0,
        "peak_library": "oneDNN",
        "peaks": {"MKL": 50.0, "oneDNN": 100.0},
        "libraries": bench.LIBRARIES,
        "seconds": 1.0,
        "map": table.to_dict("records"),
        "jax": NO_JAX,
        "sweep": SWEEP,
        "goals": [{"goal": "a goal", "reached": "little", "met": False, "why": "a reason"}],
    }
    console = Console(width=160, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    printed.show(json.loads(json.dumps(found)), console)
    text = console.export_text()
    for words in (
        "a processor",
        "MKL 50, oneDNN 100",
        "ONNX ÷ GRU",
        "nn.GRU ÷ GRU",
        "Training",
        "Inference",
        "missed",
        "a reason",
    ):
        assert words in text


@pytest.mark.skipif(not bench_jax.available(), reason="JAX is missing")
@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", workloads.MATCHED)
def test_jax_computes_the_same_gradients(name: str) -> None:
    made = workloads.arm(name, "training", 6, 3, 9)
    bench_jax._agree(made, bench_jax.step(workloads.layer(workloads.cell_of(name), 6, 6), made.inputs))


@pytest.mark.parametrize("stock", [True, False])
def test_both_ways_of_the_sweep_train(stock: bool) -> None:
    with timing.threads(1):
        taken = [bench_sweep.run(stock, cell, shape, 0, 2) for cell in ("lstm", "gru") for shape in bench_sweep.MIX]
    assert taken == [2.0] * 6


def test_the_table_of_counts_has_whole_parameters_and_three_quarters() -> None:
    lines = cost_tables.count_table(64, 64, 16, 32).data.splitlines()
    assert lines[-1] == "| parameters | 33,280 | 24,960 | 0.750 |"
    assert lines[2].startswith("| matrix products, MFLOP | ") and len(lines) == 5


def test_percentiles_stand_in_a_column_for_each_shape() -> None:
    rows = [(h, t, name, 1e-6 * h, 2e-6 * h, 3e-6 * t) for h in (32, 256) for t in (1, 8) for name in ("LSTM", "GRU")]
    table = pd.DataFrame(rows, columns=["hidden_size", "length", "name", "p50", "p95", "p99"])
    lines = cost_tables.latency_table(table).data.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert lines[0] == "| p50 / p95 / p99, µs | H = 32, T = 1 | H = 32, T = 8 | H = 256, T = 1 | H = 256, T = 8 |"
    assert lines[2] == "| LSTM | 32 / 64 / 3 | 32 / 64 / 24 | 256 / 512 / 3 | 256 / 512 / 24 |"
    assert len(lines) == 4


def test_the_table_of_kernels_says_what_was_allowed() -> None:
    row = {"cell": "gru", "onednn": False, "mode": "training", "kernel": "step by step", "products": "addmm, mm"}
    (line,) = cost_tables.kernel_table(pd.DataFrame([{**row, "calls": 2954, "per_step": 90.0}])).data.splitlines()[2:]
    shown = line.replace("\N{NO-BREAK SPACE}", " ")
    assert shown == "| GRU | forbidden | training | step by step | `addmm`, `mm` | 2,954 | 90 |"
