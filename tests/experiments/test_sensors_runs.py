"""The runs on sensors: what is read, cut, divided and kept, and baselines that reach what was published."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.sensors import baselines, fitting, kernels, models
from experiments.sensors.baselines import baseline
from experiments.sensors.runs import convolve, run, start_at
from gatedrnn.layers import Recurrent
from tasks import sensors
from tasks.sensors import Recordings

QUICK: dict[str, Any] = {
    "data": "acsf1",
    "cell": "gru",
    "start": "default",
    "match": "width",
    "hidden_size": 4,
    "factor": 64,
    "pool": "last",
    "truncate": 0,
    "learning_rate": 0.02,
    "epochs": 2,
    "batch": 32,
    "seed": 1,
}


def reader(pool: str, truncate: int = 0, cell: str = "lstm") -> models.Reader:
    torch.manual_seed(0)
    return models.Reader(Recurrent(cell, 2, 5), 3, pool, truncate)


def noise(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(max(lengths), len(lengths), 2, generator=torch.Generator().manual_seed(0))
    return x, torch.tensor(lengths)


@pytest.mark.parametrize(("pool", "cell"), list(itertools.product(models.POOLS, ("lstm", "gru"))))
def test_what_stands_after_the_end_changes_nothing(pool: str, cell: str) -> None:
    x, lengths = noise(7, 4, 1)
    changed = x.clone()
    changed[4:, 1] = 100.0
    changed[1:, 2] = -100.0
    for truncate in (0, 3):
        model = reader(pool, truncate, cell)
        assert torch.allclose(model(x, lengths), model(changed, lengths), atol=1e-6)
    torch.manual_seed(0)
    model = models.Convolution(2, 5, 3)
    assert torch.allclose(model(x, lengths)[1], model(x[:4, 1:2], lengths[1:2])[0], atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 13), st.sampled_from(models.POOLS))
def test_cutting_the_gradient_changes_no_answer(lengths: list[int], every: int, pool: str) -> None:
    x, ends = noise(*lengths)
    assert torch.allclose(reader(pool, every)(x, ends), reader(pool)(x, ends), atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_gradient_reaches_back_to_the_last_cut_and_no_further(cell: str) -> None:
    x, lengths = noise(7, 3)
    x.requires_grad_()
    reader("last", 3, cell)(x, lengths).square().sum().backward()
    assert x.grad is not None
    touched = x.grad.abs().sum(2) > 0
    assert touched[:, 0].tolist() == [False] * 6 + [True]
    assert touched[:, 1].tolist() == [True] * 3 + [False] * 4
    x.grad = None
    reader("mean", 3, cell)(x, lengths).square().sum().backward()
    assert bool((x.grad.abs().sum(2) > 0)[:7, 0].all()), "every step is read"


def test_the_mean_is_over_the_true_steps() -> None:
    outputs = torch.tensor([[[2.0], [4.0]], [[4.0], [0.0]]])
    assert models.average(outputs, torch.tensor([2, 1])).tolist() == [[3.0], [4.0]]


def test_an_epoch_shows_each_recording_once_in_batches_of_like_length() -> None:
    part = sensors.load("plaid")["train"]
    part = Recordings(part.x, part.lengths, torch.arange(len(part)))
    stream = fitting.batches(part, 32, 0)
    made = [next(stream) for _ in range(17)]
    assert sorted(torch.cat([y for _, _, y in made]).tolist()) == list(range(537))
    assert all(len(x) == int(lengths.max()) for x, lengths, _ in made)
    filled = sum(int(lengths.sum()) for _, lengths, _ in made) / sum(x.shape[0] * x.shape[1] for x, _, _ in made)
    assert filled > 0.6, "little of it is padding"
    assert torch.cat([next(stream)[2] for _ in range(17)]).tolist() != torch.cat([y for _, _, y in made]).tolist()


def test_validation_comes_from_training_and_the_test_part_is_the_published_one() -> None:
    parts = fitting.parts("acsf1", 16, "own", 0)
    assert [len(each) for each in (parts.train, parts.validation, parts.test)] == [80, 20, 100]
    other = fitting.parts("acsf1", 16, "own", 0, exchanged=True)
    assert torch.allclose(
        torch.cat([other.train.x[..., :1], other.validation.x[..., :1]], 1).sum(), parts.test.x[..., :1].sum(), atol=0.1
    )


def test_the_best_look_is_the_one_that_is_right_most_often_and_of_equals_the_surest() -> None:
    class Says(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = torch.nn.Parameter(torch.zeros(2))

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return self.logits.expand(len(lengths), 2)

    part = Recordings(torch.zeros(1, 3, 1), torch.ones(3, dtype=torch.int64), torch.tensor([0, 0, 1]))
    best, model = fitting.Best(part), Says()
    for logits in ([0.0, 1.0], [2.0, 0.0], [0.5, 0.0], [9.0, 0.0], [float("nan")] * 2):
        with torch.no_grad():
            model.logits.copy_(torch.tensor(logits))
            best(model)
    assert best.best == 2 and best.weights["logits"].tolist() == [0.5, 0.0]
    assert best.rank[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("data", "cell"), list(itertools.product(sensors.CLASSES, ("lstm", "gru"))))
def test_a_run_is_the_same_again_and_spends_its_epochs(data: str, cell: str) -> None:
    wanted = {**QUICK, "data": data, "cell": cell, "pool": "mean", "truncate": 7, "dropout": 0.5, "weight_decay": 0.1}
    first, again = run(**wanted), run(**wanted)
    assert {**first, "train_seconds": 0} == {**again, "train_seconds": 0}
    assert first["steps_taken"] == 2 * {"plaid": 14, "acsf1": 5}[data]
    assert 0 <= first["accuracy"] <= 1 and first["best_step"] in first["curves"]["step"]
    assert first["validation"] == pytest.approx(max(first["curves"]["validation"]), abs=1e-5)
    assert not {*first} & {*wanted}


def test_tuning_is_judged_by_the_validation_part() -> None:
    tuned, reported = run(**QUICK, tuning=True), run(**QUICK)
    assert tuned["accuracy"] == tuned["validation"] == reported["validation"]
    assert tuned["curves"] == reported["curves"] and round(20 * tuned["accuracy"]) == pytest.approx(
        20 * tuned["accuracy"]
    )


def test_equal_parameters_are_nearly_equal() -> None:
    lstm = run(**{**QUICK, "cell": "lstm", "hidden_size": 24, "epochs": 1})
    gru = run(**{**QUICK, "match": "parameters", "hidden_size": 24, "epochs": 1})
    assert gru["width"] > lstm["width"] and abs(gru["parameters"] / lstm["parameters"] - 1) < 0.03


def test_chrono_knows_the_longest_recording() -> None:
    assert start_at("chrono", "plaid", 4) == "chrono:336" and start_at("chrono", "acsf1", 1) == "chrono:1460"
    assert start_at("chrono", "plaid", 1000) == "chrono:3" and start_at("bias:1", "plaid", 4) == "bias:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("data", "PLAID"), ("cell", "cnn"), ("match", "equal"), ("pool", "max"), ("truncate", -1), ("scale", "log")],
)
def test_a_run_refuses_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} = {value!r} is not allowed"):
        run(**{**QUICK, name: value})


def test_a_convolution_is_trained_likewise() -> None:
    wanted = {name: QUICK[name] for name in ("data", "factor", "learning_rate", "epochs", "batch", "seed")}
    found = convolve(**wanted, channels=4)
    assert found["curves"] == convolve(**wanted, channels=4)["curves"] and found["kernel"] is None


def test_the_kernels_are_those_of_the_paper() -> None:
    weights = kernels.kernels()
    assert weights.shape == (84, 9) and not weights.sum(1).any(), "a constant gives nothing"
    assert len({tuple(each.tolist()) for each in weights}) == 84
    for longest in (9, 84, 336, 1460):
        found = kernels.dilations(longest)
        assert sum(found.values()) == 119 and min(found) == 1 and max(found) * 8 < max(longest, 9)


def test_a_feature_is_the_share_of_steps_above_a_threshold_whatever_stands_beside_it() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 3, 1, generator=generator)
    lengths = torch.tensor([40, 25, 25])
    part = Recordings(x * (torch.arange(40).unsqueeze(1) < lengths).unsqueeze(-1), lengths, torch.arange(3))
    learned = kernels.learn(part, 0, per_kernel=6)
    found = learned.features(part)
    assert found.shape == (3, 84 * 6) and float(found.min()) >= 0 and float(found.max()) <= 1
    alone = learned.features(part[torch.tensor([1])])
    assert torch.allclose(alone[0], found[1])
    padded = torch.nn.functional.pad(part.x[:25, 1, 0], (4, 4)).unfold(0, 9, 1)
    share = (padded @ kernels.kernels()[3] > learned.thresholds[1][3, 0]).float().mean()
    assert found[1, 3 * learned.thresholds[1].shape[1]] == pytest.approx(float(share), abs=0.05)


def test_statistics_do_not_see_the_padding() -> None:
    part = fitting.parts("plaid", 16, "own", 0).train
    short = part[part.lengths.argsort()[:5]]
    among = baselines.summary(part)[part.lengths.argsort()[:5].numpy()]
    assert among.shape == (5, 11) and np.allclose(baselines.summary(short), among, atol=1e-5)
    assert np.isfinite(among).all()


def test_the_baselines_reach_what_was_published() -> None:
    """ROCKET, published: 90 % on PLAID, 89 % on ACSF1, learned from a fifth more."""
    few = {"seed": 0, "per_kernel": 24}
    assert baseline(data="plaid", kind="kernels", factor=2, **few)["accuracy"] > 0.85
    assert 0.6 < baseline(data="plaid", kind="summary", factor=1, **few)["accuracy"] < 0.8
    assert baseline(data="acsf1", kind="kernels", factor=1, **few)["accuracy"] > 0.75
    with pytest.raises(ValueError, match="kind = 'dtw' is not allowed"):
        baseline(data="acsf1", kind="dtw", factor=1, **few)
