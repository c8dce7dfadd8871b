"""The training loop: what is cut, counted, stopped and reported."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gatedrnn.optimiser import Adam
from gatedrnn.training import PATIENCE, share, train, train_step


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def stream(seed=0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    while True:
        x = torch.randn(8, 3, generator=generator)
        yield x, scale * x.sum(1, keepdim=True)


def loss(model, batch):
    return (model(batch[0]) - batch[1]).square().mean()


def held_out(model):
    return {"loss": float(loss(model, next(stream(99))))}


def weights(model):
    return [each.detach().clone() for each in model.parameters()]


def equal(a, b):
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


class Descent(torch.optim.SGD):
    """Plain descent at rate 1: the step taken is the gradient itself."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=1.0)


# --- clipping


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-3, 1e6), clip=st.floats(0.01, 10))
def test_the_step_is_the_gradient_cut_to_the_norm(scale, clip):
    """Cut before the backward pass, the step would be as long as the gradient."""
    model, reference = linear(), linear()
    batch = next(stream(scale=scale))
    loss(reference, batch).backward()
    true = torch.cat([each.grad.flatten() for each in reference.parameters()])
    before = weights(model)
    learned = list(model.parameters())
    norm = train_step(model, batch, loss, Descent(learned), learned, clip)
    moved = torch.cat([(a - b).flatten() for a, b in zip(before, weights(model), strict=True)])
    assert norm == pytest.approx(float(true.norm()), rel=1e-4)
    assert float(moved.norm()) == pytest.approx(min(norm, clip), rel=1e-3, abs=1e-5)
    assert torch.allclose(moved / moved.norm(), true / true.norm(), atol=1e-3), "its direction stays"


def test_one_step_follows_the_gradient_of_its_own_batch_alone():
    model, fresh = linear(), linear()
    learned = list(model.parameters())
    data = stream()
    for each in learned:
        each.grad = torch.full_like(each, 1e3)  # left over from elsewhere
    batch = next(data)
    train_step(model, batch, loss, Descent(learned), learned, 1e9)
    learned = list(fresh.parameters())
    train_step(fresh, batch, loss, Descent(learned), learned, 1e9)
    assert equal(weights(model), weights(fresh))


def test_cut_steps_are_counted():
    norms = [0.5, 2.0, 3.0, 0.1, 5.0]

    def given(model, batch):
        return batch[0] * model.weight.sum()

    model = nn.Linear(1, 1, bias=False)
    batches = ((torch.tensor(norm),) for norm in itertools.cycle(norms))
    found = train(model, batches, given, lambda model: {}, steps=10, learning_rate=0.1, clip=1.0)
    assert found["clipped"] == 0.6
    found = train(model, batches, given, lambda model: {}, steps=5, learning_rate=0.1, clip=2.0)
    assert found["clipped"] == 0.4, "a norm equal to the limit is not cut"


# --- determinism


def test_equal_seeds_train_equally_and_others_do_not():
    def run(model_seed, data_seed):
        model = linear(model_seed)
        found = train(model, stream(data_seed), loss, held_out, steps=30, learning_rate=0.01, every=10)
        del found["train_seconds"]
        return found, weights(model)

    (first, one), (second, two) = run(1, 2), run(1, 2)
    assert first == second and equal(one, two)
    assert run(2, 2)[0] != first and run(1, 3)[0] != first


def test_how_often_is_evaluated_changes_no_weight():
    models = [linear(), linear()]
    for model, every in zip(models, (1, 50), strict=True):
        train(model, stream(), loss, held_out, steps=20, learning_rate=0.01, every=every)
    assert equal(weights(models[0]), weights(models[1]))


def test_the_loop_learns():
    found = train(linear(), stream(), loss, held_out, steps=400, learning_rate=0.02, every=20)
    assert found["loss"] < 1e-3 < 0.1 < found["curves"]["loss"][0]


def test_frozen_weights_stay():
    model = linear()
    model.bias.requires_grad_(False)
    before = weights(model)
    train(model, stream(), loss, held_out, steps=5, learning_rate=0.1)
    assert torch.equal(model.bias, before[1]) and not torch.equal(model.weight, before[0])


# --- stopping and curves


@settings(max_examples=20, deadline=None)
@given(steps=st.integers(1, 12), every=st.integers(1, 15))
def test_steps_and_evaluations_are_those_asked_for(steps, every):
    drawn = itertools.count()

    def batches():
        for batch in stream():
            next(drawn)
            yield batch

    found = train(linear(), batches(), loss, held_out, steps=steps, learning_rate=0.01, every=every)
    taken = found["curves"]["step"][-1]
    assert taken == next(drawn) == steps
    assert found["curves"]["step"] == sorted({*range(every, steps + 1, every), steps})
    assert len(found["curves"]["loss"]) == len(found["curves"]["step"])
    assert found["solved_at"] is None and found["diverged"] is False


def test_training_stops_at_the_evaluation_that_solves():
    scores = iter([0.1, 0.5, 0.99, 1.0])

    def evaluate(model):
        return {"score": next(scores)}

    found = train(
        linear(),
        stream(),
        loss,
        evaluate,
        steps=1000,
        learning_rate=0.01,
        every=7,
        solved=lambda metrics: metrics["score"] > 0.9,
    )
    assert found["solved_at"] == 21 and found["score"] == 0.99
    assert found["curves"] == {"step": [7, 14, 21], "score": [0.1, 0.5, 0.99]}


# --- divergence


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_skips_its_step_and_is_counted(bad):
    model = linear()
    kept = []

    def broken(model, batch):
        kept.append(weights(model))
        return loss(model, batch) * (bad if len(kept) in (6, 9) else 1.0)

    found = train(model, stream(), broken, held_out, steps=20, learning_rate=0.1, every=4)
    assert found["diverged"] is False and found["steps_taken"] == len(kept) == 20
    assert found["skipped"] == 0.1
    assert equal(kept[5], kept[6]) and equal(kept[8], kept[9]), "after a skipped step all is as before it"
    assert not equal(kept[6], kept[7])
    assert all(torch.isfinite(each).all() for each in model.parameters())


@pytest.mark.parametrize("first", [0, 1, 7])
def test_a_run_diverges_after_twenty_skipped_steps_in_a_row(first):
    model = linear()
    kept = []

    def broken(model, batch):
        kept.append(weights(model))
        return loss(model, batch) * (math.nan if len(kept) > first else 1.0)

    found = train(model, stream(), broken, held_out, steps=100, learning_rate=0.1, every=4)
    assert found["diverged"] is True and found["solved_at"] is None
    assert found["steps_taken"] == len(kept) == first + PATIENCE == first + 20, "and training ends"
    assert found["skipped"] == 20 / (first + 20)
    assert equal(weights(model), kept[-1])
    assert math.isfinite(found["loss"])


def test_a_norm_too_large_for_float32_is_followed_in_its_direction():
    """Each number is finite, the sum of their squares is not: the step is taken, at the length of the clip."""

    def steep(model, batch):
        return (model.weight * torch.tensor([[3e20, 4e20, 0.0]])).sum()

    model = linear()
    before = weights(model)
    learned = list(model.parameters())
    norm = train_step(model, next(stream()), steep, Descent(learned), learned, 1.0)
    assert norm == pytest.approx(5e20)
    torch.testing.assert_close((before[0] - weights(model)[0])[0], torch.tensor([0.6, 0.8, 0.0]), rtol=0, atol=1e-6)
    found = train(model, stream(), steep, held_out, steps=9, learning_rate=0.1)
    assert found["diverged"] is False and found["skipped"] == 0 and found["clipped"] == 1


def test_each_look_is_told_and_a_listener_may_end_the_training():
    heard, last = [], [0]

    def hear(event, arguments):  # it stays for the rest of the process, and does nothing there
        if event == "gatedrnn.look" and last[0]:
            heard.append(arguments[0])
            if arguments[0] >= last[0]:
                raise InterruptedError

    sys.addaudithook(hear)

    def fit():
        return train(linear(), stream(), loss, held_out, steps=9, learning_rate=0.1, every=3)

    last[0] = 99
    assert heard == fit()["curves"]["step"]
    heard.clear()
    last[0] = 6
    try:
        with pytest.raises(InterruptedError):
            fit()
    finally:
        last[0] = 0
    assert heard == [3, 6]


def test_a_diverged_model_never_counts_as_solved():
    def broken(model, batch):
        return loss(model, batch) * math.nan

    found = train(
        linear(), stream(), broken, lambda model: {"score": 1.0}, steps=9, learning_rate=0.1, solved=lambda _: True
    )
    assert found["diverged"] is True and found["solved_at"] is None


# --- rates, decay, dropout


def test_a_cosine_rises_in_a_line_and_ends_at_zero():
    shares = [share(step, 100, "cosine", 10) for step in range(100)]
    assert shares[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert shares[10] == 1.0 and shares[55] == pytest.approx(0.5)
    assert all(a > b for a, b in itertools.pairwise(shares[10:]))
    assert 0 < shares[-1] < 1e-3
    assert {share(step, 100) for step in range(100)} == {1.0}
    assert share(3, 100, "constant", 9) == 0.4 and share(9, 100, "constant", 9) == 1.0


def test_the_rate_of_a_step_is_its_share_of_the_highest():
    """Adam's first step is as long as the rate, whatever the gradient."""
    model = linear()
    before = weights(model)
    train(model, stream(), loss, held_out, steps=1, learning_rate=0.1)
    assert (weights(model)[0] - before[0]).abs().max() == pytest.approx(0.1, rel=1e-3)
    model = linear()
    rates = []

    def watched(model, batch):
        rates.append(weights(model)[0])
        return loss(model, batch)

    train(model, stream(), watched, held_out, steps=2, learning_rate=0.1, warmup=1)
    assert (rates[1] - rates[0]).abs().max() == pytest.approx(0.05, rel=1e-3)


def test_weight_decay_takes_its_share_of_every_weight():
    def flat(model, batch):
        return 0 * model.weight.sum() + 0 * model.bias.sum()

    model = linear()
    before = weights(model)
    train(model, stream(), flat, held_out, steps=3, learning_rate=0.1, weight_decay=0.5)
    for a, b in zip(before, weights(model), strict=True):
        torch.testing.assert_close(b, a * 0.95**3)


def test_dropout_is_that_of_the_loop_or_of_the_model():
    model = nn.Sequential(nn.Dropout(0.3), linear())
    train(model, stream(), loss, held_out, steps=1, learning_rate=0.1)
    assert model[0].p == 0.3
    train(model, stream(), loss, held_out, steps=1, learning_rate=0.1, dropout=0.6)
    assert model[0].p == 0.6
    train(linear(), stream(), loss, held_out, steps=1, learning_rate=0.1, dropout=0)


# --- evaluation


def test_evaluation_has_no_gradients_and_its_own_mode():
    seen = []

    def evaluate(model):
        seen.append((torch.is_grad_enabled(), model.training, model(torch.zeros(1, 3)).requires_grad))
        return {}

    def watched(model, batch):
        assert model.training and torch.is_grad_enabled()
        return loss(model, batch)

    model = linear()
    train(model, stream(), watched, evaluate, steps=6, learning_rate=0.1, every=2)
    assert seen == [(False, False, False)] * 3
    assert model.training


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", value) for value in (0, -1, 1.5)),
        *(("every", value) for value in (0, None)),
        *(("learning_rate", value) for value in (0, -1, math.nan)),
        *(("clip", value) for value in (0, -0.5, math.nan)),
        *(("warmup", value) for value in (-1, 1, 0.5)),
        *(("weight_decay", value) for value in (-0.1, math.nan, math.inf)),
        *(("dropout", value) for value in (-0.1, 1.0, 0.5, math.nan)),
        *(("schedule", value) for value in ("cosin", None)),
    ],
)
def test_a_setting_out_of_range_is_named(name, value):
    options = {"steps": 1, "learning_rate": 0.1, "every": 1, "clip": 1.0, name: value}
    with pytest.raises(ValueError, match=rf"^{name} = {value!r} is not allowed: "):
        train(linear(), stream(), loss, held_out, **options)


# --- Adam


@settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(1e-5, 1.0), scale=st.floats(1e-4, 1e4), steps=st.integers(1, 30), decay=st.sampled_from([0.0, 0.1])
)
def test_adam_is_torchs_to_the_last_bit(rate, scale, steps, decay):
    ours, theirs = linear(), linear()
    ours.unused = theirs.unused = torch.nn.Parameter(torch.ones(2))  # without a gradient it is left alone
    stock = torch.optim.AdamW(theirs.parameters(), rate, weight_decay=decay, fused=True)
    optimisers = Adam(ours.parameters(), rate, weight_decay=decay), stock
    data = stream(scale=scale)
    for _ in range(steps):
        batch = next(data)
        for model, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            loss(model, batch).backward()
            optimiser.step()
    assert equal(weights(ours), weights(theirs))


def test_adam_does_not_import_the_compiler_of_torch():
    """It would cost each worker of a sweep 1.4 s."""
    code = """
import sys
import torch
from gatedrnn.optimiser import Adam
weight = torch.nn.Parameter(torch.ones(2))
optimiser = Adam([weight], 0.1)
optimiser.zero_grad()
weight.sum().backward()
optimiser.step()
sys.exit("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
