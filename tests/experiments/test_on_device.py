"""Files for a device: equal to PyTorch, smaller in 8 bits, and the smallest network of equal quality found from runs."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from evidence.verdicts import decide
from experiments.on_device import analysis, deployment, live
from experiments.on_device import figures as plots
from experiments.on_device import runs as experiment
from tasks import mnist1d

QUICK = {"frame": 8, "learning_rate": 0.01, "steps": 3, "batch": 16, "seed": 1}


def fresh(network: str, width: int = 11, frame: int = 4) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model = experiment.made(network, width, frame).eval()
    steps, _, inputs = live.shape(network, frame)
    return model, torch.randn(steps, 6, inputs)


@pytest.mark.parametrize("network", experiment.NETWORKS)
def test_the_file_answers_as_pytorch_does_for_any_batch(network: str) -> None:
    model, x = fresh(network)
    graph = deployment.exported(model)
    with torch.no_grad():
        for batch in (x, x[:, :1]):
            found = deployment.answers(graph, batch)
            assert found.shape == (batch.shape[1], 10)
            assert torch.allclose(found, model(batch), atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_stock_layer_with_the_trained_weights_is_the_same_function(cell: str) -> None:
    model, x = fresh(cell)
    stock = deployment.STOCK[cell](4, 11)
    stock.load_state_dict({f"{name.rpartition('.')[2]}_l0": each for name, each in model.core.state_dict().items()})
    with torch.no_grad():
        assert torch.allclose(model.head(stock(x)[0][-1]), deployment.answers(deployment.exported(model), x), atol=1e-5)


@pytest.mark.parametrize("network", experiment.NETWORKS)
def test_weights_of_eight_bits_are_those_of_own_arithmetic_and_a_quarter_as_large(network: str) -> None:
    model, x = fresh(network, 40)
    graph = deployment.exported(model)
    small = deployment.weights_only(graph)
    with torch.no_grad():
        for each in model.parameters():
            if each.dim() < 2:
                continue
            scale = each.abs().reshape(len(each), -1).amax(1).clamp(min=1e-12) / 127
            wide = scale.view(-1, *[1] * (each.dim() - 1))
            each.copy_((each / wide).round() * wide)
        assert torch.allclose(deployment.answers(small, x), model(x), atol=1e-4)
    assert deployment.share_of_integers(small) > 0.85 and deployment.share_of_integers(graph) == 0
    assert deployment.size(small) < 0.45 * deployment.size(graph)


def test_rounding_errs_by_half_a_scale_at_most_and_zero_rows_stay_zero() -> None:
    value = np.random.default_rng(0).normal(size=(1, 5, 7)).astype("float32")
    value[0, 3] = 0
    rows, scale = deployment.quantised(value, 1)
    assert rows.dtype == np.int8 and scale.shape == (5,) and rows.min() >= -127
    assert (np.abs(rows * scale[None, :, None] - value) <= scale[None, :, None] / 2 + 1e-7).all()
    assert not rows[0, 3].any() and (np.abs(rows).max(axis=(0, 2))[[0, 1, 2, 4]] == 127).all()


def test_dynamic_quantisation_knows_the_lstm_and_passes_the_gru_by(caplog: pytest.LogCaptureFixture) -> None:
    graphs = {cell: deployment.dynamic(deployment.exported(fresh(cell, 32)[0])) for cell in ("lstm", "gru")}
    kinds = {cell: {node.op_type for node in graph.graph.node} for cell, graph in graphs.items()}
    assert "DynamicQuantizeLSTM" in kinds["lstm"] and "GRU" in kinds["gru"]
    assert deployment.share_of_integers(graphs["lstm"]) > 0.85 and deployment.share_of_integers(graphs["gru"]) < 0.1
    assert not caplog.records


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="only one layer of LSTM or GRU"):
        deployment.exported(deployment.Classifier(deployment.Recurrent("rnn", 4, 5), 3))
    with pytest.raises(ValueError, match="form = 'int4' is not allowed: one of 'float32'"):
        deployment.in_format(onnx.ModelProto(), "int4")
    with pytest.raises(ValueError, match="network = 'mlp' is not allowed"):
        experiment.run(**QUICK, network="mlp", width=4)


def test_the_convolution_is_that_of_the_authors() -> None:
    model = deployment.Convolution(40, 25, 10)
    assert sum(each.numel() for each in model.parameters()) == 5210 and model.head.in_features == 125


@pytest.mark.parametrize("network", experiment.NETWORKS)
def test_a_run_is_the_same_again_and_its_file_is_exact(network: str) -> None:
    given = {**QUICK, "network": network, "width": 6}
    first, again = experiment.run(**given), experiment.run(**given)
    assert all(first[key] == again[key] for key in ("curves", "accuracy", "accuracy_weights", "gap"))
    assert first["gap"] < 1e-4 and not {*first} & {*given}
    assert "gap" not in experiment.run(**given, tuning=True)


def test_the_smallest_width_lies_on_a_line_over_log_width() -> None:
    widths = [8, 16, 32]
    assert analysis.smallest(widths, np.array([0.5, 0.7, 0.9]), 0.6) == pytest.approx(8 * math.sqrt(2))
    assert analysis.smallest(widths, np.array([0.7, 0.6, 0.9]), 0.65) == 8
    assert analysis.smallest(widths, np.array([0.5, 0.7, 0.6]), 0.7) == pytest.approx(16)
    assert math.isinf(analysis.smallest(widths, np.array([0.5, 0.6, 0.7]), 0.71))
    assert analysis.whole(16.0, 32) == 16 and analysis.whole(16.2, 32) == 17 and analysis.whole(math.inf, 32) == 32


def made(lead: float, seeds: int = 10) -> pd.DataFrame:
    """Runs in which the GRU is `lead` points better at each width; accuracy grows by 10 points a doubling."""
    noise, rows = np.random.default_rng(0), []
    for network, width, seed in itertools.product(experiment.NETWORKS, (8, 16, 32), range(seeds)):
        accuracy = 0.5 + 0.1 * math.log2(width / 8) + (lead / 100 if network == "gru" else 0) + noise.normal(0, 0.003)
        row = {"network": network, "width": width, "seed": seed, "frame": 4, "steps": 9, "batch": 4, "gap": 1e-6}
        more = {"accuracy_weights": accuracy - 0.001, "accuracy_dynamic": accuracy - 0.002, "learning_rate": 0.01}
        rows.append(row | more | {"accuracy": accuracy, "parameters": width * width})
    return pd.DataFrame(rows)


def timed(ratio: float) -> pd.DataFrame:
    """Readings in which a GRU of any width takes `ratio` times an LSTM of it, plus a little noise."""
    noise = np.random.default_rng(1)
    rows = [
        (cell, width, "float32", turn, 1e-5 * width * (ratio if cell == "gru" else 1) * noise.uniform(0.99, 1.01))
        for cell, width, turn in itertools.product(analysis.CELLS, (8, 16, 32), range(9))
    ]
    return pd.DataFrame(rows, columns=["network", "width", "form", "round", "seconds"])


def test_equal_curves_leave_the_ratio_of_the_shapes() -> None:
    found = analysis.byte_ratio(made(0), 0.6)
    same = live.bytes_of("gru", 16, "float32", 4) / live.bytes_of("lstm", 16, "float32", 4)
    assert 0.74 < same < 0.85 and found.low <= same <= found.high
    time = analysis.latency_ratio(made(0), timed(1.0), 0.6)
    assert time.low < 1 < time.high and 0.9 < time.estimate < 1.1


@pytest.mark.parametrize(("lead", "ratio", "word"), [(5, 1.0, "supported"), (-6, 1.4, "contradicted")])
def test_the_verdict_follows_the_curves_and_the_clock(lead: float, ratio: float, word: str) -> None:
    found = analysis.evidence(made(lead), timed(ratio), 0.6)
    verdict = decide("U4", found, factor="what is counted")
    assert verdict.word == word and [each.name for each in verdict.strata] == ["bytes", "latency"]


def test_a_target_that_none_meets_takes_the_widest() -> None:
    runs = made(0)
    assert analysis.chosen(runs, 0.99) == dict.fromkeys(experiment.NETWORKS, 32)
    assert analysis.byte_ratio(runs, 0.99).estimate < 1


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_an_open_session_has_multiplied_its_weights_out(cell: str, tmp_path: Path) -> None:
    file = live.file(cell, 8, "int8 weights", 4)
    session = live.opened(file, tmp_path / "opened.onnx")
    kinds = {node.op_type for node in onnx.load(tmp_path / "opened.onnx").graph.node}
    assert cell.upper() in kinds and "DequantizeLinear" not in kinds
    assert "DequantizeLinear" in {node.op_type for node in onnx.ModelProto.FromString(file).graph.node}
    assert session.run(None, {"x": np.zeros((10, 1, 4), "float32")})[0].shape == (1, 10)


def test_memory_and_time_are_measured_and_figures_are_drawn() -> None:
    runs, base = made(2), pd.DataFrame([experiment.baseline(seed=0)])
    models = analysis.models({"lstm": 8, "gru": 8, "convolution": 8})
    waits = live.waits(models, 4, 40)
    shares = live.shares(models, 4)
    memory = live.resident(models[:2], 4)
    assert (memory["resident"] > 0).all() and len(waits) == 40 * len(models)
    for rounds in (3, 12):
        table = live.readings(models[:1], 4, rounds)
        assert sorted(table["round"]) == list(range(rounds)) and (table["width"] == 8).all()
    dynamic = {name: share for (name, _, form), share in shares.items() if form == "int8 dynamic"}
    assert dynamic["gru"] < 0.5 < dynamic["lstm"]
    every = memory.iloc[0]["resident"]
    told = analysis.format_table(
        4, shares, waits, waits.drop_duplicates(["network", "width", "form"]).assign(resident=every)
    )
    assert told.data.count("\n") == len(models) + 1
    table = analysis.targets(runs, timed(0.9), 0.6)
    for figure in (
        plots.draw_sizes(runs, base, 0.6),
        plots.draw_targets(table, 0.6),
        plots.draw_losses(analysis.losses(runs)),
        plots.draw_waits(waits),
    ):
        plots.plt.close(figure)
    assert base["accuracy"].iloc[0] < 0.4 and mnist1d.CLASSES == 10
