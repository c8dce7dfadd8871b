"""What a run reaches: an edit that could change a result changes the digest, an edit that cannot does not."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gatedrnn
from evidence import digest as codedigest

FILES = {
    "__init__": "",
    "constants": "SCALE = 2\nUNUSED = 3\nFIRST, SECOND = 4, 5\nTABLE: dict[str, int] = {'a': 1}\n",
    "base": "class Base:\n    def step(self):\n        return 1\n\n\nclass Other:\n    pass\n",
    "cells": """
        \"\"\"Cells.\"\"\"
        from {name}.base import Base
        from {name} import constants

        class Cell(Base):
            \"\"\"A cell.\"\"\"
            def forward(self, x):
                \"\"\"One step.\"\"\"
                return x + constants.SCALE

        class Spare(Base):
            def forward(self, x):
                return x

        def spare(x):
            return x - 1

        CELLS = {{"cell": Cell}}
    """,
    "marks": """
        REGISTRY = {{}}

        def register(function):
            REGISTRY[function.__name__] = function
            return function

        def twice(function):
            def wrapped(*arguments):
                return 2 * function(*arguments)
            return wrapped
    """,
    "tasks/__init__": "from {name}.marks import REGISTRY\n",
    "tasks/recall": """
        import {name}.marks
        SHA256 = "abc"

        @{name}.marks.register
        def recall(seed):
            return seed + 1

        def read():
            return SHA256
    """,
    "tasks/adding": "def adding(seed):\n    return seed + 2\n\n\ndef other():\n    return 0\n",
    "kernels/__init__": "",
    "kernels/fused": "from pathlib import Path\n\ndef fused(x):\n    return Path(__file__).with_name('fused.cpp')\n",
    "plots": "def draw(frame):\n    return frame\n",
    "late": "def late(x):\n    return x\n",
    "early": "def late(x):\n    return -x\n",
    "optional": """
        try:
            from {name}.late import late as chosen
        except ImportError:
            from {name}.early import late as chosen

        if chosen is not None:
            def branch(x):
                return chosen(x)
    """,
    "loop": "from {name}.marks import twice\n\n@twice\ndef train(x):\n    # a comment\n    return x\n",
    "startup": "import {name}.settings\n\ndef start():\n    return 0\n",
    "settings": "import math\n\nmath.floor(1.5)\n",
    "spread": "from {name}.constants import *\n\ndef total():\n    return SECOND\n",
    "relative": "from .constants import SCALE\nfrom . import base\n\ndef relative():\n    return SCALE, base.Base\n",
    "tasks/near/__init__": """
        from .. import adding
        from .deep import deep

        def near():
            return adding.adding, deep
    """,
    "tasks/near/deep": "def deep():\n    return 0\n",
    "experiment": """
        from {name} import cells, plots
        from {name}.loop import train
        from {name}.tasks import REGISTRY, recall

        def by_attribute():
            return cells.Cell()

        def by_registry(name):
            return cells.CELLS[name]

        def by_getattr(name):
            return getattr(cells, name)

        def by_decorator(name):
            return REGISTRY[name]

        def by_import():
            return train(1)

        def by_local_import():
            from {name}.late import late
            return late(1)

        def by_other_local_import():
            from {name}.early import late
            return late(1)

        def by_dotted_import():
            import {name}.tasks.adding
            return {name}.tasks.adding.adding(1)

        def by_optional():
            from {name}.optional import branch
            return branch

        def by_kernel():
            from {name}.kernels.fused import fused
            return fused

        def by_start():
            from {name}.startup import start
            return start

        def by_star():
            from {name}.spread import total
            return total

        def by_relative():
            from {name} import relative
            from {name}.tasks import near
            return relative.relative(), near.near()

        def by_data():
            return recall.read()

        def plot(frame):
            return plots.draw(frame)
    """,
}
COUNTER = itertools.count()


class Package:
    """A small package on disk and on `sys.path`, edited by the tests and never run."""

    def __init__(self, folder: Path) -> None:
        self.name = f"fake{os.getpid()}_{next(COUNTER)}"
        self.root = folder / self.name
        for path, text in FILES.items():
            self.write(path, dedent(text.replace("{name}", self.name).replace("{{", "{").replace("}}", "}")))
        (self.root / "kernels" / "fused.cpp").write_text("// fused\nint f(int x) { return x + 1; }\n")
        importlib.invalidate_caches()

    def write(self, path: str, text: str) -> None:
        file = self.root / f"{path}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / (path if "." in path else f"{path}.py")
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{old!r} not in {path}"
        file.write_text(text.replace(old, new), encoding="utf-8")
        stamp = file.stat().st_mtime_ns + 1_000_000
        os.utime(file, ns=(stamp, stamp))

    def digest(self, function: str) -> codedigest.Digest:
        return codedigest.follow([(f"{self.name}.experiment", function)], [self.name])


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return Package(tmp_path)


SEEN = [
    ("by_attribute", "experiment", "return cells.Cell()", "return cells.Cell"),
    ("by_attribute", "cells", "x + constants.SCALE", "x - constants.SCALE"),
    ("by_attribute", "constants", "SCALE = 2", "SCALE = 2.5"),
    ("by_attribute", "base", "return 1", "return 2"),
    ("by_registry", "cells", "x + constants.SCALE", "x - constants.SCALE"),
    ("by_registry", "cells", '{"cell": Cell}', '{"cell": Spare}'),
    ("by_registry", "cells", '{"cell": Cell}', '{"cell": Cell}\nCELLS["spare"] = Spare'),
    ("by_registry", "cells", '{"cell": Cell}', '{"cell": Cell}\nCELLS.update(spare=Spare)'),
    ("by_getattr", "cells", "return x - 1", "return x - 2"),
    ("by_getattr", "base", "return 1", "return 2"),
    ("by_decorator", "tasks/recall", "seed + 1", "seed - 1"),
    ("by_decorator", "marks", "REGISTRY[function.__name__]", "REGISTRY['other']"),
    ("by_import", "loop", "return x", "return x + 1"),
    ("by_import", "marks", "2 * function", "3 * function"),
    ("by_local_import", "late", "return x", "return x + 1"),
    ("by_other_local_import", "early", "return -x", "return +x"),
    ("by_dotted_import", "tasks/adding", "seed + 2", "seed - 2"),
    ("by_optional", "late", "return x", "return x + 1"),
    ("by_optional", "early", "return -x", "return +x"),
    ("by_optional", "optional", "return chosen(x)", "return -chosen(x)"),
    ("by_kernel", "kernels/fused.cpp", "x + 1", "x - 1"),
    ("by_start", "settings", "math.floor(1.5)", "math.floor(2.5)"),
    ("by_start", "__init__", "", "print(1)\n"),
    ("by_star", "constants", "FIRST, SECOND = 4, 5", "FIRST, SECOND = 4, 6"),
    ("by_relative", "constants", "SCALE = 2", "SCALE = 7"),
    ("by_relative", "base", "return 1", "return 2"),
    ("by_relative", "tasks/adding", "seed + 2", "seed - 2"),
    ("by_relative", "tasks/near/deep", "return 0", "return 1"),
    ("by_data", "tasks/recall", '"abc"', '"abd"'),
    ("by_data", "tasks/recall", "return SHA256", "return SHA256 + 'x'"),
]
UNSEEN = [
    ("by_attribute", "plots", "return frame", "return frame + 1"),
    ("by_attribute", "experiment", "return plots.draw(frame)", "return None"),
    ("by_attribute", "constants", "UNUSED = 3", "UNUSED = 30"),
    ("by_attribute", "cells", "return x - 1", "return x - 2"),
    ("by_attribute", "cells", '"""One step."""', '"""One step, said otherwise."""'),
    ("by_attribute", "cells", '"""A cell."""', ""),
    ("by_attribute", "cells", '"""Cells."""', '"""All cells."""\n# a comment\n\n\n'),
    ("by_attribute", "cells", "x + constants.SCALE", "(\n            x + constants.SCALE  # why\n        )"),
    ("by_attribute", "base", "class Other:\n    pass", "class Other:\n    x = 1"),
    ("by_import", "loop", "# a comment", "# another comment"),
    ("by_dotted_import", "tasks/adding", "return 0", "return 9"),
    ("by_local_import", "early", "return -x", "return +x"),
    ("by_kernel", "kernels/fused.cpp", "// fused\n", "/* fused,\n   said otherwise */\n\n"),
    ("by_start", "plots", "return frame", "return frame + 1"),
    ("by_registry", "experiment", "from {name} import cells, plots", "from {name} import plots, cells"),
]


@pytest.mark.parametrize(("function", "path", "old", "new"), SEEN)
def test_an_edit_of_what_a_run_reaches_is_seen(package, function, path, old, new):
    before = package.digest(function)
    if old:
        package.edit(path, old, new)
    else:
        package.write(path, new)
    assert package.digest(function).total != before.total


@pytest.mark.parametrize(("function", "path", "old", "new"), UNSEEN)
def test_an_edit_beside_what_a_run_reaches_is_not_seen(package, function, path, old, new):
    before = package.digest(function)
    package.edit(path, *(text.replace("{name}", package.name) for text in (old, new)))
    assert package.digest(function) == before


def test_the_changed_symbol_is_the_one_named(package):
    before = package.digest("by_registry").code
    package.edit("constants", "SCALE = 2", "SCALE = -2")
    after = package.digest("by_registry").code
    assert {key for key in before if before[key] != after[key]} == {f"{package.name}.constants:SCALE"}
    assert before.keys() == after.keys()


def test_checksums_of_data_are_kept_apart_from_code(package):
    digest = package.digest("by_data")
    assert digest.data == {f"{package.name}.tasks.recall": "abc"}
    assert not any(key.endswith(":SHA256") for key in digest.code)


def test_a_comment_mark_inside_a_cpp_text_is_no_comment(package):
    package.edit("kernels/fused.cpp", "return x + 1;", 'const char* s = "// 1"; return x + 1;')
    before = package.digest("by_kernel")
    package.edit("kernels/fused.cpp", "// 1", "// 2")
    assert package.digest("by_kernel") != before


def test_a_cpp_source_added_beside_a_kernel_is_seen(package):
    before = package.digest("by_kernel")
    (package.root / "kernels" / "more.h").write_text("#define N 1\n")
    assert package.digest("by_kernel") != before


def test_a_notebook_reaches_what_its_imports_name(package):
    source = f"from {package.name} import cells\nimport {package.name}.tasks.recall\ncell = cells.spare(1)\n"

    def digest():
        return codedigest.reached_by_source(source, [package.name])

    before = digest()
    package.edit("cells", "x + constants.SCALE", "x - constants.SCALE")
    assert digest() == before
    package.edit("cells", "x - 1", "x - 2")
    after = digest()
    assert after != before
    package.edit("tasks/recall", "seed + 1", "seed + 3")
    assert digest() != after


def test_digesting_imports_no_module_of_the_package(package):
    package.write("late", "raise RuntimeError('imported')\ndef late(x):\n    return x\n")
    assert f"{package.name}.late:late" in package.digest("by_local_import").code
    assert f"{package.name}.late" not in sys.modules


def test_a_function_outside_the_package_is_followed_too(package):
    package.write("entry", "from evidence.paths import root\n\ndef run(seed):\n    return root()\n")
    module = importlib.import_module(f"{package.name}.entry")
    assert codedigest.reached(module.run).code.keys() >= {f"{package.name}.entry:run", "evidence.paths:root"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=6, unique=True),
    links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=8),
    edited=st.integers(0, 5),
)
def test_exactly_the_symbols_downstream_of_an_edit_change(tmp_path, names, links, edited):
    """Random graphs of modules, linked in every style: those that reach an edit miss, no others."""
    if str(tmp_path) not in sys.path:
        sys.path.insert(0, str(tmp_path))
    name = f"graph{os.getpid()}_{next(COUNTER)}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    edges: dict[str, set[str]] = {each: set() for each in names}
    bodies = {each: (["def run():", "    found = 0"], []) for each in names}
    for start, end, style in links:
        a, b = names[start % len(names)], names[end % len(names)]
        if a == b or b in edges[a]:
            continue
        edges[a].add(b)
        body, head = bodies[a]
        if style == 0:
            head.append(f"from {name}.{b} import run as run_{b}")
            body.append(f"    found += run_{b}()")
        elif style == 1:
            head.append(f"from {name} import {b}")
            body.append(f"    found += {b}.run()")
        elif style == 2:
            head.append(f"import {name}.{b}")
            body.append(f"    found += {name}.{b}.run()")
        else:
            body += [f"    from {name} import {b} as local", f"    found += local.run(), {len(body)}"]

    def write(each: str, value: int) -> None:
        body, head = bodies[each]
        (folder / f"{each}.py").write_text("\n".join([*head, "", *body, f"    return found + {value}", ""]))

    for each in names:
        write(each, 0)
    importlib.invalidate_caches()
    before = {each: codedigest.follow([(f"{name}.{each}", "run")], [name]).total for each in names}
    target = names[edited % len(names)]
    write(target, 10)
    reaching = {target}
    while more := {each for each in names if edges[each] & reaching} - reaching:
        reaching |= more
    after = {each: codedigest.follow([(f"{name}.{each}", "run")], [name]).total for each in names}
    assert {each for each in names if before[each] != after[each]} == reaching


ASK = """
import json, sys
from evidence import digest as codedigest
digest = codedigest.follow([("experiments.ablation.runs", "run")])
print(json.dumps({"code": digest.code, "data": digest.data, "torch": "torch" in sys.modules}))
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A copy of the book's own library, and what its ablation reaches."""
    folder = tmp_path_factory.mktemp("real")
    for name in codedigest.PACKAGES:
        shutil.copytree(
            Path(gatedrnn.__file__).parents[1] / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )

    def ask():
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        found = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
        return json.loads(found.stdout)

    return folder, ask, ask()


@pytest.mark.parametrize(
    ("file", "old", "new", "symbol"),
    [
        ("gatedrnn/cells.py", "c = f * c + i * g", "c = f * c - i * g", "gatedrnn.cells:LSTM"),
        ("gatedrnn/training.py", "optimiser.step()", "optimiser.step(None)", "gatedrnn.training:train_step"),
        ("tasks/recall.py", "SYMBOLS = ", "SYMBOLS = 1 + ", "tasks.recall:SYMBOLS"),
    ],
)
def test_one_changed_sign_is_seen_in_the_book_itself(real, file, old, new, symbol):
    folder, ask, before = real
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    try:
        path.write_text(text.replace(old, new), encoding="utf-8")
        after = ask()
    finally:
        path.write_text(text, encoding="utf-8")
    changed = {key for key in before["code"] if before["code"][key] != after["code"].get(key)}
    assert changed == {symbol}


FIGURES, CELLS, TRAINING = "evidence/figures.py", "gatedrnn/cells.py", "gatedrnn/training.py"


def test_plots_docstrings_and_comments_of_the_book_itself_do_not_count(real):
    folder, ask, before = real
    kept = {name: (folder / name).read_text(encoding="utf-8") for name in (FIGURES, CELLS, TRAINING)}
    try:
        (folder / FIGURES).write_text(kept[FIGURES].replace("WIDTH = 7.2", "WIDTH = 9.9"), encoding="utf-8")
        (folder / CELLS).write_text("# a comment\n" + kept[CELLS].replace("Long short-term", "A long short"))
        (folder / TRAINING).write_text(kept[TRAINING].replace("# after backward", "\n        # then"))
        assert all((folder / name).read_text(encoding="utf-8") != text for name, text in kept.items())
        assert ask() == before
    finally:
        for name, text in kept.items():
            (folder / name).write_text(text, encoding="utf-8")


def test_the_ablation_reaches_cells_loop_tasks_and_checksums_without_importing_torch(real):
    _, _, found = real
    reached = {"cells:LSTM", "cells:GRU", "training:train", "training:train_step", "models:Classifier"}
    assert {f"gatedrnn.{each}" for each in reached} <= found["code"].keys()
    assert not any("figures" in key for key in found["code"])
    assert found["data"], "the SHA-256 of a data set is part of the key"
    assert not found["torch"]
