"""The library of compiled kernels: what it says where it cannot be made, where it lies, and that machines agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_matched import same

from gatedrnn.kernels import library

# ---- where the kernels cannot be compiled --------------------------------------------------------------------------

ASK = """
import sys, torch
from gatedrnn.layers import Recurrent
found = {}
for name in ("lstm", "gru", "gru_before", "rnn", "relu"):
    torch.manual_seed(3)
    core = Recurrent(name, 3, 9, 2)
    x = torch.randn(6, 4, 3)
    for lengths in (None, torch.tensor([6, 1, 3, 5])):
        core.zero_grad()
        outputs, last = core(x, lengths=lengths)
        (outputs.square().sum() + last[-1].sum()).backward()
        results = [outputs, *last, *(each.grad for each in core.parameters())]
        found[name, lengths is None] = core.path, [each.detach().clone() for each in results]
if __name__ == "__main__":
    torch.save(found, sys.argv[1])
"""


def asked_elsewhere(folder, **changes):
    """What the layers give in a new process whose environment is changed, and what it said."""
    environment = {key: value for key, value in os.environ.items() if key not in ("CXX", "GATEDRNN_KERNELS")}
    environment |= {"GATEDRNN_CACHE": str(folder / "cache"), **changes}
    command = [sys.executable, "-c", ASK, str(folder / "found.pt")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not done.stdout
    return torch.load(folder / "found.pt"), done.stderr.splitlines()


@pytest.mark.parametrize("reason", ["no compiler", "broken compiler", "torch wanted", "no cache"])
def test_without_the_kernels_the_layers_work_and_say_so(reason, tmp_path):
    empty, broken, file = tmp_path / "empty", tmp_path / "broken", tmp_path / "file"
    empty.mkdir()
    file.write_text("")
    broken.write_text("#!/bin/sh\necho 'fatal error: no room' >&2\nexit 1\n")
    broken.chmod(0o755)
    changes, message = {
        "no compiler": ({"PATH": str(empty)}, "no C++ compiler (c++) was found"),
        "broken compiler": ({"CXX": str(broken)}, "no room"),
        "torch wanted": ({"GATEDRNN_KERNELS": "torch"}, None),
        "no cache": ({"GATEDRNN_CACHE": str(file / "cache")}, "Not a directory"),
    }[reason]
    found, said = asked_elsewhere(tmp_path, **changes)
    if message is None:
        assert said == [], "what was asked for needs no warning"
    else:
        assert len(said) == 1, said
        assert said[0].startswith("matched kernels: ")
        assert message in said[0]
        assert said[0].endswith("; the layers use what torch has")
    paths = {name: path for (name, _), (path, _) in found.items()}
    hand_written = dict.fromkeys(("gru", "rnn", "relu"), "stepwise")
    assert paths == {"lstm": "torch.nn", "gru_before": "reference", **hand_written}
    here: dict = {"__name__": "here"}
    exec(ASK, here)
    for key, (_, expected) in here["found"].items():
        same(found[key][1], expected, 1e-6)


LOAD = """
import os, pathlib, sys, time
from gatedrnn.kernels import library as loader

def compile_slowly(flags, library):
    with open(sys.argv[1], "a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(1)
    library.write_text("whole")

loader._compile = compile_slowly
print("ready", flush=True)
sys.stdin.readline()
print(pathlib.Path(loader._library()).read_text())
"""


def test_processes_that_load_at_once_compile_once(tmp_path):
    """The compiler is a stand-in that writes down who called it: the lock and the check after it are what is tested."""
    environment = {**os.environ, "GATEDRNN_CACHE": str(tmp_path / "cache")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", LOAD, str(tmp_path / "log")]
    started = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    assert all(each.stdout.readline() == "ready\n" for each in started)
    for each in started:
        each.stdin.write("\n")
        each.stdin.flush()
    assert [each.communicate(timeout=60)[0] for each in started] == ["whole\n", "whole\n"]
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_source_flags_and_torch_name_the_library(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEDRNN_CACHE", str(tmp_path))
    monkeypatch.setattr(library, "_compile", lambda flags, library: library.write_text(""))
    names = {library._library()}
    assert {library._library()} == names
    with monkeypatch.context() as other:
        other.setattr(torch, "__version__", "9.9")
        names.add(library._library())
    with monkeypatch.context() as other:
        other.setattr(library, "FLAGS", ("-O0",))
        names.add(library._library())
    with monkeypatch.context() as other:
        other.setattr(library, "COMMON", (__file__,))
        names.add(library._library())
    assert len(names) == 4


def test_a_compilation_cut_short_leaves_no_library(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEDRNN_CACHE", str(tmp_path))

    def cut(flags, library):
        library.with_suffix(".part").write_text("half")
        raise RuntimeError("cut")

    monkeypatch.setattr(library, "_compile", cut)
    with pytest.raises(RuntimeError, match="cut"):
        library._library()
    assert not list(tmp_path.glob("*.so"))


def refusing(folder, text):
    """A stand-in for a compiler that knows its name, writes down each call and fails."""
    compiler = folder / "compiler"
    compiler.write_text(f"""#!/bin/sh
if [ "$1" = --version ]; then echo '{text}'; exit 0; fi
echo called >> '{folder}/calls'
echo 'in file included from far away' >&2
echo 'matched.cpp:1:2: error: {text} cannot do this' >&2
echo 'matched.cpp:3:4: error: nor that' >&2
exit 1
""")
    compiler.chmod(0o755)
    return compiler


def test_a_compilation_that_failed_is_remembered_until_compiler_or_source_change(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEDRNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(refusing(tmp_path, "one")))

    def tried():
        with pytest.raises(RuntimeError) as caught:
            library._library()
        return str(caught.value), len((tmp_path / "calls").read_text().splitlines())

    message, calls = tried()
    assert "matched.cpp:1:2: error: one cannot do this" in message
    assert "\n" not in message
    assert (message, calls) == tried()
    refusing(tmp_path, "two")
    message, again = tried()
    assert "two cannot do this" in message
    assert again > calls
    monkeypatch.setattr(library, "FLAGS", (*library.FLAGS, "-DOTHER"))
    assert tried()[1] > again


def test_paths_with_spaces_and_letters_of_any_language(tmp_path, monkeypatch):
    """A small source in place of the large one: what is tested are the paths of source and library."""
    folder = tmp_path / "mein Büchlein"
    folder.mkdir()
    (folder / "one.cpp").write_text("#include <ATen/ATen.h>\nlong lanes() { return at::Tensor().defined(); }\n")
    (folder / "other.cpp").write_text("long other() { return 1; }\n")
    for name, value in (("FOLDER", folder), ("COMMON", ("one.cpp",)), ("CELLS", {"cell": "other.cpp"})):
        monkeypatch.setattr(library, name, value)
    monkeypatch.setenv("GATEDRNN_CACHE", str(folder / "a cache"))
    try:
        path = library._library()
    except RuntimeError as error:
        assert "no C++ compiler" in str(error)
        pytest.skip(str(error))
    torch.ops.load_library(path)
    assert Path(path).parent == folder / "a cache"


def test_an_installed_package_keeps_its_kernels_in_the_cache_of_its_user(tmp_path, monkeypatch):
    monkeypatch.delenv("GATEDRNN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(library, "FOLDER", tmp_path / "site-packages" / "gatedrnn" / "kernels")
    assert library.cache_folder() == tmp_path / "gatedrnn" / "kernels"


@pytest.mark.parametrize("value", ["Torch", "", "matched"])
def test_a_path_that_does_not_exist_is_named(value, monkeypatch):
    monkeypatch.setenv("GATEDRNN_KERNELS", value)
    monkeypatch.setattr(library, "_outcome", {})
    with pytest.raises(ValueError, match=f"GATEDRNN_KERNELS = '{value}' is not allowed: one of 'compiled', 'torch'"):
        library.available()


def test_nothing_is_imported_that_only_some_systems_have():
    code = "import sys; sys.modules['fcntl'] = None; import gatedrnn.layers"
    subprocess.run([sys.executable, "-c", code], check=True)


BITS = """
import sys, torch
from gatedrnn.layers import Recurrent
found = {}
for name in ("lstm", "gru", "gru_before", "rnn", "relu"):
    for shape in ((6, 4, 3, 9), (1, 1, 40, 65), (5, 1, 2, 96), (50, 13, 200, 33), (9, 3, 16, 128)):
        for dtype in (torch.float32, torch.float64):
            torch.manual_seed(3)
            steps, batch, inputs, hidden = shape
            core, x = Recurrent(name, inputs, hidden).to(dtype), torch.randn(steps, batch, inputs, dtype=dtype)
            outputs, last = core(x)
            (outputs.square().sum() + last[-1].sum()).backward()
            results = [outputs, *last, *(each.grad for each in core.parameters())]
            found[name, shape, dtype] = core.path, [each.detach().clone() for each in results]
if __name__ == "__main__":
    torch.save(found, sys.argv[1])
"""


@pytest.mark.usefixtures("kernels")
def test_vectors_of_another_width_give_the_same_bits(tmp_path):
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("this processor has one width of vectors")
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    subprocess.run([sys.executable, "-c", BITS, str(tmp_path / "found.pt")], env=environment, check=True)
    here: dict = {"__name__": "here"}
    exec(BITS, here)
    narrow = torch.load(tmp_path / "found.pt")
    for key, (path, wide) in here["found"].items():
        assert path == narrow[key][0] == "matched"
        assert all(map(torch.equal, wide, narrow[key][1])), key
