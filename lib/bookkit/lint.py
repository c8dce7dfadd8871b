"""`make lint`: style, types, layout of the packages, clean notebooks, a valid citation file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NBSTRIPOUT_KEYS = "metadata.papermill cell.metadata.papermill cell.metadata.execution"


def lint(root: Path) -> int:
    """Run every check, also when one before it failed. Returns 0 when all passed."""
    bin = Path(sys.executable).parent
    notebooks = sorted(str(path.relative_to(root)) for path in (root / "chapters").rglob("*.ipynb"))
    notebooks = [path for path in notebooks if ".ipynb_checkpoints" not in path]
    checks: dict[str, list[str]] = {
        "ruff check": [str(bin / "ruff"), "check", "."],
        "ruff format": [str(bin / "ruff"), "format", "--check", "."],
        "mypy": [str(bin / "mypy")],
        "import-linter": [str(bin / "lint-imports")],
    }
    if notebooks:
        command = [str(bin / "nbstripout"), "--verify", "--keep-id", "--extra-keys", NBSTRIPOUT_KEYS]
        checks["nbstripout"] = [*command, *notebooks]
    if (root / "CITATION.cff").is_file():
        from bookkit.environment import set_up_citation

        program = set_up_citation(root) / "bin" / "cffconvert"
        checks["CITATION.cff"] = [str(program), "--validate", "-i", str(root / "CITATION.cff")]
    failed = [name for name, command in checks.items() if not _passes(name, command, root)]
    print(f"lint: {len(checks) - len(failed)} of {len(checks)} checks passed", flush=True)
    return 1 if failed else 0


def _passes(name: str, command: list[str], root: Path) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(root / "lib")}
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment)
    print(f"{'ok  ' if result.returncode == 0 else 'FAIL'}  {name}", flush=True)
    if result.returncode:
        print((result.stdout + result.stderr).strip(), flush=True)
    return result.returncode == 0
