"""Places in a text, and the chapter *applications/language* built on them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from evidence.tuning import Tuned
from evidence.verdicts import decide, ledger
from experiments.language import analysis, counts, tables
from experiments.language import baselines as language_baselines
from experiments.language import figures as plots
from experiments.language import runs as language
from experiments.language import words as kjv_words
from gatedrnn.models import LanguageModel, count_parameters, width_of
from tasks import kjv

SMALL = {"hidden_size": 6, "steps": 4, "every": 2, "batch": 4, "length": 5, "start": "bias:1", "learning_rate": 0.01}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hundredth of the text: enough to see that things fit together."""
    kjv.symbols()  # kept: the whole alphabet
    passage = kjv.text()[:40_000]
    everything = kjv.encode(passage)
    parts = kjv.Split(everything[:36_000], everything[36_000:38_000], everything[38_000:])
    monkeypatch.setattr(language, "PROBES", 100)
    monkeypatch.setattr(kjv, "text", lambda: passage)
    monkeypatch.setattr(kjv, "split", lambda: parts)
    yield
    language._classes.cache_clear()


def test_every_character_has_its_place() -> None:
    found = [kjv_words.PLACES[each] for each in kjv_words.places("Go, Abraham")]
    assert found[:4] == ["1st letter", "2nd", "after a word", "between words"]
    assert found[4:] == ["1st letter", "2nd", "3rd", "4th", *["5th or later"] * 3]


def test_rarity_counts_whole_words_of_the_training_text() -> None:
    train = "the " * 1000 + "them " * 9 + "Nod "
    found = kjv_words.rarities("the Nod them Uz", train)
    names = [kjv_words.RARITIES[each] if each >= 0 else "" for each in found]
    assert names == [*["1000 or more"] * 3, "", *["1–9"] * 3, "", *["1–9"] * 4, "", "never", "never"]


def test_gaps_are_counted_from_the_last_time_in_the_same_text() -> None:
    held = "Uz " + "the " * 50 + "Uz " + "the " * 10 + "Uz"
    found = kjv_words.gaps(held, "the " * 100 + "Uz ")
    places = [at for at in range(len(held)) if held.startswith("Uz", at)]
    assert [kjv_words.GAPS[found[at]] for at in places] == ["first time", "101–500", "≤ 100"]
    assert (found[[at + 1 for at in places]] == found[places]).all()
    assert found[held.index("the")] == -1


def test_share_of_real_words() -> None:
    assert kjv_words.real_words("xx god made dog yy", "god made man") == pytest.approx(2 / 3)
    assert kjv_words.real_words("", "god") == 0


def test_a_compressor_pays_little_for_what_it_has_read() -> None:
    rng = np.random.default_rng(0)
    train = "".join(rng.choice(list("abcdefgh"), 20_000))
    new = "".join(rng.choice(list("abcdefgh"), 5_000))
    assert kjv_words.compressed_bits("lzma", train, train[5_000:10_000]) < 0.2
    assert 2.9 < kjv_words.compressed_bits("lzma", train, new) < 4
    with pytest.raises(ValueError, match="method = 'zip' is not allowed"):
        kjv_words.compressed_bits("zip", train, new)


def test_the_ladder_is_what_a_pencil_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two symbols, counted on 0 1 0 0; then 0 0 is scored: the second 0 after a 0."""
    monkeypatch.setattr(kjv, "symbols", lambda: "ab")
    one, two = counts.ladder(2, torch.tensor([0, 1, 0, 0]), [torch.tensor([0, 0])])
    first = (3 + 2 * 0.5) / (4 + 2)  # 0 was 3 of 4 characters, of 2 kinds
    after = (1 + 2 * first) / (2 + 2)  # after a 0: a 1 once, a 0 once
    assert one.bits == pytest.approx([-math.log2(first)])
    assert two.bits == pytest.approx([-math.log2(after)])
    assert (one.counted, two.counted) == (2, 2 + 3)


def test_the_top_of_the_ladder_is_the_model_of_that_order() -> None:
    parts = kjv.split()
    train, held = parts.train[:50_000], parts.test[:5_000]
    rungs = list(counts.ladder(4, train, [held, parts.valid[:3_000]]))
    assert rungs[-1].bits[0] == pytest.approx(kjv.ngram_bits(4, train, held), rel=1e-9)
    assert rungs[1].bits[0] == pytest.approx(kjv.ngram_bits(2, train, held[2:]), rel=1e-9)
    assert [each.order for each in rungs] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="highest = 9 is not allowed"):
        next(counts.ladder(9, train, [held]))


def test_same_reading_comes_from_evenly_spread_places() -> None:
    stream = torch.arange(101)
    assert kjv_words.same_reading(stream, 4, 12).tolist() == [0, 1, 2, 25, 26, 27, 50, 51, 52, 75, 76, 77]
    first = next(kjv.lanes(stream, 4, 3, seed=0))[0]
    starts = (first[0] - first[0, 0]).tolist()
    assert starts == [0, 25, 50, 75]  # the same lanes as a network's


@pytest.mark.parametrize("cell", language.CELLS)
def test_every_bit_is_what_a_lane_by_lane_reading_costs(cell: str) -> None:
    torch.manual_seed(0)
    model = LanguageModel(cell, 68, 5)
    stream = torch.randint(68, (700,))
    bits = language.every_bit(model, stream, 2)
    assert bits.mean() == pytest.approx(kjv.bits_per_character(model, stream, 2), abs=1e-4)
    lane = stream[349 : 349 + 350]
    with torch.no_grad():
        logits, _ = model(lane[:-1].unsqueeze(1))
        alone = torch.nn.functional.cross_entropy(logits[:, 0], lane[1:], reduction="none") / math.log(2)
    assert bits[349:698] == pytest.approx(alone.numpy(), abs=1e-3)  # the second lane, in the stream's order


def test_a_shortened_past_is_all_that_counts() -> None:
    """What lies further back may change; what is shown may not."""
    torch.manual_seed(0)
    model = LanguageModel("gru", 68, 5)
    stream = torch.randint(68, (200,))
    found = [language.shortened(model, stream, k) for k in (2, 64)]
    at = language.probes(stream)
    assert at.min() >= 64 and at.max() < 200 and len(set(at.tolist())) == len(at)
    with torch.no_grad():
        losses = []
        for place in at.tolist():
            logits, _ = model(stream[place - 2 : place].unsqueeze(1))
            losses.append(torch.nn.functional.cross_entropy(logits[-1], stream[place : place + 1]))
    assert found[0] == pytest.approx(float(torch.stack(losses).mean()) / math.log(2), abs=1e-4)
    assert found[0] != found[1]


def test_a_cold_sample_is_the_likeliest_text_and_seeds_repeat() -> None:
    torch.manual_seed(0)
    model = LanguageModel("lstm", len(kjv.symbols()), 8)
    with torch.no_grad():
        model.head.weight.mul_(20)
    cold = language.sample(model, 1e-4, 12, 2, seed=0)
    assert cold[0] == cold[1] == language.sample(model, 1e-4, 12, 1, seed=5)[0]
    warm = language.sample(model, 1.0, 40, 2, seed=0)
    assert warm == language.sample(model, 1.0, 40, 2, seed=0) and warm[0] != warm[1]


def test_samples_are_safe_in_a_table() -> None:
    assert tables.plain("a|b\n<i>*x*") == "a&#124;b ¶ &lt;i&gt;&#42;x&#42;"


def bits_table(lstm: list[float], gru: list[float]) -> pd.DataFrame:
    rows = [("lstm", "width", lstm), ("gru", "width", gru), ("gru", "parameters", gru)]
    found = [(cell, match, seed, value) for cell, match, each in rows for seed, value in enumerate(each)]
    return pd.DataFrame(found, columns=["cell", "match", "seed", "test"]).sample(frac=1, random_state=0)


def test_evidence_is_paired_by_seed_and_tested_against_the_margin() -> None:
    """Seeds scatter far more than the cells differ: only pairs see a difference that is always the same."""
    gru = [2.4, 2.9, 2.1, 2.6, 2.3, 2.8, 2.2, 2.7, 2.5, 3.0]
    same = analysis.evidence(bits_table([each - 0.05 for each in gru], gru))["equal width"]
    assert (same.interval.low, same.interval.high) == (pytest.approx(-0.05), pytest.approx(-0.05))
    assert same.p == pytest.approx(2 / 2**10)  # all ten pairs lie beyond the margin, the least that ten pairs can have
    margin = ledger()["U1"].margin
    about = [each + margin + 0.01 * (-1) ** place for place, each in enumerate(gru)]
    assert analysis.evidence(bits_table(about, gru))["equal width"].p > 0.5


def test_equal_parameters_and_bad_names() -> None:
    budget = count_parameters(LanguageModel("lstm", 68, 96))
    assert count_parameters(
        LanguageModel("gru", 68, width_of("gru", "parameters", 96, lambda cell, width: LanguageModel(cell, 68, width)))
    ) == pytest.approx(budget, rel=0.01)
    with pytest.raises(ValueError, match="cell = 'transformer' is not allowed: one of 'lstm'"):
        language.run(cell="transformer", match="width", seed=0, **SMALL)


def rows(points: list[dict], seeds: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**point, "seed": seed, "look": point.get("look", False), **language.run(**point, seed=seed)}
            for point in points
            for seed in range(seeds)
        ]
    )


def test_what_is_tabled_and_judged_is_what_was_run(short: None) -> None:
    budget = {key: SMALL[key] for key in ("hidden_size", "batch", "length", "start")}
    tuning = rows([{"cell": cell, **SMALL, "match": "width", "tuning": True} for cell in language.CELLS], 1)
    assert tuning["test"].isna().all()  # tuning never sees the test text
    best = pd.DataFrame([{"cell": cell, "learning_rate": 0.01, "score": 0.1} for cell in language.CELLS])
    tuned = Tuned(tuning, best)
    runs = rows(analysis.points({**budget, "steps": 4, "every": 2}, tuned, [0.8]), 3)
    longer = rows(analysis.longer(budget, tuned, 8), 1)
    assert set(longer["learning_rate"]) == {0.005}
    baselines = ladders(3, 30_000, 80)
    assert len(baselines) == 4 * 3 + 2
    skill = decide("U5", analysis.skill(runs, baselines), factor="the cell")
    assert skill.word in ("contradicted", "inconclusive") and max(each.estimate for each in skill.strata) < 0
    assert {each.name for each in skill.strata} == {"language: LSTM", "language: GRU"}
    lstm = analysis.class_table(runs).query("by == 'place' and cell == 'lstm' and seed == 0")["bits"]
    assert lstm.min() <= analysis.bits(runs, "lstm")[0] <= lstm.max()
    shown = analysis.context_table(runs)
    assert len(shown) == 3 * 3 * len(language.CONTEXTS) and set(shown["cell"]) == {*language.CELLS}
    assert tables.samples(runs).data.count("\n") == 3
    assert tables.results(runs, baselines).data.count("\n") == 1 + 5 + 4  # counts and compressors, cells


def ladders(highest: int, most: int, read: int) -> pd.DataFrame:
    grid = analysis.baseline_grid(highest, most, read, 4)
    run = language_baselines.baseline
    return analysis.ladders(pd.DataFrame([{**point, **run(**point, seed=0)} for point in grid]))


def test_the_n_gram_beside_a_cell_has_counted_no_more_than_it_read(short: None) -> None:
    baselines = ladders(3, 30_000, 80)
    assert sorted(baselines.loc[baselines["kind"] == "ngram", "characters"].unique()) == [0, 3, 16, 80]
    few, everything = analysis.counted(baselines, 80), analysis.counted(baselines)
    assert (few["parameters"] < everything["parameters"]).iloc[1:].all() and (few["test"] > everything["test"]).all()
    assert baselines.attrs["whole"] == 30_000


def test_the_strongest_is_chosen_on_validation_text_among_counts() -> None:
    found = {"kind": "ngram", "characters": 0, "order": [1, 2], "validation": [2.0, 1.9], "test": [1.7, 1.8]}
    baselines = pd.concat([pd.DataFrame(found), pd.DataFrame([{"kind": "bz2", "characters": 0, "test": 1.85}])])
    assert analysis.strongest(baselines) == ("2-gram", 1.8)
    assert analysis.strongest(baselines.replace({1.85: 1.75})) == ("bz2", 1.75)


def test_the_crosses_stand_where_the_counts_are(short: None) -> None:
    curves = {"step": [0, 2, 4], "validation": [4.0, 3.0, 2.5]}
    runs = pd.DataFrame(
        [{"cell": cell, "match": "width", "seed": seed, "curves": curves} for cell in language.CELLS for seed in (0, 1)]
    )
    counted = pd.DataFrame({"order": [2, 3], "seconds": [0.5, 1.0], "validation": [3.4, 2.7]})
    fig = plots.draw_seconds(runs, runs.head(0), {"lstm": 0.1, "gru": 0.2, "rnn": 0.3}, counted)
    (ax,) = fig.axes
    crosses = next(line for line in ax.lines if line.get_marker() == "x")
    assert crosses.get_xydata().tolist() == [[0.5, 3.4], [1.0, 2.7]]
    assert [text.get_text() for text in ax.texts] == ["2-gram", "3-gram"]
    assert sorted({round(line.get_xdata()[-1], 3) for line in ax.lines if line is not crosses}) == [0.4, 0.8, 1.2]
    plt.close(fig)
