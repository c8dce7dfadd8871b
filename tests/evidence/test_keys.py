"""The keys of the published runs: a new cell changes none of them, a changed cell those of its own runs alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gatedrnn
from evidence.digest import PACKAGES, named
from gatedrnn.catalogue import CELLS

LOCK = Path(__file__).parents[2] / "results" / "runs"
ASK = """
import importlib, json, sys
from pathlib import Path
from evidence.lock import read
from evidence.origin import Origins
from evidence.store import run_key
found, origins = {}, {}
for file in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    for row in read(file.read_text(encoding="utf-8").splitlines()):
        if row and "config" in row:
            module, _, name = row["recorded"]["function"].partition(":")
            if (module, name) not in origins:
                origins[module, name] = Origins(getattr(importlib.import_module(module), name))
            key = run_key(row["config"], origins[module, name](row["config"]))
            found[f"{file.stem} {key[:16]}"] = (key, row["config"])
print(json.dumps(found))
"""
NEW_CELL = {
    "gatedrnn/catalogue.py": ('"relu": ReLURNN}', '"relu": ReLURNN, "new": RNN}'),
    "gatedrnn/kernels/shapes.py": ('"relu": Shape(1),', '"relu": Shape(1), "new": Shape(1, inner=True),'),
    "gatedrnn/kernels/library.py": ('"relu": "cells/plain.cpp",', '"relu": "cells/plain.cpp", "new": "cells/new.cpp",'),
    "gatedrnn/kernels/dispatch.py": ('"relu": torch.rnn_relu}', '"relu": torch.rnn_relu, "new": torch.rnn_relu}'),
    "gatedrnn/kernels/stepwise.py": ('"relu": _Relu}', '"relu": _Relu, "new": _Rnn}'),
    "gatedrnn/initialisation.py": ('"gru_before": "z"}', '"gru_before": "z", "new": "h"}'),
    "gatedrnn/flops.py": ('"gru_before": _Cell(', '"new": _Cell(1, 1, 1, 1, 1), "gru_before": _Cell('),
    "gatedrnn/variants.py": (
        '"gru": Variant("gru", "GRU"),',
        '"gru": Variant("gru", "GRU"), "new": Variant("new", "N"),',
    ),
    "gatedrnn/layers.py": ('"rnn": nn.RNN}', '"rnn": nn.RNN, "new": nn.RNN}'),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code, what asks for the keys of the locked runs there, and the keys before any change."""
    folder = tmp_path_factory.mktemp("copy")
    for name in PACKAGES:
        source = Path(gatedrnn.__file__).parents[1] / name
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def keys():
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", ASK, str(LOCK)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return {run: (key, config) for run, (key, config) in json.loads(done.stdout).items()}

    return folder, keys, keys()


@pytest.fixture
def edited(copy):
    """Edits files of the copy for one test."""
    folder, keys, before = copy
    kept = {}

    def edit(file, old, new):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        kept[file] = text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    yield edit, keys, before
    for file, text in kept.items():
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "gatedrnn" / "kernels" / "cells" / "new.cpp").unlink(missing_ok=True)


def changed(before, after):
    return {run for run in before if before[run][0] != after[run][0]}


def names(config, cell):
    def texts(value):
        if isinstance(value, dict | list):
            return [text for each in (value.values() if isinstance(value, dict) else value) for text in texts(each)]
        return [value] if isinstance(value, str) else []

    return any(named(text, CELLS) == cell for text in texts(config))


def test_a_new_cell_with_a_kernel_changes_no_key(copy, edited):
    edit, keys, before = edited
    for file, (old, new) in NEW_CELL.items():
        edit(file, old, new)
    (copy[0] / "gatedrnn" / "kernels" / "cells" / "new.cpp").write_text('#include "../sequence.h"\n')
    assert len(before) > 4000
    assert keys() == before


@pytest.mark.parametrize(
    ("cell", "file", "old", "new"),
    [
        ("lstm", "gatedrnn/cells.py", "c = f * c + i * g", "c = f * c - i * g"),
        ("gru", "gatedrnn/cells.py", "n = tanh(x_n + r * h_n)", "n = tanh(x_n - r * h_n)"),
        ("gru", "gatedrnn/kernels/cells/gru.cpp", "outer * r, count", "outer * z, count"),
    ],
)
def test_a_changed_sign_in_one_cell_changes_the_keys_of_its_runs_alone(edited, cell, file, old, new):
    edit, keys, before = edited
    edit(file, old, new)
    assert changed(before, keys()) == {run for run, (_, config) in before.items() if names(config, cell)}


def test_a_changed_sign_in_what_all_kernels_share_changes_the_keys_of_all_runs_of_cells(edited):
    edit, keys, before = edited
    edit("gatedrnn/kernels/tile.h", "local[m][v] = sum[m][v];", "local[m][v] = -sum[m][v];")
    assert changed(before, keys()) >= {run for run, (_, config) in before.items() if names(config, "gru")}
