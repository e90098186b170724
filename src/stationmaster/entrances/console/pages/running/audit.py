"""The audit trail: who did what, when, and what was different after it; whether the trail is whole. Owns those pages."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.audit import services as audit
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape, Typed, filtered
from stationmaster.entrances.console.pages.names import actor_cell, of_people, operators_known
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Form,
    Link,
    Page,
    Row,
    Section,
    Table,
    code,
    moment,
    text,
)
from stationmaster.entrances.console.pages.running.deeds import AREAS, DEEDS, WAYS, deed, thing
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import NotFound
from stationmaster.i18n import tr, trn
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

_SAME: Final = (("stationmaster audit list", "GET /api/v1/audit"), ("stationmaster audit verify", "POST /api/v1/audit/verify"))
_SEEN: Final = 4  # differences that the list shows
_LONG: Final = 80  # characters of a value there
_NAMES: Final = ("name", "display_name", "email", "label")  # of a thing, among what was written of it


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The trail, the newest first."""
    done = posted(request, {"verify": _verified})
    if isinstance(done, HttpResponse):
        return done
    sections = [Section("", (_table(request),))]
    if may(request, "audit:verify"):
        how = tr("Each event holds a hash of the one before: going through shows whether all are there, as they were written.")
        sections.append(Section(tr("Is it whole?"), (Form(tr("Verify the trail"), "verify", text=how),)))
    return shown(request, Page(tr("Audit"), sections, same=_SAME, problem=done))


def _verified(actor: Actor, _: Sent) -> Went:
    verdict = audit.verify(actor)
    if verdict.ok:
        return Went(told=tr("The trail is whole: {number} events. Its head is {head}.", number=verdict.head.count,
                            head=f"`{verdict.head.count}:{verdict.head.hash}`"))  # fmt: skip
    first = verdict.faults[0]
    return Went(told=trn("The trail has {number} fault", "The trail has {number} faults", len(verdict.faults))
                + f": {first.seq}: {first.what}")  # fmt: skip


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    choices = (
        Choice(tr("Area"), "source", words.options(AREAS)), Choice(tr("Came by"), "actor_kind", words.options(WAYS)),
        Choice(tr("Since"), "at", _moments(), op="ge"),
    )  # fmt: skip
    shape = Shape(
        audit.EVENTS, _columns(), choices, download="audit" if may(request, "audit:export") else "",
        empty=tr("Nothing was changed yet."), besides=lambda rows: named(actor, rows),
        typed=(Typed(tr("Who"), "actor", operators_known(actor)), Typed(tr("What"), "action", _deeds())),
    )  # fmt: skip
    return lists.listed(request, lambda query: audit.list_events(actor, query), shape)


def _deeds() -> tuple[tuple[str, str], ...]:
    """Actions with their words, those that others have too with the action's own name."""
    found = words.options(DEEDS)
    alike = Counter(told for _, told in found)
    return tuple((code, told if alike[told] == 1 else f"{told} ({code})") for code, told in found)


def _moments() -> tuple[tuple[str, str], ...]:
    """From when on, to choose from."""
    return (("-1h", tr("one hour")), ("-24h", tr("one day")), ("-7d", tr("seven days")), ("-30d", tr("thirty days")))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("When"), lambda row: moment(row["at"]), "at"),
        Column(tr("Who"), lambda row: row["who"], "actor"),
        Column(tr("What"), what, "action"),
        Column(tr("Different"), _different),
        Column(tr("Came by"), lambda row: text(words.name(WAYS, row["actor_kind"]))),
        Column(tr("Event"), lambda row: Cell(f"{row['seq']}", f"/audit/{row['seq']}", number=True), "seq", number=True),
    )


def named(actor: Actor, rows: Sequence[Row]) -> list[Row]:
    """Events with the names of who did it and of what it was done to, looked up for all at once."""
    ids = [str(row["actor"]) for row in rows] + [str(row["subject"]) for row in rows if str(row["subject"]).startswith("op_")]
    known = audit.people(actor, ids) | dict(of_people(actor, [row["subject"] for row in rows if _is_person(row)]))
    return [{**row, "who": actor_cell(row["actor_kind"], row["actor"], known), "called": _called(row, known)} for row in rows]


def _is_person(row: Row) -> bool:
    return str(row["subject"]).startswith("per_")


def _called(row: Row, known: Mapping[str, str]) -> str:
    """What the thing is called: people by who they are, others by what was written of them."""
    subject = str(row["subject"])
    if subject in known:
        return known[subject]
    if _is_person(row):
        return tr("a person")
    written = {**(row["before"] or {}), **(row["after"] or {})}
    return next((str(written[name]) for name in _NAMES if isinstance(written.get(name), str) and written[name]), "")


def what(row: Row) -> Cell:
    """What was done to what, and the way there where it has a page."""
    kind, folder = thing(str(row["subject"]))
    if not kind:
        kind = words.name(AREAS, row["source"])
        name = "" if row["subject"] in ("", "relay") else str(row["subject"])
    else:
        name = row["called"]
    gone = row["action"] in ("delete", "erase")
    href = f"{folder}{row['subject']}" if folder and not gone else ""
    return Cell(f"{kind} {name}".strip(), href, note=deed(str(row["action"])))


def differences(row: Row) -> list[tuple[str, str, str]]:
    """Names, with the values before and after, of what was different; nothing, none and 0 are alike."""
    before, after = row["before"] or {}, row["after"] or {}
    names = [name for name in {**before, **after} if (before.get(name) or None) != (after.get(name) or None)]
    return [(name, _value(before.get(name)), _value(after.get(name))) for name in names]


def _value(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _different(row: Row) -> Cell:
    found = differences(row)
    seen = [Cell(f"{name}: {f'{_short(old)} → ' if old else ''}{_short(new)}") for name, old, new in found[:_SEEN]]
    if len(found) > _SEEN:
        seen.append(Cell(trn("{number} more", "{number} more", len(found) - _SEEN), f"/audit/{row['seq']}"))
    return Cell(many=tuple(seen)) if seen else text("")


def _short(value: str) -> str:
    return value if len(value) <= _LONG else f"{value[: _LONG - 1]}…"


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One event, whole."""
    actor = me(request)
    if not which.isascii() or not which.isdecimal() or len(which) > 18:
        raise NotFound("error.audit.no_event", "there is no such event")
    rows = audit.list_events(actor, Query(filters=(Filter("seq", "eq", which),), limit=1, counted=False)).items
    if not rows:
        raise NotFound("error.audit.no_event", "there is no such event")
    (row,) = named(actor, rows)
    table = lists.plain((
        Column(tr("Field"), lambda each: code(each["name"])), Column(tr("Before"), lambda each: text(each["before"])),
        Column(tr("After"), lambda each: text(each["after"])),
    ), [dict(zip(("name", "before", "after"), each, strict=True)) for each in differences(row)],
        tr("Nothing of what is kept was different."))  # fmt: skip
    sections = (Section("", (_facts(row),)), Section(tr("Different"), (table,)))
    trail = (Link(tr("Audit"), "/audit"),)
    links = (Link(tr("All about it"), filtered("/audit", ("subject", "eq", str(row["subject"])))),)
    return shown(request, Page(tr("Event {number}", number=row["seq"]), sections, links=links, same=_SAME, trail=trail))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("When"), moment(row["at"])), (tr("Who"), row["who"]), (tr("Role"), text(row["role"])), (tr("What"), what(row)),
        (tr("Came by"), text(words.name(WAYS, row["actor_kind"]))), (tr("Area"), text(words.name(AREAS, row["source"]))),
        (tr("Request"), code(row["request_id"])), (tr("Thing"), code(row["subject"])),
        (tr("Configuration"), text(row["revision"])),
    ))  # fmt: skip
