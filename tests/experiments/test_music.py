"""Chorales as chords, their sound, and the chapter *applications/music* built on them."""

from __future__ import annotations

import base64
import io
import itertools
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
from experiments.music import analysis, chords, sound, tables
from experiments.music import figures as plots
from experiments.music import runs as music
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


def test_what_is_tabled_and_judged_is_what_was_run(few: None) -> None:
    budget = {key: value for key, value in SMALL.items() if key != "learning_rate"} | {"opening": 4, "continuation": 3}
    cases = analysis.cases(budget)
    best = pd.DataFrame([{"cell": c["cell"], "head": c["head"], "learning_rate": 0.01, "score": 0.5} for c in cases])
    tuned = Tuned(best, best)
    runs = rows(analysis.points(cases, tuned), 3)
    longer = analysis.longer(cases, tuned, 6)
    assert {(each["cell"], each["steps"]) for each in longer} == {("lstm", 6), ("gru", 6)}
    chosen = baselines()
    verdict = decide("U5", analysis.evidence(runs, chosen), factor="the cell")
    assert max(each.estimate for each in verdict.strata) < 0  # four steps of training beat nothing
    shown = analysis.context_table(runs)
    assert len(shown) == 3 * 3 * (len(music.CONTEXTS) + 1) and set(shown["cell"]) == {*music.CELLS}
    assert (
        shown.query("cell == 'gru' and seed == 0 and frames == 0")["nll"].item()
        == analysis.nll(runs, "gru", "chord")[0]
    )
    assert tables.results(runs, chosen).data.count("\n") == 1 + len(analysis.BASELINES) + 2 * 4
    assert analysis.ranking(runs, chosen, [])[0] == "n-gram over regression"


def baselines() -> pd.DataFrame:
    grid = analysis.baseline_grid([1], [1e-3], [1, 2])
    return analysis.chosen(pd.DataFrame([{**point, **music.baseline(**point, seed=0)} for point in grid]))


def test_the_best_of_each_kind_is_chosen_on_validation_chorales(few: None) -> None:
    chosen = baselines()
    assert chosen.loc["n-gram over regression", "test"] < chosen.loc["chord n-gram", "test"] < chorales.unigram()
    assert chosen.loc["chord n-gram", "order"] == 2
    name, value = analysis.best_baseline(chosen)
    assert value == chosen["test"].min() and name == "n-gram over regression"
    assert analysis.best_baseline(chosen, "keys")[0] == "regression"


def test_a_bigram_is_put_above_the_regressions_with_the_middle_penalty() -> None:
    above = [each for each in analysis.baseline_grid([1, 4], [1e-5, 1e-4], [2]) if each["kind"] == "both"]
    assert [(each["frames"], each["penalty"], each["together"]) for each in above] == [(1, 1e-4, True), (4, 1e-4, True)]


def test_a_twin_left_out_may_change_the_order(few: None) -> None:
    """The first chorale is all that makes the LSTM the better one."""
    pieces = {"lstm": [1.0, *[6.0] * 11], "gru": [9.0, *[5.9] * 11]}
    runs = pd.DataFrame(
        [
            {"cell": cell, "head": "chord", "match": "width", "seed": 0, "curves": {"pieces": each}}
            for cell, each in pieces.items()
        ]
    )
    row = {"validation": 5.0, "test": 5.0, "curves": {"pieces": [5.0] * 12}}
    best = pd.DataFrame({name: row for name in analysis.BASELINES}).T
    first = len(chorales.load()["test"][0]) / sum(map(len, chorales.load()["test"]))
    assert analysis.without(pieces["lstm"], []) == pytest.approx(6 - 5 * first)
    assert analysis.without(pieces["lstm"], [0]) == pytest.approx(6)
    assert analysis.ranking(runs, best, [])[1:] == ["lstm", "gru"]
    assert analysis.ranking(runs, best, [0])[1:] == ["gru", "lstm"]


def test_every_key_of_a_roll_is_a_row() -> None:
    table = analysis.roll_table({"LSTM": [[1, 2], []], "Bach": [[3]]})
    assert table.to_numpy().tolist() == [["LSTM", 0, 22], ["LSTM", 0, 23], ["Bach", 0, 24]]


def test_the_published_differences_are_those_of_the_figure() -> None:
    assert [*analysis.PRINTED.values()] == pytest.approx([0.13, 0.02])
    runs = pd.DataFrame(
        [
            {"cell": cell, "head": head, "match": match, "seed": seed, "test": 9.0 - 0.1 * (cell == "lstm")}
            for cell in analysis.GATED
            for head in music.HEADS
            for match in analysis.MATCHES
            for seed in range(3)
        ]
    )
    fig = plots.draw_gaps(runs)
    (ax,) = fig.axes
    drawn = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "d"]
    assert drawn == pytest.approx([0.13, 0.02])
    assert analysis.gap(runs, "keys").estimate == pytest.approx(-0.1)
    plt.close(fig)
