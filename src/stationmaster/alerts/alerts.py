"""Alerts: made, changed, tried, taken away. Owns: their checks and changes, and what is shown of them."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from stationmaster.alerts import kinds
from stationmaster.alerts.delivering import note
from stationmaster.alerts.looking import language_of
from stationmaster.alerts.models import Alert, Crossing, Delivery
from stationmaster.alerts.queueing import new_delivery, places
from stationmaster.alerts.sending import TIMEOUT, Sent, send
from stationmaster.alerts.signing import new_secret
from stationmaster.alerts.tables import FIELDS, PLAIN, AlertTable, checked
from stationmaster.alerts.wording import of_test
from stationmaster.errors import Conflict, Invalid, StationmasterError
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name

OVERLAP: Final = timedelta(hours=24)
MAX_OVERLAP: Final = timedelta(days=30)
_OPEN: Final = 50      # crossings that are shown with an alert
_TESTS: Final = 6      # of one alert, a minute


class MadeAlert(NamedTuple):
    """An alert's row as plain values, and the secret that signs its webhooks, which is shown this once; empty: it has none."""

    row: Mapping[str, Any]
    secret: str


def show(row: Any) -> Mapping[str, Any]:
    """An alert as plain values; nothing of its secrets. `crossed`: things that have crossed a line and are not back."""
    return {
        "id": row.id, "name": row.name, "channel": row.channel, **{name: getattr(row, name) for name in PLAIN},
        "disabled_reason": row.disabled_reason, "state": state_of(row), "crossed": row.crossed, "last_at": row.last_at,
        "last_state": row.last_state or "", "last_words": row.last_words or "",
        "previous_until": row.previous_until if row.previous else None,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


def state_of(row: Any) -> str:
    """How it stands: disabled, failing (its last message did not arrive), raised (something has crossed a line), or quiet."""
    states = ((row.disabled, "disabled"), (row.last_state == kinds.FAILED, "failing"), (bool(row.crossed), "raised"))
    return next((name for holds, name in states if holds), "quiet")


ALERTS: Final = Listing(
    noun="alerts",
    columns=(
        Column("id"), Column("name"), Column("channel", values=kinds.CHANNELS), Column("disabled", kind="flag"),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show, sort="name",
)  # fmt: skip


def list_alerts(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "alerts:read")
    return page(ALERTS, _rows(), query)


def export_alerts(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "alerts:export")
    return export(ALERTS, _rows(), query, form)


def get_alert(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name, with what has crossed a line now (`open`, the latest fifty). Raises `Forbidden`, `NotFound`."""
    require(actor, "alerts:read")
    return _detailed(find(Alert, which).id)


def create_alert(actor: Actor, given: Given) -> MadeAlert:
    """Have a place told of things; a webhook's secret is made here. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "alerts:create")
    known_only(given, FIELDS)
    table = checked(given)
    secret = new_secret() if table.channel == kinds.WEBHOOK else ""
    with change(actor) as edit:
        free_name(Alert, table.id)
        row = Alert(name=table.id, channel=table.channel)
        _fill(row, table, given)
        row.secret = secret
        edit.create(row)
    return MadeAlert(_shown(row.id), secret)


def update_alert(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; its name and channel are for good. `version`: the revision that the caller read. Raises
    `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "alerts:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(Alert, which)
        same_name(row, given)
        if given.get("channel", row.channel) != row.channel:
            why = "a channel is for good"
            hint = "make a new one, then delete this"
            raise Invalid("error.config.bad_value", f"channel: {why}", hint=hint, fields={"channel": why})
        with edit.updating(row, version):
            stored = {name: getattr(row, name) for name in FIELDS}
            _fill(row, checked({**stored, **given}), {"disabled_reason": row.disabled_reason, **given})
    return _shown(row.id)


def delete_alert(actor: Actor, which: str, version: int | None = None) -> None:
    """Tell that place nothing more; what was sent there is forgotten. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "alerts:delete")
    with change(actor) as edit:
        edit.delete(find(Alert, which), version)


def rotate_alert(
    actor: Actor, which: str, overlap: timedelta = OVERLAP, version: int | None = None
) -> MadeAlert:
    """Make a new secret for a webhook; for `overlap` the one before signs too. Raises `Forbidden`, `NotFound`, `Stale`,
    `Invalid`, `Conflict` for mail, which is not signed."""
    require(actor, "alerts:rotate")
    if not timedelta() <= overlap <= MAX_OVERLAP:
        why = f"expected at most {MAX_OVERLAP.days} days"
        raise Invalid("error.config.bad_value", f"overlap: {why}", fields={"overlap": why})
    secret = new_secret()
    with change(actor) as edit:
        row = find(Alert, which)
        if row.channel != kinds.WEBHOOK:
            raise Conflict("error.alert.no_secret", "mail is not signed: there is no secret to change")
        with edit.updating(row, version, action="rotate"):
            row.previous, row.previous_until = row.secret.reveal("sign"), timezone.now() + overlap
            row.secret = secret
    return MadeAlert(_shown(row.id), secret)


def test_alert(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Send a test message now, once, to each of its places, whether or not it is disabled: `ok`, `answer`, `code`, `words` of
    what went wrong. Where one place does not answer for long, those behind it are not tried. Raises `Forbidden`, `NotFound`,
    `Invalid`, and `StationmasterError` 429 for more than a few a minute."""
    require(actor, "alerts:test")
    known_only(given, frozenset())
    row, now = find(Alert, which), timezone.now()
    _refuse_many(row, now)
    began, found = time.monotonic(), list[Sent]()
    for place in places(row):
        if not found or time.monotonic() - began < TIMEOUT:
            found.append(_tried(row, place, now))
    worst = next((sent for sent in found if not sent.ok), found[0])
    with change(actor) as edit:
        edit.record(f"alerts:{row.id}:test", after={"name": row.name, "ok": worst.ok, "code": worst.code})
    arrived = sum(each.ok for each in found)
    return {"ok": worst.ok, "answer": worst.answer, "code": worst.code, "words": worst.words, "sent": arrived}


def _refuse_many(alert: Alert, now: datetime) -> None:
    """Each makes messages to people who have not asked for them."""
    lately = Delivery.objects.filter(alert=alert, type=kinds.TEST, at__gt=now - timedelta(minutes=1))
    if lately.values("body").distinct().count() >= _TESTS:
        text = "this alert was tested several times in the last minute"
        raise StationmasterError("error.alert.too_many", text, hint="wait a minute", retryable=True, status=429)


def _tried(alert: Alert, place: str, now: datetime) -> Sent:
    row = new_delivery(alert, of_test(alert.name, language_of(alert), now), place)
    row.state, row.words = kinds.FAILED, "nobody could write down what came of it"      # until somebody does: no job is behind it
    row.save(force_insert=True)
    sent = send(alert, row, now)
    note(row, sent)
    return sent


def _fill(row: Alert, table: AlertTable, given: Given) -> None:
    for name in PLAIN:
        setattr(row, name, getattr(table, name))
    row.budget_percent = sorted(set(table.budget_percent))
    row.expiry_days = sorted(set(table.expiry_days), reverse=True)
    row.disabled_reason = (given.get("disabled_reason") or "") if row.disabled else ""


def _rows() -> "QuerySet[Any]":
    last = Delivery.objects.filter(alert=OuterRef("pk")).order_by("-at", "-id")
    newest = {f"last_{name}": Subquery(last.values(name)[:1]) for name in ("at", "state", "words")}
    return Alert.objects.annotate(crossed=Count("crossings", filter=Q(crossings__over_at=None)), **newest)


def _shown(which: str) -> Mapping[str, Any]:
    return show(_rows().get(id=which))


def _detailed(which: str) -> Mapping[str, Any]:
    rows = Crossing.objects.filter(alert=which, over_at=None).order_by("-at", "-id")[:_OPEN]
    names = ("kind", "name", "line", "period", "at")
    return {**_shown(which), "open": [{name: getattr(row, name) for name in names} for row in rows]}
