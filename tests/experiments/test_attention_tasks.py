"""The chapter on attention: fair runs of tasks with one face, and what the weights look at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from experiments.attention import problems
from experiments.attention import runs as experiment
from gatedrnn.models import count_parameters, width_of
from tasks import demand, kjv, several

SMALL: dict[str, Any] = {"hidden_size": 8, "steps": 4, "every": 2, "batch": 4, "learning_rate": 0.01, "seed": 0}
LENGTHS = {"scattered": 16, "beginning": 16, "demand": 96, "text": 12}
MODELS = [*itertools.product(("lstm", "gru"), ("none", "additive", "dot")), ("transformer", "none")]


def point(task: str, cell: str = "gru", attention: str = "dot", **more: Any) -> dict[str, Any]:
    given = {"task": task, "cell": cell, "attention": attention, "length": LENGTHS[task]}
    return {**SMALL, **given, "start": "default", "match": "parameters", **more}


@pytest.fixture(scope="module", autouse=True)
def small_text() -> Iterator[None]:
    """A small part of the text is enough to see that it is read right."""
    whole = kjv.split()
    parts = kjv.Split(whole.train[:20_000], whole.valid[:6000], whole.test[:6000])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kjv, "split", lambda: parts)
        problems.letters.cache_clear()
        yield
    problems.letters.cache_clear()


@pytest.mark.parametrize("task", problems.TASKS)
@pytest.mark.parametrize(("cell", "attention"), MODELS)
def test_a_run_is_a_function_of_its_configuration(task: str, cell: str, attention: str) -> None:
    first, again = (experiment.run(**point(task, cell, attention, look=True)) for _ in range(2))
    assert {k: v for k, v in first.items() if k != "train_seconds"} == {
        k: v for k, v in again.items() if k != "train_seconds"
    }
    assert first["curves"]["step"] == [2, 4] and first["steps_taken"] == 4 and not first["diverged"]
    assert first["score"] == pytest.approx(100 * (1 - first["error"] / first["guess"]))
    assert (first["looked"] is None) == (attention == "none")
    assert (first["on_mark"] is None) == (attention == "none" or task not in problems.RECALL)
    assert (first["kernel"] is None) == (cell == "transformer")


@pytest.mark.parametrize("task", problems.TASKS)
def test_every_model_sees_the_same_data_and_another_seed_other_data(task: str) -> None:
    one, other = (problems.problem(task, LENGTHS[task], seed) for seed in (0, 1))
    a, b, c = (next(each.batches(seed, 4)) for each, seed in ((one, 0), (one, 0), (other, 1)))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) and not torch.equal(a[0], c[0])
    if task in problems.RECALL:
        assert not torch.equal(one.held[0], other.held[0])


@pytest.mark.parametrize("task", problems.TASKS)
@pytest.mark.parametrize(("cell", "attention"), MODELS)
def test_equal_parameters_are_nearly_equal(task: str, cell: str, attention: str) -> None:
    asked = problems.problem(task, LENGTHS[task], 0)
    build = partial(experiment.build, asked)
    name = cell if attention == "none" else f"{cell}+{attention}"
    own, lstm = (count_parameters(build(each, width_of(each, "parameters", 32, build))) for each in (name, "lstm"))
    assert abs(own - lstm) < (0.1 if cell == "transformer" else 0.05) * lstm
    assert width_of("gru+dot", "width", 32, build) == 32


def test_a_plain_guess_has_the_score_zero_and_no_error_a_hundred() -> None:
    assert experiment.score(0.5, 0.5) == 0 and experiment.score(0, 0.5) == 100
    assert experiment.score(1.0, 0.5) == -100 and experiment.score(math.nan, 0.5) == 0


def test_errors_are_those_of_the_tasks() -> None:
    recall = problems.problem("scattered", 16, 0)
    x, y = recall.held
    right = torch.nn.functional.one_hot(y, several.SYMBOLS).float()
    assert recall.error(right, y) == 0 and recall.error(right.roll(1, 2), y) == 1
    assert recall.guess == pytest.approx(0.875)
    day = problems.problem("demand", 96, 0)
    x, y = day.held
    asked = demand.split(problems.SEASON, False)[1]
    yesterday = x[-48:, :, [day.corrected]]
    real = demand.load().demand[asked]
    assert day.error(yesterday, y) == pytest.approx(np.abs(demand.naive(asked, 1) - real).mean(), rel=1e-5)
    assert day.guess == pytest.approx(np.abs(demand.naive(asked, 7) - real).mean())
    text = problems.problem("text", 12, 0)
    out = torch.zeros(12, 5, text.symbols)
    assert text.error(out, torch.zeros(12, 5, dtype=torch.long)) == pytest.approx(math.log2(text.symbols))
    out[:6, :, 1] = 100.0  # the first half is not judged
    assert text.error(out, torch.zeros(12, 5, dtype=torch.long)) == pytest.approx(math.log2(text.symbols))


def test_windows_of_the_text_are_followed_by_what_follows() -> None:
    stream = torch.arange(500)
    for read, following in (problems.windows(stream, 7), next(problems.drawn(stream, 9, 7, 0))):
        assert torch.equal(read + 1, following) and torch.equal(read[0] + 6, read[6])
    read, following = problems.windows(stream, 7)
    assert (read.min(), following.max()) == (0, 499)


def test_the_letters_alone_cost_their_entropy() -> None:
    parts = kjv.split()
    counts = torch.bincount(parts.train, minlength=len(kjv.symbols())).double()
    share = (counts / counts.sum())[parts.test]
    known = share[share > 0]
    assert len(known) > 0.99 * len(share)
    assert problems.letters(False) == pytest.approx(float(-known.log2().mean()), abs=0.02)


def test_judging_in_parts_is_judging_at_once() -> None:
    asked = problems.problem("scattered", 16, 0)
    torch.manual_seed(0)
    model = experiment.build(asked, "gru+dot", 6)
    x, y = asked.held
    with torch.no_grad():
        assert experiment.judge(asked, model)["error"] == pytest.approx(asked.error(model(x), y))


def test_weights_on_the_token_that_is_asked_for_are_counted() -> None:
    """A layer whose i-th question looks at the i-th mark alone, or at steps beside it."""
    asked = problems.problem("scattered", 16, 0)
    model = experiment.build(asked, "gru+dot", 6)

    def found(shift: int) -> tuple[dict[str, float], dict[str, list]]:
        def attend(x: torch.Tensor, queries: int) -> Any:
            marks = several.marked(x).T + shift
            weights = torch.zeros(len(marks), queries, len(x)).scatter_(2, marks.clamp(min=0).unsqueeze(2), 1.0)
            return type("Attended", (), {"weights": weights})

        model.core.attend = attend  # type: ignore[method-assign]
        return experiment.looks("scattered", asked, model)

    for shift in (0, experiment.NEAR):
        seen, drawn = found(shift)
        assert seen["on_mark"] == 1 and seen["looked"] == pytest.approx(1)
    assert found(-1)[0]["on_mark"] < 0.2 and found(experiment.NEAR + 1)[0]["on_mark"] == 0
    marks = several.marked(asked.held[0])[:, 0].tolist()
    assert drawn["marks"] == marks and [row.index(1) for row in drawn["weights"]] == [m + 2 for m in marks]


def test_looking_everywhere_counts_every_state() -> None:
    asked = problems.problem("demand", 96, 0)
    torch.manual_seed(0)
    model = experiment.build(asked, "gru+dot", 6)
    torch.nn.init.zeros_(model.core.scores.query.weight)
    seen, drawn = experiment.looks("demand", asked, model)
    assert 60 < seen["looked"] < 73 and len(drawn["lags"]) == 96  # means over 49 to 96 states
    assert drawn["lags"][0] == pytest.approx(np.mean([1 / n for n in range(49, 97)]), rel=1e-4)


def test_mean_weights_by_steps_back() -> None:
    weights = torch.tensor([[[0.2, 0.8, 0.0], [0.5, 0.2, 0.3]]])  # the last two of three steps ask
    assert experiment.lags(weights) == pytest.approx([(0.8 + 0.3) / 2, (0.2 + 0.2) / 2, 0.5])


def test_what_is_kept_grows_with_the_length_where_there_is_attention() -> None:
    def kept(attention: str, length: int) -> int:
        return experiment.run(**point("scattered", attention=attention, length=length))["kept"]

    assert kept("none", 16) == kept("none", 32) < kept("dot", 16) < kept("dot", 32)


def test_steps_are_timed_for_every_model_and_length() -> None:
    models = [("gru", "none"), ("gru", "dot"), ("transformer", "none")]
    table = experiment.step_times("scattered", [16, 20], models, 8, 4, 2)
    assert len(table) == 2 * 3 * 2 and (table["seconds"] > 0).all()
    assert set(zip(table["cell"], table["attention"], strict=True)) == set(models)
    assert set(table["length"]) == {16, 20}


def test_wrong_arguments_are_named() -> None:
    for given, message in (
        ({"task": "chess"}, "task = 'chess' is not allowed"),
        ({"cell": "rnn"}, "cell = 'rnn' is not allowed"),
        ({"attention": "hard"}, "attention = 'hard' is not allowed: one of 'none', 'additive', 'dot'"),
        ({"cell": "transformer"}, "attention = 'dot' is not allowed: one of 'none'"),
        ({"cell": "transformer", "attention": "none", "start": "bias:1"}, "start = 'bias:1' is not allowed"),
        ({"match": "depth"}, "match = 'depth' is not allowed"),
        ({"task": "demand", "length": 100}, "length = 100 is not allowed for demand: 48 for the day"),
        ({"task": "demand", "length": 48}, "length = 48 is not allowed for demand: 48 for the day"),
    ):
        with pytest.raises(ValueError, match=message):
            experiment.run(**{**point("scattered"), **given})
