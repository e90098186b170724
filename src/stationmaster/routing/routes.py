"""Routes, as entrances may ask about them. Owns: their order, their checks against each other, their changes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from stationmaster.errors import Stale
from stationmaster.gateway.config import reach
from stationmaster.gateway.config import references as rules
from stationmaster.gateway.config.report import Placed
from stationmaster.gateway.config.tables import RouteTable
from stationmaster.operators.access import require
from stationmaster.routing import references
from stationmaster.routing.models import Pool, Route, RouteFallback
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change, check_version
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, Rows, known_only, read
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find

FIELDS = frozenset({"models", "pool", "aliases", "fallback", "position"})


def show(row: Route) -> Mapping[str, Any]:
    """A route as plain values."""
    return {
        "id": row.id, "position": row.position, "models": row.models, "pool": row.pool.name, "aliases": row.aliases,
        "fallback": row.fallback_names(),
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }


ROUTES = Listing(
    noun="routes",
    columns=(
        Column("id"), Column("position", kind="number"), Column("pool", "pool__name"), Column("created_at", kind="time"),
        Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show, sort="position",
)


def list_routes(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "routes:read")
    return page(ROUTES, _rows(), query)


def export_routes(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "routes:export")
    return export(ROUTES, _rows(), query, form)


def get_route(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    require(actor, "routes:read")
    return show(find(Route, which))


def create_route(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Add a route, at `position` or behind the others; `given` has the words of a `[[route]]`. Raises `Forbidden`,
    `Invalid`."""
    require(actor, "routes:create")
    known_only(given, FIELDS)
    with change(actor) as edit:
        others = _in_order()
        table, row = _checked(given), Route(position=0)
        place = _position(given, len(others) + 1)
        _check_together(others, row, place, table)
        _fill(row, table)
        row.position = place
        with edit.creating(row):
            _put_fallback(row, table)
        _renumber(edit, [*others[: place - 1], row, *others[place - 1 :]])
    return show(row)


def update_route(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; `position` moves it. `version`: the revision that the caller read. Raises
    `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "routes:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(Route, which)
        check_version(row, version)
        others = [each for each in _in_order() if each.id != row.id]
        table = _checked({**_given(row), **given})
        place = _position({"position": row.position, **given}, len(others) + 1)
        _check_together(others, row, place, table)
        with edit.updating(row):
            _fill(row, table)
            row.position = place
            _put_fallback(row, table)
        _renumber(edit, [*others[: place - 1], row, *others[place - 1 :]])
    return show(row)


def order_routes(actor: Actor, ids: Sequence[str]) -> None:
    """Have routes tried in this order; all of them are named. Raises `Forbidden`, `Stale` where others came or went meanwhile,
    `Invalid` where one could never be reached."""
    require(actor, "routes:update")
    with change(actor) as edit:
        rows = {str(row.id): row for row in _in_order()}
        if sorted(ids) != sorted(rows):
            hint = "read it again and repeat the change"
            raise Stale("error.store.stale", "the order of routes was changed meanwhile", hint=hint)
        _check_order([rows[each] for each in ids])
        _renumber(edit, [rows[each] for each in ids])


def delete_route(actor: Actor, which: str, version: int | None = None) -> None:
    """Delete one. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "routes:delete")
    with change(actor) as edit:
        edit.delete(find(Route, which), version)
        _renumber(edit, _in_order())


def _rows() -> "QuerySet[Any]":
    return Route.objects.select_related("pool").prefetch_related("fallbacks__pool")


def _in_order() -> list[Route]:
    """Every route, as it is now."""
    return list(Route.objects.select_related("pool").order_by("position", "id"))


def _given(row: Route) -> dict[str, Any]:
    return {"models": row.models, "pool": row.pool.name, "aliases": row.aliases, "fallback": row.fallback_names()}


def _position(given: Given, most: int) -> int:
    place = given.get("position")
    if place is None:
        return most
    report = Rows("route")
    if type(place) is not int or not 1 <= place <= most:
        report.add("error.config.bad_value", ("route", 0, "position"), f"expected a whole number from 1 to {most}")
    report.refuse()
    return int(place)


def _checked(given: Given) -> RouteTable:
    """The fields of one route, by the rules of the file. Raises `Invalid`."""
    report = Rows("route")
    row = _read(given, report)
    rules.check_routes([row], references.pools(), report)
    report.refuse()
    return row.table


def _read(given: Given, report: Rows) -> Placed[RouteTable]:
    bare = {name: value for name, value in given.items() if name != "position" and value not in ([], {})}
    return read("route", RouteTable, bare, report)


def _check_together(others: Sequence[Route], row: Route, place: int, table: RouteTable) -> None:
    """Raise `Invalid` when, with `row` at `place`, a route could never be reached or an alias led to another."""
    tables = [_table(other) for other in others if other.id != row.id]
    tables.insert(place - 1, table)
    _check_tables(tables, Rows("route", place - 1))


def _check_order(rows: Sequence[Route]) -> None:
    """The same for all of them as they stand."""
    _check_tables([_table(row) for row in rows], Rows("route", -1))      # each named by its place


def _table(row: Route) -> RouteTable:
    return _read(_given(row), Rows("route")).table


def _check_tables(tables: Sequence[RouteTable], report: Rows) -> None:
    together = [Placed(("route", number), each) for number, each in enumerate(tables)]
    reach.check_aliases(together, report)
    reach.check_reach(together, report)
    report.refuse()


def _fill(row: Route, table: RouteTable) -> None:
    row.models, row.aliases, row.pool = table.models, table.aliases, Pool.objects.get(name=table.pool)


def _put_fallback(row: Route, table: RouteTable) -> None:
    ids = dict(Pool.objects.filter(name__in=table.fallback).values_list("name", "id"))
    row.fallbacks.all().delete()
    RouteFallback.objects.bulk_create(
        RouteFallback(route=row, pool_id=ids[name], position=number) for number, name in enumerate(table.fallback)
    )


def _renumber(edit: Change, rows: Sequence[Route]) -> None:
    """Give every route the position that it has in `rows`."""
    for position, row in enumerate(rows, 1):
        with edit.updating(row, action="move"):
            row.position = position
