"""Targets out of an older config.toml. Owns: which tables and keys those are. Pure.

`[s2a]` is a target by itself, `[[s2a_targets]]` are further ones over it, `s2a_default_target` names the one that is used when
nobody says which (a file that names none changes nothing of what is chosen here), `[crs]` is another, which takes a user and a
password. Keys are written into a target and never shown; a sign-in's token is none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.importing.fields import looks_of, told, what_of
from stationmaster.importing.recognising import Fault, Found, Record

_S2A: Final = frozenset({"api_base", "admin_key", "admin_token", "concurrency", "priority", "group_ids", "group_names"})
_CRS: Final = frozenset({"api_base", "username", "user", "password"})
_ONE: Final = frozenset({"key", "label", "config"})
_NUMBERS: Final = {"concurrency": (0, 10_000), "priority": (1, 100)}
_OURS: Final = frozenset({"s2a", "crs", "s2a_targets", "s2a_default_target"})
_MAX: Final = 500       # targets


def recognise(tables: Mapping[str, Any]) -> Iterator[Found]:
    """The targets of a file, and what of it is none."""
    default = str(tables.get("s2a_default_target") or "")
    base = _table(tables.get("s2a"))
    if base:
        yield _target(1, "s2a", "s2a", base, default in ("s2a", "default"))
    for number, each in enumerate(_list(tables.get("s2a_targets")), 2):
        one = _table(each)
        key = str(one.get("key") or one.get("label") or f"s2a-{number}")
        found = _target(number, "s2a", key, {**_shared(base), **_table(one.get("config"))}, default == key)
        label = str(one.get("label") or "")
        if found.record is not None and label and not what_of("", label)[0]:
            found.record.values["label"] = label  # type: ignore[index]
        yield _with(found, [f"s2a_targets.{name}" for name in one if name not in _ONE])
    if _table(tables.get("crs")).get("api_base"):
        yield _target(_MAX + 2, "crs", "crs", _table(tables["crs"]), False)
    yield _rest(tables)


def _shared(base: Mapping[str, Any]) -> Mapping[str, Any]:
    """What holds for a further target unless it says otherwise: where it is and its key are its own."""
    return {name: base[name] for name in ("concurrency", "priority", "group_ids", "group_names") if name in base}


def _target(number: int, kind: str, key: str, table: Mapping[str, Any], default: bool) -> Found:
    known = _S2A if kind == "s2a" else _CRS
    values = {"kind": kind, "id": key, "label": key, "base_url": str(table.get("api_base") or "")}
    values["default"] = "true" if default else ""
    faults = [] if values["base_url"] else [Fault("api_base", "import.value", "the target has no address")]
    for name, (low, high) in _NUMBERS.items():
        if name in table and not (type(table[name]) is int and low <= table[name] <= high):
            faults.append(Fault(name, "import.value", f"expected a whole number from {low} to {high}"))
        elif name in table:
            values[name] = str(table[name])
    for name in ("group_ids", "group_names"):
        values[name] = "\n".join(str(each) for each in _list(table.get(name)) if isinstance(each, str | int))
    if kind == "crs":
        values["user"] = str(table.get("username") or table.get("user") or "")
    secret = str(table.get("admin_key" if kind == "s2a" else "password") or "")
    refused = bool(secret) and looks_of(secret)[0] == "secret"
    secrets = [f"{kind}.admin_token"] if table.get("admin_token") else []
    record = Record(number, "target", (f"target:{key}",), (), values, "" if refused else secret, tuple(faults))
    unknown, more = _sorted(kind, {name: table[name] for name in table if name not in known})
    return Found(record, (*secrets, *more, *([f"{kind}.key"] if refused else [])), (), unknown)


def _rest(tables: Mapping[str, Any]) -> Found:
    """What else is in the file: names alone, which of them are secrets too."""
    unknown, secrets = _sorted("", {name: tables[name] for name in tables if name not in _OURS})
    return Found(None, secrets, (), unknown)


def _sorted(above: str, table: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of fields that mean nothing here, and of those that are secrets."""
    unknown, secrets = list[str](), list[str]()
    for name, value in _leaves(above, table):
        (secrets if what_of(name, str(value))[0] else unknown).append(told(name))
    return tuple(unknown), tuple(secrets)


def _leaves(above: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and depth < 8:
        for name, inner in value.items():
            yield from _leaves(f"{above}.{name}" if above else name, inner, depth + 1)
    elif isinstance(value, list) and depth < 8 and any(isinstance(each, dict) for each in value):
        for inner in value:
            yield from _leaves(above, inner, depth + 1)
    elif value not in ("", None):
        yield above, value


def _with(found: Found, unknown: list[str]) -> Found:
    return Found(found.record, found.secrets, found.admin, (*found.unknown, *(told(name) for name in unknown)))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:_MAX] if isinstance(value, list) else []
