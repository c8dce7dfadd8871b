"""The run store and the results lock: a run is found by all that it depends on, and damage never passes for a result."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import json
import logging
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import origin
from evidence import store as runs
from evidence.lock import check, line, read
from evidence.locking import lock_finished, lock_sweep, still_valid, write_lock
from evidence.origin import Origin, Origins, locked_origins
from evidence.store import Store, run_key, write_run

COUNTER = itertools.count()
RECORDED = {"function": "somewhere:run", "seconds": 0.1, "train_seconds": None, "kernel": None}
SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CONFIGS = st.dictionaries(st.text(max_size=5), PLAIN, max_size=4)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOK_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("BOOK_LOCK", str(tmp_path / "lock"))
    for name in ("BOOK_FRESH", "GATEDRNN_KERNELS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A package with one run function, `run`, that reads a helper and a checksum."""
    name = f"store{os.getpid()}_{next(COUNTER)}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "data.py").write_text("SHA256 = 'abc'\n\ndef read():\n    return SHA256\n")
    (folder / "work.py").write_text(
        f"from {name}.data import read\n\ndef helper(x):\n    return x + 1\n\n"
        "def run(*, width, seed):\n    return {'score': helper(width) + seed, 'data': read()}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module(f"{name}.work")


def edit(module, old, new, file=None):
    path = file or module.__file__
    with open(path, encoding="utf-8") as opened:
        text = opened.read()
    assert old in text
    with open(path, "w", encoding="utf-8") as opened:
        opened.write(text.replace(old, new))
    stamp = os.stat(path).st_mtime_ns + 1_000_000
    os.utime(path, ns=(stamp, stamp))


def filled(module, name="sweep", widths=(1, 2, 3)):
    """A store of a few runs, and their configurations."""
    origin = Origin.of(module.run)
    configs = [{"width": width, "seed": seed} for width in widths for seed in (0, 1)]
    recorded = {**RECORDED, "function": origin.function}
    for config in configs:
        write_run(name, origin, config, {"metrics": module.run(**config), "curves": {}}, recorded)
    return origin, configs


def locked(module, name="sweep"):
    """The same runs in the lock alone."""
    origin, configs = filled(module, name)
    path = lock_sweep(name, [run_key(config, origin) for config in configs])
    for file in (runs.paths.store() / name).iterdir():
        file.unlink()
    return path, configs


# --- the key


def test_the_key_holds_configuration_code_data_and_torch(module):
    origin = Origin.of(module.run)
    assert {each.rpartition(":")[2] for each in origin.code} == {"run", "helper", "read"}
    assert list(origin.data.values()) == ["abc"]
    assert origin.torch == importlib.metadata.version("torch").partition("+")[0]
    config = {"width": 1, "seed": 0}
    keys = {
        run_key(config, origin),
        run_key({**config, "seed": 1}, origin),
        run_key({**config, "width": 1.0}, origin),
        run_key({**config, "more": None}, origin),
        run_key(config, dataclasses.replace(origin, torch="0")),
        run_key(config, dataclasses.replace(origin, data={"data": "abd"})),
        run_key(config, dataclasses.replace(origin, code={})),
        run_key(config, dataclasses.replace(origin, function="other:run")),
    }
    assert len(keys) == 8
    assert run_key(dict(reversed(config.items())), origin) == run_key(config, origin)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("x + 1", "x - 1", "code changed: {0}.work:helper"),
        ("helper(width) + seed", "helper(width) - seed", "code changed: {0}.work:run"),
    ],
)
@pytest.mark.parametrize("kept", ["store", "lock"])
def test_changed_code_misses_and_is_named(module, old, new, reason, kept):
    _, configs = filled(module) if kept == "store" else locked(module)
    edit(module, old, new)
    store = Store("sweep", Origins(module.run))
    assert [store.find(config) for config in configs] == [None] * len(configs)
    assert dict(store.reasons) == {reason.format(module.__package__): len(configs)}
    assert store.damaged == []


@pytest.mark.parametrize("kept", ["store", "lock"])
def test_changed_data_misses_and_is_named(module, kept):
    _, configs = filled(module) if kept == "store" else locked(module)
    edit(module, "abc", "abd", module.__file__.replace("work.py", "data.py"))
    store = Store("sweep", Origins(module.run))
    assert store.find(configs[0]) is None
    assert dict(store.reasons) == {f"data changed: {module.__package__}.data": 1}


def test_another_torch_misses_and_is_named(module, monkeypatch):
    _, configs = filled(module)
    monkeypatch.setattr(origin, "version", lambda _: "9.9+cpu")
    store = Store("sweep", Origins(module.run))
    assert store.find(configs[0]) is None
    (reason,) = store.reasons
    assert reason.startswith("torch ") and reason.endswith("→ 9.9")


def test_many_changes_are_counted_not_listed():
    one, two = (Origin("m:run", {f"m:f{i}": str(value) for i in range(6)}, {}, "1") for value in (0, 1))
    assert one.difference(two) == "code changed: m:f0, m:f1, m:f2 and 3 more"


def test_data_no_longer_read_is_named():
    one = Origin("m:run", {}, {}, "1")
    two = Origin("m:run", {}, {"tasks.kjv": "abc"}, "1")
    assert one.difference(two) == two.difference(one) == "data changed: tasks.kjv"


@pytest.mark.parametrize("bad", [lambda seed: {}, "text".upper, Store.find])
def test_only_a_top_level_function_has_an_origin(bad):
    """Closures of one text can differ in what they hold: their runs could not be told apart."""
    with pytest.raises(ValueError, match=r"^run = .* is not allowed: a top-level function of a module$"):
        Origins(bad)


def test_code_loaded_before_it_changed_on_disk_is_told(module):
    assert origin.changed_since_loaded(Origin.of(module.run)) == []
    edit(module, "x + 1", "x + 1  # a comment")
    assert origin.changed_since_loaded(Origin.of(module.run)) == []
    edit(module, "x + 1", "x - 1")
    assert origin.changed_since_loaded(Origin.of(module.run)) == [f"{module.__name__}:helper"]
    edit(module, "x - 1", "x + 1")
    assert origin.changed_since_loaded(Origin.of(module.run)) == []


# --- the store


@SETTINGS
@given(config=CONFIGS, metrics=CONFIGS, curves=st.dictionaries(st.integers(0, 20), st.lists(st.floats(), max_size=3)))
def test_a_run_is_found_again_just_as_it_was_written(config, metrics, curves):
    origin = Origin("m:run", {"m:run": "1"}, {}, "1")
    written = write_run("any", origin, config, {"metrics": metrics, "curves": curves}, RECORDED)
    store = Store("any", lambda _: origin)
    found = store.find(config)
    assert json.dumps(found, sort_keys=True) == json.dumps(
        written, sort_keys=True
    )  # NaN is kept, and is not equal to itself
    assert not store.reasons and not store.damaged


@SETTINGS
@given(configs=st.lists(CONFIGS, min_size=1, max_size=4))
def test_a_run_is_found_again_from_the_lock(configs):
    origin = Origin.of(write_run)
    reference = f"{write_run.__module__}:{write_run.__qualname__}"
    rows = [write_run("any", origin, each, {"metrics": each, "curves": {}}, RECORDED) for each in configs]
    path = write_lock("any", reference, rows)
    for file in (runs.paths.store() / "any").iterdir():
        file.unlink()
    store = Store("any", lambda _: origin)
    assert [store.find(each) for each in configs] == rows
    assert not store.damaged
    path.unlink()


def test_nothing_stored_has_its_own_reason(module):
    store = Store("sweep", Origins(module.run))
    assert store.find({"width": 1, "seed": 0}) is None
    assert dict(store.reasons) == {"no stored run": 1}


@SETTINGS
@given(data=st.data())
def test_a_truncated_or_altered_file_is_named_and_the_others_stay(data):
    name = f"damaged{next(COUNTER)}"
    origin = Origin("m:run", {"m:run": "1"}, {}, "1")
    configs = [{"width": width, "seed": 0} for width in range(3)]
    for config in configs:
        write_run(name, origin, config, {"metrics": {"score": 0.25}, "curves": {"step": [1, 2]}}, RECORDED)
    path = runs.paths.store() / name / f"{run_key(configs[1], origin)}.json"
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        hurt = whole[: data.draw(st.integers(0, len(whole) - 2))]  # the last byte is the line's end
    else:
        at = data.draw(st.integers(0, len(whole) - 2))
        byte = data.draw(st.integers(33, 126).filter(lambda each: each != whole[at]))
        hurt = whole[:at] + bytes([byte]) + whole[at + 1 :]
    path.write_bytes(hurt)
    store = Store(name, lambda _: origin)
    found = [store.find(config) for config in configs]
    assert [each is None for each in found] == [False, True, False]
    assert store.damaged == [str(path)]
    assert dict(store.reasons) == {"stored row truncated or altered": 1}


def test_damage_is_named_in_the_log(module, caplog):
    origin, configs = filled(module)
    path = runs.paths.store() / "sweep" / f"{run_key(configs[0], origin)}.json"
    path.write_text(path.read_text().replace('"score":2', '"score":3'))
    with caplog.at_level(logging.WARNING):
        Store("sweep", lambda _: origin).find(configs[0])
    assert caplog.messages == [f"stored run {path} is truncated or altered: it is computed again"]


def test_a_row_under_the_name_of_another_is_no_result(module):
    origin, configs = filled(module)
    folder = runs.paths.store() / "sweep"
    first, second = (folder / f"{run_key(config, origin)}.json" for config in configs[:2])
    second.write_text(first.read_text())
    store = Store("sweep", lambda _: origin)
    assert store.find(configs[0]) is not None
    assert store.find(configs[1]) is None
    assert store.damaged == [str(second)]


def test_a_damaged_manifest_only_costs_the_reason(module):
    origin, configs = filled(module)
    (runs.paths.store() / "sweep" / f"origin-{origin.id}.json").write_text('{"function": "m')
    edit(module, "x + 1", "x - 1")
    store = Store("sweep", Origins(module.run))
    assert store.find(configs[0]) is None
    assert dict(store.reasons) == {"no stored run": 1}


def test_a_write_cut_short_leaves_no_row(module, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    origin = Origin.of(module.run)
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_run("sweep", origin, {"width": 1, "seed": 0}, {"metrics": {}, "curves": {}}, RECORDED)
    monkeypatch.undo()
    assert not list((runs.paths.store() / "sweep").glob("[0-9a-f]*.json"))


# --- the lock


def test_the_lock_is_sorted_one_line_a_run_and_the_same_byte_for_byte(module):
    origin, configs = filled(module)
    keys = [run_key(config, origin) for config in configs]
    path = lock_sweep("sweep", keys)
    first = path.read_bytes()
    lines = list(read(first.decode().splitlines()))
    assert lines[0]["id"] == origin.id and locked_origins() == {origin.id: origin}
    assert len(lines) == 1 + len(configs)
    texts = [json.dumps(line["config"], sort_keys=True) for line in lines[1:]]
    assert texts == sorted(texts)
    assert lock_sweep("sweep", reversed(keys)).read_bytes() == first
    assert write_lock("sweep", module.run, reversed(lines[1:])).read_bytes() == first
    for file in (runs.paths.store() / "sweep").iterdir():
        file.unlink()
    assert lock_sweep("sweep", keys).read_bytes() == first, "from the present lock alone"


def test_locked_runs_are_found_and_fresh_ignores_them(module, monkeypatch):
    _, configs = locked(module)
    store = Store("sweep", Origins(module.run))
    assert [store.find(config)["metrics"]["score"] for config in configs] == [2, 3, 3, 4, 4, 5]
    monkeypatch.setenv("BOOK_FRESH", "1")
    store = Store("sweep", Origins(module.run))
    assert [store.find(config) for config in configs] == [None] * len(configs)
    assert dict(store.reasons) == {"no stored run": len(configs)}


@SETTINGS
@given(line=st.integers(1, 6), at=st.floats(0, 0.999), cut=st.booleans())
def test_a_damaged_line_of_the_lock_is_named_and_the_others_stay(line, at, cut):
    name = f"lock{next(COUNTER)}"
    origin = Origin.of(write_run)
    configs = [{"width": width, "seed": 0} for width in range(6)]
    rows = [write_run(name, origin, config, {"metrics": {"score": 1}, "curves": {}}, RECORDED) for config in configs]
    path = write_lock(name, "evidence.store:write_run", rows)
    for file in (runs.paths.store() / name).iterdir():
        file.unlink()
    lines = path.read_text().splitlines()
    text = lines[line]
    here = int(at * len(text))
    lines[line] = text[:here] if cut else text[:here] + ("#" if text[here] != "#" else "!") + text[here + 1 :]
    path.write_text("\n".join(lines) + "\n")
    store = Store(name, lambda _: origin)
    found = [store.find(config) for config in configs]
    assert [each is None for each in found] == [number == line for number in range(1, 7)]
    assert store.damaged == [f"{path}:{line + 1}"]
    assert dict(store.reasons) == {"row missing from the lock, which has damaged lines": 1}


def test_a_lock_cut_off_in_the_middle_keeps_what_is_whole(module):
    path, configs = locked(module)
    whole = path.read_bytes()
    *kept, cut = whole.splitlines(keepends=True)[:4]
    path.write_bytes(b"".join(kept) + cut[: len(cut) // 2])
    store = Store("sweep", Origins(module.run))
    found = [store.find(config) is not None for config in configs]
    assert True in found and False in found
    assert len(store.damaged) == 1


def test_a_sound_run_in_the_store_stands_in_for_a_damaged_line(module):
    origin, configs = filled(module)
    path = lock_sweep("sweep", [run_key(config, origin) for config in configs])
    header, first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, first.replace("[2]", "[3]"), *others]))
    store = Store("sweep", lambda _: origin)
    assert store.find(configs[0])["metrics"]["score"] == 2
    assert len(store.damaged) == 1


def rows_of(path):
    return {each["key"] for each in read(path.read_text().splitlines()) if "config" in each}


def test_the_lock_keeps_what_it_holds_unless_it_is_pruned_or_of_other_code(module):
    origin, configs = filled(module)
    keys = [run_key(config, origin) for config in configs]
    lock_sweep("sweep", keys[:4])
    assert rows_of(lock_sweep("sweep", keys[4:])) == {*keys}
    assert rows_of(lock_sweep("sweep", keys[:2], prune=True)) == {*keys[:2]}
    edit(module, "x + 1", "x - 1")
    _, more = filled(module, widths=(7,))
    assert rows_of(lock_sweep("sweep", [run_key(each, Origin.of(module.run)) for each in more])).isdisjoint(keys)


def test_finished_runs_are_locked_before_a_chapter_uses_them(module):
    _, configs = filled(module)
    assert lock_finished("sweep") == len(configs)
    assert still_valid("sweep")
    edit(module, "x + 1", "x - 1")
    assert not still_valid("sweep")
    with pytest.raises(ValueError, match="no finished run of the code of today"):
        lock_finished("sweep")


def test_an_altered_run_is_never_locked(module):
    origin, configs = filled(module)
    path = runs.paths.store() / "sweep" / f"{run_key(configs[0], origin)}.json"
    path.write_text(path.read_text().replace('"score":2', '"score":3'))
    with pytest.raises(ValueError, match=r"^sweep 'sweep': 1 of 6 runs are not stored, such as [0-9a-f]{16}-"):
        lock_sweep("sweep", [run_key(config, origin) for config in configs])
    assert not (runs.paths.lock() / "sweep.jsonl").exists()


def test_runs_of_other_code_are_never_locked(module):
    origin, configs = filled(module)
    edit(module, "x + 1", "x - 1")
    with pytest.raises(ValueError, match=r"^sweep 'sweep': 6 of 6 runs come from other code than that on disk now$"):
        lock_sweep("sweep", [run_key(config, origin) for config in configs])


def test_missing_runs_are_not_locked(module):
    origin, _ = filled(module)
    with pytest.raises(ValueError, match="1 of 1 runs are not stored"):
        lock_sweep("sweep", [run_key({"width": 99, "seed": 0}, origin)])
    with pytest.raises(ValueError, match="no runs to lock"):
        lock_sweep("sweep", [])


def forged(path, **changes):
    """Rewrite a stored row with some parts changed and a check of its own."""
    row = {**json.loads(path.read_text()), **changes}
    row = {name: part for name, part in row.items() if part is not None}
    row["check"] = check(row)
    path.write_text(line(row))


@pytest.mark.parametrize("changes", [{"config": {"width": 9, "seed": 9}}, {"metrics": None}, {"recorded": "x"}])
def test_a_row_with_a_sound_check_but_foreign_or_missing_parts_is_no_result(module, changes):
    origin, configs = filled(module)
    path = runs.paths.store() / "sweep" / f"{run_key(configs[0], origin)}.json"
    forged(path, **changes)
    store = Store("sweep", lambda _: origin)
    assert store.find(configs[0]) is None and store.damaged == [str(path)]
    with pytest.raises(ValueError, match="1 of 1 runs are not stored"):
        lock_sweep("sweep", [run_key(configs[0], origin)])


def test_a_deeply_nested_store_file_is_damage_and_no_crash(module):
    origin, configs = filled(module)
    path = runs.paths.store() / "sweep" / f"{run_key(configs[0], origin)}.json"
    path.write_text("[" * 100_000)
    assert Store("sweep", lambda _: origin).find(configs[0]) is None


def asked_for(monkeypatch, kernels):
    if kernels:
        monkeypatch.setenv("GATEDRNN_KERNELS", kernels)
    else:
        monkeypatch.delenv("GATEDRNN_KERNELS", raising=False)


def by_kernel(origin, config, score, monkeypatch, kernels=None):
    """A finished run of the kernels that were asked for."""
    asked_for(monkeypatch, kernels)
    recorded = {**RECORDED, "function": origin.function, "kernel": "stepwise" if kernels else "matched"}
    recorded |= {"asked": kernels} if kernels else {}
    return write_run("sweep", origin, config, {"metrics": {"score": score}, "curves": {}}, recorded)


def test_rows_of_another_kernel_path_are_found_only_when_asked_for(module, monkeypatch):
    origin, (config, other, *_) = filled(module)
    (runs.folder_of("sweep") / f"{run_key(config, origin)}.json").unlink()
    by_kernel(origin, config, 0, monkeypatch, "torch")
    by_kernel(origin, other, 1, monkeypatch)

    def found():
        rows = [Store("sweep", lambda _: origin).find(each) for each in (config, other)]
        return [row and row["metrics"]["score"] for row in rows]

    assert found() == [None, 1]
    monkeypatch.setenv("GATEDRNN_KERNELS", "torch")
    assert found() == [0, None]


def test_a_run_by_other_kernels_leaves_the_stored_and_the_locked_one_alone(module, monkeypatch):
    origin, (config, *_) = filled(module)
    (runs.paths.store() / "sweep" / f"{run_key(config, origin)}.json").unlink()
    by_kernel(origin, config, 1, monkeypatch)
    by_kernel(origin, config, 2, monkeypatch, "torch")
    assert Store("sweep", lambda _: origin).find(config)["metrics"] == {"score": 2}
    asked_for(monkeypatch, None)
    assert Store("sweep", lambda _: origin).find(config)["metrics"] == {"score": 1}
    path = lock_sweep("sweep", [run_key(config, origin)])
    assert [row["metrics"] for row in read(path.read_text().splitlines()) if row and "key" in row] == [{"score": 1}]
    asked_for(monkeypatch, "torch")
    assert Store("sweep", lambda _: origin).find(config)["metrics"] == {"score": 2}, (
        "beside a locked row of the other kernels"
    )


@pytest.mark.parametrize(("fresh", "score"), [(False, 1), (True, 2)])
def test_the_lock_keeps_the_row_that_the_chapter_used(module, monkeypatch, fresh, score):
    origin, (config, *_) = filled(module)
    by_kernel(origin, config, 1, monkeypatch)
    key = run_key(config, origin)
    lock_sweep("sweep", [key])
    by_kernel(origin, config, 2, monkeypatch)  # such as of another processor, made without the lock
    path = lock_sweep("sweep", [key], fresh)
    assert [row["metrics"]["score"] for row in read(path.read_text().splitlines()) if row and "key" in row] == [score]


def test_the_kinds_of_the_locked_rows_are_known_also_where_the_lock_is_not_trusted(module, monkeypatch):
    _, configs = locked(module)
    monkeypatch.setenv("BOOK_FRESH", "1")
    store = Store("sweep", Origins(module.run))
    assert store.kinds == {"None, no kernel"} and store.find(configs[0]) is None


def test_kernels_that_nobody_heeds_are_refused(module, monkeypatch):
    monkeypatch.setenv("GATEDRNN_KERNELS", "Torch")
    with pytest.raises(ValueError, match=r"^GATEDRNN_KERNELS = 'Torch' is not allowed: torch, or nothing$"):
        filled(module)


def test_rows_of_the_fallback_count_only_where_nothing_compiles(module, monkeypatch):
    origin, (config, *_) = filled(module)
    write_run("sweep", origin, config, {"metrics": {}, "curves": {}}, {**RECORDED, "kernel": "stepwise"})
    monkeypatch.setenv("CXX", "sh")  # stands for a compiler
    assert Store("sweep", lambda _: origin).find(config) is None
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert Store("sweep", lambda _: origin).find(config) is not None
