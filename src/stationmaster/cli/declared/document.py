"""Routing objects in one spelling: plain values in the file's words, defaults left out. Owns that spelling, and reading what
a desk holds into it, so that two states can be compared field by field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from stationmaster.cli.declared import sources
from stationmaster.cli.declared.tables import PATHS, STORED, TABLES, USUAL, Kind, compact, needs_secret
from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.verbs import every
from stationmaster.gateway.config.build import NANODOLLARS

Entry = dict[str, Any]
DEFAULT_POOL = "gateway.default_pool"      # the setting


@dataclass(frozen=True)
class Document:
    """All objects by kind, in their order, and the default pool (None: it is not said)."""

    entries: Mapping[Kind, tuple[Entry, ...]]
    default_pool: str | None = None

    def by_id(self, kind: Kind) -> dict[str, Entry]:
        """The objects of a kind that has names."""
        return {entry["id"]: entry for entry in self.entries[kind]}

    def as_file(self) -> dict[str, Any]:
        """The file's content. Kinds without objects are left out."""
        head = {"gateway": {"default_pool": self.default_pool}} if self.default_pool else {}
        return {**head, **{kind: list(self.entries[kind]) for kind in TABLES if self.entries[kind]}}


@dataclass(frozen=True)
class Held:
    """What a desk holds. `routes`: their ids, in the document's order. `saved`: whether the default pool is one that somebody
    saved, and not a file's or the environment's."""

    document: Document
    routes: tuple[str, ...]
    saved: bool


def held(desk: Desk) -> Held:
    """Read it all. Raises `StationmasterError`."""
    rows = {kind: [dict(row) for row in every(desk, path)] for kind, path in PATHS.items()}
    rows["route"].sort(key=lambda row: (row["position"], row["id"]))
    for kind in TABLES:
        if kind != "route":
            rows[kind].sort(key=lambda row: row["name"])
    places = {row["id"]: row["name"] for row in rows["workspace"]}
    issued = {row["credential"]: sources.of_row(row) for row in every(desk, "sources")}
    for row in rows["credential"]:
        row["workspace"], row["source"] = places.get(row["workspace"], ""), issued.get(row["name"], {})
    setting = desk.setting(DEFAULT_POOL)
    entries = {kind: tuple(of_row(kind, row) for row in found) for kind, found in rows.items()}
    document = Document(entries, setting["value"] or "")
    return Held(document, tuple(row["id"] for row in rows["route"]), setting["origin"] == "stored")


def of_row(kind: Kind, row: Row) -> Entry:
    """A desk's row as an entry; a credential's workspace is named in it, and its source is an entry of its own."""
    table, usual = TABLES[kind], USUAL.get(kind, {})
    named = {"id" if name == "name" else name: value for name, value in row.items() if name != "id"}
    fields = {name for name in table.__struct_fields__ if name in named}
    given = {name: named[name] for name in fields if named[name] not in ("", None, [], {})
             and (name not in usual or named[name] != usual[name])}  # fmt: skip
    if row["secret_set"] if kind == "target" else needs_secret(kind, row):
        given["secret"] = f"{STORED}{row['name']}"
    return spelled(msgspec.convert(given, table))


def spelled(table: msgspec.Struct) -> Entry:
    """A table as an entry. Of a key's hash nothing stays."""
    entry = compact(table)
    entry.pop("secret_sha256", None)
    if "budget" in entry:
        entry["budget"] = {name: round(usd * NANODOLLARS) / NANODOLLARS for name, usd in entry["budget"].items()}
    if "expires" in entry:
        entry["expires"] = moment(entry["expires"])
    if "base_url" in entry:
        entry["base_url"] = entry["base_url"].rstrip("/")
    return entry


def moment(text: str) -> str:
    """A date or time, as the control plane shows it. What is none stays as it is: it is reported elsewhere."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return text
