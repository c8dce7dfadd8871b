"""The audit: samples by compute, finds a forgery as often as the design says, and judges only what it can."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections import Counter

import pytest

from evidence import audit, lock, paths
from evidence.audit import Drawn, Evidence, beginning, compare, draw
from evidence.locking import lock_sweep
from evidence.origin import Origins
from evidence.store import run_key, shortened, write_run
from evidence.watch import Enough, heard, looking

HERE = "this kind"
MODULE = '''
import sys


def run(*, width, seed, steps=0):
    """A run with a curve, that tells of its looks."""
    curves = {"step": [], "loss": []}
    for step in range(10, steps + 1, 10):
        curves["step"].append(step)
        curves["loss"].append(width / step)
        sys.audit("gatedrnn.look", step, curves)
    return {"score": width / 3 + seed, "curves": curves, "kernel": "matched", "train_seconds": 1.5}
'''


def row(name, seconds=1.0, steps=(), machine=HERE):
    looks = list(steps)
    return {
        "key": name,
        "config": {"width": 1},
        "metrics": {"score": 0.3333333},
        "curves": {"step": looks, "loss": shortened([1 / step for step in looks], 4)} if looks else {},
        "recorded": {"seconds": seconds, "machine": machine, "function": "m:run"},
    }


def stock(**sweeps):
    """Sweeps of (runs, seconds of each)."""
    return Evidence({name: [row(f"{name}-{i}", each) for i in range(count)] for name, (count, each) in sweeps.items()})


# --- the sample


def test_equal_seeds_draw_equal_samples_and_no_run_twice():
    some = stock(many=(40, 1.0), few=(5, 8.0))
    one, two, other = ([each.row["key"] for each in draw(some, 30, seed)] for seed in (1, 1, 2))
    assert one == two != other
    assert len(set(one)) == len(one)


def test_the_sample_takes_the_time_that_it_is_given_and_all_runs_where_that_is_enough():
    some = stock(many=(40, 1.0), few=(5, 8.0))
    for seconds in (1, 10, 30):
        drawn = sum(audit.cost(each.row) for each in draw(some, seconds, 0))
        assert seconds <= drawn < seconds + 8
    assert len(list(draw(some, 1000, 0))) == 45


def test_a_forged_run_is_found_as_often_as_its_sweep_s_share_of_the_compute_says():
    """400 simulated audits: each draw takes the sweep by its share, the run by chance within it."""
    some, audits, seconds = stock(forged=(20, 2.0), other=(60, 1.0)), 400, 10
    hits, drawn = 0, 0
    for seed in range(audits):
        sample = [each.row["key"] for each in draw(some, seconds, seed)]
        hits += "forged-7" in sample
        drawn += sum(key.startswith("forged") for key in sample)
    expected = drawn / audits / 20  # each of its 20 runs is as likely as the others
    assert abs(hits / audits - expected) < 4 * (expected * (1 - expected) / audits) ** 0.5
    assert 0.1 < expected < 0.25
    # 40 % of the compute, 2 s a run of 1.4 s on average: about 0.4 × 10 / 1.4 draws of 20 runs
    assert abs(expected - 0.4 * seconds / (0.4 * 2 + 0.6 * 1) / 20) < 0.03


def test_what_cannot_end_in_time_is_not_begun():
    sample = [Drawn("s", row(f"r{i}", seconds)) for i, seconds in enumerate((0.1, 1e6, 0.2))]
    begun = list(audit._in_time(sample, time.monotonic() + 60))
    assert [each.row["key"] for each in begun] == ["r0", "r2"]
    assert not list(audit._in_time(sample, time.monotonic() - 1))


def test_a_sweep_audited_longest_ago_has_a_better_chance():
    some = stock(old=(50, 1.0), new=(50, 1.0))
    count = Counter(each.sweep for seed in range(200) for each in draw(some, 5, seed, {"old": 1.0, "new": 0.0}))
    assert 1.7 < count["old"] / count["new"] < 2.4


def test_long_runs_are_begun_but_every_third_is_whole():
    long = Evidence({"long": [row(f"long-{i}", 50.0, range(10, 410, 10)) for i in range(40)]})
    sample = list(draw(long, 400, 0))
    parts = [each.until for each in sample]
    assert parts[2::3] == [None] * len(parts[2::3])
    assert {each for i, each in enumerate(parts) if i % 3 != 2} == {40}
    assert beginning([1, 2]) is beginning(None) is None


# --- judgement


def result(steps=(), score=0.3333333333):
    return {"score": score, "curves": {"step": list(steps), "loss": [1 / step for step in steps]} if steps else {}}


def test_equal_to_the_digits_that_are_kept_is_equal():
    assert (
        compare("s", row("k"), {**result(), "kernel": "other", "train_seconds": 9.0}, None, HERE, 1).outcome == "equal"
    )


@pytest.mark.parametrize("found", [result(score=0.333334), {"curves": {}}, {**result(), "more": 1}, result((1,))])
def test_any_other_value_differs_and_is_named_with_both(found):
    said = compare("s", row("k"), found, None, HERE, 1)
    assert said.outcome == "differs"
    assert "in the lock" in said.difference and "here" in said.difference


def test_a_beginning_is_compared_point_by_point_also_where_the_lock_kept_fewer_looks():
    kept = row("k", 50, (10, 30, 50, 100))
    assert compare("s", kept, {"curves": result(range(10, 51, 10))["curves"]}, 50, HERE, 1).outcome == "equal"
    forged = json.loads(json.dumps(kept))
    forged["curves"]["loss"][1] *= 1.01
    said = compare("s", forged, {"curves": result(range(10, 51, 10))["curves"]}, 50, HERE, 1)
    assert said.outcome == "differs" and "loss at step 30" in said.difference


def test_curves_that_are_not_those_of_the_training_are_not_judged_by_its_beginning(module):
    seen = {"step": [10, 20], "loss": [1.0, 0.5]}
    assert not audit._differ_until({"step": [10, 30], "loss": [1.0, 0.2]}, seen, 20, 0.0)
    assert audit._differ_until({"step": [10, 30], "loss": [1.0, 0.2], "made later": [1, 2]}, seen, 20, 0.0)
    assert audit._differ_until({"step": [15, 30], "loss": [1.0, 0.2]}, seen, 20, 0.0)
    locked(module, steps=1000)
    (row, *_) = audit.evidence().runs["made"]
    row["curves"] = {"step": row["curves"]["step"], "other": row["curves"]["loss"]}
    found = audit._again(Drawn("made", row, 100))
    assert (found.outcome, found.share) == ("differs", 1.0), "computed whole, and there the curves differ"


def test_another_processor_may_be_near_or_cannot_judge():
    looks = range(10, 410, 10)
    kept = row("k", 1, looks, machine="another kind")
    moved = result(looks, score=0.5)
    assert compare("s", kept, moved, None, HERE, 1).outcome == "near", "its curve begins the same"
    moved["curves"]["loss"] = [1.0005 * each for each in moved["curves"]["loss"]]
    assert compare("s", kept, moved, None, HERE, 1).outcome == "near"
    moved["curves"]["loss"] = [1.1 * each for each in moved["curves"]["loss"]]
    found = compare("s", kept, moved, None, HERE, 1)
    assert (found.outcome, found.share) == ("not judged", 0.0)
    assert compare("s", row("k", machine="another kind"), result(score=0.5), None, HERE, 1).outcome == "not judged"


# --- for real


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of runs, and folders for its store and lock."""
    name = f"audited{os.getpid()}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "lock"))
    yield importlib.import_module(name)
    sys.modules.pop(name)


def locked(module, widths=range(1, 7), steps=0):
    from evidence import provenance

    origins, keys = Origins(module.run), []
    for width in widths:
        config = {"width": width, "seed": 0, "steps": steps}
        found = module.run(**config)
        curves = found.pop("curves")
        machine = provenance.machine()["kind"]
        about = {
            "function": f"{module.__name__}:run",
            "seconds": 1.0,
            "machine": machine,
            "kernel": found.pop("kernel"),
        }
        found.pop("train_seconds")
        write_run("made", origins(config), config, {"metrics": found, "curves": curves}, about)
        keys.append(run_key(config, origins(config)))
    return lock_sweep("made", keys)


def outcomes(stock, seconds=1000.0):
    return Counter(audit._again(each).outcome for each in draw(stock, seconds, 0))


def test_what_was_computed_comes_out_the_same(module):
    locked(module)
    assert outcomes(audit.evidence()) == {"equal": 6}
    assert audit.evidence().seconds == 6


def test_a_planted_forgery_is_found_and_named(module):
    """A metric changed, and its check recomputed: only computing it again can tell."""
    path = locked(module)
    texts = path.read_text().splitlines(keepends=True)
    _, *rows = lock.read(texts)
    rows[2]["metrics"]["score"] = 99.0
    rows[2]["check"] = lock.check(rows[2])
    path.write_text("".join(lock.pack(rows)))
    found = [audit._again(each) for each in draw(audit.evidence(), 1000, 0)]
    (forged,) = [each for each in found if each.outcome == "differs"]
    assert forged.key == rows[2]["key"] and forged.difference.startswith("score = 99.0 in the lock")


def test_the_beginning_of_a_long_run_is_enough_to_find_a_forged_curve(module):
    locked(module, steps=1000)
    (drawn, *_) = [Drawn("made", each, 100) for each in audit.evidence().runs["made"]]
    found = audit._again(drawn)
    assert (found.outcome, found.share) == ("equal", 0.1)
    drawn.row["curves"]["loss"][3] *= 2
    assert audit._again(drawn).outcome == "differs"


def test_runs_of_other_code_are_not_audited(module):
    path = locked(module)
    source = paths.Path(module.__file__)
    source.write_text(MODULE.replace("width / 3", "width / 4"))
    stamp = os.stat(source).st_mtime_ns + 10**9
    os.utime(source, ns=(stamp, stamp))
    assert audit.evidence() == Evidence({}, 6)
    assert path.is_file()


# --- listening


def test_looks_end_a_training_and_cells_are_heard():
    with heard() as cells:
        sys.audit("gatedrnn.cell", "lstm")
        with pytest.raises(Enough), looking(20) as curves:
            sys.audit("gatedrnn.look", 10, {"step": [10]})
            sys.audit("gatedrnn.look", 20, {"step": [10, 20]})
    sys.audit("gatedrnn.cell", "gru")
    sys.audit("gatedrnn.look", 99, {})
    assert (cells, curves) == ({"lstm"}, {"step": [10, 20]})
