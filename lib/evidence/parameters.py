"""Parameters of a chapter: typed, commented, and checked by name and value before anything runs.

A `parameters` cell holds one line for each parameter, `name: Type = value  # meaning`. The types are those of
this module, `typing` and the builtins; pydantic checks the values.
"""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, TypeAdapter, ValidationError

Count = Annotated[StrictInt, Field(ge=1, description="a whole number of at least 1")]
Seeds = Annotated[StrictInt, Field(ge=1, le=1000, description="a whole number from 1 to 1000")]
Repeats = Annotated[StrictInt, Field(ge=2, le=1000, description="a whole number from 2 to 1000")]
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False, description="a number above 0")]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True, description="a number between 0 and 1")]
Counts = Annotated[list[Count], Field(min_length=1, description="a list of whole numbers of at least 1")]
Positives = Annotated[list[Positive], Field(min_length=1, description="a list of numbers above 0")]
Rates = Annotated[list[Positive], Field(min_length=2, description="a list of at least two numbers above 0")]
Flag = Annotated[StrictBool, Field(description="True or False")]
Text = Annotated[StrictStr, Field(min_length=1, description="a text that is not empty")]
Cell = Annotated[
    Literal["lstm", "gru", "gru_before", "minlstm", "mingru", "fastgrnn", "rnn", "relu"],
    Field(description="one of the cells in gatedrnn.catalogue, such as 'lstm' or 'gru'"),
]
Cells = Annotated[
    list[Cell], Field(min_length=1, description="a list of cells in gatedrnn.catalogue, such as 'lstm' or 'gru'")
]


class Whole:
    """A whole number within bounds: `Whole[8, 400]` is from 8 to 400, `Whole[8]` at least 8."""

    def __class_getitem__(cls, bounds: int | tuple[int, int]) -> Any:
        """The type for these bounds."""
        field, words = _bounded(bounds)
        return Annotated[StrictInt, Field(**field, description=f"a whole number {words}")]


class Wholes:
    """A list of whole numbers within bounds: `Wholes[1, 8]` is from 1 to 8, `Wholes[2]` at least 2."""

    def __class_getitem__(cls, bounds: int | tuple[int, int]) -> Any:
        """The type for these bounds."""
        field, words = _bounded(bounds)
        each = Annotated[StrictInt, Field(**field)]
        return Annotated[list[each], Field(min_length=1, description=f"a list of whole numbers {words}")]  # type: ignore[valid-type]


def _bounded(bounds: int | tuple[int, int]) -> tuple[dict[str, Any], str]:
    if isinstance(bounds, tuple):
        return {"ge": bounds[0], "le": bounds[1]}, f"from {bounds[0]} to {bounds[1]}"
    return {"ge": bounds}, f"of at least {bounds}"


class ParameterError(ValueError):
    """A parameter that does not exist or has a value that is not allowed. The message is one line."""


@dataclass(frozen=True)
class Parameter:
    """One line of a `parameters` cell."""

    name: str
    annotation: str
    value: Any
    help: str


def read(source: str) -> dict[str, Parameter]:
    """Parameters that a cell's source declares, by name.

    Args:
        source: text of the cell; each line is `name: Type = literal  # meaning`.

    Raises:
        ParameterError: a line is something else.
    """
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        text = lines[node.lineno - 1].strip()
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
            raise ParameterError(f"parameters cell: '{text}' is not of the form 'name: Type = value  # meaning'")
        try:
            value = ast.literal_eval(node.value)
        except ValueError:
            raise ParameterError(f"parameters cell: the value in '{text}' is not a literal") from None
        comment = lines[(node.end_lineno or node.lineno) - 1][node.end_col_offset or 0 :].strip().removeprefix("#")
        name = node.target.id
        if name in found:
            raise ParameterError(f"parameters cell: {name!r} is declared twice")
        found[name] = Parameter(name, ast.unparse(node.annotation), value, comment.strip())
    return found


def check(parameters: Mapping[str, Parameter], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Values to run with: the published ones, replaced by checked overrides.

    A list may be given as its text, such as `[20, 40]`: `papermill -p` hands over lists so.

    Raises:
        ParameterError: an unknown name, or a value outside what the parameter's type allows.
    """
    for name in overrides:
        if name not in parameters:
            raise unknown(name, parameters)
    values = {}
    for name, parameter in parameters.items():
        value = overrides.get(name, parameter.value)
        values[name] = _validate(parameter, _unquoted(value) if isinstance(parameter.value, list) else value)
    return values


def unknown(name: str, parameters: Iterable[str]) -> ParameterError:
    """The error for a name that is none of the parameters."""
    return ParameterError(f"parameter {name!r} is unknown; allowed: {', '.join(sorted(parameters))}")


def demand(name: str, value: Any, fits: bool, allowed: str) -> None:
    """Refuse a value that does not fit another parameter or the data.

    Args:
        name, value: of the parameter.
        fits: whether the value is allowed.
        allowed: what is, to follow "it must be".

    Raises:
        ParameterError: it does not fit.
    """
    if not fits:
        raise _not_allowed(name, value, allowed)


def _not_allowed(name: str, value: Any, allowed: str) -> ParameterError:
    return ParameterError(f"parameter {name!r} = {value!r} is not allowed: it must be {allowed}")


def _unquoted(value: Any) -> Any:
    """The list that a text holds; anything else as it is."""
    if isinstance(value, str):
        try:
            found = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            return value
        return found if isinstance(found, list) else value
    return value


def _validate(parameter: Parameter, value: Any) -> Any:
    kind = _resolve(parameter.annotation)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        raise _not_allowed(parameter.name, value, _describe(kind, parameter)) from None


def _resolve(annotation: str) -> Any:
    names = {**vars(builtins), **vars(typing), **globals()}
    try:
        return eval(annotation, names)  # the text of an annotation in a chapter of this book, never a reader's input
    except NameError as error:
        raise ParameterError(f"parameter type {annotation!r}: {error}") from None


def _describe(kind: Any, parameter: Parameter) -> str:
    for extra in getattr(kind, "__metadata__", ()):
        if getattr(extra, "description", None):
            return extra.description
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(repr(option) for option in typing.get_args(kind))
    return f"{parameter.annotation} ({parameter.help})" if parameter.help else parameter.annotation
