"""Chorales as chords, their sound, and the chapter *applications/music* built on them."""

from __future__ import annotations

import base64
import io
import itertools
import math
import re
import wave
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import decide
from experiments.music import analysis, chords, sound
from experiments.music import figures as plots
from experiments.music import runs as music
from experiments.music.generated import words
from gatedrnn.models import count_parameters, width_of
from tasks import chorales

SMALL = {
    "hidden_size": 5,
    "steps": 4,
    "every": 2,
    "batch": 4,
    "start": "bias:1",
    "dropout": 0.2,
    "learning_rate": 0.01,
}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve chorales a part: enough to see that things fit together."""
    chorales.key_logits()  # kept from the whole training part
    data = {name: part[:12] for name, part in chorales.load().items()}
    monkeypatch.setattr(chorales, "load", lambda: data)


def test_ngram_is_what_a_pencil_finds() -> None:
    """One piece a b a a, and a c to be scored; base ½ for all."""
    a, b, c = b"a", b"b", b"c"
    found = chords.ngram([[a, b, a, a]], [[a, c]], 2, torch.tensor([0.5, 0.5]).log()).exp()
    first = (3 + 2 * 0.5) / (4 + 2)  # a was 3 of 4 chords, of 2 kinds; a piece's first chord has no context
    unseen = (0 + 2 * 0.5) / (4 + 2)
    after_a = (0 + 2 * unseen) / (2 + 2)  # after a: b once, a once
    assert found.tolist() == pytest.approx([first, after_a])


def test_ngram_probabilities_sum_to_one_whatever_the_context() -> None:
    kinds = [bytes([each]) for each in range(4)]
    train = [[kinds[each] for each in (0, 1, 1, 2, 0, 1)], [kinds[each] for each in (2, 2)]]
    for past in itertools.product(kinds, repeat=2):
        test = [[*past, each] for each in kinds]
        base = torch.full((12,), 0.25).log()
        last = chords.ngram(train, test, 3, base).exp()[2::3]
        assert float(last.sum()) == pytest.approx(1)


def test_ngram_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="order = 0 is not allowed"):
        chords.ngram([[b"a"]], [[b"a"]], 0, torch.zeros(1))
    with pytest.raises(ValueError, match=r"base of shape \(3,\) is not allowed: \(1,\)"):
        chords.ngram([[b"a"]], [[b"a"]], 1, torch.zeros(3))


def test_windows_end_with_the_frame_before_and_begin_in_silence() -> None:
    piece = torch.eye(chorales.KEYS)[:5]
    x, y = chords.windows([piece, piece[:2]], 3)
    assert torch.equal(y, torch.cat([piece, piece[:2]]))
    seen = x.view(7, 3, chorales.KEYS)
    assert not seen[0].any() and not seen[5].any()
    assert torch.equal(seen[4], piece[1:4])
    assert torch.equal(seen[6, -1], piece[0]) and not seen[6, :2].any()


@pytest.mark.parametrize("together", [False, True])
def test_a_head_never_sees_the_key_that_it_predicts(together: bool) -> None:
    torch.manual_seed(0)
    head = chords.Head(6, together)
    if head.below is not None:
        torch.nn.init.normal_(head.below)
    features, y = torch.randn(6), torch.randint(2, (chorales.KEYS,)).float()
    slopes = torch.autograd.functional.jacobian(lambda frame: head(features, frame), y)
    assert not slopes.triu().any()
    assert bool(slopes.any()) is together


def test_chances_of_all_chords_sum_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chorales, "KEYS", 5)
    monkeypatch.setattr(chorales, "key_logits", lambda: torch.zeros(5))
    torch.manual_seed(1)
    head = chords.Head(3, True)
    torch.nn.init.normal_(head.below)  # type: ignore[arg-type]
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=5)))
    features = torch.randn(3)
    likely = chords.log_likelihood(head(features.expand(32, 3), every), every).exp()
    assert likely.sum().item() == pytest.approx(1, abs=1e-6)
    drawn = [head.draw(features, torch.Generator().manual_seed(seed)) for seed in range(4000)]
    counted = torch.tensor([(torch.stack(drawn) == each).all(1).float().mean() for each in every])
    assert torch.allclose(counted.double(), likely.detach(), atol=0.03)


def test_a_shifted_piece_shares_every_run_and_another_few() -> None:
    train = chorales.load()["train"]
    assert chords.shared([train[0].roll(2, 1)], train[:3]) == [1]
    assert max(chords.shared(train[:1], train[1:4])) < 0.5


def test_a_key_in_neighbouring_frames_is_one_held_note() -> None:
    assert sorted(sound.notes([[1, 2], [1], [], [1]])) == [(1, 0, 2), (1, 3, 1), (2, 0, 1)]


def test_a_clip_has_the_right_length_and_pitch() -> None:
    wav = sound.render([[48]] * 4, seconds=0.5)  # key 48 is the A of 440 Hz
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 1, sound.RATE)
        assert file.getnframes() / file.getframerate() == pytest.approx(2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="uint8").astype(float) - 128
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) / 2 == pytest.approx(440, abs=1)
    assert 90 < np.abs(samples).max() <= 128
    assert abs(samples[0]) < 8 and abs(samples[-1]) < 8  # no click at either end


def test_silence_is_silent_and_nonsense_is_refused() -> None:
    with wave.open(io.BytesIO(sound.render([[], []]))) as file:
        assert set(file.readframes(9999)) == {128}
    with pytest.raises(ValueError, match=r"frames = \[\] is not allowed"):
        sound.render([])
    with pytest.raises(ValueError, match="seconds = 0 is not allowed"):
        sound.render([[1]], seconds=0)


def test_players_carry_their_sound_and_a_name() -> None:
    wav = sound.render([[40]])
    page = sound.players({'Bach\'s "own"': wav}).data
    found = re.search(r'src="data:audio/wav;base64,([^"]+)"', page)
    assert found and base64.b64decode(found[1]) == wav
    assert 'aria-label="Bach&#x27;s &quot;own&quot;"' in page
    assert "http" not in page


@pytest.mark.parametrize("cell", music.CELLS)
def test_a_model_shown_all_the_past_scores_as_it_does(cell: str) -> None:
    torch.manual_seed(0)
    model = music.Composer(cell, 4, "chord")
    whole = chorales.together(chorales.load()["test"])
    with torch.no_grad():
        full = float(chorales.nll(model(whole.x, whole.y), whole.y, whole.lengths))
    assert music.shortened(model, len(whole.x)) == pytest.approx(full, abs=1e-3)


def test_a_shortened_past_is_a_crop_as_in_training(few: None) -> None:
    """Each frame once more, alone, at the end of a crop that begins with silence."""
    torch.manual_seed(0)
    model = music.Composer("gru", 4, "keys")
    losses = []
    for piece in chorales.load()["test"]:
        for at in range(len(piece)):
            crop = chorales.together([piece[max(0, at - 3) : at + 1]])
            with torch.no_grad():
                losses.append(-chords.log_likelihood(model(crop.x, crop.y)[-1, 0], crop.y[-1, 0]))
    assert music.shortened(model, 3) == pytest.approx(float(torch.stack(losses).mean()), abs=1e-3)


def test_dropout_is_off_in_whatever_is_looked_at(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**SMALL, "dropout": 0.9, "cell": "gru", "head": "chord", "match": "width", "opening": 4, "continuation": 3}
    longest = max(len(piece) for piece in chorales.load()["test"])
    monkeypatch.setattr(music, "CONTEXTS", (longest,))
    found = music.run(seed=0, look=True, **given)
    assert found["curves"]["shortened"][0] == pytest.approx(found["test"], abs=1e-3)  # all of the past, once more


def test_equal_parameters_are_nearly_equal_and_bad_names_are_refused() -> None:

    for head in music.HEADS:
        budget = count_parameters(music.Composer("lstm", 64, head))
        found = count_parameters(
            music.Composer("gru", width_of("gru", "parameters", 64, partial(music.Composer, head=head)), head)
        )
        assert found == pytest.approx(budget, rel=0.01)
    with pytest.raises(ValueError, match=r"head = 'both' is not allowed: one of 'keys', 'chord'"):
        music.run(cell="gru", head="both", match="width", seed=0, **SMALL)
    with pytest.raises(ValueError, match="no test chorale has so many"):
        music.continued(10_000)


def test_the_same_seed_writes_the_same_music_and_the_best_step_is_reported(few: None) -> None:
    given = {"cell": "gru", "head": "chord", "match": "width", "look": True, "opening": 4, "continuation": 3, **SMALL}
    first, again, other = (music.run(seed=seed, **given) for seed in (0, 0, 1))
    assert first["curves"]["notes"] == again["curves"]["notes"] != other["curves"]["notes"]
    assert len(first["curves"]["notes"]) == 3
    assert first["validation"] == pytest.approx(min(first["curves"]["validation"]), abs=1e-4)
    place = first["curves"]["step"].index(first["best_step"])
    assert first["test"] == pytest.approx(first["curves"]["test"][place], abs=1e-4)
    assert analysis.without(first["curves"]["pieces"], []) == pytest.approx(first["test"], abs=1e-3)


def rows(points: list[dict], seeds: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"look": False, **point, "seed": seed, **music.run(**point, seed=seed)}
            for point in points
            for seed in range(seeds)
        ]
    )


def test_figures_and_words_follow_from_the_runs(few: None) -> None:
    budget = {key: value for key, value in SMALL.items() if key != "learning_rate"} | {"opening": 4, "continuation": 3}
    cases = analysis.cases(budget)
    tuning = rows([{**each, "match": "width", "learning_rate": rate} for each in cases for rate in (0.01, 0.02)], 1)
    best = pd.DataFrame([{"cell": c["cell"], "head": c["head"], "learning_rate": 0.01, "score": 0.5} for c in cases])
    tuned = Tuned(tuning, best)
    runs = rows(analysis.points(cases, tuned), 3)
    longer = rows(analysis.longer(cases, tuned, 6), 2)
    assert set(longer["steps"]) == {6} and set(longer["cell"]) == {"lstm", "gru"}
    grid = analysis.baseline_grid([1], [1e-3], [1, 2])
    baselines = pd.DataFrame([{**point, **music.baseline(**point, seed=0)} for point in grid])
    chosen = analysis.chosen(baselines)
    assert chosen.loc["n-gram over regression", "test"] < chosen.loc["chord n-gram", "test"] < chorales.unigram()
    assert chosen.loc["chord n-gram", "order"] == 2
    name, value = analysis.best_baseline(chosen)
    assert value == chosen["test"].min() and name == "n-gram over regression"
    assert analysis.skill(
        runs, "lstm", "keys", 2 * analysis.nll(runs, "lstm", "keys").mean()
    ).estimate == pytest.approx(0.5)
    verdict = decide("U5", analysis.evidence(runs, chosen), factor="the cell")
    assert verdict.word == "contradicted"  # four steps of training beat nothing
    bach = [row.nonzero().flatten().tolist() for row in music.continued(7)[:7]]
    rolls = {"LSTM": bach, "Bach": bach}
    for fig in (
        plots.draw_scores(runs, chosen),
        plots.draw_gaps(runs),
        plots.draw_context(runs),
        plots.draw_rolls(rolls, 4, range(2, 6)),
        plots.draw_tuning(tuning, best),
    ):
        fig.canvas.draw()
        plt.close(fig)
    texts = words.numbers(runs, longer, chosen, tuned, {"frames": [1], "penalties": [1e-3], "orders": [1, 2]})
    assert all(isinstance(text, str) and text for text in texts.values())
    assert math.isclose(float(texts["nll-lstm-keys"]), analysis.nll(runs, "lstm", "keys").mean(), abs_tol=0.006)
    for alt in (
        words.scores_alt(runs, chosen),
        words.gaps_alt(runs),
        words.context_alt(runs),
        words.rolls_alt(rolls, 4),
    ):
        assert len(alt) > 40
    assert words.advice(runs, chosen).endswith(".")


def ended(lstm: float, gru: float, scatter: float = 0.02) -> pd.DataFrame:
    """Runs of both cells with both heads that end at so many nats, seed by seed a little apart."""
    noise = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {"cell": cell, "head": head, "match": "width", "seed": seed, "look": True}
            | {"test": value + noise.normal(0, scatter), "curves": {"pieces": [value, value]}}
            for cell, value in (("lstm", lstm), ("gru", gru))
            for head in music.HEADS
            for seed in range(10)
        ]
    )


@pytest.mark.parametrize(
    ("gap", "scatter", "told"),
    [
        (-0.1, 0.02, "0.13 nats would be more than the luck of a seed, 0.02 nats would not. The puzzle is the sign"),
        (0.1, 0.02, "would not. The papers have the GRU ahead, and so it is here."),
        (0.0, 0.2, "0.13 and 0.02 nats would be no more than the luck of a seed. The papers have the GRU ahead; here"),
        (0.1, 0.001, "0.13 and 0.02 nats would be more than the luck of a seed. The papers"),
    ],
)
def test_the_published_differences_are_held_against_the_scatter(gap: float, scatter: float, told: str) -> None:
    assert told in words.puzzle(ended(9 + gap, 9, scatter))


def test_twins_are_told_as_they_are(few: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = {"pieces": [6.2, *[6.0] * 11]}
    row = {"kind": "both", "validation": 6, "test": 6.1, "curves": pieces}
    best = pd.DataFrame({name: row for name in analysis.BASELINES}).T
    runs = ended(6.0, 6.5).assign(curves=[pieces] * 40)
    for left_out, said, end in (
        ([], "None of 12 test chorales shares more than half of its runs", "training chorale."),
        ([0], "1 of 12 test chorales shares more than half of its runs", "The order of the models is another."),
        ([0, 1], "2 of 12 test chorales share more than half of their runs", "The order of the models is another."),
    ):
        monkeypatch.setattr(analysis, "twins", lambda left_out=left_out: left_out)
        told = words.twin_words(runs, best)
        assert told.startswith(said) and told.endswith(end) and ("Without" in told) == bool(left_out)
    assert "GRU 6.000 instead of 6.5" in told
    assert "the same" in words.twin_words(ended(6.0, 6.0, 0).assign(curves=[pieces] * 40), best.assign(test=6.0))


def test_settings_and_numbers_are_written_plainly() -> None:
    assert [words.plain(each) for each in (1e-05, 1, 0.5)] == ["0.00001", "1", "0.5"]
    assert words.quarters(1) == "1 quarter note"
    best = pd.DataFrame({name: {"order": 2, "frames": 4, "penalty": 1e-5} for name in analysis.BASELINES}).T
    assert words.settings(best).startswith("Validation chorales chose order 2 for the n-gram; for the regression with")
    assert words.settings(best).count("4 quarter notes (penalty 0.00001)") == 3


def test_the_axis_is_cut_where_one_value_lies_far_off() -> None:
    best = pd.DataFrame({name: {"test": 6.0} for name in analysis.BASELINES}).T
    best.loc["key frequencies", "test"] = 11.4
    for runs, cut in ((ended(9, 9), True), (ended(11, 11), False)):
        limit = plots._limit(runs, best)
        assert (limit is not None) is cut and (limit is None or runs["test"].max() < limit < 11)
