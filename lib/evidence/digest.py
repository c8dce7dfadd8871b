"""Digest of the code that a function reaches, symbol by symbol.

A stored run is valid only for the code that made it. The unit is the top-level symbol: a function, a class or a
constant of a module of this project. From a function, every symbol that its text names is followed, through
imports too. Docstrings, comments and layout do not count. A module used as a whole (not as `module.symbol`)
counts as a whole. Of a table of `Choices` only those entries count that a configuration names, where one is given.
What a module does when it is imported always counts: statements that define nothing (calls,
assertions, branches) and definitions handed to a decorator of this project, which may register them; so it does
for the modules that a reached one imports, and for the packages around it. C++ sources beside a reached module
count with it. Names made at run time (`importlib.import_module(text)`) cannot be seen: do not reach for code so.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cache

from evidence.symbols import WHOLE, Module, Symbol, Target, load, parse, sha, source

LOADING = "<loading>"

PACKAGES = ("gatedrnn", "tasks", "evidence", "experiments")
"""The packages of the book whose code can reach a result."""


@dataclass(frozen=True)
class Digest:
    """What a piece of code depends on inside this project."""

    code: dict[str, str]
    """Digest of each reached symbol, by `module:symbol`."""
    data: dict[str, str]
    """Checksums of the data sets that it reads, by task module: their `SHA256` constants."""
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of all entries of each table of `Choices` that was met, by `module:symbol`."""

    @property
    def total(self) -> str:
        """One digest over all symbols and checksums."""
        return sha("\n".join(f"{key}={value}" for key, value in sorted({**self.code, **self.data}.items())))


def reached(function: Callable, packages: Iterable[str] = PACKAGES, texts: Collection[str] | None = None) -> Digest:
    """Digest of a top-level function and all that it reaches inside these packages and inside its own.

    Args:
        function: the function. packages: whose code counts.
        texts: texts of a configuration: of tables of `Choices` only the entries that they name count; by default all.
    """
    return follow([(function.__module__, function.__qualname__.split(".")[0])], packages, texts)


def named(text: str, entries: Collection[str]) -> str | None:
    """The entry of a table that a text of a configuration names: its own, or the longest before one of its `_`."""
    while text and text not in entries:
        text = text.rpartition("_")[0]
    return text or None


def reached_by_source(source: str, packages: Iterable[str] = PACKAGES) -> Digest:
    """Digest of all that the imports of a script or notebook reach inside these packages."""
    packages = tuple(packages)
    module = parse(source, "__main__", False)
    roots = _imported_modules(module.imports, packages)
    for symbol in module.symbols.values():
        roots += _targets(module, symbol, "__main__", packages)
    return follow([root for root in roots if root[0] != "__main__" and _inside(root[0], packages)], packages)


def follow(
    roots: Iterable[tuple[str, str]], packages: Iterable[str] = PACKAGES, texts: Collection[str] | None = None
) -> Digest:
    """Digest of `(module, symbol)` pairs and all that they reach; the symbol `*` is the whole module. `texts`: see `reached`."""
    code: dict[str, str] = {}
    data: dict[str, str] = {}
    tables: dict[str, tuple[str, ...]] = {}
    waiting = list(roots)
    packages = (*packages, *{name.partition(".")[0] for name, _ in waiting})
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen or not _inside(name, packages):
            continue
        seen.add((name, wanted))
        module = load(name)
        if wanted == LOADING:
            waiting += [(name, each) for each in module.symbols if _acts(module, each, packages)]
            waiting += _imported_modules(module.imports, packages)
            if "." in name:
                waiting.append((name.rpartition(".")[0], LOADING))
            continue
        waiting.append((name, LOADING))
        code.update({f"{name}:{file}": digest for file, digest in module.sources.items()})
        if wanted == WHOLE:
            waiting += [(name, each) for each in module.symbols]
            waiting += [target for each in module.imports for target in _resolved(module.imports[each], packages)]
        elif wanted in module.symbols:
            symbol = module.symbols[wanted]
            if wanted == "SHA256" and symbol.literal is not None:
                data[name] = symbol.literal
            else:
                code[f"{name}:{wanted}"] = symbol.digest
            waiting += _targets(module, symbol, name, packages)
            if symbol.entries:
                tables[f"{name}:{wanted}"] = tuple(symbol.entries)
            chosen = symbol.entries if texts is None else {named(each, symbol.entries) for each in texts}
            for each, entry in symbol.entries.items():
                if each not in chosen:
                    continue
                code[f"{name}:{wanted}[{each}]"] = entry.digest
                code.update({f"{name}:{file}": found for file in entry.files if (found := source(name, file))})
                waiting += _targets(module, entry, name, packages)
        elif wanted in module.imports:
            waiting += _resolved(module.imports[wanted], packages)
        elif _is_module(f"{name}.{wanted}", packages):
            waiting.append((f"{name}.{wanted}", WHOLE))
        else:  # made in a branch, by a star import or by `__getattr__`
            waiting.append((name, WHOLE))
    return Digest(code, data, tables)


def short(key: str) -> str:
    """A `module:symbol` as a message shows it: without the package that holds most of the cells' code."""
    return key.removeprefix("gatedrnn.")


def _targets(module: Module, symbol: Symbol, name: str, packages: tuple[str, ...]) -> list[tuple[str, str]]:
    """Symbols, here and in other modules, that a symbol's text names."""
    targets = [(name, each) for each in symbol.names if each in module.symbols]
    targets += _imported_modules(symbol.imports, packages)
    for local in symbol.names:
        for origin, wanted in module.imports.get(local, set()) | symbol.imports.get(local, set()):
            if not _inside(origin, packages):
                continue
            if wanted is None:
                targets += _within(origin, local, symbol, packages)
                continue
            if _is_module(f"{origin}.{wanted}", packages):
                targets += _within(f"{origin}.{wanted}", local, symbol, packages)
                if wanted not in load(origin).symbols:
                    continue
            targets.append((origin, wanted))
    for stars in (module.imports, symbol.imports):
        targets += _resolved(stars.get("*", set()), packages)
    return targets


def _within(module: str, chain: str, symbol: Symbol, packages: tuple[str, ...]) -> list[tuple[str, str]]:
    """What a symbol uses of a module that it calls `chain`: `chain.attribute`, `chain.submodule.attribute`, or all."""
    found = []
    for owner, attribute in symbol.attributes:
        if owner != chain:
            continue
        inner = f"{module}.{attribute}"
        if attribute != WHOLE and _is_module(inner, packages):
            found += _within(inner, f"{chain}.{attribute}", symbol, packages)
            outer = load(module)
            if attribute not in outer.symbols and not outer.imports.get(attribute, set()) - {(module, attribute)}:
                continue  # the submodule itself, not a name of the package that hides it
        found.append((module, attribute))
    return found


def _acts(module: Module, name: str, packages: tuple[str, ...]) -> bool:
    """Whether a symbol does something on import: a loose statement, or one that a decorator of the project takes."""
    if name.startswith("<"):
        return True
    decorators = module.symbols[name].decorators
    origins = [origin for each in decorators for origin, _ in module.imports.get(each, ())]
    return bool(decorators & module.symbols.keys()) or any(_inside(origin, packages) for origin in origins)


def _imported_modules(imports: dict[str, set[Target]], packages: tuple[str, ...]) -> list[tuple[str, str]]:
    """Modules that imports load: what these do on import counts."""
    names = {origin for targets in imports.values() for origin, _ in targets}
    names |= {f"{origin}.{wanted}" for targets in imports.values() for origin, wanted in targets if wanted}
    return [(name, LOADING) for name in names if _is_module(name, packages)]


def _resolved(targets: Iterable[Target], packages: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for origin, wanted in targets:
        if wanted is None and _is_module(origin, packages):
            found.append((origin, WHOLE))
        elif wanted is not None and _is_module(f"{origin}.{wanted}", packages):
            found.append((f"{origin}.{wanted}", WHOLE))
        elif wanted is not None and _is_module(origin, packages):
            found.append((origin, wanted))
    return found


def _inside(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_module(name: str, packages: Iterable[str]) -> bool:
    """Whether a name inside the packages is a module; found without importing any but the packages themselves."""
    return _inside(name, packages) and _found(name)


@cache
def _found(name: str) -> bool:
    outer, _, _last = name.rpartition(".")
    if outer:
        spec = importlib.util.find_spec(outer) if _found(outer) else None
        if spec is None or spec.submodule_search_locations is None:
            return False
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:
        return False
