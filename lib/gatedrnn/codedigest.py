"""Digest of the code that a function reaches, symbol by symbol.

A stored run is valid only for the code that made it. The unit is the top-level symbol: a function, a class or a
constant of a module of this project. From a function, every symbol that its text names is followed, through
imports too. Docstrings, comments and layout do not count. A module used as a whole (not as `module.symbol`)
counts as a whole, and module statements that define nothing (calls, assertions) always count. C++ sources beside a
reached module count with it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

WHOLE = "*"


@dataclass(frozen=True)
class Digest:
    """What a piece of code depends on inside this project."""

    code: dict[str, str]
    """Digest of each reached symbol, by `module:symbol`."""
    data: dict[str, str]
    """Checksums of the data sets that it reads, by task module: their `SHA256` constants."""

    @property
    def total(self) -> str:
        """One digest over all symbols and checksums."""
        return _sha("\n".join(f"{key}={value}" for key, value in sorted({**self.code, **self.data}.items())))


@dataclass
class _Symbol:
    digest: str
    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    literal: str | None = None


@dataclass
class _Module:
    symbols: dict[str, _Symbol]
    imports: dict[str, tuple[str, str | None]]
    """Local name → (module, symbol), or (module, None) for a module itself."""
    sources: dict[str, str]


def reached(function: Callable, package: str = "gatedrnn") -> Digest:
    """Digest of a top-level function and all that it reaches inside `package`."""
    return follow([(function.__module__, function.__qualname__.split(".")[0])], package)


def reached_by_source(source: str, package: str = "gatedrnn") -> Digest:
    """Digest of all that the imports of a script or notebook reach inside `package`."""
    module = _parse(source, "__main__", package)
    roots = []
    for symbol in module.symbols.values():
        roots += _targets(module, symbol, "__main__")
    return follow([root for root in roots if root[0] != "__main__"], package)


def follow(roots: Iterable[tuple[str, str]], package: str) -> Digest:
    """Digest of `(module, symbol)` pairs and all that they reach; the symbol `*` is the whole module."""
    code: dict[str, str] = {}
    data: dict[str, str] = {}
    waiting = list(roots)
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen or not _inside(name, package):
            continue
        seen.add((name, wanted))
        module = load(name, package)
        if wanted == WHOLE:
            waiting += [(name, each) for each in module.symbols]
            continue
        if wanted not in module.symbols:
            if wanted in module.imports:
                waiting.append(_imported(module.imports[wanted], package))
            elif _is_module(f"{name}.{wanted}"):
                waiting.append((f"{name}.{wanted}", WHOLE))
            continue
        symbol = module.symbols[wanted]
        if wanted == "SHA256" and symbol.literal is not None:
            data[name] = symbol.literal
        else:
            code[f"{name}:{wanted}"] = symbol.digest
        code.update({f"{name}:{file}": digest for file, digest in module.sources.items()})
        waiting += [(name, each) for each in module.symbols if each.startswith("<")]
        waiting += _targets(module, symbol, name)
    return Digest(code, data)


def load(name: str, package: str) -> _Module:
    """Parsed module, read again when its file has changed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        raise ModuleNotFoundError(f"module {name!r} not found")
    path = Path(spec.origin)
    stamp = path.stat()
    return _load(name, package, path, stamp.st_mtime_ns, stamp.st_size)


@cache
def _load(name: str, package: str, path: Path, _mtime: int, _size: int) -> _Module:
    module = _parse(path.read_text(encoding="utf-8"), name, package)
    if path.parent.name != package:
        for file in sorted(path.parent.iterdir()):
            if file.suffix in {".cpp", ".h", ".hpp"}:
                text = re.sub(r"//[^\n]*|/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.S)
                module.sources[file.name] = _sha(" ".join(text.split()))
    return module


def _parse(source: str, name: str, package: str) -> _Module:
    module = _Module({}, {}, {})
    loose = 0
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module.imports.update(_imports(node, name))
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        names = _defined(node)
        if not names:
            loose += 1
            names = [f"<statement {loose}>"]
        symbol = _symbol(node, name)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                found = _imports(inner, name)
                module.imports.update(found)
        for each in names:
            if each in module.symbols:  # defined twice (a dispatch, a conditional): both count
                old = module.symbols[each]
                symbol.digest = _sha(old.digest + symbol.digest)
                symbol.names |= old.names
                symbol.attributes |= old.attributes
            module.symbols[each] = symbol
    return module


def _symbol(node: ast.stmt, name: str) -> _Symbol:
    symbol = _Symbol(_sha(ast.dump(_without_docstrings(node))))
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        symbol.literal = str(node.value.value)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            chain = _chain(inner)
            if chain:
                symbol.attributes.update((".".join(chain[:i]), chain[i]) for i in range(1, len(chain)))
                symbol.names.add(chain[0])
        elif isinstance(inner, ast.Name):
            symbol.names.add(inner.id)
    used = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    roots = {id(base) for inner in ast.walk(node) if isinstance(inner, ast.Attribute) and (base := _base(inner))}
    for each in used:  # a name used bare, not as name.attribute
        if id(each) not in roots:
            symbol.attributes.add((each.id, WHOLE))
    return symbol


def _targets(module: _Module, symbol: _Symbol, name: str) -> list[tuple[str, str]]:
    """Symbols, here and in other modules, that a symbol's text names."""
    targets = [(name, each) for each in symbol.names if each in module.symbols]
    for local in symbol.names:
        if local not in module.imports:
            continue
        origin, wanted = module.imports[local]
        if wanted is not None and not _is_module(f"{origin}.{wanted}"):
            targets.append((origin, wanted))
            continue
        whole = origin if wanted is None else f"{origin}.{wanted}"
        targets += [(whole, attribute) for owner, attribute in symbol.attributes if owner == local]
    return targets


def _imports(node: ast.Import | ast.ImportFrom, name: str) -> dict[str, tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.split(".")[0]: (alias.name, None) for alias in node.names}
    origin = node.module or ""
    if node.level:
        parts = name.split(".")[: -node.level]
        origin = ".".join([*parts, *([node.module] if node.module else [])])
    return {alias.asname or alias.name: (origin, alias.name) for alias in node.names}


def _imported(target: tuple[str, str | None], package: str) -> tuple[str, str]:
    origin, wanted = target
    if wanted is None:
        return origin, WHOLE
    if _inside(origin, package) and _is_module(f"{origin}.{wanted}"):
        return f"{origin}.{wanted}", WHOLE
    return origin, wanted


def _defined(node: ast.stmt) -> list[str]:
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


def _chain(node: ast.Attribute) -> list[str]:
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return [inner.id, *reversed(parts)] if isinstance(inner, ast.Name) else []


def _base(node: ast.Attribute) -> ast.Name | None:
    return node.value if isinstance(node.value, ast.Name) else None


def _inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
