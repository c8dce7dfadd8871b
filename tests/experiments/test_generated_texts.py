"""Texts that code puts together are glued as they are: Markdown in them would be shown as it is typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import experiments

FOLDER = Path(experiments.__file__).parent
MODULES = sorted(
    path
    for pattern in ("*/generated/*.py", "*/analysis.py", "cost/more.py", "gates/memory.py")
    for path in FOLDER.glob(pattern)
    if path.name not in ("__init__.py", "tables.py")
)
MARKDOWN = re.compile(r"(?<!\w)(\*{1,2}|`+)(?=\S)[^*`]*\1(?!\w)|\]\(")


def texts(node: ast.AST) -> Iterator[str]:
    """Literal texts of a module, f-strings with `x` for what is filled in; not docstrings, and not what makes a table."""
    if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "Markdown":
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from texts(child)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.relative_to(FOLDER).with_suffix('')}")
def test_no_sentence_holds_markdown(path: Path) -> None:
    assert not [text for text in texts(ast.parse(path.read_text(encoding="utf-8"))) if MARKDOWN.search(text)]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('text = "it does not vanish but *grows*."', True),
        ('f"**{word}** is said"', True),
        ('f"see `{name}`"', True),
        ('f"{a} * {b}: 3 * 4, snake_case_name, a_b"', False),
        ('"|c| of [0, 1] (at 2)"', False),
        ('def table() -> Markdown:\n    return "*head*"', False),
        ('def words() -> str:\n    """A *text*."""\n    return "plain"', False),
    ],
)
def test_the_rule_finds_what_it_should(code: str, found: bool) -> None:
    assert any(MARKDOWN.search(text) for text in texts(ast.parse(code))) is found
