"""The layers that stand in for torch.nn's: the same in every argument and form of input, on either path; and `swap`."""

from __future__ import annotations

import copy
import io
import pickle
from contextlib import contextmanager
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatedrnn import nn as ours
from gatedrnn.kernels import matched

PAIRS = {"LSTM": (nn.LSTM, ours.LSTM), "GRU": (nn.GRU, ours.GRU), "RNN": (nn.RNN, ours.RNN)}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
PATHS = ("matched", "torch")
FORMS = ("batch", "single", "sorted", "unsorted")

each_kind = pytest.mark.parametrize("kind", PAIRS)
each_path = pytest.mark.parametrize("path", PATHS)


@contextmanager
def on(path):
    """Compiled kernels, or a machine without a compiler."""
    if path == "matched":
        if not matched.available():
            pytest.skip(f"matched kernels: {matched.problem()}")
        yield
    else:
        with mock.patch.object(matched, "available", lambda: False):
            yield


def pair(kind, *sizes, seed=0, **arguments):
    """The same layer twice: torch's, and ours with its own start from the same seed."""
    made = []
    for each in PAIRS[kind]:
        torch.manual_seed(seed)
        made.append(each(*sizes, **arguments))
    return made


def flat(found):
    """Every tensor in what a layer returned."""
    if isinstance(found, torch.Tensor):
        return [found]
    if isinstance(found, PackedSequence):
        return [found.data]
    return [tensor for each in found for tensor in flat(each)]


def same(found, expected, tolerance=1e-5):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            scale = max(1.0, float(b.detach().abs().max())) if b.numel() else 1.0
            torch.testing.assert_close(a, b, rtol=0, atol=tolerance * scale)


def slopes(found, wanted):
    """Gradients of a loss in which every number of every result counts differently."""
    loss = sum((each * torch.linspace(-1, 1.5, each.numel(), dtype=each.dtype).view_as(each)).sum() for each in found)
    return torch.autograd.grad(loss, wanted, allow_unused=True)


@st.composite
def cases(draw):
    """Every argument of the constructor, every form of input, with or without a state."""
    kind = draw(st.sampled_from(tuple(PAIRS)))
    arguments = {
        "num_layers": draw(st.integers(1, 3)), "bias": draw(st.booleans()), "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()), "dtype": draw(st.sampled_from(tuple(TOLERANCE))),
    }  # fmt: skip
    if kind == "RNN":
        arguments["nonlinearity"] = draw(st.sampled_from(("tanh", "relu")))
    if arguments["num_layers"] > 1:
        arguments["dropout"] = draw(st.sampled_from((0.0, 0.4)))
    return {
        "kind": kind, "arguments": arguments, "form": draw(st.sampled_from(FORMS)), "state": draw(st.booleans()),
        "steps": draw(st.integers(1, 7)), "batch": draw(st.integers(1, 6)), "inputs": draw(st.integers(1, 5)),
        "hidden": draw(st.sampled_from((1, 2, 7, 8, 33))), "training": draw(st.booleans()),
        "path": draw(st.sampled_from(PATHS)), "seed": draw(st.integers(0, 2**16)),
    }  # fmt: skip


def drawn(case):
    """Both layers, and x, state and lengths for them; the tensors want gradients."""
    stock, layer = pair(case["kind"], case["inputs"], case["hidden"], seed=case["seed"], **case["arguments"])
    for each in (stock, layer):
        each.train(case["training"])
    dtype, single = case["arguments"]["dtype"], case["form"] == "single"
    batch = 1 if single else case["batch"]
    x = torch.randn(case["steps"], batch, case["inputs"], dtype=dtype)
    lengths = torch.randint(1, case["steps"] + 1, (batch,))
    lengths[torch.randint(batch, ())] = case["steps"]
    if case["form"] == "sorted":
        lengths = lengths.sort(descending=True).values
    if single:
        x = x[:, 0]
    elif case["arguments"]["batch_first"]:
        x = x.transpose(0, 1).contiguous()
    x.requires_grad_()
    places = case["arguments"]["num_layers"] * (2 if case["arguments"]["bidirectional"] else 1)
    shape = (places, case["hidden"]) if single else (places, batch, case["hidden"])
    state = [torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(2 if case["kind"] == "LSTM" else 1)]
    return stock, layer, x, state if case["state"] else [], lengths


def call(layer, case, x, state, lengths):
    if case["form"] in ("sorted", "unsorted"):
        x = pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=case["form"] == "sorted")
    hx = None if not state else tuple(state) if case["kind"] == "LSTM" else state[0]
    torch.manual_seed(case["seed"])  # dropout draws the same
    return layer(x, hx)


# ---- equal to torch.nn -------------------------------------------------------------------------------------------


@given(case=cases())
@settings(max_examples=500, deadline=None)
def test_any_layer_and_input_equal_torch_in_results_and_gradients(case):
    with on(case["path"]):
        stock, layer, x, state, lengths = drawn(case)
        expected, found = (call(each, case, x, state, lengths) for each in (stock, layer))
        tolerance = TOLERANCE[x.dtype]
        assert type(found[0]) is type(expected[0]) and type(found[1]) is type(expected[1])
        if isinstance(expected[0], PackedSequence):
            for a, b in zip(found[0][1:], expected[0][1:], strict=True):
                assert (a is None and b is None) or torch.equal(a, b)
        else:
            assert found[0].stride() == expected[0].stride()
        same(flat(found), flat(expected), tolerance)
        for each, results in ((stock, expected), (layer, found)):
            each.slopes = slopes(flat(results), [x, *state, *each.parameters()])
        same(layer.slopes, stock.slopes, tolerance)
        with torch.no_grad():
            same(flat(call(layer, case, x, state, lengths)), flat(expected), tolerance)


@each_path
@each_kind
@given(seed=st.integers(0, 2**16), cut=st.integers(1, 8), layers=st.integers(1, 2))
@settings(max_examples=15, deadline=None)
def test_a_sequence_in_chunks_with_the_state_carried_is_the_whole_sequence(kind, path, seed, cut, layers):
    with on(path):
        stock, layer = pair(kind, 3, 5, layers, seed=seed, dtype=torch.float64)
        x = torch.randn(9, 2, 3, dtype=torch.float64)
        head, state = layer(x[:cut])
        tail, last = layer(x[cut:], state)
        outputs, expected = stock(x)
        same([torch.cat([head, tail]), *flat(last)], [outputs, *flat(expected)], 1e-10)
        wanted = zip(layer.parameters(), stock.parameters(), strict=True)
        mine, theirs = zip(*wanted, strict=True)
        same(slopes(flat(last), mine), slopes(flat(expected), theirs), 1e-10)


@each_path
@pytest.mark.parametrize("form", ["batch", "unsorted"])
@each_kind
def test_second_derivatives_equal_torch(kind, path, form):
    with on(path):
        stock, layer = pair(kind, 2, 3, 2, bidirectional=True, dtype=torch.float64)
        x = torch.randn(4, 2, 2, dtype=torch.float64)

        def loss(of, x):
            given = x if form == "batch" else pack_padded_sequence(x, torch.tensor([3, 4]), enforce_sorted=False)
            return sum(each.sum() for each in flat(of(given)))  # linear in every result

        mine, theirs = (torch.autograd.functional.hessian(lambda x, of=of: loss(of, x), x) for of in (layer, stock))
        assert theirs.abs().max() > 1e-3
        same([mine], [theirs], 1e-9)


@each_path
@each_kind
def test_training_gives_the_same_losses(kind, path):
    with on(path):
        losses = []
        for each in PAIRS[kind]:
            torch.manual_seed(1)
            core = each(4, 9, 2, bidirectional=True, dropout=0.2, batch_first=True)
            model = nn.ModuleDict({"core": core, "head": nn.Linear(18, 3)}).double()
            optimiser = torch.optim.Adam(model.parameters(), 0.01)
            for _ in range(20):
                x, y = torch.randn(5, 7, 4, dtype=torch.float64), torch.randint(3, (5, 7))
                loss = cross_entropy(model["head"](core(x)[0]).flatten(0, 1), y.flatten())
                optimiser.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimiser.step()
                losses.append((loss.item(), norm.item()))
        found = torch.tensor(losses, dtype=torch.float64)
        torch.testing.assert_close(found[20:], found[:20], rtol=0, atol=1e-8)


@each_path
@each_kind
def test_outputs_may_be_changed_in_place_where_torch_allows_it(kind, path):
    with on(path):
        stock, layer = pair(kind, 3, 4, dtype=torch.float64)
        x = torch.randn(5, 2, 3, dtype=torch.float64)
        found = []
        for each in (stock, layer):
            outputs, _ = each(x)
            outputs.mul_(2).relu_()
            found.append(torch.autograd.grad(outputs.sum(), list(each.parameters())))
        same(found[1], found[0], 1e-10)


@each_path
@each_kind
def test_gradients_twice_from_one_pass_and_for_some_parameters_only(kind, path):
    with on(path):
        stock, layer = pair(kind, 3, 4)
        for each in (stock, layer):
            each.weight_ih_l0.requires_grad_(False)
            outputs, _ = each(torch.ones(5, 2, 3))
            outputs.sum().backward(retain_graph=True)
            outputs.sum().backward()
        assert layer.weight_ih_l0.grad is None
        same([layer.weight_hh_l0.grad], [stock.weight_hh_l0.grad])


# ---- what no kernel runs goes to torch.nn ------------------------------------------------------------------------


@each_path
@each_kind
def test_16_bits_autocast_and_transforms_give_what_torch_gives(kind, path):
    with on(path):
        stock, layer = pair(kind, 3, 4)
        x = torch.randn(5, 2, 3)
        half = [copy.deepcopy(each).bfloat16()(x.bfloat16()) for each in (stock, layer)]
        same(flat(half[1]), flat(half[0]), 0)
        with torch.autocast("cpu", torch.bfloat16):
            auto = [each(x) for each in (stock, layer)]
        assert auto[1][0].dtype == auto[0][0].dtype
        same(flat(auto[1]), flat(auto[0]), 0)
        meta = layer.to("meta")(x.to("meta"))[0]
        assert meta.device.type == "meta" and meta.shape == (5, 2, 4)


@each_path
@each_kind
def test_derivatives_by_torch_func_equal_torch(kind, path):
    with on(path):
        stock, layer = pair(kind, 3, 4, dtype=torch.float64)
        x, v = torch.randn(2, 5, 2, 3, dtype=torch.float64)

        def loss(parameters, of):
            return torch.func.functional_call(of, parameters, (x,))[0].square().sum()

        found = [torch.func.grad(loss)(dict(each.named_parameters()), each) for each in (layer, stock)]
        same(*(list(each.values()) for each in found), 1e-12)
        if kind != "LSTM" or path == "torch":
            along = [torch.func.jvp(lambda x, of=each: of(x)[0], (x,), (v,))[1] for each in (layer, stock)]
            same(*([each] for each in along), 1e-12)
            with torch.autograd.forward_ad.dual_level():
                dual = torch.autograd.forward_ad.make_dual(x, v)
                same([torch.autograd.forward_ad.unpack_dual(layer(dual)[0]).tangent], [along[1]], 1e-12)


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
@each_kind
def test_script_and_trace_hold_torch_operations_alone(kind):
    stock, layer = pair(kind, 3, 4, 2, bidirectional=True)
    x = torch.randn(5, 2, 3)
    model = nn.Sequential(layer)
    for made in (torch.jit.trace(model, x), torch.jit.script(model)):
        assert "gatedrnn::" not in str(made.inlined_graph)
        same(flat(made(x)), flat(stock(x)))
    same(flat(model(x)), flat(stock(x)))


WRONG = {
    "features": lambda m: m(torch.randn(5, 2, 4)),
    "dimensions": lambda m: m(torch.randn(5, 2, 3, 1)),
    "no steps": lambda m: m(torch.randn(0, 2, 3)),
    "dtype": lambda m: m(torch.randn(5, 2, 3).double()),
    "whole numbers": lambda m: m(torch.ones(5, 2, 3, dtype=torch.int64)),
    "not a tensor": lambda m: m([[1.0, 2.0, 3.0]]),
    "batch of the state": lambda m: m(torch.randn(5, 2, 3), state(m, 1, 3, 4)),
    "width of the state": lambda m: m(torch.randn(5, 2, 3), state(m, 1, 2, 5)),
    "layers of the state": lambda m: m(torch.randn(5, 2, 3), state(m, 2, 2, 4)),
    "dimensions of the state": lambda m: m(torch.randn(5, 2, 3), state(m, 1, 4)),
    "dimensions of the state, single": lambda m: m(torch.randn(5, 3), state(m, 1, 1, 4)),
    "dtype of the state": lambda m: m(torch.randn(5, 2, 3), state(m, 1, 2, 4, dtype=torch.float64)),
    "state of the other kind": lambda m: m(torch.randn(5, 2, 3), state(m, 1, 2, 4, other=True)),
    "packed features": lambda m: m(pack_padded_sequence(torch.randn(5, 2, 4), [5, 3])),
    "state of a packed sequence": lambda m: m(pack_padded_sequence(torch.randn(5, 2, 3), [5, 3]), state(m, 1, 3, 4)),
}


def state(layer, *shape, dtype=torch.float32, other=False):
    h = torch.zeros(shape, dtype=dtype)
    return (h, h.clone()) if (layer.mode == "LSTM") != other else h


@each_path
@pytest.mark.parametrize("wrong", WRONG)
@each_kind
def test_what_is_wrong_gives_the_error_of_torch(kind, path, wrong):
    with on(path):
        said = []
        for each in pair(kind, 3, 4):
            with pytest.raises(Exception) as error:
                WRONG[wrong](each)
            said.append((error.type, str(error.value)))
        assert said[1] == said[0]


@each_path
@each_kind
def test_an_empty_batch_gives_an_empty_batch(kind, path):
    with on(path):
        outputs, last = pair(kind, 3, 4)[1](torch.randn(5, 0, 3))
        assert outputs.shape == (5, 0, 4) and flat(last)[0].shape == (1, 0, 4)


@pytest.mark.parametrize(
    "arguments",
    [{"hidden_size": 0}, {"hidden_size": 4.5}, {"num_layers": 0}, {"dropout": 2}, {"bias": 1}, {"wide": 3}],
    ids=str,
)
@each_kind
def test_wrong_arguments_of_the_constructor_give_the_error_of_torch(kind, arguments):
    said = []
    for each in PAIRS[kind]:
        with pytest.raises(Exception) as error:
            each(**{"input_size": 3, "hidden_size": 4, **arguments})
        said.append((error.type, str(error.value)))
    assert said[1] == said[0]


def test_projections_are_refused_by_name():
    with pytest.raises(ValueError, match="proj_size = 2 is not allowed: 0"):
        ours.LSTM(3, 4, proj_size=2)


# ---- the same module ---------------------------------------------------------------------------------------------


@each_kind
def test_names_order_and_start_of_the_parameters_are_those_of_torch_and_load_both_ways(kind):
    stock, layer = pair(kind, 3, 4, 2, bidirectional=True, bias=False)
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in stock.named_parameters()]
    assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), stock.parameters(), strict=True))
    assert repr(layer) == repr(stock) and isinstance(layer, PAIRS[kind][0])
    other_stock, other = pair(kind, 3, 4, 2, bidirectional=True, bias=False, seed=1)
    other.load_state_dict(stock.state_dict())
    other_stock.load_state_dict(layer.state_dict())
    x = torch.randn(5, 2, 3)
    for each in (layer, other, other_stock):
        same(flat(each(x)), flat(stock(x)))


@each_path
@each_kind
def test_copies_pickles_and_saved_modules_compute_the_same(kind, path):
    with on(path):
        layer = pair(kind, 3, 4, 2)[1]
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        x = torch.randn(5, 2, 3)
        again = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.load(file, weights_only=False)]
        for each in again:
            assert type(each) is type(layer)
            same(flat(each(x)), flat(layer(x)), 0)
            with torch.no_grad():
                each.weight_hh_l1.add_(1)  # its own
        assert not torch.equal(again[0].weight_hh_l1, layer.weight_hh_l1)


@each_path
@each_kind
def test_weights_that_are_replaced_borrowed_or_computed_are_used(kind, path):
    with on(path):
        stock, layer = pair(kind, 3, 4)
        x = torch.randn(5, 2, 3)
        borrowed = {name: each * 2 for name, each in stock.named_parameters()}
        same(*(flat(torch.func.functional_call(each, borrowed, (x,))) for each in (layer, stock)))
        for each in (stock, layer):
            each.weight_hh_l0 = nn.Parameter(torch.eye(len(each.weight_hh_l0), 4))
        same(flat(layer(x)), flat(stock(x)))
        for each in (stock, layer):
            parametrizations.weight_norm(each, "weight_ih_l0")
            prune.l1_unstructured(each, "weight_hh_l0", 2)
        same(flat(layer(x)), flat(stock(x)))


# ---- swap --------------------------------------------------------------------------------------------------------


class Model(nn.Module):
    """Two layers, one of them used in two places, and a head."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleDict({"encoder": nn.GRU(3, 4), "norm": nn.LayerNorm(4)})
        self.decoder = nn.LSTM(4, 5, 2, dropout=0.3)
        self.again = self.inner["encoder"]
        self.head = nn.Linear(5, 1)

    def forward(self, x):
        return self.head(self.decoder(self.inner["norm"](self.inner["encoder"](x)[0]))[0])


def test_swap_replaces_every_layer_once_and_says_which():
    model = Model()
    done = ours.swap(model)
    assert done.replaced == [("inner.encoder", "GRU(3, 4)"), ("decoder", "LSTM(4, 5, num_layers=2, dropout=0.3)")]
    assert done.left == [] and "decoder: LSTM(4, 5, num_layers=2, dropout=0.3) replaced" in str(done).splitlines()
    assert type(model.decoder) is ours.LSTM and type(model.again) is ours.GRU and model.again is model.inner["encoder"]
    assert ours.swap(model).replaced == [] and str(ours.swap(model)) == "no recurrent layer found"
    assert ours.swap(model, back=True).replaced == done.replaced
    assert type(model.decoder) is nn.LSTM and type(model.again) is nn.GRU


@each_path
def test_a_swapped_model_trains_as_before_with_its_optimiser_hooks_and_modes(path):
    with on(path):
        curves = []
        for moment in (None, 0, 3):  # never, at the start, between two steps
            torch.manual_seed(0)
            model, heard = Model().double(), []
            optimiser = torch.optim.Adam(model.parameters(), 0.01)
            model.decoder.register_forward_hook(lambda *_, heard=heard: heard.append(1))
            model.decoder.weight_hh_l1.requires_grad_(False)
            model.inner["encoder"].eval()
            before = {name: id(each) for name, each in model.named_parameters()}
            losses = []
            for step in range(8):
                if step == moment:
                    ours.swap(model)
                x = torch.randn(6, 2, 3, dtype=torch.float64)
                loss = mse_loss(model(x), x[..., :1].cumsum(0))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
            assert len(heard) == 8 and model.decoder.weight_hh_l1.grad is None
            assert model.decoder.training and not model.inner["encoder"].training
            assert {name: id(each) for name, each in model.named_parameters()} == before
            curves.append(torch.tensor(losses, dtype=torch.float64))
        for each in curves[1:]:
            torch.testing.assert_close(each, curves[0], rtol=0, atol=1e-8)


@each_kind
def test_a_model_that_is_itself_a_layer_is_swapped_in_place(kind):
    model = pair(kind, 3, 4)[0]
    state = model.state_dict()
    assert ours.swap(model).replaced == [("", f"{kind}(3, 4)")]
    assert type(model) is PAIRS[kind][1] and model.state_dict().keys() == state.keys()


class Own(nn.GRU):
    """A layer of somebody's own."""


@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")
def test_what_cannot_be_replaced_is_left_with_the_reason():
    normed, patched = nn.GRU(3, 4), nn.GRU(3, 4)
    parametrizations.weight_norm(normed, "weight_hh_l0")
    patched.forward = lambda x: x
    model = nn.ModuleDict(
        {
            "projected": nn.LSTM(3, 4, proj_size=2), "own": Own(3, 4), "normed": normed, "patched": patched,
            "quantised": torch.ao.nn.quantized.dynamic.GRU(3, 4), "cell": nn.GRUCell(3, 4),
        }
    )  # fmt: skip
    kinds = {name: type(each) for name, each in model.items()}
    done = ours.swap(model)
    assert done.replaced == [] and {name: type(each) for name, each in model.items()} == kinds
    assert dict(done.left) == {
        "projected": "proj_size = 2: the kernels have no projection",
        "own": f"it is a {__name__}.Own",
        "normed": "its weights are parametrised",
        "patched": "its forward was replaced",
        "quantised": "it is a torch.ao.nn.quantized.dynamic.modules.rnn.GRU",
    }


def test_packed_outputs_pad_as_those_of_torch():
    stock, layer = pair("LSTM", 3, 4, batch_first=True)
    packed = pack_padded_sequence(torch.randn(3, 6, 3), [2, 6, 1], batch_first=True, enforce_sorted=False)
    (mine, lengths), (theirs, _) = (pad_packed_sequence(each(packed)[0], batch_first=True) for each in (layer, stock))
    assert lengths.tolist() == [2, 6, 1]
    same([mine], [theirs])
