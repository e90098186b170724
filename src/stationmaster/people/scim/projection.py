"""The part of a resource that is asked for (RFC 7644 section 3.9). Owns: `attributes` and `excludedAttributes`, on plain values.

Names are case-insensitive, and may be written with their schema's URN before them. `schemas` and `id` are in every answer.
"""

from collections.abc import Iterable
from typing import Any, Final

from stationmaster.people.scim.shape import ENTERPRISE, GROUP, USER, Shown

_ALWAYS: Final = frozenset({"schemas", "id"})
_CORE: Final = tuple(f"{schema.lower()}:" for schema in (USER, GROUP))
_EXTENSION: Final = ENTERPRISE.lower()
_Part = tuple[str, str]      # attribute and sub-attribute (empty: all of it), in lower case


def projected(shown: Shown, names: Iterable[str], without: Iterable[str]) -> Shown:
    """`shown` with these attributes only, or without those."""
    wanted, left_out = [*map(_part, names)], [*map(_part, without)]
    if not wanted and not left_out:
        return shown
    found: Shown = {}
    for name, value in shown.items():
        kept = value if name in _ALWAYS else _kept(name.lower(), value, wanted, left_out)
        if kept not in (None, {}, []):
            found[name] = kept
    return found


def _kept(name: str, value: Any, wanted: list[_Part], left_out: list[_Part]) -> Any:
    if name == _EXTENSION:
        return _of_extension(value, wanted, left_out)
    if wanted:
        parts = {part for head, part in wanted if head == name}
        return value if "" in parts else _parts(value, lambda each: each in parts) if parts else None
    parts = {part for head, part in left_out if head == name}
    return None if "" in parts else _parts(value, lambda each: each not in parts) if parts else value


def _of_extension(value: Shown, wanted: list[_Part], left_out: list[_Part]) -> Any:
    prefix = f"{_EXTENSION}:"
    inner = [(head.removeprefix(prefix), part) for head, part in wanted if head.startswith(prefix)]
    outer = [(head.removeprefix(prefix), part) for head, part in left_out if head.startswith(prefix)]
    if (_EXTENSION, "") in left_out or (wanted and not inner and (_EXTENSION, "") not in wanted):
        return None
    if (_EXTENSION, "") in wanted:
        inner = []
    return {name: kept for name, each in value.items() if (kept := _kept(name.lower(), each, inner, outer)) not in (None, {}, [])}


def _parts(value: Any, keep: Any) -> Any:
    if isinstance(value, list):
        return [some for each in value if (some := _parts(each, keep))]
    return {name: each for name, each in value.items() if keep(name.lower())} if isinstance(value, dict) else value


def _part(path: str) -> _Part:
    name = path.lower()
    if name == _EXTENSION:
        return name, ""
    for schema in _CORE:
        name = name.removeprefix(schema)
    urn, colon, last = name.rpartition(":")
    head, _, part = last.partition(".")
    return f"{urn}{colon}{head}", part
