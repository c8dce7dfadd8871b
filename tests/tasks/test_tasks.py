"""The tasks do what their definitions say, checked apart from the generators."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import mnist1d, recall


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 9), delay=st.integers(1, 30), symbols=st.integers(2, 12))
def test_recall_asks_for_the_first_symbol(seed: int, batch: int, delay: int, symbols: int) -> None:
    x, y = next(recall.batches(seed, batch, delay, symbols))
    assert x.shape == (delay + 2, batch, symbols + 2)
    for column in range(batch):
        rows = x[:, column].tolist()
        first = [place for place, value in enumerate(rows[0]) if value]
        assert first == [int(y[column])] and first[0] < symbols
        for row in rows[1:-1]:
            assert sum(row) == 1 and sum(row[symbols:]) == 1
        assert rows[-1] == [0.0] * symbols + [1.0, 1.0]


def test_recall_is_the_same_for_the_same_seed_and_fresh_in_every_batch() -> None:
    first, again, other = (recall.batches(seed, 64, 10) for seed in (1, 1, 2))
    a, b, c = (next(stream) for stream in (first, again, other))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0]) and not torch.equal(a[0], next(first)[0])


def test_recall_cannot_be_guessed() -> None:
    _, y = next(recall.batches(0, 8000, 1))
    shares = torch.bincount(y, minlength=recall.SYMBOLS) / len(y)
    assert shares.max() < recall.baseline() + 0.02


@pytest.mark.parametrize(("name", "value"), [("batch", 0), ("delay", 0), ("symbols", -1)])
def test_recall_refuses_by_name(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} = {value}"):
        next(recall.batches(**{"seed": 0, "batch": 1, "delay": 1, name: value}))


def test_mnist1d_parts_do_not_overlap() -> None:
    data = mnist1d.load()
    assert {name: len(part.y) for name, part in data.items()} == {"train": 3200, "validation": 800, "test": 1000}
    rows = {name: {tuple(row) for row in part.x.tolist()} for name, part in data.items()}
    assert not any(rows[a] & rows[b] for a, b in itertools.combinations(rows, 2))
    assert abs(float(data["train"].x.mean())) < 1e-5 and abs(float(data["train"].x.std()) - 1) < 1e-3
    assert set(data["test"].y.tolist()) == set(range(mnist1d.CLASSES))


@pytest.mark.parametrize("width", [1, 2, 4, 8, 40])
def test_frames_keep_the_order_of_the_points(width: int) -> None:
    x = torch.arange(80.0).view(2, 40)
    steps = mnist1d.frames(x, width)
    assert steps.shape == (40 // width, 2, width)
    assert torch.equal(steps.transpose(0, 1).reshape(2, 40), x)


def test_frames_refuse_a_width_that_does_not_divide() -> None:
    with pytest.raises(ValueError, match="width = 3 is not allowed"):
        mnist1d.frames(torch.zeros(1, 40), 3)


def test_an_epoch_shows_every_training_curve_once() -> None:
    stream = mnist1d.batches(0, 100, 40)
    seen = torch.cat([next(stream)[0][0] for _ in range(32)])
    assert len({tuple(row) for row in seen.tolist()}) == 3200


def test_an_altered_cache_is_generated_again(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    data = {name: np.zeros(3) for name in mnist1d.ARRAYS}
    monkeypatch.setattr(mnist1d, "_cached", lambda: tmp_path / "cached.npz")
    assert mnist1d._read() is None
    np.savez_compressed(tmp_path / "cached.npz", **data)
    assert mnist1d._read() is None
    (tmp_path / "cached.npz").write_bytes(b"PK cut short")
    assert mnist1d._read() is None


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(RuntimeError, match="pip install mnist1d==") as error:
        mnist1d._generate()
    assert "\n" not in str(error.value)


def test_other_data_than_expected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist1d, "SHA256", "0" * 64)
    monkeypatch.setattr("mnist1d.data.make_dataset", lambda _: {name: np.zeros(3) for name in mnist1d.ARRAYS})
    with pytest.raises(RuntimeError, match="checksum"):
        mnist1d._generate()
