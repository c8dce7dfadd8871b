"""What users of recurrent layers run into: right, or a clear error, never silently wrong. On both paths."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
import torch
from test_nn import PATHS, on
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from gatedrnn.kernels import library, reference
from gatedrnn.kernels.shapes import SHAPES
from gatedrnn.layers import Recurrent

each_cell = pytest.mark.parametrize("name", SHAPES)


@pytest.fixture(params=PATHS)
def way(request):
    """The compiled kernels, then what is left without a compiler."""
    with on(request.param):
        yield


def layer(name, *sizes, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return Recurrent(name, *sizes).to(dtype)


def plain(core, x, lengths=None):
    """The same weights through the reference cells, layer by layer."""
    ends = None if lengths is None else torch.tensor(lengths)
    for cell in core.layers:
        weights = (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
        x, _ = reference.run(core.cell, x, cell.zero_state(x[0]), *weights, lengths=ends)
    return x


# ---- second derivatives -------------------------------------------------------------------------------------------------


@each_cell
@pytest.mark.parametrize("lengths", [None, [3, 1]])
@pytest.mark.parametrize("loss", [torch.sum, lambda outputs: outputs.square().sum()], ids=["linear", "square"])
def test_a_hessian_is_that_of_the_reference_cells(name, lengths, loss, way):
    core = layer(name, 2, 3, 2)
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    found = torch.autograd.functional.hessian(lambda x: loss(core(x, lengths=lengths)[0]), x)
    expected = torch.autograd.functional.hessian(lambda x: loss(plain(core, x, lengths)), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert name == "relu" or expected.abs().max() > 1e-3


@each_cell
def test_a_gradient_penalty_reaches_the_weights(name, way):
    core = layer(name, 2, 5)
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)

    def penalty(run):
        (slope,) = torch.autograd.grad(run(x).sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), list(core.parameters()), allow_unused=True)

    for found, expected in zip(penalty(lambda x: core(x)[0]), penalty(lambda x: plain(core, x)), strict=True):
        if found is None or expected is None:  # no second derivative through a bias of a rectifier
            assert not any(each is not None and each.any() for each in (found, expected))
        else:
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@each_cell
def test_a_graph_of_the_gradients_changes_no_gradient(name, way):
    core = layer(name, 3, 7, dtype=torch.float32)
    x = torch.randn(6, 4, 3)
    with_graph, without = (
        torch.autograd.grad(core(x)[0].square().sum(), list(core.parameters()), create_graph=graph)
        for graph in (True, False)
    )
    for a, b in zip(with_graph, without, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        assert not b.requires_grad


# ---- padding and lengths ------------------------------------------------------------------------------------------------


@each_cell
@pytest.mark.parametrize("filler", [float("nan"), float("inf")])
def test_what_stands_after_the_true_end_touches_nothing(name, filler, way):
    core = layer(name, 2, 5, 2, dtype=torch.float32)
    x = torch.randn(6, 3, 2)
    results = []
    for fill in (0.0, filler):
        core.zero_grad()
        inputs = x.clone()
        inputs[2:, 0], inputs[3:, 2] = fill, -fill
        inputs.requires_grad_()
        outputs, state = core(inputs, lengths=[2, 6, 3])
        (outputs.square().sum() + sum(each.sum() for each in state)).backward()
        results.append([outputs, *state, inputs.grad, *(each.grad for each in core.parameters())])
    assert all(map(torch.equal, *results))
    assert results[0][0].isfinite().all()


@pytest.mark.parametrize("lengths", [[2, 4], (2, 4), np.array([2, 4]), torch.tensor([2, 4], dtype=torch.int32)])
def test_lengths_in_whatever_form(lengths, way):
    core = layer("gru", 2, 3)
    x = torch.randn(4, 2, 2, dtype=torch.float64)
    assert torch.equal(core(x, lengths=lengths)[0], core(x, lengths=torch.tensor([2, 4]))[0])
    assert torch.equal(core.trace(x, lengths=lengths).outputs, core.trace(x, lengths=torch.tensor([2, 4])).outputs)


@pytest.mark.parametrize("lengths", ["24", [2], [2, 5], [0, 4], [2.0, 4.0], 3, {"a": 1}, [[2, 4]]])
def test_lengths_that_do_not_fit_are_named(lengths, way):
    core = layer("gru", 2, 3)
    with pytest.raises(ValueError, match=r"lengths = .* is not allowed: 2 whole numbers from 1 to 4"):
        core(torch.randn(4, 2, 2, dtype=torch.float64), lengths=lengths)


def test_the_kernels_look_at_lengths_themselves(kernels):
    x, weights = torch.randn(4, 2, 2), [torch.randn(9, 2), torch.randn(9, 3), torch.randn(9), torch.randn(9)]
    with pytest.raises(ValueError, match="lengths is not allowed: whole numbers from 1 to 4"):
        torch.ops.gatedrnn.forward("gru", x, *weights, *[torch.zeros(2, 3)] * 2, torch.tensor([2, 5]), False)


def test_a_packed_sequence_is_refused_by_name():
    with pytest.raises(ValueError, match=r"x of type PackedSequence is not allowed: a tensor; .* gatedrnn\.nn"):
        layer("gru", 2, 3)(pack_sequence([torch.zeros(2, 2)]))


# ---- numbers ------------------------------------------------------------------------------------------------------------


def test_sizes_of_any_whole_type():
    core = Recurrent("lstm", np.int64(2), np.int32(3), np.uint8(2))
    assert core(torch.zeros(4, 1, 2))[0].shape == (4, 1, 3)
    for wrong in (0, -1, 2.0, True, "3", None):
        with pytest.raises(ValueError, match=r"hidden_size = .* is not allowed: a whole number of at least 1"):
            Recurrent("lstm", 2, wrong)


@each_cell
def test_under_autocast_a_layer_computes_in_the_type_of_its_weights(name, way):
    core, head = layer(name, 3, 5, dtype=torch.float32), nn.Linear(3, 3)
    x = torch.randn(4, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = head(x)
        outputs, _ = core(mixed)
        assert mixed.dtype == torch.bfloat16
        assert outputs.dtype == torch.float32
        outputs.sum().backward()
    assert torch.equal(outputs, core(mixed.float())[0])
    assert all(each.grad.dtype == torch.float32 for each in (*core.parameters(), *head.parameters()))


@each_cell
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_run_on_what_torch_has(name, dtype, way):
    core = layer(name, 3, 5, dtype=dtype)
    x = torch.randn(4, 2, 3, dtype=dtype)
    outputs, _ = core(x)
    outputs.sum().backward()
    assert outputs.dtype == dtype
    assert core.path == ("reference" if name == "gru_before" else "torch.nn")
    torch.testing.assert_close(outputs.double(), layer(name, 3, 5)(x.double())[0], rtol=0, atol=0.05)


# ---- threads, compilers, exporters --------------------------------------------------------------------------------------


@each_cell
def test_forward_from_several_threads_is_forward_from_one(name, way):
    core = layer(name, 3, 17, dtype=torch.float32)
    inputs = [torch.randn(9, 5, 3) for _ in range(16)]
    with torch.no_grad():
        expected = [core(x)[0] for x in inputs]

    def run(x):
        with torch.no_grad():
            return core(x)[0]

    with ThreadPoolExecutor(4) as pool:
        assert all(map(torch.equal, pool.map(run, inputs), expected))


def test_threads_that_ask_at_once_load_once(monkeypatch):
    calls, together = [], threading.Barrier(4)
    monkeypatch.setattr(library, "_outcome", {})
    monkeypatch.setattr(library, "_load", lambda: calls.append(1) or "not here")

    def ask(_):
        together.wait()
        return library.problem()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {"not here"}
    assert calls == [1]


class Tagger(nn.Module):
    """A small model around a layer."""

    def __init__(self, name):
        super().__init__()
        torch.manual_seed(1)
        self.core, self.head = Recurrent(name, 3, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.core(x)[0])


@each_cell
def test_torch_compile_takes_the_whole_graph(name, kernels):
    torch.compiler.reset()
    model, x = Tagger(name), torch.randn(2, 6, 3)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    found, expected = compiled(x), model(x)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(each.square().sum(), list(model.parameters())) for each in (found, expected)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), expected)


@each_cell
def test_an_exported_model_needs_nothing_of_ours(name, way):
    model, x = Tagger(name).eval(), torch.randn(2, 6, 3)
    program = torch.export.export(model, (x,))
    assert "gatedrnn" not in str(program.graph)
    torch.testing.assert_close(program.module()(x), model(x), rtol=0, atol=1e-5)


@each_cell
def test_an_exported_onnx_model_gives_the_same(name, way, tmp_path):
    model, x = Tagger(name).eval(), torch.randn(2, 6, 3)
    torch.onnx.export(model, (x,), tmp_path / "model.onnx", dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(found, model(x).detach().numpy(), rtol=0, atol=1e-5)
