"""Mappings that are kept under a name. Owns: their checks and changes."""

from collections.abc import Mapping as Values
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.importing import fields
from stationmaster.importing.models import Mapping
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find

_MAX: Final = 200       # headings
_NAME: Final = 80


def show(row: Mapping) -> Values[str, Any]:
    """A mapping as plain values."""
    return {"id": row.id, "name": row.name, "fields": row.fields, "revision": row.revision, "created_at": row.created_at,
            "updated_at": row.updated_at}  # fmt: skip


MAPPINGS: Final = Listing(
    noun="mappings",
    columns=(Column("id"), Column("name"), Column("created_at", kind="time"), Column("updated_at", kind="time"),
             Column("revision", kind="number")),
    show=show,
)  # fmt: skip


def list_mappings(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "rosters:import")
    return page(MAPPINGS, Mapping.objects.all(), query)


def get_mapping(actor: Actor, which: str) -> Values[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "rosters:import")
    return show(find(Mapping, which))


def save_mapping(actor: Actor, given: Given) -> Values[str, Any]:
    """Keep a mapping: `name`, and `fields`, a field for each heading. One of that name becomes this. Raises `Forbidden`,
    `Invalid`."""
    require(actor, "rosters:import")
    known_only(given, frozenset({"name", "fields"}))
    name, table = given.get("name"), given.get("fields")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME or not (name.isascii() and name.isprintable()):
        why = f"expected up to {_NAME} printable characters of ASCII"
        raise Invalid("error.import.form", f"name: {why}", fields={"name": why})
    if not isinstance(table, dict) or not 0 < len(table) <= _MAX:
        why = f"expected up to {_MAX} headings, each with its field"
        raise Invalid("error.import.form", f"fields: {why}", fields={"fields": why})
    checked = fields.checked(table)
    with change(actor) as edit:
        row = Mapping.objects.filter(name=name).first()
        if row is None:
            row = Mapping(name=name, fields=checked)
            edit.create(row)
        else:
            with edit.updating(row):
                row.fields = checked
    return show(row)


def delete_mapping(actor: Actor, which: str, version: int | None = None) -> None:
    """Forget one. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "rosters:import")
    with change(actor) as edit:
        edit.delete(find(Mapping, which), version)
