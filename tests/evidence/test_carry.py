"""Carry: a renaming is carried, a change of the last bit or of a line that nothing executed is not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from evidence import audit, carry, lock, paths
from evidence.carry import Refused
from evidence.locking import lock_sweep
from evidence.origin import Origins
from evidence.store import run_key, write_run

MODULE = '''
def helper(x):
    """A number."""
    if x > 100:
        return x / 7
    return x / 3


def run(*, width, seed):
    total = 0.0
    for i in range(1, 20):
        total += helper(width + seed) / i
    return {"score": total, "kernel": "matched"}
'''
KEPT = {
    "a name": ("helper", "a_third"),
    "a comment and a docstring": ('"""A number."""', '"""A third."""  # indeed'),
    "a line that is written otherwise": (
        "total += helper(width + seed) / i",
        "total = total + helper(width + seed) / i",
    ),
    "a constant of its own": ("    return x / 3\n", "    third = 3\n    return x / third\n"),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small repository with a library of one module, its runs locked and committed."""
    name = f"carried{os.getpid()}"
    (tmp_path / "lib" / name).mkdir(parents=True)
    file = tmp_path / "lib" / name / "work.py"
    (tmp_path / "lib" / name / "__init__.py").write_text("")
    file.write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "results" / "runs"))
    importlib.invalidate_caches()
    module = importlib.import_module(f"{name}.work")
    origins, keys = Origins(module.run), []
    about = {"function": f"{name}.work:run", "machine": "any", "kernel": "matched"}
    for width in range(4):
        config = {"width": width, "seed": 0}
        metrics = {"score": module.run(**config)["score"]}
        write_run("made", origins(config), config, {"metrics": metrics, "curves": {}}, {**about, "seconds": width / 10})
        keys.append(run_key(config, origins(config)))
    lock_sweep("made", keys)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        who = ["-c", "user.name=a", "-c", "user.email=b"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *command], check=True)

    def edit(old, new):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        stamp = os.stat(file).st_mtime_ns + 10**9
        os.utime(file, ns=(stamp, stamp))

    yield edit
    for each in (name, f"{name}.work"):
        sys.modules.pop(each, None)


def rows():
    text = (paths.lock() / "made.jsonl").read_text()
    return [each for each in lock.read(text.splitlines()) if "config" in each]


@pytest.mark.parametrize("what", KEPT)
def test_what_changes_no_number_is_carried_with_a_note(project, what):
    before = rows()
    project(*KEPT[what])
    if what == "a comment and a docstring":
        with pytest.raises(Refused, match="nothing to carry"):
            carry.carry("HEAD")
        return
    assert audit.evidence().stale == 4
    assert carry.carry("HEAD") == {"made": 4}
    assert audit.evidence().stale == 0
    after = rows()
    assert [each["metrics"] for each in after] == [each["metrics"] for each in before]
    assert {each["recorded"]["carried"] for each in after} == {"HEAD"}


def test_a_change_of_the_last_bit_is_refused_and_both_values_named(project):
    before = rows()
    project("return x / 3", "return x / 3 * (1 + 2**-52)")
    with pytest.raises(Refused, match=r"nothing is carried: .*run.* differs: score = .* then, .* now"):
        carry.carry("HEAD")
    assert rows() == before


def test_a_changed_line_that_the_sample_did_not_execute_is_named(project):
    before = rows()
    project("return x / 7", "return x / 8")
    with pytest.raises(Refused, match=r"the sample did not execute line 5 of .*work.py"):
        carry.carry("HEAD")
    assert rows() == before


def test_rows_that_another_commit_made_are_refused(project, tmp_path):
    project("helper", "a_third")
    subprocess.run(
        ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b", "commit", "-qam", "more"], check=True
    )
    project("a_third", "third")
    with pytest.raises(Refused, match="3 of 3 runs were not made by the code of HEAD"):
        carry.carry("HEAD")
    assert carry.carry("HEAD~1") == {"made": 4}


def test_a_commit_that_is_none_is_named(project):
    project("helper", "a_third")
    with pytest.raises(Refused, match="SINCE = 'nowhere' is not allowed: a commit of this repository"):
        carry.carry("nowhere")


def test_the_worktree_is_gone_afterwards(project, tmp_path):
    project("helper", "a_third")
    carry.carry("HEAD")
    found = subprocess.run(["git", "-C", str(tmp_path), "worktree", "list"], capture_output=True, text=True).stdout
    assert len(found.splitlines()) == 1
