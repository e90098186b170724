"""`[credential.source]`: where a credential's short-lived secrets come from, as a table within the credential's.

Owns that table: `kind`, the kind's public parts beside it, and what stands for its sealed parts. Its rules are the kinds' own.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from stationmaster.cli.declared.tables import STORED, Sort, compact
from stationmaster.errors import Invalid
from stationmaster.gateway.config.problems import Place, did_you_mean, quoted
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.shape import read_table
from stationmaster.gateway.config.tables import Text
from stationmaster.issuers import own
from stationmaster.issuers.registry import KINDS, PLACES, Kind

Entry = dict[str, Any]
SEALED: Mapping[str, Sort] = {"secret": "source", "refresh_token": "refresh_token"}      # by field, whose secret it is called
_ADDRESS = ("kind", *PLACES)


def of_row(row: Mapping[str, Any]) -> Entry:
    """A desk's source as an entry: a sealed part that the kind has no use for is none. Of a kind that is not known here, as a
    later control plane may have, only what it says."""
    kind = KINDS.get(row["kind"])
    if kind is None:
        return {"kind": row["kind"], **row["options"]}
    options = msgspec.convert(row["options"], kind.shape)
    given = {field: row[f"{field}_set"] for field in sealed(kind, options)}
    return {"kind": kind.name, **compact(options), **_marks(row["credential"], given)}


def read(value: Any, row: Placed[Any], report: Report) -> tuple[Entry, Mapping[str, str]]:
    """The table within a credential's: the entry, and what is written for its sealed parts. What is wrong goes into `report`."""
    place = (*row.place, "source")
    kind = _kind(value, row.table.vendor, place, report)
    if kind is None:
        return {}, {}
    table: Any = read_table(_shape(kind.name), {name: each for name, each in value.items() if name != "kind"}, place, report)
    options = kind.shape(**{name: getattr(table, name) for name in kind.shape.__struct_fields__})
    _check(kind, options, table, place, report)
    if row.table.secret:
        report.add("error.config.bad_value", (*row.place, "secret"), "a credential has a source or a secret, not both")
    written = {field: getattr(table, field) for field in sealed(kind, options)}
    needed = {field: bool(text) or field in needs(kind, options) for field, text in written.items()}
    return {"kind": kind.name, **compact(options), **_marks(row.table.id, needed)}, written


def sealed(kind: Kind, options: msgspec.Struct) -> tuple[str, ...]:
    """The sealed parts that a source with these public ones may have."""
    has = {"secret": kind.keeps(options) != "none", "refresh_token": kind.rotates}
    return tuple(field for field in SEALED if has[field])


def needs(kind: Kind, options: msgspec.Struct) -> tuple[str, ...]:
    """Those of them that it has in any case."""
    return tuple(field for field in sealed(kind, options) if field != "secret" or kind.keeps(options) == "needed")


def sealed_of(entry: Entry) -> tuple[str, ...]:
    """The same of an entry."""
    kind = KINDS.get(entry["kind"])
    return sealed(kind, msgspec.convert(_options(entry), kind.shape)) if kind is not None else ()


def filled(entry: Entry, before: Entry) -> Entry:
    """The entry with the sealed part that it need not say as it is held."""
    kept = entry["kind"] == before.get("kind") and "secret" in before and "secret" in sealed_of(entry)
    return entry | {"secret": before["secret"]} if kept else entry


def moved(before: Entry, after: Entry) -> bool:
    """Whether the sealed parts would go elsewhere."""
    return any(before.get(name) != after.get(name) for name in _ADDRESS)


def fields_of(entry: Entry) -> dict[str, Any]:
    """What a desk is told of its public parts."""
    return {"kind": entry["kind"], "options": _options(entry)}


def lends(entry: Entry) -> str:
    """The credential whose source it takes its identity from; empty: none."""
    place, _, name = entry.get("identity", "").partition(":")
    return name if place == "credential" else ""


def without(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The file's tables, as those of gateway.toml are read."""
    rows = tables.get("credential")
    if not isinstance(rows, list):
        return dict(tables)
    plain = [{name: each for name, each in row.items() if name != "source"} if isinstance(row, dict) else row for row in rows]
    return {**tables, "credential": plain}


def check_names(rows: Sequence[Placed[Any]], known: Mapping[str, Any], report: Report) -> None:
    """Report an identity that is to come from a credential that there is not."""
    for row in rows:
        name = lends(row.table.source)
        if name and name not in known:
            place, why = (*row.place, "source", "identity"), f"no credential has the id {quoted(name)}"
            report.add("error.config.dangling", place, why, did_you_mean(name, known))


def _options(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("kind", *SEALED)}


def _marks(name: str, given: Mapping[str, bool]) -> dict[str, str]:
    return {field: f"{STORED}{name}" for field in given if given[field]}


def _kind(value: Any, vendor: str, place: Place, report: Report) -> Kind | None:
    if not isinstance(value, dict):
        report.add("error.config.bad_value", place, "expected a table", "write [credential.source] under its [[credential]]")
        return None
    name = value.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        known = f"the kinds are {', '.join(KINDS)}"
        if "kind" not in value:
            report.add("error.config.missing_key", (*place, "kind"), "missing key", known)
        else:
            hint = did_you_mean(name, KINDS) if isinstance(name, str) else ""
            report.add("error.config.bad_value", (*place, "kind"), "unknown kind of source", hint or known)
    elif vendor and vendor not in kind.vendors:
        report.add("error.config.bad_value", (*place, "kind"), f"{kind.title} gives no secrets for {quoted(vendor)}")
    return kind


def _check(kind: Kind, options: Any, table: Any, place: Place, report: Report) -> None:
    for name in kind.needs(options):
        if not getattr(options, name):
            report.add("error.config.missing_key", (*place, name), "missing key")
    if getattr(table, "secret", "") and "secret" not in sealed(kind, options):
        report.add("error.config.bad_value", (*place, "secret"), "a source with these parts has none")
    try:
        if getattr(options, "token_url", ""):
            own.refuse_consumer(options.token_url, options.client_id)
    except Invalid as error:
        (name,) = error.fields
        report.add(error.code, (*place, name), error.fields[name], error.hint)


@cache
def _shape(name: str) -> type[msgspec.Struct]:
    """The table of a kind: its public parts, and what stands for its sealed ones."""
    kind = KINDS[name]
    fields = [(field, Text, "") for field, has in (("secret", bool(kind.secret)), ("refresh_token", kind.rotates)) if has]
    return msgspec.defstruct(f"{kind.shape.__name__}Source", fields, bases=(kind.shape,), frozen=True)
