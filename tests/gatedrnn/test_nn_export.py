"""Layers that stand in for torch.nn's, compiled, exported and converted as those of torch.nn are."""

from __future__ import annotations

import io

import pytest
import torch
from test_nn import each_kind, each_path, flat, on, pair, same
from torch import nn
from torch.nn.functional import relu
from torch.nn.utils.rnn import pack_padded_sequence


class Model(nn.Module):
    """A layer between two other operations; with lengths it reads packed sequences."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(4 * (1 + layer.bidirectional), 1)

    def forward(self, x, lengths=None):
        x = relu(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, enforce_sorted=False)
        outputs, last = self.layer(x)
        return (self.head(outputs if lengths is None else outputs.data), *flat(last))


@pytest.fixture(autouse=True)
def forget():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("strict", [False, True])
@each_kind
def test_an_exported_program_holds_torch_operations_alone_and_loads(kind, strict):
    model = Model(pair(kind, 3, 4, 2, bidirectional=True)[1]).eval()
    x = torch.randn(5, 2, 3)
    batch = torch.export.Dim("batch", min=2, max=40)  # torch exports recurrent layers at one number of steps
    program = torch.export.export(model, (x,), dynamic_shapes=({1: batch},), strict=strict)
    called = {str(each.target) for each in program.graph.nodes if each.op == "call_function"}
    assert not any("gatedrnn" in each for each in called)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    more = torch.randn(5, 9, 3)
    same(torch.export.load(file).module()(more), model(more))


@each_kind
def test_onnx_holds_the_operators_that_torch_gives(kind):
    stock, layer = pair(kind, 3, 4)
    x = torch.randn(5, 2, 3)
    held = []
    for each in (stock, layer):
        program = torch.onnx.export(each.eval(), (x,), dynamo=True, verbose=False)
        held.append([(node.domain, node.op_type) for node in program.model.graph])
    assert held[1] == held[0]


def trained(model, *inputs):
    found = model(*inputs)
    return [*found, *torch.autograd.grad(sum(each.square().sum() for each in found), list(model.parameters()))]


@each_path
@pytest.mark.parametrize("packed", [False, True])
@each_kind
def test_a_compiled_model_trains_and_infers_as_the_eager_one_at_several_lengths(kind, packed, path):
    with on(path):
        stock, layer = pair(kind, 3, 4, 2, bidirectional=True, dtype=torch.float64)
        reference, model = Model(stock).double(), Model(layer).double()
        reference.head.load_state_dict(model.head.state_dict())
        compiled = torch.compile(model, backend="aot_eager")
        for steps, batch in ((5, 2), (7, 2), (9, 3)):
            lengths = torch.arange(steps, steps - batch, -1) if packed else None
            x = torch.randn(steps, batch, 3, dtype=torch.float64)
            same(trained(compiled, x, lengths), trained(reference, x, lengths), 1e-10)
            with torch.no_grad():
                same(compiled(x, lengths), reference(x, lengths), 1e-10)


@each_kind
def test_one_graph_holds_the_whole_model(kind, kernels):
    """As `torch.nn`, only where dynamo is told that it may trace recurrent layers."""
    model = Model(pair(kind, 3, 4, 2, bidirectional=True, bias=False, dtype=torch.float64)[1]).double()
    with torch._dynamo.config.patch(allow_rnn=True):
        compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
        for steps in (5, 7):
            x = torch.randn(steps, 2, 3, dtype=torch.float64)
            same(trained(compiled, x), trained(model, x), 1e-10)
            with torch.no_grad():
                same(compiled(x), model(x), 1e-10)
