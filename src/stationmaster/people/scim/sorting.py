"""The order of a search (RFC 7644 section 3.4.2.3). Owns: which column orders, and where those without a value stand."""

from typing import Any

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from scim2_models import InvalidPathException, SearchRequest

from stationmaster.people.scim.columns import Column, Entries, Table


def ordered(rows: "QuerySet[Any]", search: SearchRequest[Any], table: Table, model: Any) -> "QuerySet[Any]":
    """`rows` in the order that is asked for, else by id. Without a value: last when ascending, first when descending. Raises
    `InvalidPathException`."""
    if search.sort_by is None:
        return rows.order_by("pk")
    bound = search.sort_binding(model)
    if bound is None:
        return rows.order_by("pk")
    column = table.single.get(bound.urn.lower()) or _of_entries(table, bound.urn)
    if column is None:
        raise InvalidPathException(path=str(search.sort_by), detail=f"sorting by {search.sort_by} is not answered")
    down = "-" if search.sort_order == SearchRequest.SortOrder.descending else ""
    empty = Case(When(_empty(column), then=Value(1)), default=Value(0), output_field=IntegerField())
    valued: QuerySet[Any] = rows.annotate(scim_empty=empty, scim_value=_value(column))
    return valued.order_by(f"{down}scim_empty", f"{down}scim_value", "pk")


def _empty(column: Column) -> Q:
    """Whether there is no value. Where a column of entries says something by being empty, the address says it."""
    if column.kind != "text":
        return Q(pk__in=())
    return Q(email_folded="") if column.otherwise else Q(**{column.path: ""})


def _value(column: Column) -> Any:
    return F(column.path) if not column.otherwise else column.expression


def _of_entries(table: Table, urn: str) -> Column | None:
    """The column of the entry that stands for the others: the first one is the primary one."""
    head, _, name = urn.lower().rpartition(".")
    entries: Entries | None = table.multiple.get(head)
    return entries.first.get(name) if entries is not None else None


