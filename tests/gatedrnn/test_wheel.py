"""The package that anyone installs: it holds the cells alone, and works where the checkout is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CODE = {".py", ".cpp", ".h"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what a package is built from, so that nothing that was built before gets into it."""
    copy = tmp_path_factory.mktemp("wheel") / "my book"
    shutil.copytree(PROJECT / "lib", copy / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(PROJECT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout) -> Path:
    """Built without isolation and without a network."""
    command = [sys.executable, "-m", "pip", "wheel", str(checkout), "--wheel-dir", str(checkout / "out")]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*command, *options], check=True, cwd=checkout.parent)
    (file,) = (checkout / "out").glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The folder into which the wheel was unpacked."""
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_it_holds_all_code_of_the_cells_and_nothing_else(checkout, wheel):
    lib = checkout / "lib"
    files = (each for each in (lib / "gatedrnn").rglob("*") if each.suffix in CODE)
    expected = {each.relative_to(lib).as_posix() for each in files}
    with zipfile.ZipFile(wheel) as archive:
        names = {each for each in archive.namelist() if ".dist-info/" not in each}
    assert names == expected and "gatedrnn/kernels/matched.cpp" in names
    assert wheel.name.startswith("gatedrnn-") and wheel.name.endswith("-py3-none-any.whl")


def test_it_asks_for_torch_numpy_and_what_compiles(installed):
    (folder,) = installed.glob("*.dist-info")
    about = PathDistribution(folder)
    always = [each for each in about.requires or [] if ";" not in each]
    assert sorted(always) == ["filelock", "numpy", "platformdirs", "torch>=2.13"]
    assert set(about.metadata.get_all("Provides-Extra")) == {"book", "test", "bench", "cluster", "lint"}


def test_elsewhere_and_without_a_compiler_it_works_says_so_once_and_keeps_to_the_users_cache(installed, tmp_path):
    code = (
        "import torch, gatedrnn.nn; from gatedrnn.kernels import library; torch.manual_seed(0)\n"
        "model, x = torch.nn.Sequential(torch.nn.GRU(3, 8)), torch.randn(5, 2, 3)\n"
        "before = model(x)[0]; gatedrnn.nn.swap(model); torch.testing.assert_close(model(x)[0], before)\n"
        "model(x); print(gatedrnn.nn.__file__, library.available(), library.cache_folder(), sep='\\n')"
    )
    (tmp_path / "bin").mkdir()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("OMP", "LD_"))}
    environment = {**kept, "PYTHONPATH": str(installed), "HOME": str(tmp_path), "PATH": str(tmp_path / "bin")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file, available, cache = done.stdout.splitlines()
    assert Path(file) == installed / "gatedrnn" / "nn.py" and available == "False"
    assert tmp_path in Path(cache).parents
    assert done.stderr.count("no C++ compiler") == 1 and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "_build").exists()  # nothing in the folder it was called from


def test_an_editable_installation_finds_the_packages_of_the_book_too(checkout):
    code = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    out = checkout / "editable"
    out.mkdir()
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, cwd=checkout, capture_output=True)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        (path,) = (each for each in archive.namelist() if each.endswith(".pth"))
        assert archive.read(path).decode().split("\n")[0] == str(checkout / "lib")
