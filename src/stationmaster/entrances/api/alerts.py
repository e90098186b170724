"""Alerts over REST: who is told when something crosses a line, tried, given another secret; and the messages that went out. What
there is to do is the services'."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Router

from stationmaster.alerts import services as alerts
from stationmaster.alerts.tables import AlertTable
from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, mount
from stationmaster.entrances.api.targets import NOTHING, acted
from stationmaster.errors import Invalid
from stationmaster.store.actor import Actor
from stationmaster.store.given import known_only

router = Router()

Given = Mapping[str, Any]
_ID: Final = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_AT: Final = "2026-11-22T09:30:00.123456+00:00"
_SECRET: Final = {"secret": "whsec_…"}
_TRIED: Final = {"ok": True, "answer": 204, "code": "", "words": "", "sent": 1}
_OPEN: Final = {"kind": "budget", "name": "build-bot", "line": 80, "period": "2026-11", "at": _AT}
_DAY: Final = 86_400


def _created(actor: Actor, given: Given) -> tuple[Given, Given]:
    made = alerts.create_alert(actor, given)
    return made.row, {"secret": made.secret or None}


ALERTS: Final = Resource(
    "alerts", "alert", alerts.ALERTS,
    {"id": f"alr_{_ID}", "name": "on-call", "channel": "webhook", "url": "https://hooks.example.com/stationmaster",
     "addresses": ["ops@example.com"], "language": "en", "kinds": ["budget"], "watches": ["team-*"],
     "budget_percent": [50, 80, 100], "expiry_days": [30, 7, 1], "pool_minimum": 1, "allow_insecure_http": False,
     "disabled": False, "disabled_reason": "",
     "state": "quiet", "crossed": 0, "last_at": _AT, "last_state": "sent", "last_words": "", "previous_until": _AT,
     "revision": 41, "created_at": _AT, "updated_at": _AT},
    alerts.list_alerts, alerts.export_alerts, alerts.get_alert, _created, alerts.update_alert, alerts.delete_alert,
    schemas.of_table(AlertTable, extra={"disabled_reason": {"type": ["string", "null"], "description": "why, for people"}}),
    {"name": "on-call", "channel": "webhook", "url": "https://hooks.example.com/stationmaster"}, {"budget_percent": [90, 100]},
    shown_once=_SECRET, once_nullable=True, nullable=frozenset({"last_at", "previous_until"}), detail={"open": [_OPEN]},
)  # fmt: skip
DELIVERIES: Final = Resource(
    "alert-deliveries", "message", alerts.DELIVERIES,
    {"id": f"msg_{_ID}", "alert": "on-call", "type": "alert.raised", "to": "https://hooks.example.com/stationmaster",
     "state": "sent", "at": _AT, "ended_at": _AT, "tries": 1, "answer": 204, "words": "", "job": f"job_{_ID}",
     "body": '{"type": "alert.raised"}'},
    alerts.list_deliveries, alerts.export_deliveries, alerts.get_delivery, nullable=frozenset({"ended_at"}),
    many="messages of alerts",
)  # fmt: skip
mount(router, ALERTS)
mount(router, DELIVERIES)


@router.post("/alerts/{which}/test", **operation(
    "test_alerts", "Send a test message of an alert", "alerts", "Now, once, to each of its places, also while it is disabled. "
    "`ok`: it arrived everywhere; `sent`: at how many.", body=NOTHING,
    success=schemas.content(schemas.of_example(_TRIED), _TRIED), relays=True,
))  # fmt: skip
def test(request: HttpRequest, which: str) -> HttpResponse:
    """Whether a message arrives."""
    asking.known_only(request, ())
    return Reply(200, alerts.test_alert(actor_of(request), which, asking.body(request, optional=True))).response()


@router.post("/alerts/{which}/rotate", **operation(
    "rotate_alerts", "Give an alert another secret", "alerts", "For `overlap_seconds` more, a day when left out, the old one "
    "signs too. The answer's `secret` is shown this once. Mail is not signed.", parameters=parameters("if_match", "idempotency"),
    body=schemas.content({"type": "object", "additionalProperties": False, "properties": {
        "overlap_seconds": {"type": "integer", "minimum": 0, "maximum": 30 * _DAY, "default": _DAY},
    }}, {"overlap_seconds": 3600}),
    success=schemas.content(schemas.of_example({**ALERTS.example, **_SECRET}, ALERTS.nullable), {**ALERTS.example, **_SECRET}),
))  # fmt: skip
def rotate(request: HttpRequest, which: str) -> HttpResponse:
    """Another secret for the same place."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request)
    known_only(given, frozenset({"overlap_seconds"}))
    overlap, version = overlap_of(given), asking.version(request)

    def work() -> Reply:
        made = alerts.rotate_alert(actor, which, overlap, version)
        return Reply(200, {**made.row, "secret": made.secret}, made.row["revision"])

    return write(request, actor, work)


def overlap_of(given: Given) -> timedelta:
    """How long the old secret signs too. Raises `Invalid`."""
    seconds = given.get("overlap_seconds", _DAY)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
        why = "expected a whole number from 0 on"
        raise Invalid("error.config.bad_value", f"overlap_seconds: {why}", fields={"overlap_seconds": why})
    return timedelta(seconds=min(seconds, 10**9))


@router.post("/alert-deliveries/{which}/send", **operation(
    "send_alert_deliveries", "Send a message again", "alert-deliveries", "Under the same id, by a job.",
    parameters=parameters("idempotency"), body=NOTHING, success=schemas.content(DELIVERIES.schema(), DELIVERIES.example),
))  # fmt: skip
def send(request: HttpRequest, which: str) -> HttpResponse:
    """Once more."""
    return acted(request, lambda actor, given: alerts.resend(actor, which, given))
