"""Synthetic speech and early decisions: sound that is the same again, frames, strings, errors, and what follows from them."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from evidence.verdicts import decide
from experiments.speech import analysis, early
from experiments.speech import runs as speech
from experiments.speech.transcribing import NETWORKS, Transcriber, edits, error_rate, loss, read, reversed_within
from tasks import espeak, logmel, spoken, vowels
from tasks.kept import read_arrays

FEW = {"train": 24, "validation": 4, "test": 4}
QUICK = {"hidden_size": 5, "learning_rate": 0.01, "steps": 5, "batch": 4, "seed": 1}
SPEAK = (
    "import hashlib, sys; from tasks import spoken; made = spoken.spoken(eval(sys.argv[1]));"
    "print(*(hashlib.sha256(made[name].tobytes()).hexdigest() for name in spoken.ARRAYS))"
)


def fresh(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.strip()


def test_two_processes_speak_the_same_and_so_did_the_one_whose_strings_are_kept(tmp_path: Path) -> None:
    first, again = (fresh(SPEAK, repr(FEW)) for _ in range(2))
    assert first == again
    spoken.load()
    kept = read_arrays(spoken.cached(), spoken.ARRAYS)
    write = "spoken.write_arrays(spoken.Path(sys.argv[1]), spoken.spoken({'train': 24}))"
    fresh(f"import sys; from tasks import spoken; {write}", str(tmp_path / "few.npz"))
    few = read_arrays(tmp_path / "few.npz", spoken.ARRAYS)
    assert kept and few
    for name in spoken.ARRAYS[1:]:
        assert (few[name] == kept[name][:24]).all()
    assert (few["x"] == kept["x"][:24, : few["x"].shape[1]]).all()


def test_no_voice_is_in_two_parts_nor_its_numbered_sister() -> None:
    parts = spoken.divided(espeak.variants())
    assert sorted(itertools.chain(*parts.values())) == espeak.variants()
    families = {name: {spoken.family(each) for each in voices} for name, voices in parts.items()}
    for a, b in itertools.combinations(families, 2):
        assert not families[a] & families[b]
    assert len({spoken.family(each) for each in ("klatt", "klatt2", "klatt6")}) == 1
    assert spoken.family("f1") == spoken.family("f5") != spoken.family("m1")
    seen = {name: set(part.voice.tolist()) for name, part in spoken.load().items()}
    assert not seen["train"] & seen["test"] and not seen["train"] & seen["validation"]


def test_strings_are_whole_and_their_frames_are_standardised() -> None:
    for part in spoken.load().values():
        inside = np.arange(len(part.x))[:, None] < part.lengths
        assert not part.x[~inside].any() and np.isfinite(part.x).all()
        assert ((part.digits >= 0).sum(1) == part.counts).all()
        assert part.counts.min() == spoken.SHORTEST and part.counts.max() == spoken.LONGEST
        assert (part.lengths >= 2 * part.counts).all()  # room for a blank between any two labels
    train = spoken.load()["train"]
    frames = train.x[np.arange(len(train.x))[:, None] < train.lengths]
    assert abs(frames.mean(0)).max() < 1e-3 and abs(frames.std(0) - 1).max() < 1e-3


def test_a_missing_or_altered_package_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    espeak.folder.cache_clear()
    monkeypatch.setattr(espeak, "find_spec", lambda name: None)
    with pytest.raises(
        RuntimeError, match=r"^spoken digits: package 'espeakng-loader' is missing.*pip install espeakng"
    ):
        espeak.folder()
    monkeypatch.undo()
    monkeypatch.setattr(espeak, "SHA256", "0" * 64)
    with pytest.raises(
        RuntimeError, match=r"^spoken digits: checksum [0-9a-f]{64} of espeakng-loader differs; pip install"
    ):
        espeak.folder()
    monkeypatch.setattr(espeak, "checksum", lambda root: "0" * 64)
    monkeypatch.setattr(espeak, "LIBRARY", "../nothing.so")
    with pytest.raises(RuntimeError, match="package 'espeakng-loader' is missing or has no"):
        espeak.folder()


def test_a_voice_that_the_library_refuses_is_named() -> None:
    code = (
        "from tasks.espeak import Speaker\n"
        "try: Speaker().say('one', 'en-gb', 1)\n"
        "except RuntimeError as error: print(error)"
    )
    assert fresh(code).startswith("spoken digits: espeak_SetVoiceByName(b'en-gb',) failed with code")


def test_each_band_peaks_at_its_own_tone_and_a_louder_sound_is_shifted() -> None:
    rate, seconds = 22050, 0.2
    centres = logmel.hertz(np.linspace(logmel.mel(logmel.LOWEST), logmel.mel(logmel.HIGHEST), logmel.BANDS + 2))[1:-1]
    time = np.arange(int(rate * seconds)) / rate
    for band in (3, 8, 13, 18):
        sound = np.sin(2 * np.pi * centres[band] * time)
        found = logmel.frames(sound, rate)
        assert (found.argmax(1)[1:] == band).all()  # the first window holds the start, which is a click
        assert np.allclose(logmel.frames(2 * sound, rate)[1:, band] - found[1:, band], np.log(4), atol=1e-3)


def test_frames_against_a_plain_transform_written_again() -> None:
    rate = 8000
    sound = np.random.default_rng(0).normal(size=600) / 10
    found = logmel.frames(sound, rate)
    assert found.shape == (1 + (600 - 200) // 80, logmel.BANDS)
    lifted = np.array([sound[0], *(sound[i] - 0.97 * sound[i - 1] for i in range(1, 600))])
    window = lifted[2 * 80 : 2 * 80 + 200] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 199))
    padded = np.concatenate([window, np.zeros(56)])
    waves = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(256)) / 256)
    power = np.abs(waves @ padded) ** 2 / 200
    mels = np.linspace(2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 4000 / 700), logmel.BANDS + 2)
    low, centre, high = (700 * (10 ** (mels[6 + k] / 2595) - 1) for k in range(3))
    band = 0.0
    for place, value in enumerate(power):
        tone = place * rate / 256
        if low < tone <= centre:
            band += value * (tone - low) / (centre - low)
        elif centre < tone < high:
            band += value * (high - tone) / (high - centre)
    assert np.isclose(found[2, 6], np.log(band + 1e-6))
    with pytest.raises(ValueError, match="at least 200, one window"):
        logmel.frames(sound[:199], rate)
    assert logmel.stacked(np.arange(14).reshape(7, 2), 3).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


@pytest.mark.parametrize(
    ("found", "right", "count"),
    [
        ([], [], 0),
        ([], [1, 2], 2),
        ([1, 2, 3], [1, 3], 1),
        ([1, 2], [2, 1], 2),
        ([3, 1, 4], [3, 1, 4], 0),
        ([5], [6], 1),
    ],
)
def test_known_edit_distances(found: list[int], right: list[int], count: int) -> None:
    assert edits(found, right) == edits(right, found) == count


def test_edit_distance_against_the_recursive_definition() -> None:
    def slow(a: tuple[int, ...], b: tuple[int, ...]) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    draws = np.random.default_rng(0)
    for _ in range(40):
        a, b = (tuple(draws.integers(3, size=draws.integers(5))) for _ in range(2))
        assert edits(a, b) == slow(a, b)
    assert error_rate([[1, 2], [3]], [[1, 1], [3, 4]]) == 0.5


def test_the_best_path_is_read_and_repeats_need_a_blank() -> None:
    steps = [0, 3, 3, 0, 3, 1, 1, 0, 2]
    logits = torch.nn.functional.one_hot(torch.tensor([steps, steps]).T, 4).float()
    assert read(logits, torch.tensor([9, 5])) == [[2, 2, 0, 1], [2, 2]]


def test_the_loss_sums_over_all_placings() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 1, 3)
    p = logits[:, 0].softmax(-1)
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        one_hot = torch.nn.functional.one_hot(torch.tensor(path), 3).float().unsqueeze(1)
        if read(one_hot, torch.tensor([4]))[0] == [1, 1]:
            total += float(torch.stack([p[t, k] for t, k in enumerate(path)]).prod())
    found = loss(logits, torch.tensor([4]), torch.tensor([[1, 1, -1]]), torch.tensor([2]))
    assert np.isclose(float(found), -np.log(total) / 2, atol=1e-5)


def test_sequences_turn_round_within_their_lengths() -> None:
    x = torch.arange(10).view(5, 2, 1).float()
    turned = reversed_within(x, torch.tensor([3, 5]))
    assert turned[:, 0, 0].tolist() == [4, 2, 0, 6, 8] and turned[:, 1, 0].tolist() == [9, 7, 5, 3, 1]
    assert torch.equal(reversed_within(turned, torch.tensor([3, 5])), x)


@pytest.mark.parametrize(("network", "directions"), [*((name, 1) for name in NETWORKS), ("lstm", 2), ("gru", 2)])
def test_padding_changes_no_output_and_the_reach_is_as_told(network: str, directions: int) -> None:
    torch.manual_seed(0)
    model = Transcriber(network, 6, 5, 4, directions)
    x, lengths = torch.randn(20, 2, 6), torch.tensor([20, 15])
    plain = model(x, lengths)
    noisy = x.clone()
    noisy[15:, 1] = torch.randn(5, 6)
    assert torch.allclose(model(noisy, lengths)[:15, 1], plain[:15, 1], atol=1e-6)
    changed = x.clone()
    changed[10, 0] += 1
    moved = ((model(changed, lengths) - plain)[:, 0].abs().amax(-1) > 1e-7).nonzero().flatten()
    reach = {"convolution": (4, 16), "frame": (10, 10)}.get(network, (0 if directions == 2 else 10, 19))
    assert (int(moved.min()), int(moved.max())) == reach


@pytest.mark.parametrize(("name", "value"), [("network", "tcn"), ("match", "equal")])
def test_a_run_refuses_by_name(name: str, value: str) -> None:
    given = {**QUICK, "network": "gru", "directions": 1, "match": "width"}
    with pytest.raises(ValueError, match=f"{name} = '{value}' is not allowed"):
        speech.run(**{**given, name: value})
    with pytest.raises(ValueError, match="directions = 2 is not allowed"):
        Transcriber("frame", 4, 4, 3, 2)


def test_a_run_is_the_same_again_and_sizes_are_equal() -> None:
    given = {**QUICK, "network": "gru", "directions": 2, "match": "parameters", "tuning": True}
    first, again = speech.run(**given), speech.run(**given)
    assert first["curves"] == again["curves"] and first["label_accuracy"] == 1 - first["errors"]
    assert not {*first} & {*given}
    budget = sum(each.numel() for each in Transcriber("lstm", 60, 32, 11, 2).parameters())
    for network, directions in (("gru", 2), ("convolution", 1), ("frame", 1), ("rnn", 1)):
        one = speech.run(
            **{**given, "network": network, "directions": directions, "hidden_size": 32, "steps": 1, "batch": 2}
        )
        want = budget if directions == 2 else sum(each.numel() for each in Transcriber("lstm", 60, 32, 11).parameters())
        assert abs(one["parameters"] / want - 1) < 0.04


def test_an_epoch_shows_each_string_once_and_short_ones_together() -> None:
    data = speech.part("validation")
    stream = speech.batches(data, 20, 0)
    seen = [next(stream) for _ in range(10)]
    assert sorted(torch.cat([each[1] for each in seen]).tolist()) == sorted(data[1].tolist())
    assert all(len(each[0]) == int(each[1].max()) for each in seen)
    filled = sum(int(each[1].sum()) for each in seen) / sum(each[0].shape[0] * 20 for each in seen)
    assert filled > 0.8


def test_a_prefix_hides_what_comes_later() -> None:
    part = vowels.load()["test"]
    cut = early.prefix(part, 7)
    assert int(cut.lengths.max()) == 7 and not cut.x[7:].any() and torch.equal(cut.x[:7], part.x[:7])
    assert torch.equal(early.prefix(part, 29).x, part.x)
    with pytest.raises(ValueError, match="frames = 0 is not allowed"):
        early.prefix(part, 0)


def test_the_whole_baselines_are_those_known_and_one_frame_is_no_whole() -> None:
    mean, static = (early.baseline(kind=kind, frames=29, seed=0)["accuracy"] for kind in early.KINDS)
    assert 0.95 < mean < static and static > 0.975
    first = [early.baseline(kind=kind, frames=1, seed=0)["accuracy"] for kind in early.KINDS]
    assert max(first) < mean and abs(first[0] - first[1]) < 0.03  # of one frame all summaries say the same


def test_an_early_run_answers_at_each_mark_and_never_sees_ahead() -> None:
    given = {"cell": "gru", "hidden_size": 6, "learning_rate": 0.02, "steps": 3, "batch": 16, "seed": 0, "tuning": True}
    found = early.run(**given)
    assert found["curves"]["frames"] == list(early.MARKS) and len(found["curves"]["heard"]) == len(early.MARKS)
    assert found["curves"] == early.run(**given)["curves"]
    data = vowels.load()["test"]
    model = early.Tagger(early.Recurrent("gru", 12, 4), 9)
    assert early.heard(model, early.prefix(data, 5))[:4] == pytest.approx(early.heard(model, data)[:4])
    with pytest.raises(ValueError, match="cell = 'rnn' is not allowed"):
        early.run(**{**given, "cell": "rnn"})


def made(gap: float, seeds: int = 10) -> pd.DataFrame:
    """Runs in which the LSTM makes `gap` points fewer errors than the GRU."""
    noise, rows = np.random.default_rng(0), []
    for case, seed in itertools.product(analysis.cases(), range(seeds)):
        errors = 0.3 + noise.normal(0, 0.001) - (gap / 100 if case["network"] == "lstm" else 0)
        errors -= 0.1 * (case["directions"] == 2)
        curves = {"step": [5, 10], "errors": [0.9, errors]}
        row = {**case, "seed": seed, "errors": errors, "exact": 0.2, "train_errors": 0.1, "width": 8, "parameters": 900}
        more = {"learning_rate": 0.01, "steps": 10, "batch": 8, "clipped": 0.5, "train_seconds": 1.0, "curves": curves}
        rows.append(row | more)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("gap", "word"), [(4, "supported"), (0, "contradicted"), (-3, "contradicted")])
def test_the_verdict_follows_the_gap(gap: float, word: str) -> None:
    table = analysis.differences(made(gap))
    assert np.isclose(table["difference"].mean(), -gap, atol=0.1) and len(table) == 40
    verdict = decide("U2", analysis.evidence(table), factor="the directions")
    assert verdict.word == word and len(verdict.strata) == 4


def test_a_case_is_told_by_its_name_and_its_row() -> None:
    runs = analysis.told(made(2))
    assert runs["name"].nunique() == len(analysis.cases()) and np.allclose(runs["percent"], 100 * runs["errors"])
    lines = analysis.result_table(runs).data.splitlines()
    assert len(lines) == len(analysis.cases()) + 2 and {line.count("|") for line in lines} == {9}
    assert [line.split(" | ")[0].lstrip("| ") for line in lines[2:]] == list(runs["name"].unique())
    assert len(analysis.again()) == 2


def test_the_course_of_a_training_is_that_of_its_looks() -> None:
    runs = made(2)
    table = analysis.descent(runs)
    assert len(table) == 2 * len(runs) and set(table["step"]) == {5, 10}
    ends = table[table["step"] == 10].groupby("name")["errors"].mean()
    assert np.allclose(ends.sort_index(), analysis.told(runs).groupby("name")["errors"].mean().sort_index())


def test_what_is_heard_has_a_row_for_each_model_seed_and_number_of_frames() -> None:
    curves = {"frames": [1, 5], "heard": [0.6, 0.9]}
    cells = pd.DataFrame([{"cell": cell, "seed": s, "curves": curves} for cell in early.CELLS for s in range(3)])
    rows = [{"kind": kind, "frames": n, "seed": 0, "accuracy": 0.7} for kind in early.KINDS for n in (1, 5)]
    table = analysis.heard(cells, pd.DataFrame(rows))
    assert len(table) == 2 * 3 * 2 + 2 * 2
    means = table.groupby(["model", "frames"])["right"].mean()
    assert means["lstm", 5] == pytest.approx(90) and means["static", 1] == pytest.approx(70)


def test_frames_of_a_string_are_those_before_its_end() -> None:
    test = spoken.load()["test"]
    table = analysis.frames_of(test, [0, 1])
    assert list(table.groupby("string").size()) == [spoken.STACK * int(n) for n in test.lengths[:2]]
    assert table.iloc[4]["band 3"] == pytest.approx(test.x[1, 0].reshape(-1, logmel.BANDS)[1, 3], abs=1e-3)
