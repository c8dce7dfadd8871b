"""The drop-in layers: torch.nn's own results, gradients, state dicts and errors, over all constructor arguments and inputs."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence

import gatedrnn.nn as fast
from gatedrnn.kernels import library

NAMES = ("LSTM", "GRU", "RNN")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
each_name = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(params=["compiled", "torch"])
def way(request, monkeypatch):
    """The compiled kernels, then what is left without a compiler."""
    if request.param == "compiled":
        request.getfixturevalue("kernels")
    else:
        monkeypatch.setattr(library, "_outcome", {"problem": "GATEDRNN_KERNELS=torch"})


def pair(name, *args, seed=0, **kwargs):
    """The same layer of both, with the same weights."""
    layers = []
    for module in (fast, nn):
        torch.manual_seed(seed)
        layers.append(getattr(module, name)(*args, **kwargs))
    return layers


def flat(result):
    """All tensors of a result, in order."""
    if isinstance(result, PackedSequence):
        return [each for each in result if each is not None]
    if isinstance(result, tuple):
        return [each for part in result for each in flat(part)]
    return [result]


def compare(layers, x, hx, tolerance):
    """Outputs, states and all gradients of two layers on one input."""
    found = []
    for layer in layers:
        layer.zero_grad()
        data = x.data.detach().clone().requires_grad_()
        states = None if hx is None else [each.detach().clone().requires_grad_() for each in hx]
        inside = x._replace(data=data) if isinstance(x, PackedSequence) else data
        given = () if hx is None else (tuple(states) if layer.mode == "LSTM" else states[0],)
        results = [each for each in flat(layer(inside, *given))]
        real = [each for each in results if each.is_floating_point()]
        loss = sum(
            (each * torch.linspace(-1, 1.5, each.numel(), dtype=each.dtype).view_as(each)).sum() for each in real
        )
        wanted = [data, *(states or ()), *layer.parameters()]
        slopes = torch.autograd.grad(loss, wanted)
        found.append([*results, *slopes])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        scale = max(1.0, float(theirs.detach().abs().max())) if theirs.numel() else 1.0
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * scale)


SPACE = {
    "name": st.sampled_from(NAMES), "inputs": st.integers(1, 5), "hidden": st.sampled_from([1, 2, 7, 16, 33]),
    "layers": st.integers(1, 3), "bias": st.booleans(), "batch_first": st.booleans(), "bidirectional": st.booleans(),
    "relu": st.booleans(), "double": st.booleans(), "batch": st.integers(1, 5), "length": st.integers(1, 7),
    "form": st.sampled_from(["batched", "unbatched", "packed"]), "with_state": st.booleans(), "seed": st.integers(0, 999),
}  # fmt: skip


@pytest.mark.usefixtures("way")
@settings(max_examples=150, deadline=None)
@given(data=st.data(), **SPACE)
def test_the_whole_space_equals_torch(
    data,
    name,
    inputs,
    hidden,
    layers,
    bias,
    batch_first,
    bidirectional,
    relu,
    double,
    batch,
    length,
    form,
    with_state,
    seed,
):
    dtype = torch.float64 if double else torch.float32
    extra = {"nonlinearity": "relu"} if name == "RNN" and relu else {}
    made = pair(
        name,
        inputs,
        hidden,
        layers,
        bias=bias,
        batch_first=batch_first,
        bidirectional=bidirectional,
        dtype=dtype,
        seed=seed,
        **extra,
    )
    rows = layers * (2 if bidirectional else 1)
    shape = (rows, hidden) if form == "unbatched" else (rows, batch, hidden)
    hx = [torch.randn(shape, dtype=dtype) for _ in range(2 if name == "LSTM" else 1)] if with_state else None
    if form == "packed":
        lengths = data.draw(st.lists(st.integers(1, length), min_size=batch, max_size=batch))
        x = pack_sequence([torch.randn(each, inputs, dtype=dtype) for each in lengths], enforce_sorted=False)
    elif form == "unbatched":
        x = torch.randn(length, inputs, dtype=dtype)
    else:
        x = torch.randn((batch, length, inputs) if batch_first else (length, batch, inputs), dtype=dtype)
    compare(made, x, hx, TOLERANCE[dtype])


@pytest.mark.usefixtures("way")
@each_name
def test_two_chunks_with_the_state_between_are_the_whole(name):
    ours, theirs = pair(name, 3, 9, 2, dtype=torch.float64)
    x = torch.randn(10, 4, 3, dtype=torch.float64)
    first, state = ours(x[:6])
    second, last = ours(x[6:], state)
    whole, expected = theirs(x)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for a, b in zip(flat(last), flat(expected), strict=True):
        torch.testing.assert_close(a, b)


@each_name
def test_packed_in_order_and_out_of_order(name, kernels):
    sequences = [torch.randn(length, 3) for length in (2, 5, 5, 1)]
    made = pair(name, 3, 8, 2, bidirectional=True)
    compare(made, pack_sequence(sequences, enforce_sorted=False), None, 1e-5)
    compare(made, pack_sequence(sorted(sequences, key=len, reverse=True)), None, 1e-5)
    outputs, lengths = pad_packed_sequence(made[0](pack_sequence(sequences, enforce_sorted=False))[0])
    assert lengths.tolist() == [2, 5, 5, 1] and not outputs[2:, 0].any()


@each_name
def test_state_dicts_go_both_ways(name, kernels):
    ours, theirs = pair(name, 3, 5, 2, bidirectional=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.parameters(), theirs.parameters())), "one seed makes the same weights"
    other = getattr(nn, name)(3, 5, 2, bidirectional=True)
    ours.load_state_dict(other.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(ours(x)[0], other(x)[0])
    torch.testing.assert_close(theirs(x)[0], other(x)[0])


@each_name
def test_copies_and_files(name, kernels):
    layer, _ = pair(name, 3, 5)
    x = torch.randn(4, 2, 3)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(file, weights_only=False)):
        assert type(other) is type(layer)
        assert torch.equal(other(x)[0], layer(x)[0])
    doubled = copy.deepcopy(layer).double()
    assert doubled(x.double())[0].dtype == torch.float64
    named = {key: torch.zeros_like(each) for key, each in layer.named_parameters()}
    assert not torch.func.functional_call(layer, named, (x,))[0].any()


@each_name
def test_dropout_stands_between_layers_in_training_alone(name, kernels):
    ours, theirs = pair(name, 3, 64, 2, dropout=0.5)
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(ours.eval()(x)[0], theirs.eval()(x)[0])
    ours.train()
    torch.manual_seed(0)
    one = ours(x)[0]
    torch.manual_seed(0)
    assert torch.equal(one, ours(x)[0]) and not torch.equal(one, ours(x)[0])
    with pytest.warns(UserWarning, match="dropout"):
        single, _ = pair(name, 3, 4, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0]), "none after the last layer"


WRONG = {
    "features": lambda layer: layer(torch.zeros(4, 2, 9)),
    "dimensions": lambda layer: layer(torch.zeros(4)),
    "no steps": lambda layer: layer(torch.zeros(0, 2, 3)),
    "dtype": lambda layer: layer(torch.zeros(4, 2, 3, dtype=torch.float64)),
    "whole numbers": lambda layer: layer(torch.zeros(4, 2, 3, dtype=torch.int64)),
    "state of another batch": lambda layer: layer(torch.zeros(4, 2, 3), state(layer, 1, 3, 5)),
    "state of another width": lambda layer: layer(torch.zeros(4, 2, 3), state(layer, 1, 2, 4)),
    "state without batch": lambda layer: layer(torch.zeros(4, 2, 3), state(layer, 1, 5)),
    "state with a batch too many": lambda layer: layer(torch.zeros(4, 3), state(layer, 1, 1, 5)),
    "one layer's state": lambda layer: layer(torch.zeros(4, 2, 3), state(layer, 2, 2, 5)),
    "no tensor": lambda layer: layer([[1.0]]),
}


def state(layer, *shape):
    return (torch.zeros(shape), torch.zeros(shape)) if layer.mode == "LSTM" else torch.zeros(shape)


@pytest.mark.parametrize("what", WRONG)
@each_name
def test_errors_are_torchs(name, what, kernels):
    errors = []
    for layer in pair(name, 3, 5):
        with pytest.raises(Exception) as caught:  # noqa: B017, PT011: which one, is what is compared
            WRONG[what](layer)
        errors.append(caught.type)
    assert errors[0] is errors[1]


def test_an_empty_batch_is_torchs(kernels):
    for name in NAMES:
        ours, theirs = pair(name, 3, 5)
        assert ours(torch.zeros(4, 0, 3))[0].shape == theirs(torch.zeros(4, 0, 3))[0].shape


@pytest.mark.parametrize("arguments", [(3, 5), {"input_size": 3, "hidden_size": 5}], ids=["by place", "by name"])
def test_projections_are_refused_by_name(arguments):
    with pytest.raises(ValueError, match=r"proj_size = 2 is not allowed: 0; torch\.nn\.LSTM has projections"):
        if isinstance(arguments, tuple):
            fast.LSTM(*arguments, 1, True, False, 0.0, False, 2)
        else:
            fast.LSTM(**arguments, proj_size=2)


@pytest.mark.parametrize(
    ("name", "wrong"), [("LSTM", {"hidden_size": 0}), ("GRU", {"dropout": 2}), ("RNN", {"nonlinearity": "x"})]
)
def test_constructors_refuse_what_torchs_refuse(name, wrong):
    errors = []
    for module in (fast, nn):
        with pytest.raises(Exception) as caught:
            getattr(module, name)(**{"input_size": 3, "hidden_size": 5, **wrong})
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


@each_name
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_and_autocast_are_torchs_own(name, dtype, kernels):
    ours, theirs = pair(name, 3, 5, dtype=dtype)
    x = torch.randn(4, 2, 3, dtype=dtype)
    assert torch.equal(ours(x)[0], theirs(x)[0])
    ours, theirs = pair(name, 3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = ours(x.float())[0], theirs(x.float())[0]
    assert a.dtype == b.dtype and torch.equal(a, b)


# ---- in a model --------------------------------------------------------------------------------------------------------------


class Tagger(nn.Module):
    """Embedding, two directions and two layers, a linear head: as models come."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.rnn, self.head = (
            nn.Embedding(20, 6),
            nn.LSTM(6, 8, 2, bidirectional=True),
            nn.Linear(16, 4),
        )
        self.again = nn.ModuleList([self.rnn, nn.GRU(16, 16, batch_first=True)])

    def forward(self, tokens):
        return self.head(self.again[1](self.rnn(self.embedding(tokens))[0])[0])


def curve(model, steps=30):
    torch.manual_seed(1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    tokens = torch.randint(20, (9, 5))
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten() % 4)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_a_swapped_model_learns_along_the_same_curve(kernels):
    stock, swapped = Tagger().double(), Tagger().double()
    done = fast.swap(swapped)
    assert len(done.replaced) == 2 and not done.kept
    found, expected = curve(swapped), curve(stock)
    assert found == pytest.approx(expected, abs=1e-8)
    assert expected[-1] < 0.6 * expected[0]


def test_swap_changes_nothing_but_the_class_and_back_undoes_it(kernels):
    model = Tagger().eval()
    calls = []
    model.rnn.register_forward_hook(lambda *_: calls.append(1))
    before = dict(model.named_parameters())
    tokens = torch.randint(20, (9, 5))
    expected = model(tokens)
    done = fast.swap(model)
    assert [type(model.rnn), type(model.again[1])] == [fast.LSTM, fast.GRU]
    assert model.again[0] is model.rnn and not model.rnn.training
    assert str(done).splitlines()[0] == "replaced rnn: LSTM(6, 8, num_layers=2, bidirectional=True)"
    torch.testing.assert_close(model(tokens), expected)
    assert len(calls) == 2
    after = dict(model.named_parameters())
    assert list(after) == list(before) and all(after[key] is before[key] for key in before)
    assert not fast.swap(model).replaced, "twice is once"
    assert len(fast.swap(model, back=True).replaced) == 2
    assert [type(model.rnn), type(model.again[1])] == [nn.LSTM, nn.GRU]
    assert torch.equal(model(tokens), expected)


def test_what_cannot_be_swapped_is_named():
    class Own(nn.GRU):
        pass

    model = nn.ModuleDict({"projected": nn.LSTM(3, 5, proj_size=2), "own": Own(3, 5), "weighted": nn.GRU(3, 5)})
    nn.utils.parametrizations.weight_norm(model["weighted"], "weight_hh_l0")
    done = fast.swap(model)
    assert not done.replaced
    assert [each.split(":")[0] for each in done.kept] == ["projected", "own", "weighted"]
    assert "it has projections" in done.kept[0] and "of the class Own" in done.kept[1]
    assert str(fast.swap(nn.Linear(2, 2))) == "no recurrent layer was found"


def test_a_layer_is_a_model_too(kernels):
    layer = nn.GRU(3, 5)
    assert fast.swap(layer).replaced == ["(model): GRU(3, 5)"]
    assert type(layer) is fast.GRU


# ---- compilers and exporters -------------------------------------------------------------------------------------------------


@each_name
def test_an_exported_model_needs_nothing_of_ours(name, kernels):
    ours, theirs = pair(name, 3, 5)
    x = torch.randn(4, 2, 3)
    program = torch.export.export(ours, (x,))
    assert "gatedrnn" not in str(program.graph)
    torch.testing.assert_close(program.module()(x)[0], theirs(x)[0])


@each_name
def test_torch_compile_takes_the_whole_graph(name, kernels):
    torch.compiler.reset()
    ours, theirs = pair(name, 3, 5, 2, bidirectional=True)
    x = torch.randn(4, 2, 3)
    with torch._dynamo.config.patch(allow_rnn=True):
        found = torch.compile(ours, fullgraph=True, backend="aot_eager")(x)[0]
    torch.testing.assert_close(found, theirs(x)[0])
