"""Messages that were sent, or are to be. Owns: their list, and sending one again."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import QuerySet

from stationmaster.alerts import kinds
from stationmaster.alerts.models import Delivery
from stationmaster.alerts.queueing import submit
from stationmaster.alerts.wording import TYPES
from stationmaster.errors import Conflict, NotFound
from stationmaster.gateway.config.problems import quoted
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page


def show(row: Delivery) -> Mapping[str, Any]:
    """A message as plain values. `body` is what was sent, as text."""
    return {
        "id": row.id, "alert": row.alert.name, "type": row.type, "to": row.to, "state": row.state, "at": row.at,
        "ended_at": row.ended_at, "tries": row.tries, "answer": row.answer, "words": row.words, "job": row.job, "body": row.body,
    }


DELIVERIES: Final = Listing(
    noun="deliveries",
    columns=(
        Column("id"), Column("alert", path="alert__name"), Column("type", values=TYPES), Column("to"),
        Column("state", values=kinds.STATES), Column("at", kind="time"), Column("answer", kind="number"), Column("job"),
    ),
    show=show, sort="-at",
)  # fmt: skip


def list_deliveries(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "alerts:read")
    return page(DELIVERIES, _rows(), query)


def export_deliveries(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "alerts:export")
    return export(DELIVERIES, _rows(), query, form)


def get_delivery(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "alerts:read")
    return show(_found(which))


def resend(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have a message sent again, under the same id. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` while it is on its way
    or its alert is disabled."""
    require(actor, "alerts:send")
    known_only(given, frozenset())
    row = _found(which)
    if row.state == kinds.QUEUED:
        raise Conflict("error.alert.on_its_way", "this message is on its way", hint="wait for it, or cancel its job")
    if row.alert.disabled:
        raise Conflict("error.alert.disabled", "the alert is disabled", hint="enable it first")
    with change(actor) as edit:
        edit.record(f"alerts:{row.alert_id}:resend", after={"name": row.alert.name, "message": row.id})
        job = submit(actor, row.alert)
        Delivery.objects.filter(id=row.id).update(state=kinds.QUEUED, ended_at=None, job=job)
    return show(_found(which))


def _rows() -> "QuerySet[Delivery]":
    rows: QuerySet[Delivery] = Delivery.objects.select_related("alert")
    return rows


def _found(which: str) -> Delivery:
    row = _rows().filter(id=which).first() if which.isascii() and which.isprintable() and len(which) <= 64 else None
    if row is None:
        raise NotFound("error.alert.no_message", f"there is no message {quoted(which)}")
    return row
