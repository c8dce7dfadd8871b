"""A module read symbol by symbol, without importing it: what each symbol's text is and names, for `evidence.digest`."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

WHOLE = "*"
"""Stands for all of a module, where a symbol is asked for."""
CPP = {".c", ".cc", ".cpp", ".cxx", ".cu", ".h", ".hpp", ".inl"}
Target = tuple[str, str | None]
"""(module, symbol), or (module, None) for a module itself."""


@dataclass
class Symbol:
    """A top-level symbol: the digest of its text, the names in it, and what it uses of each as `(owner, attribute)`."""

    digest: str
    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    imports: dict[str, set[Target]] = field(default_factory=dict)
    """Imports in the symbol's own body: local name → what it may stand for."""
    decorators: set[str] = field(default_factory=set)
    literal: str | None = None
    entries: dict[str, Symbol] = field(default_factory=dict)
    """Of a table of `Choices`: each entry by itself, which the table's own digest leaves out."""
    files: set[str] = field(default_factory=set)
    """C++ sources that the text names."""


@dataclass
class Module:
    """A module's symbols, its imports, and the digests of the C++ sources beside it."""

    symbols: dict[str, Symbol]
    imports: dict[str, set[Target]]
    """Imports at the top level, by local name; several where branches import one name from different places."""
    sources: dict[str, str]


def load(name: str) -> Module:
    """Parsed module, read again when a file of it has changed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        raise ModuleNotFoundError(f"module {name!r} not found")
    path = Path(spec.origin)
    module = _load(name, path, *_stamp(path))
    beside = sorted(file for file in path.parent.iterdir() if file.suffix in CPP)
    return Module(module.symbols, module.imports, {file.name: _cpp(file, *_stamp(file)) for file in beside})


def source(module: str, file: str) -> str | None:
    """Digest of a C++ source, given by its path from the folder of a module; None where there is none."""
    spec = importlib.util.find_spec(module)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return _cpp(path, *_stamp(path)) if path and path.is_file() else None


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@cache
def _load(name: str, path: Path, _mtime: int, _size: int) -> Module:
    return parse(path.read_text(encoding="utf-8"), name, path.name == "__init__.py")


@cache
def _cpp(path: Path, _mtime: int, _size: int) -> str:
    """Digest of a C++ source without its comments and layout; what looks like a comment inside a text stays."""
    pattern = r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/'
    text = re.sub(pattern, lambda match: match[1] or " ", path.read_text(encoding="utf-8"), flags=re.S)
    return sha(" ".join(text.split()))


def parse(source: str, name: str, is_package: bool) -> Module:
    """The symbols and imports of a source text. `name`: of its module, which relative imports start from."""
    module = Module({}, {}, {})
    loose = 0
    for node in ast.parse(source).body:
        definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not definition:
            _merge(module.imports, _imports_within(node, name, is_package))
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        names = defined(node)
        if not names:
            loose += 1
            names = [f"<statement {loose}>"]
        symbol = _table(node) or _symbol(node)
        if definition:
            symbol.imports = _imports_within(node, name, is_package)
        for each in names:
            if each in module.symbols:  # defined twice (a dispatch, a later change): both count
                old = module.symbols[each]
                symbol.digest = sha(old.digest + symbol.digest)
                symbol.names |= old.names
                symbol.attributes |= old.attributes
                symbol.decorators |= old.decorators
                symbol.entries |= old.entries
                _merge(symbol.imports, old.imports)
            module.symbols[each] = symbol
    return module


def _table(node: ast.stmt) -> Symbol | None:
    """`NAME = Choices(argument, {name: entry, …})`, its entries apart; None for anything else."""
    call = getattr(node, "value", None)
    if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(call, ast.Call):
        return None
    if (_chain(call.func) or [""])[-1] != "Choices" or len(call.args) != 2 or not isinstance(call.args[1], ast.Dict):
        return None
    table = call.args[1]
    if not all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in table.keys):
        return None
    entries = {
        str(key.value): _symbol(ast.Expr(value))  # type: ignore[union-attr]
        for key, value in zip(table.keys, table.values, strict=True)
    }
    call.args[1] = ast.Dict([], [])
    symbol = _symbol(node)
    symbol.entries = entries
    return symbol


def _symbol(node: ast.stmt) -> Symbol:
    symbol = Symbol(sha(ast.dump(_without_docstrings(node))))
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        symbol.literal = str(node.value.value)
    for decorator in getattr(node, "decorator_list", []):
        symbol.decorators |= {inner.id for inner in ast.walk(decorator) if isinstance(inner, ast.Name)}
    continued = {id(inner.value) for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and Path(str(inner.value)).suffix in CPP:
            symbol.files.add(str(inner.value))
        chain = _chain(inner)
        if chain:
            symbol.names.add(chain[0])
            symbol.attributes.update((".".join(chain[:i]), chain[i]) for i in range(1, len(chain)))
            if id(inner) not in continued:  # used as it stands, not as chain.attribute
                symbol.attributes.add((".".join(chain), WHOLE))
    return symbol


def _imports_within(node: ast.AST, name: str, is_package: bool) -> dict[str, set[Target]]:
    found: dict[str, set[Target]] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                _merge(found, {alias.asname or whole: {(whole, None)}})
                _merge(found, {f"<{alias.name}>": {(alias.name, None)}})  # loaded, under no name of its own
        elif isinstance(inner, ast.ImportFrom):
            origin = inner.module or ""
            if inner.level:
                parts = [*name.split("."), *(["__init__"] if is_package else [])][: -inner.level]
                origin = ".".join([*parts, *([inner.module] if inner.module else [])])
            for alias in inner.names:
                _merge(found, {alias.asname or alias.name: {(origin, alias.name)}})
    return found


def _merge(imports: dict[str, set[Target]], more: dict[str, set[Target]]) -> None:
    for local, targets in more.items():
        imports.setdefault(local, set()).update(targets)


def defined(node: ast.stmt) -> list[str]:
    """Names that a statement at the top level of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    else:
        return []
    return [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]


def _without_docstrings(node: ast.stmt) -> ast.stmt:
    copy = ast.parse(ast.unparse(node)).body[0]
    for inner in ast.walk(copy):
        body = getattr(inner, "body", None)
        if isinstance(body, list):
            kept = [each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
            inner.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return copy


def _chain(node: ast.AST) -> list[str]:
    """The names of `a.b.c`, outermost first; nothing where it starts with something other than a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def sha(text: str) -> str:
    """Short digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
