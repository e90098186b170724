"""One credential's course: its secrets one after another, and what went wrong with it last. Owns both pictures."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.credentials.parts import generation
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import NOTHING, Cell, Row, Table, moment
from stationmaster.entrances.console.pages.pictures import Course, Event
from stationmaster.entrances.console.pages.traffic.telling import FAILED, why
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage

_ERRORS = 5


def rotation(row: Row) -> Course:
    """Each secret from when it was made to when it was revoked, and what is to come, the latest first."""
    events = [event for each in row["generations"] for event in _steps(each)]
    past = sorted((each for each in events if each.at), key=lambda each: str(each.at), reverse=True)
    return Course((*_coming(row), *past[:20]), tr("Nothing followed the first one yet."))


def _steps(each: Row) -> Iterator[Event]:
    """What is known of one secret: when it was made, since when it is what it is, until when it is kept, when it was revoked."""
    called = tr("Secret {number}", number=each["number"])
    if each["minted_at"]:
        yield Event(each["minted_at"], tr("{secret}: {state}", secret=called, state=words.name(words.ORIGINS, each["origin"])))
    shown = generation(each)
    href = f"/jobs/{each['job']}" if each["job"] else ""
    if each["since"] and each["since"] != each["revoked_at"]:
        yield Event(each["since"], f"{called}: {shown.text}", shown.tone or "", each["words"], href)
    if each["keep_until"]:
        yield Event(each["keep_until"], tr("{secret} is kept until then", secret=called), "off")
    if each["revoked_at"]:
        yield Event(each["revoked_at"], f"{called}: {words.name(words.GENERATIONS, 'revoked')}", "off", each["words"])


def _coming(row: Row) -> Iterator[Event]:
    """What will happen by itself."""
    if row["incoming"]:
        share = tr("{share} % of the sessions use it", share=row["share"])
        yield Event(None, tr("Secret {number} is being brought in", number=row["incoming"]), "busy", share)
    if row["rotate_days"]:
        yield Event(None, tr("It is rotated every {number} days", number=row["rotate_days"]), "")


def errors(actor: Actor, row: Row) -> Table:
    """The last requests of it that failed, each with the way to all that is known of it."""
    columns = (
        Column(tr("When"), lambda each: moment(each["at"])),
        Column(tr("Answer"), lambda each: Cell(str(each["status"]), note=each["error"])),
        Column(tr("What the vendor said"), _upstream),
        Column(tr("Model"), lambda each: Cell(each["model"]) if each["model"] else NOTHING),
        Column(tr("Request"), lambda each: Cell(each["request_id"], f"/requests/{each['request_id']}", code=True)),
    )
    return lists.plain(columns, _failed(actor, row), tr("No request of it failed that is still known."))


def _failed(actor: Actor, row: Row) -> list[Row]:
    if not operators.allowed(actor, "usage:read"):
        return []
    wanted = (Filter("credential", "eq", row["name"]), Filter("status", "ge", 400), Filter("status", "ne", 499))
    return usage.list_events(actor, Query(filters=wanted, limit=_ERRORS, counted=False)).items


def _upstream(each: Row) -> Cell:
    """The vendor's own status and code, where it answered at all."""
    detail: dict[str, Any] = each["detail"] or {}
    tried = [one for one in detail.get("tried") or () if isinstance(one, dict) and one.get("credential") == each["credential"]]
    last: dict[str, Any] = tried[-1] if tried else {}
    said = " ".join(str(one) for one in (detail.get("upstream_status") or last.get("status"), last.get("code")) if one)
    outcome = last.get("outcome") or ""
    return Cell(said, note=why(FAILED, outcome) if outcome else "") if said or outcome else NOTHING


def again(row: Row) -> Cell:
    """When the gateways that took it out of service try it again: the first of them."""
    waits = [each["until"] for each in row["reports"] if each["state"] in ("cooling", "disabled") and each["until"]]
    return moment(datetime.fromtimestamp(min(waits), UTC)) if waits else NOTHING
