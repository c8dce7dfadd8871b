"""The Japanese vowels are read as they were recorded, and nothing else is accepted in their place."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tasks import vowels

SMALL = "# a note\n@data\n" + "\n".join(
    ":".join(",".join(f"{10 * row + t + sign}" for t in range(steps)) for row in range(12)) + f":{label}"
    for steps, sign, label in ((8, 0.5, 3), (7, -0.25, 9))
)


def test_a_line_becomes_frames_of_twelve_coefficients() -> None:
    read = vowels.parse(SMALL)
    assert read.x.shape == (29, 2, 12)
    assert read.lengths.tolist() == [8, 7] and read.y.tolist() == [2, 8]
    assert read.x[3, 0].tolist() == [10 * row + 3.5 for row in range(12)]
    assert not read.x[8:, 0].any() and not read.x[7:, 1].any()


def test_the_original_division_and_nothing_in_two_parts() -> None:
    data = vowels.load()
    assert {name: len(part.y) for name, part in data.items()} == {
        "full": 270,
        "train": 216,
        "validation": 54,
        "test": 370,
    }
    assert data["full"].y.bincount().tolist() == [30] * 9
    assert data["train"].y.bincount().tolist() == [24] * 9
    assert data["test"].y.bincount().tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    rows = {name: {tuple(frames.flatten().tolist()) for frames in part.x.unbind(1)} for name, part in data.items()}
    assert rows["train"] | rows["validation"] == rows["full"]
    assert not rows["train"] & rows["validation"] and not rows["full"] & rows["test"]
    assert int(data["full"].lengths.min()) == 7 and int(data["test"].lengths.max()) == 29


def test_standardised_by_the_frames_before_the_true_end_alone() -> None:
    part = vowels.load()["full"]
    scaled = part.standardised(part)
    frames = torch.cat([scaled.x[:steps, place] for place, steps in enumerate(scaled.lengths.tolist())])
    assert torch.allclose(frames.mean(0), torch.zeros(12), atol=1e-5)
    assert torch.allclose(frames.std(0), torch.ones(12), atol=1e-5)
    assert not scaled.x[~scaled.inside.expand_as(scaled.x)].any()


def test_a_summary_does_not_see_the_order_nor_the_padding() -> None:
    part = vowels.parse(SMALL)
    frames = part.x[:8, 0]
    expected = torch.cat([frames.mean(0), frames.std(0, correction=0), frames[0], frames[7]])
    assert torch.allclose(vowels.summary(part, "static")[0], expected)
    turned = vowels.Utterances(part.x.clone(), part.lengths, part.y)
    turned.x[1:7, 0] = frames[1:7].flip(0)
    assert torch.allclose(vowels.summary(turned, "static"), vowels.summary(part, "static"), atol=1e-5)
    with pytest.raises(ValueError, match="kind = 'median'"):
        vowels.summary(part, "median")


def test_the_package_is_found_but_not_imported() -> None:
    code = "import sys; from tasks import vowels; vowels.load(); print('sktime' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_a_missing_package_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vowels, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install sktime==") as error:
        vowels._paths()
    assert "\n" not in str(error.value)


def test_other_files_than_expected_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in vowels.FILES:
        (tmp_path / name).write_text(SMALL)
    monkeypatch.setattr(vowels, "_paths", lambda: [tmp_path / name for name in vowels.FILES])
    with pytest.raises(RuntimeError, match="checksum"):
        vowels.load.__wrapped__()
