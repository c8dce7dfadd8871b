"""The recordings of sensors are read as they were published, shortened and scaled by what is trained on, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tasks import sensors
from tasks.sensors import Recordings

SMALL = "# a note\n@classLabel true 0 1 2\n@data\n1,2,3,4,5:2\n-1E-3,4.5,0.25:0\n"


def made(*series: list[float]) -> Recordings:
    x = torch.zeros(max(map(len, series)), len(series), 1)
    for place, values in enumerate(series):
        x[: len(values), place, 0] = torch.tensor(values)
    return Recordings(x, torch.tensor([len(each) for each in series]), torch.arange(len(series)))


def steps(recordings: Recordings, place: int) -> Tensor:
    return recordings.x[: int(recordings.lengths[place]), place]


def test_a_line_becomes_a_padded_series_and_its_class() -> None:
    read = sensors.parse(SMALL, 7)
    assert read.x.shape == (7, 2, 1) and read.x.dtype == torch.float32
    assert read.lengths.tolist() == [5, 3] and read.y.tolist() == [2, 0]
    assert read.x[:5, 0, 0].tolist() == [1, 2, 3, 4, 5] and not read.x[3:, 1].any() and not read.x[5:, 0].any()


@pytest.mark.parametrize(("name", "count", "shortest"), [("plaid", 537, 100), ("acsf1", 100, 1460)])
def test_the_published_parts(name: str, count: int, shortest: int) -> None:
    parts = sensors.load(name)
    for part in parts.values():
        assert len(part) == count and part.x.shape == (sensors.LONGEST[name], count, 1)
        assert part.y.unique().tolist() == list(range(sensors.CLASSES[name]))
        assert torch.isfinite(part.x).all() and not part.x[~part.inside].any()
    assert int(parts["train"].lengths.min()) == shortest
    assert int(parts["train"].lengths.max()) == sensors.LONGEST[name]
    rows = [{tuple(steps(part, place).flatten().tolist()) for place in range(len(part))} for part in parts.values()]
    assert len(rows[0] & rows[1]) == {"plaid": 5, "acsf1": 0}[name], "what the docstring says stands in both"


def test_chosen_recordings_are_no_longer_than_the_longest_of_them() -> None:
    part = sensors.load("plaid")["train"]
    short = part[part.lengths.argsort()[:3]]
    assert len(short.x) == int(short.lengths.max()) < 200 and len(short) == 3


def test_a_step_is_the_mean_of_those_that_are_there() -> None:
    part = made([1, 2, 3, 4, 5, 6, 7], [8, 2, 5])
    short = part.shortened(4)
    assert short.lengths.tolist() == [2, 1]
    assert short.x[..., 0].T.tolist() == [[2.5, 6], [5, 0]]
    assert part.shortened(1).x.equal(part.x) and part.shortened(100).lengths.tolist() == [1, 1]
    with pytest.raises(ValueError, match="factor = 0 is not allowed"):
        part.shortened(0)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 9))
def test_shortening_keeps_the_mean_of_whole_blocks_and_leaves_no_trace_after_the_end(
    lengths: list[int], factor: int
) -> None:
    generator = torch.Generator().manual_seed(sum(lengths))
    part = made(*[torch.randn(each, generator=generator).tolist() for each in lengths])
    short = part.shortened(factor)
    assert short.lengths.tolist() == [-(-each // factor) for each in lengths]
    assert not short.x[~short.inside].any()
    for place, length in enumerate(lengths):
        whole = length // factor
        expected = steps(part, place)[: whole * factor].view(whole, factor).mean(1)
        assert torch.allclose(short.x[:whole, place, 0], expected, atol=1e-5)


def test_on_its_own_scale_each_recording_has_mean_0_and_deviation_1_and_its_size_beside() -> None:
    part = sensors.load("plaid")["train"]
    own = part.standardised(part)
    assert own.x.shape == (1344, 537, 2) and not own.x[~own.inside.expand_as(own.x)].any()
    loud = part.x.square().sum((0, 2)).argmax()
    values = steps(own, int(loud))
    assert torch.allclose(values[:, 0].mean(), torch.tensor(0.0), atol=1e-4)
    assert torch.allclose(values[:, 0].std(), torch.tensor(1.0), atol=1e-2)
    sizes = own.x[0, :, 1]
    assert torch.allclose(sizes.mean(), torch.tensor(0.0), atol=1e-4) and abs(float(sizes.std()) - 1) < 1e-4
    assert float(sizes[loud]) > 1 and values[:, 1].unique().numel() == 1


def test_on_a_shared_scale_the_steps_that_are_trained_on_have_mean_0_and_deviation_1() -> None:
    part = sensors.load("plaid")["train"]
    half = part[torch.arange(0, 537, 2)]
    shared = half.standardised(half, "shared")
    inside = shared.x[shared.inside]
    assert abs(float(inside.mean())) < 1e-4 and abs(float(inside.std()) - 1) < 1e-4
    assert not shared.x[~shared.inside].any()
    with pytest.raises(ValueError, match="scale = 'log' is not allowed"):
        half.standardised(half, "log")


@pytest.mark.parametrize("scale", sensors.SCALES)
def test_a_scale_is_learned_from_what_is_trained_on_alone(scale: str) -> None:
    part = sensors.load("plaid")["train"]
    train, other = part[torch.arange(300)], part[torch.arange(300, 537)]
    alone = other[torch.tensor([5])].standardised(train, scale)
    among = other.standardised(train, scale)
    assert torch.allclose(steps(alone, 0), steps(among, 5), atol=1e-5)


def test_a_flat_recording_is_no_trouble() -> None:
    own = made([3, 3, 3], [1, 2, 3]).standardised(made([1, 1], [2, 2]))
    assert torch.isfinite(own.x).all() and not own.x[:, 0, 0].any()


@pytest.mark.parametrize("name", sensors.CLASSES)
def test_a_fifth_of_each_class_is_held_back_and_the_seed_says_which(name: str) -> None:
    y = sensors.load(name)["train"].y
    kept, held = sensors.divide(y, 3)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(y)))
    counts = y.bincount()
    assert ((y[held].bincount() - counts / 5).abs() <= 0.6).all() and (y[held].bincount() > 0).all()
    assert sensors.divide(y, 3)[1].equal(held) and not sensors.divide(y, 4)[1].equal(held)


def test_the_package_is_found_but_not_imported() -> None:
    code = "import sys; from tasks import sensors; sensors.load('plaid'); print('sktime' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_an_unknown_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"name = 'PLAID' is not allowed: one of 'plaid', 'acsf1'"):
        sensors.load("PLAID")


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install sktime==") as error:
        sensors._paths()
    assert "\n" not in str(error.value)


def test_other_files_than_expected_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = {key: tmp_path / "-".join(key) for key in sensors._paths()}
    for path in paths.values():
        path.write_text(SMALL)
    monkeypatch.setattr(sensors, "_paths", lambda: paths)
    with pytest.raises(RuntimeError, match="checksum"):
        sensors._texts.__wrapped__()
