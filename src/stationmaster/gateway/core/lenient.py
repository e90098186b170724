"""Reads JSON that is not quite what its type says: counts written as floats, lists for objects, texts for numbers. Owns
what of it can be read, part by part. May not know dialects, prices or sockets.

This is the second reading, of what msgspec refused: thorough, and too slow for the first.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect as shapes

from stationmaster.gateway.core.tokens import MOST, sane

REFUSED = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)     # what the first reading raises

_DIGITS = 20         # no count needs more, and Python refuses to read one of thousands

S = TypeVar("S", bound=msgspec.Struct)


def _whole(digits: str) -> int:
    if len(digits) < _DIGITS:
        return int(digits)
    return -MOST if digits.startswith("-") else MOST


# NaN and the infinities are no JSON, but several servers write them.
_decoder = json.JSONDecoder(parse_int=_whole, parse_constant=lambda _name: None)


def loads(data: bytes) -> object:
    """JSON as Python has it, numbers of thousands of digits cut to 2**53. Raises ValueError, RecursionError."""
    return _decoder.decode(data.decode("utf-8", "replace"))


def first(data: bytes) -> object:
    """The same of the value that `data` begins with, whatever stands behind it."""
    return _decoder.raw_decode(data.decode("utf-8", "replace").lstrip())[0]


def members(value: object) -> dict[str, Any]:
    """A JSON object's members; of anything else: none."""
    return value if isinstance(value, dict) else {}


def count(value: object) -> int | None:
    """A whole number, also one written as a float, within 0 and 2**53. None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return sane(value)
    if abs(value) >= MOST:      # also 1e999, which is an infinity here
        return MOST if value > 0 else 0
    return sane(int(value)) if value.is_integer() else None


def read(kind: type[S], stated: object, totals: Sequence[str]) -> S | None:
    """`stated` as a `kind`, without the parts that cannot be read.

    None: it is no object, or some of it cannot be read and no member that `totals` names is a number.
    """
    if not isinstance(stated, dict):
        return None
    try:
        return msgspec.convert(stated, kind)
    except msgspec.ValidationError:
        return _mended(kind, stated) if any(count(stated.get(name)) is not None for name in totals) else None


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[shapes.Field, ...]:
    shape = shapes.type_info(kind)
    assert isinstance(shape, shapes.StructType)  # noqa: S101  it is of a Struct
    return shape.fields


def _mended(kind: type[S], stated: dict[str, Any]) -> S:
    parts = {field.name: _part(field.type, stated.get(field.encode_name)) for field in _fields(kind)}
    return kind(**{name: part for name, part in parts.items() if part is not None})


def _part(shape: shapes.Type, stated: object) -> object:
    """None: there is nothing, or nothing that can be read."""
    if isinstance(shape, shapes.UnionType):
        return next((part for each in shape.types if (part := _part(each, stated)) is not None), None)
    if isinstance(shape, shapes.IntType):
        return count(stated)
    if isinstance(shape, shapes.StrType):
        return stated if isinstance(stated, str) else None
    if isinstance(shape, shapes.StructType):
        return _mended(shape.cls, stated) if isinstance(stated, dict) else None
    return _entries(shape.item_type, stated) if isinstance(shape, shapes.ListType) else None


def _entries(shape: shapes.Type, stated: object) -> list[msgspec.Struct] | None:
    """A list is read whole or not at all: its entries may stand for a total, which one of them less would make wrong."""
    if not isinstance(stated, list) or not isinstance(shape, shapes.StructType):
        return None
    sound = all(isinstance(entry, dict) and _is_sound(shape, entry) for entry in stated)
    return [_mended(shape.cls, entry) for entry in stated] if sound else None


def _is_sound(shape: shapes.StructType, entry: dict[str, Any]) -> bool:
    """Whether all that it says itself can be read; an object inside it may be left out."""
    return all(
        _part(field.type, entry[field.encode_name]) is not None or _may_lack(field.type, entry[field.encode_name])
        for field in shape.fields
        if field.encode_name in entry
    )


def _may_lack(shape: shapes.Type, stated: object) -> bool:
    shapes_of = shape.types if isinstance(shape, shapes.UnionType) else (shape,)
    wanted = shapes.NoneType if stated is None else shapes.StructType
    return any(isinstance(each, wanted) for each in shapes_of)
