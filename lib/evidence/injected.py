"""Parameters that papermill hands over: the cell that it injects into a notebook, and the command that gives it again.

Papermill writes `name = value` lines under `# Parameters`, whatever the name is: one that is no parameter of the
notebook would be a syntax error, or would replace a module that a later cell needs. So the cell is checked before it runs.
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from evidence.parameters import Parameter, ParameterError, read, unknown

HEAD = "# Parameters\n"


def declared(history: Sequence[str]) -> dict[str, Parameter]:
    """Parameters that the notebook declares, from the sources of the cells run so far; none before it did."""
    for source in history:
        try:
            body = ast.parse(source).body
        except SyntaxError:
            continue
        if body and all(isinstance(node, ast.AnnAssign) for node in body):
            return read(source)
    return {}


def names(history: Sequence[str]) -> list[str]:
    """Names that the injected cell assigns, as they were given to papermill."""
    for source in reversed(history):
        if source.startswith(HEAD):
            lines = source.splitlines()
            try:
                nodes = [node for node in ast.parse(source).body if not isinstance(node, ast.AnnAssign)]
                lines = [lines[node.lineno - 1] for node in nodes]
            except SyntaxError:  # a name that is none, such as `a-b`
                lines = [line for line in lines[1:] if " = " in line]
            return [line.partition(" = ")[0].strip() for line in lines]
    return []


def watch(shell: Any) -> bool:
    """Refuse an injected cell that names no parameter, before it runs, and show a wrong parameter as one line.

    Args:
        shell: the notebook's IPython, or None.

    Returns:
        Whether there is one.
    """
    if shell is None or ParameterError in shell.custom_exceptions:
        return shell is not None

    def checked(lines: list[str]) -> list[str]:
        known = declared(shell.user_ns.get("In", [])) if lines[:1] == [HEAD] else {}
        if known and (others := [name for name in names(["".join(lines)]) if name not in known]):
            raise _short(unknown(others[0], known))
        return lines

    def one_line(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: Any = None) -> list[str]:
        shell._showtraceback(kind, error, [_line(error)])
        return [_line(error)]

    shell.input_transformers_cleanup.append(checked)
    shell.set_custom_exc((ParameterError,), one_line)
    return True


def command(chapter: str, parameters: Mapping[str, Any]) -> str:
    """The papermill command that runs a chapter with these parameters.

    Args:
        chapter: its name, such as `memory/recall`.
        parameters: values by name: numbers, texts, flags and lists of them.
    """
    options = " ".join(_option(name, value) for name, value in parameters.items())
    return f"papermill chapters/{chapter}.ipynb out.ipynb {options}".strip()


def _short(error: ParameterError) -> ParameterError:
    """The same error, which IPython shows as one line also where no cell runs yet."""
    error._render_traceback_ = lambda: [_line(error)]  # type: ignore[attr-defined]
    return error


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _option(name: str, value: Any) -> str:
    """A parameter as papermill's command line takes it: lists as YAML, and texts raw, that '5' stay a text."""
    if isinstance(value, str):
        return f"-r {name} {shlex.quote(value)}"
    if isinstance(value, list):
        text = yaml.safe_dump({name: value}, default_flow_style=True, width=float("inf")).strip()
        return f"-y {shlex.quote(text)}"
    return f"-p {name} {value}"
