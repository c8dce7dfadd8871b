"""The environment files agree with `pyproject.toml`, which alone says what the book needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from bookkit import environment
from bookkit.errors import BookError

PROJECT = Path(__file__).resolve().parents[2]


def test_environment_yml_follows_from_pyproject() -> None:
    assert (PROJECT / "environment.yml").read_text(encoding="utf-8") == environment.conda(PROJECT)


def test_environment_yml_asks_only_conda_forge() -> None:
    content = yaml.safe_load((PROJECT / "environment.yml").read_text(encoding="utf-8"))
    assert content["channels"] == ["conda-forge", "nodefaults"]
    assert "python=3.11" in content["dependencies"]
    assert "cxx-compiler" in content["dependencies"]


def test_every_requirement_has_a_version() -> None:
    pins = environment.pins(PROJECT)
    wanted = {environment.normalised(environment.name_of(each)) for each in environment.requirements(PROJECT)}
    assert wanted <= set(pins)
    assert pins["torch"] == "2.13.0"


def test_of_a_package_named_twice_the_pin_of_the_extra_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["torch>=2", "numpy"]\noptional-dependencies = {book = ["pandas", "Torch==2.13.0"]}'
    )
    assert environment.requirements(tmp_path, ("book",)) == ["Torch==2.13.0", "numpy", "pandas"]


def test_what_is_installed_is_what_is_pinned() -> None:
    pins = environment.pins(PROJECT)
    for requirement in environment.requirements(PROJECT):
        name = environment.name_of(requirement)
        assert version(name).partition("+")[0] == pins[environment.normalised(name)]


def test_another_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    with pytest.raises(BookError, match=r"this book needs Python 3\.11; this is "):
        environment.check_python()


def test_a_missing_pin_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["left", "right"]\noptional-dependencies = {book = [], test = []}'
    )
    (tmp_path / "constraints.txt").write_text("left==1.0\n")
    with pytest.raises(BookError, match=r"constraints\.txt has no version of right"):
        environment.conda(tmp_path)


@pytest.fixture
def fake_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project whose set-up runs no pip: the commands are listed, and `.venv` gets a stand-in for Python."""
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires=["setuptools"]\n[project]\ndependencies=["x"]\n'
        "optional-dependencies={book=[], test=[], lint=[]}\n"
    )
    (tmp_path / "constraints.txt").write_text("x==1\n")
    commands: list[str] = []

    def run(command: list[str], what: str) -> None:
        commands.append(what)
        if "venv" in command:
            (tmp_path / ".venv/bin").mkdir(parents=True)
            os.symlink(sys.executable, tmp_path / ".venv/bin/python")

    monkeypatch.setattr(environment, "_run", run)
    monkeypatch.setattr(environment, "_works", lambda python: python.exists())
    return commands


def test_set_up_happens_once_and_again_when_the_pins_change(tmp_path: Path, fake_pip: list[str]) -> None:
    installed = ["installing the packages", "installing the book's own code", "loading the packages for the first time"]
    environment.set_up(tmp_path)
    assert fake_pip[1:] == installed
    environment.set_up(tmp_path)
    assert fake_pip[1:] == installed
    (tmp_path / "constraints.txt").write_text("x==2\n")
    environment.set_up(tmp_path)
    assert fake_pip[1:] == [*installed, *installed]


@pytest.mark.parametrize("name", environment.HEAVY)
def test_what_a_set_up_loads_is_there(name: str) -> None:
    assert find_spec(name)


def test_make_lets_python_keep_bytecode() -> None:
    """Where it may not, each of the many processes of a build compiles all of torch again."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of `make test`
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    rule = 'show: ; @echo "[$$PYTHONDONTWRITEBYTECODE]"'
    done = subprocess.run(["make", "--eval", rule, "show"], cwd=PROJECT, capture_output=True, text=True, env=environ)
    assert done.stdout == "[]\n", done.stderr


def test_a_killed_set_up_starts_anew(tmp_path: Path, fake_pip: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run = environment._run

    def killed(command: list[str], what: str) -> None:
        run(command, what)
        if what == "installing the packages":
            raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_run", killed)
    with pytest.raises(KeyboardInterrupt):
        environment.set_up(tmp_path)
    (tmp_path / ".venv/half").touch()
    monkeypatch.setattr(environment, "_run", run)
    environment.set_up(tmp_path)
    assert not (tmp_path / ".venv/half").exists()
    assert (tmp_path / ".venv/installed").is_file()


def test_a_failed_installation_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BookError) as caught:
        environment._run([sys.executable, "-c", "import sys; sys.exit('noise\\nERROR: no matching thing')"], "trying")
    assert str(caught.value) == "set-up failed while trying: ERROR: no matching thing"


def test_make_refuses_a_machine_without_the_right_python(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    done = subprocess.run(["make", "book", "PYTHON="], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: this book needs Python 3.11 and found: Python 3.")
