"""One job: how far it is, what became of each item, its log, its files. Owns that page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Went, posted
from stationmaster.entrances.console.pages.jobs.listing import named_rows, no_worker, tabs
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import Names, of_credentials, of_people, of_seats, readable
from stationmaster.entrances.console.pages.parts import (
    Bar,
    Cell,
    Facts,
    Form,
    Link,
    Log,
    Page,
    Row,
    Section,
    Table,
    duration,
    moment,
    number,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.workspaces import drift
from stationmaster.entrances.console.streaming import Piece, streamed
from stationmaster.i18n import tr
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import ARTIFACTS
from stationmaster.jobs.ending import UNTRIED
from stationmaster.store.actor import Actor

_REFRESH: Final = 3  # seconds, while it waits or runs
_LINES: Final = 200  # of the log, the last ones
_AT_ONCE: Final = 500  # lines that are sent at a time while it runs
_ID: Final = re.compile(r"(?:cred|per)_[0-9a-z]{20,}")      # in the key of an item
_LIVE: Final = ("queued", "running")
_STATES: Final = ("pending", "running", "ok", "skipped", "failed")  # of items, as they can be asked for


def one(request: HttpRequest, which: str) -> HttpResponse:
    """How far it is, what became of each item, its log, its files."""
    actions: Mapping[str, Action] = {
        "cancel": lambda actor, _: _cancelled(actor, which), "retry": lambda actor, _: _retried(actor, which),
    }  # fmt: skip
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    (row,) = named_rows(me(request), [jobs.get(me(request), which)])
    about = row["about"] if row["about"] is not None else row["place"] if row["workspace"] else None
    title = ": ".join(filter(None, (words.name(words.KINDS, row["kind"]), about.text if about is not None else "")))
    refresh = _REFRESH if row["state"] in _LIVE else 0
    return shown(
        request, Page(title, _sections(request, row), tabs(""), _files(request, row), _same(request, row), refresh, done)
    )


def _sections(request: HttpRequest, row: Row) -> list[Section]:
    actor = me(request)
    waits = (no_worker(),) if row["state"] == "queued" and not jobs.any_worker() else ()
    return [
        Section("", (*waits, *_bar(row), _facts(row)), "facts"),
        *_forms(request, row),
        *drift.result(actor, row),
        Section(tr("Items"), (_table(request, row),), "items"),
        Section(tr("Log"), (_log(actor, row),), "" if row["state"] in _LIVE else "log"),
    ]


def stream(request: HttpRequest, which: str) -> HttpResponseBase:
    """The lines of its log as they are written, until it ends."""
    jobs.get(me(request), which)
    return streamed(request, "jobs:read", lambda actor, last: _written(actor, which, last), request.GET.get("from", ""))


def _written(actor: Actor, which: str, last: str) -> list[Piece]:
    after = int(last) if last.isascii() and last.isdecimal() and len(last) < 10 else 0
    found = jobs.log(actor, which, after, _AT_ONCE)
    pieces = [Piece("lines", Log(_lines(actor, found["lines"])), id=str(found["next"]))] if found["lines"] else []
    return [*pieces, Piece("end")] if found["ended"] else pieces


def _table(request: HttpRequest, row: Row) -> Table:
    """Its items."""
    actor = me(request)
    columns = (
        Column(tr("Item"), lambda item: item["who"], "position"),
        Column(tr("State"), lambda item: words.state(words.ITEMS, _item_state(item), note=item["sentence"]), "state"),
        Column(tr("Tries"), lambda item: number(item["attempts"]), "attempts", number=True),
        Column(tr("Unconfirmed since"), lambda item: moment(item["intent_at"] if item["state"] == "running" else None)),
    )
    choices = (Choice(tr("State"), "state", words.options(words.ITEMS, _STATES)),)
    shape = Shape(jobs.ITEMS, columns, choices, tr("It has no items."), besides=lambda rows: _items(actor, rows))
    return lists.listed(request, lambda query: jobs.items(actor, row["id"], query), shape)


def _same(request: HttpRequest, row: Row) -> tuple[tuple[str, str], ...]:
    """How it is looked at, and what can be done with it in its state."""
    which = row["id"]
    acts = [name for name, now in (("cancel", row["state"] in _LIVE), ("retry", _can_be_retried(request, row))) if now]
    return (
        (f"stationmaster job show {which}", f"GET /api/v1/jobs/{which}"),
        (f"stationmaster job log {which} --follow", f"GET /api/v1/jobs/{which}/log"),
        *((f"stationmaster job {act} {which}", f"POST /api/v1/jobs/{which}/{act}") for act in acts),
    )


def _item_state(item: Row) -> str:
    """Its state; of one that a job left behind when it ended, whether it was begun."""
    if item["reason"] != UNTRIED:
        return str(item["state"])
    return "unfinished" if item["attempts"] else "untried"


def _cancelled(actor: Actor, which: str) -> Went:
    row = jobs.cancel(actor, which)
    return Went(told=tr("Cancelled.") if row["state"] == "cancelled" else tr("It ends after the items under way."))


def _retried(actor: Actor, which: str) -> Went:
    return Went(f"/jobs/{jobs.retry_failed(actor, which)['id']}", tr("A new job tries what failed or was not tried."))


def _items(actor: Actor, rows: list[Row]) -> list[Row]:
    subjects = [str(row["subject"]) for row in rows]
    names: dict[str, str] = {}
    for start, look in (("per_", of_people), ("seat_", of_seats), ("cred_", of_credentials)):
        found: Names = look(actor, [each for each in subjects if each.startswith(start)])
        names |= found
    said = readable(actor, [row["sentence"] for row in rows])
    return [{**row, "who": _who(row, names), "sentence": said(row["sentence"])} for row in rows]


def _who(row: Row, names: Names) -> Cell:
    """Whom an item is about, and what is done."""
    subject = str(row["subject"])
    folder = {"per_": "/people/", "seat_": "/seats/", "cred_": "/credentials/"}.get(subject[: subject.find("_") + 1], "")
    step = str(row["data"].get("kind") or "")
    what = words.name(words.STEPS, step) if step else words.name(words.PUBLISHING, row["data"].get("action") or "")
    if subject in names:
        return Cell(names[subject], f"{folder}{subject}", note=what)
    return Cell(what or str(row["key"]), note=str(row["key"]) if what else "")


def _facts(row: Row) -> Facts:
    ending = row["cancel_asked"] and row["state"] in _LIVE
    note = tr("is being cancelled") if ending else row["sentence"]
    facts = [
        (tr("State"), words.state(words.JOBS, row["state"], note=note)),
        *_about(row),
        (tr("Begun by"), row["by"]),
        *_times(row),
        *_numbers(row),
    ]
    if row["args"].get("plan"):
        facts.append((tr("Plan"), Cell(tr("its plan"), _plan(str(row["args"]["plan"])))))
    if row["retry_of"]:
        facts.append((tr("Tries again"), Cell(tr("an earlier job"), f"/jobs/{row['retry_of']}")))
    return Facts(tuple(facts))


def _about(row: Row) -> Iterator[tuple[str, Cell]]:
    if row["about"] is not None:
        yield tr("Credential"), row["about"]
    if row["workspace"] or row["about"] is None:
        yield tr("Target") if str(row["workspace"]).startswith("tgt_") else tr("Workspace"), row["place"]


def _plan(which: str) -> str:
    return f"/publish/{which}" if which.startswith("pplan_") else f"/plans/{which}"


def _times(row: Row) -> Iterator[tuple[str, Cell]]:
    yield tr("Queued"), moment(row["created_at"])
    yield tr("Started"), moment(row["started_at"])
    yield tr("Ended"), moment(row["ended_at"])
    yield tr("Last sign of life"), moment(row["heartbeat_at"])


def _numbers(row: Row) -> Iterator[tuple[str, Cell]]:
    yield tr("Done"), number(row["ok"])
    yield tr("Skipped"), number(row["skipped"])
    yield tr("Failed"), number(row["failed"])
    yield tr("Left"), number(row["left"])


def _bar(row: Row) -> tuple[Bar, ...]:
    if row["state"] not in _LIVE or not row["total"]:
        return ()
    done = row["total"] - row["left"]
    words_ = tr("{done} of {total}", done=done, total=row["total"])
    if row["eta_seconds"] is not None:
        words_ = tr("{progress}, {time} to go", progress=words_, time=duration(row["eta_seconds"]))
    return (Bar(done, row["total"], words_),)


def _forms(request: HttpRequest, row: Row) -> list[Section]:
    forms = []
    if row["state"] in _LIVE and not row["cancel_asked"] and may(request, "jobs:cancel"):
        forms.append(Form(tr("Cancel it"), "cancel"))
    if may(request, "jobs:retry") and _can_be_retried(request, row):
        forms.append(Form(_again(row), "retry"))
    return [Section("", forms)] if forms else []


def _again(row: Row) -> str:
    if row["failed"]:
        return tr("Try again what failed")
    return tr("Go on with what is left") if row["total"] else tr("Try it again")


def _can_be_retried(request: HttpRequest, row: Row) -> bool:
    return _left_undone(row) and _is_retried(request, row["kind"])


def _left_undone(row: Row) -> bool:
    return row["state"] not in (*_LIVE, "succeeded") and bool(row["failed"] or row["left"] or not row["total"])


def _is_retried(request: HttpRequest, kind: str) -> bool:
    """Whether jobs of this kind can be tried again, and by who asks; of a kind that nobody knows none can."""
    return any(each["kind"] == kind and each["retries"] and may(request, each["action"]) for each in jobs.kinds(me(request)))


def _log(actor: Actor, row: Row) -> Log:
    """Its last lines; all of it is in run.log."""
    before = max(row["lines"] - _LINES, 0)
    found = jobs.log(actor, row["id"], before, _LINES + 50)["lines"]
    stream = f"/jobs/{row['id']}/stream?from={row['lines']}" if row["state"] in _LIVE else ""
    return Log(_lines(actor, found), before, stream)


def _lines(actor: Actor, found: Sequence[Row]) -> tuple[tuple[str, str, str], ...]:
    """Each with its time and level; items by the names of what they are about."""
    ids = {each for line in found for each in _ID.findall(str(line["item"]))}
    names = {**of_credentials(actor, ids), **of_people(actor, ids)} if ids else {}
    return tuple((f"{line['at']:%H:%M:%S}", line["level"], _line(line, names)) for line in found)


def _line(line: Row, names: Names) -> str:
    item = _ID.sub(lambda each: names.get(each[0], each[0]), str(line["item"]))
    return f"[{item}] {line['text']}" if item else str(line["text"])


def _files(request: HttpRequest, row: Row) -> tuple[Link, ...]:
    if not may(request, "jobs:export"):
        return ()
    return tuple(Link(name, f"/api/v1/jobs/{row['id']}/artifacts/{name}") for name in ARTIFACTS)
