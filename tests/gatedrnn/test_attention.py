"""Attention over past states: causal, masked at true ends, weights that add up, gradients that are right."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatedrnn.attention import KINDS, Additive, Attentive, Dot, Transformer, sinusoids
from gatedrnn.catalogue import CELLS
from gatedrnn.initialisation import initialise
from gatedrnn.layers import Recurrent
from gatedrnn.models import Classifier, Tagger, count_parameters

CAUSAL = ["none", "additive", "dot", "transformer"]
ATTENTIVE = ["additive", "dot"]


def layer(kind: str, inputs: int = 3, hidden: int = 4, cell: str = "gru", layers: int = 1) -> Attentive | Transformer:
    torch.manual_seed(0)
    if kind == "transformer":
        return Transformer(inputs, hidden, num_layers=2).double()
    return Attentive(cell, inputs, hidden, kind, layers).double()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lengths", [None, [2, 6]])
def test_without_attention_it_is_the_recurrent_layer(cell: str, lengths: list[int] | None) -> None:
    torch.manual_seed(3)
    plain = Recurrent(cell, 3, 5, 2)
    torch.manual_seed(3)
    found = Attentive(cell, 3, 5, "none", 2)
    assert count_parameters(found) == count_parameters(plain)
    x = torch.randn(6, 2, 3)
    state = tuple(torch.randn(2, 2, 5) for _ in CELLS[cell].states)
    outputs, last = found(x, state, lengths)
    expected, end = plain(x, state, lengths)
    assert torch.equal(outputs, expected)
    assert all(torch.equal(a, b) for a, b in zip(last, end, strict=True))
    assert found.attend(x).weights is None


@pytest.mark.parametrize("kind", CAUSAL)
@given(seed=st.integers(0, 2**16), steps=st.integers(2, 9), data=st.data())
@settings(max_examples=8, deadline=None)
def test_what_comes_later_changes_nothing(kind: str, seed: int, steps: int, data: st.DataObject) -> None:
    model = layer(kind)
    torch.manual_seed(seed)
    x = torch.randn(steps, 2, 3).double()
    cut = data.draw(st.integers(1, steps - 1))
    other = x.clone()
    other[cut:] = torch.randn(steps - cut, 2, 3).double()
    before, after = model(x)[0], model(other)[0]
    torch.testing.assert_close(before[:cut], after[:cut], rtol=0, atol=1e-12)
    assert not torch.allclose(before[cut:], after[cut:])


@pytest.mark.parametrize("kind", CAUSAL)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_a_sequence_ends_at_its_true_length(kind: str, lengths: list[int], seed: int) -> None:
    model = layer(kind)
    torch.manual_seed(seed)
    x = torch.randn(7, len(lengths), 3).double()
    outputs, last = model(x, lengths=lengths)
    asked, _ = model(x, lengths=lengths, queries=1)
    for number, length in enumerate(lengths):
        cut, end = model(x[:length, number : number + 1])
        torch.testing.assert_close(outputs[:length, number], cut[:, 0], rtol=0, atol=1e-12)
        torch.testing.assert_close(asked[0, number], cut[-1, 0], rtol=0, atol=1e-12)
        assert not outputs[length:, number].any()
        for ours, expected in zip(last, end, strict=True):
            torch.testing.assert_close(ours[:, number], expected[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ATTENTIVE)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@given(steps=st.integers(1, 9), seed=st.integers(0, 99), data=st.data())
@settings(max_examples=6, deadline=None)
def test_weights_add_up_and_lie_on_what_was_seen(kind: str, cell: str, steps: int, seed: int, data) -> None:
    model = layer(kind, cell=cell)
    torch.manual_seed(seed)
    lengths = data.draw(st.lists(st.integers(1, steps), min_size=3, max_size=3))
    weights = model.attend(torch.randn(steps, 3, 3).double(), lengths=lengths).weights
    assert weights.shape == (3, steps, steps) and (weights >= 0).all()
    assert not weights.triu(1).any(), "nobody looks ahead"
    for each, length in zip(weights, lengths, strict=True):
        torch.testing.assert_close(each[:length].sum(1), torch.ones(length).double())
        assert not each[length:].any() and not each[:, length:].any()


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("lengths", [None, [5, 3, 7]])
def test_the_last_queries_are_those_of_all(kind: str, lengths: list[int] | None) -> None:
    model = layer(kind)
    x = torch.randn(7, 3, 3).double()
    whole, some = model(x, lengths=lengths)[0], model(x, lengths=lengths, queries=3)[0]
    assert some.shape == (3, 3, 4)
    for number, end in enumerate(lengths or [7] * 3):
        torch.testing.assert_close(some[:, number], whole[end - 3 : end, number], rtol=0, atol=1e-12)
    if kind in ATTENTIVE:
        every, few = (model.attend(x, lengths=lengths, queries=queries).weights for queries in (None, 3))
        for number, end in enumerate(lengths or [7] * 3):
            torch.testing.assert_close(few[number], every[number, end - 3 : end], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("given_lengths", [None, [2, 4]])
def test_gradients_are_right(kind: str, cell: str, given_lengths: list[int] | None) -> None:
    model = layer(kind, inputs=2, cell=cell)
    x = torch.randn(4, 2, 2).double().requires_grad_()
    names = list(dict(model.named_parameters()))

    def outputs(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        own = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, own, (x, None, given_lengths))[0]

    assert torch.autograd.gradcheck(outputs, (x, *model.parameters()))


@pytest.mark.parametrize("kind", [*ATTENTIVE, "transformer"])
def test_padding_gets_no_gradient_and_may_hold_anything(kind: str) -> None:
    model = layer(kind)
    x = torch.randn(6, 2, 3).double()
    x[2:, 0] = torch.nan
    x.requires_grad_()
    outputs, _ = model(x, lengths=[2, 6])
    (outputs * torch.arange(4)).sum().backward()  # a plain sum of what a norm gives out has no gradient
    assert not x.grad[2:, 0].any() and x.grad[:, 1].all() and x.grad.isfinite().all()
    assert all(each.grad.isfinite().all() for each in model.parameters())


def test_scores_are_those_of_the_papers() -> None:
    torch.manual_seed(1)
    q, k = torch.randn(1, 2, 3), torch.randn(1, 4, 3)
    additive, dot = Additive(3, 5), Dot(3, 5)
    for t in range(2):
        for s in range(4):
            met = torch.tanh(additive.query.weight @ q[0, t] + additive.key.weight @ k[0, s] + additive.key.bias)
            torch.testing.assert_close(additive(q, k)[0, t, s], additive.score.weight[0] @ met)
            product = (dot.query.weight @ q[0, t]) @ (dot.key.weight @ k[0, s])
            torch.testing.assert_close(dot(q, k)[0, t, s], product / 5**0.5)


@pytest.mark.parametrize("kind", ATTENTIVE)
def test_the_output_is_a_mix_of_the_state_and_the_weighted_mean_of_the_states(kind: str) -> None:
    model = layer(kind)
    x = torch.randn(5, 1, 3).double()
    found, states = model.attend(x), model.core(x)[0][:, 0]
    for t in range(5):
        context = found.weights[0, t, : t + 1] @ states[: t + 1]
        expected = torch.tanh(model.mix(torch.cat([context, states[t]])))
        torch.testing.assert_close(found.outputs[t, 0], expected)


def test_sinusoids_are_those_of_the_paper_for_any_size() -> None:
    for size in (1, 2, 5, 8):
        found = sinusoids(30, size).double()
        t = torch.arange(30).double()
        for place in range(size):
            angle = t / 10_000 ** (2 * (place // 2) / size)
            expected = angle.cos() if place % 2 else angle.sin()
            torch.testing.assert_close(found[:, place], expected, rtol=0, atol=1e-5)


def test_what_is_kept_grows_with_the_length_only_where_there_is_attention() -> None:
    for cell, vectors in (("lstm", 2), ("gru", 1)):
        assert Attentive(cell, 3, 5, "none").kept(7) == Attentive(cell, 3, 5, "none").kept(700) == vectors * 5
        assert Attentive(cell, 3, 5, "dot", attention_size=2).kept(7) == vectors * 5 + 7 * (5 + 2)
        assert Attentive(cell, 3, 5, "additive").kept(7) == vectors * 5 + 7 * 10
    assert Transformer(3, 6, num_layers=2).kept(7) == 2 * 2 * 7 * 6


@pytest.mark.parametrize("kind", CAUSAL)
def test_the_layers_can_be_exchanged_in_a_model_and_the_gates_started(kind: str) -> None:
    core = layer(kind).float()
    if isinstance(core, Attentive):
        initialise(core.core, "chrono:20")
    assert Classifier(core, 7)(torch.randn(5, 2, 3)).shape == (2, 7)
    assert Tagger(core, 7)(torch.randn(5, 2, 3)).shape == (5, 2, 7)


def test_layers_of_a_transformer_start_apart() -> None:
    first, second = Transformer(3, 4).blocks
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"attention = 'cross' is not allowed: one of 'none', 'additive', 'dot'"):
        Attentive("gru", 3, 4, "cross")
    with pytest.raises(ValueError, match="attention_size = 0 is not allowed"):
        Attentive("gru", 3, 4, "dot", attention_size=0)
    with pytest.raises(ValueError, match="hidden_size = 5 is not allowed: a multiple of the 2 heads"):
        Transformer(3, 5)
    x = torch.randn(5, 2, 3)
    for kind in (*KINDS, "transformer"):
        with pytest.raises(ValueError, match="queries = 6 is not allowed: at most 5"):
            layer(kind).float()(x, queries=6)
        with pytest.raises(ValueError, match="queries = 3 is not allowed: at most 2"):
            layer(kind).float()(x, lengths=[2, 5], queries=3)
        with pytest.raises(ValueError, match=r"lengths = \[0, 5\] is not allowed"):
            layer(kind).float()(x, lengths=[0, 5])
    with pytest.raises(ValueError, match="state of 1 tensors is not allowed: a transformer has none"):
        Transformer(3, 4)(x, (torch.zeros(1, 2, 4),))
