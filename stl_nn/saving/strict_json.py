"""Dataclasses as JSON, and back with nothing taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from stl_algebra import InvalidInput

T = TypeVar("T")

#: The key that tells apart dataclasses that may stand at one place.
KIND = "kind"


def to_json(value: object) -> str:
    """A dataclass of plain values, tuples, mappings from strings, and of other dataclasses, each with its name.

    Raises InvalidInput where it holds anything else.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Point:
    ...     x: int
    >>> to_json(Point(1))
    '{"kind": "Point", "x": 1}'
    """
    try:
        return json.dumps(_plain(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"what it is cannot be written as JSON: {error}") from None


def from_json(cls: type[T], text: str) -> T:
    """The dataclass of a text that `to_json` made of one, every field there and of the type it is annotated with.

    Annotations may be bool, int, str, None, tuple[X, ...], dict[str, X], dataclasses, and unions of these. Raises
    InvalidInput, saying where, for any other text.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Point:
    ...     x: int
    >>> from_json(Point, '{"kind": "Point", "x": true}')
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: its x is true, no int
    """
    result: T = _typed(cls, parsed(text), "")
    return result


def parsed(text: str) -> Any:
    """The value of a JSON text. Raises InvalidInput where it is none, or holds NaN or infinity.

    >>> parsed("[1]")
    [1]
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidInput("its record is not JSON") from None


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {KIND: type(value).__name__, **own}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _typed(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, UnionType):
        return _typed(_member(kind, value, where), value, where)
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    origin = get_origin(kind)
    if origin is tuple and type(value) is list:
        return tuple(_typed(get_args(kind)[0], one, f"{where}[{place}]") for place, one in enumerate(value))
    if origin is dict and type(value) is dict:
        return {name: _typed(get_args(kind)[1], one, f"{where}[{name!r}]") for name, one in value.items()}
    if origin is None and type(value) is kind:  # not isinstance: true is no number
        return value
    raise _refused(value, kind, where)


def _member(union: UnionType, value: Any, where: str) -> Any:
    """The member of a union that a value claims to be of."""
    named = value.get(KIND) if type(value) is dict else None
    for kind in get_args(union):
        if type(value) is kind or (named is not None and named == getattr(kind, "__name__", None)):
            return kind
    raise _refused(value if named is None else named, union, where)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if type(value) is not dict or value.get(KIND) != kind.__name__:
        raise _refused(value, kind, where)
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    if value.keys() != {KIND, *names}:
        odd = min(value.keys() ^ {KIND, *names})
        fault = "lacks the" if odd in names else "has an unknown"
        raise InvalidInput(f"its {where or 'record'} {fault} field {odd[:80]!r}")
    within = f"{where}." if where else ""
    return kind(**{name: _typed(hints[name], value[name], within + name) for name in names})


def _refused(value: Any, kind: Any, where: str) -> InvalidInput:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    wanted = " or ".join("null" if one is NoneType else getattr(one, "__name__", str(one)) for one in kinds)
    return InvalidInput(f"its {where or 'record'} is {json.dumps(value)[:80]}, no {wanted}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
