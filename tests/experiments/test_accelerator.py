"""The record of an accelerator: the same code on a CPU, at small shapes; nothing is written where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from evidence import paths
from experiments.cost import accelerator


@pytest.fixture(scope="module")
def record() -> dict:
    return accelerator.measure("cpu", [4, 8], [1, 3], 5, rounds=3, seconds=1e-4)


def test_every_shape_is_measured_once(record: dict) -> None:
    rows = record["rows"]
    assert len(rows) == len(accelerator.PRECISIONS) * 2 * 2 * len(accelerator.MODES) * 2
    assert len(
        {tuple(row[key] for key in ("precision", "mode", "packed", "hidden_size", "batch_size")) for row in rows}
    ) == len(rows)
    for row in rows:
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
        assert row["lstm_seconds"] > 0 and row["gru_seconds"] > 0
    assert record["device"] == "cpu" and record["versions"]["torch"] == torch.__version__
    json.dumps(record)


def test_the_switches_of_precision_are_put_back(record: dict) -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    for name in accelerator.PRECISIONS:
        with accelerator._precision(name):
            assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == (name == "TF32")
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


def test_a_table_has_a_column_a_width(record: dict) -> None:
    table = accelerator.table(record)
    assert list(table.columns) == [4, 8]
    assert len(table) == len(accelerator.PRECISIONS) * 4 * 2
    assert "training, packed" in table.index.get_level_values("mode")


def test_records_are_read_back(record: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    assert accelerator.records() == []
    assert (
        "Not measured here" in accelerator.shown().data
        and "python -m experiments.cost.accelerator" in accelerator.shown().data
    )
    folder = tmp_path / "results" / "accelerators"
    folder.mkdir(parents=True)
    (folder / "a-device.json").write_text(json.dumps(record))
    assert [each["device"] for each in accelerator.records()] == ["cpu"]
    text = accelerator.shown().data
    assert "**cpu**" in text and record["date"] in text and "Not measured" not in text
    assert text.count("\n| ") == len(accelerator.PRECISIONS) * 8 + 2


def test_without_a_device_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator.main() == 2
    assert capsys.readouterr().err == "error: no CUDA device was found; this record needs one\n"
    assert not list(tmp_path.iterdir())
