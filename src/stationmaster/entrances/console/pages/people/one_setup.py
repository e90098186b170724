"""One import of an older setup: how its file is read, how far it is, what it came to, what stayed outside. Owns that page."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Page,
    Part,
    Problem,
    Row,
    Section,
    Table,
    number,
    text,
)
from stationmaster.entrances.console.pages.people import files
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.importing import services as rosters
from stationmaster.phrases.remarks import remark
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One import: how its file is read while it is not started, how far it is, what it came to, what is wrong with it."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = rosters.get_roster(me(request), which)
    sections, problem = _sections(request, row, done)
    links = (Link(tr("Its job"), f"/jobs/{row['job']}"),) if row["job"] else ()
    refresh = files.REFRESH if row["state"] == rosters.RUNNING else 0
    return shown(request, Page(row["name"] or tr("a file"), sections, tabs(request, ""), links, _same(row), refresh, problem))


def _actions(which: str) -> Mapping[str, Action]:
    return {
        "map": lambda actor, sent: _mapped(actor, which, sent),
        "keep": lambda actor, sent: _kept(actor, which, sent),
        "try": lambda actor, _: _started(actor, which, dry_run=True),
        "start": lambda actor, _: _started(actor, which, dry_run=False),
        "forget": lambda actor, _: _forgotten(actor, which),
    }


def _sections(request: HttpRequest, row: Row, problem: Problem | None) -> tuple[list[Section], Problem | None]:
    """What there is to see and to do in the import's state, and what keeps its file from being read."""
    actor, state = me(request), row["state"]
    standing = files.standing(actor, row, _counts(row), lambda done, most: tr("{done} of {total} records", done=done, total=most))
    sections = [Section("", standing, "state")]
    if state == rosters.OPEN:
        preview, problem = _preview(actor, row, problem)
        sections += preview
    if row["records"]:
        sections.append(Section(tr("What stayed outside"), _left(row["left_out"])))
    if row["records"] and state != rosters.RUNNING:
        sections.append(Section(tr("What is wrong with its records"), (_problems(request, actor, row),)))
    if state != rosters.RUNNING:
        sections.append(files.forgetting(row))
    return sections, problem


def _mapped(actor: Actor, which: str, sent: Sent) -> Went:
    """Read the file as the form says."""
    given: dict[str, Any] = {name: sent.get(name, "") for name in ("encoding", "vendor")}
    given["mapping"] = dict(zip(sent.getlist("heading"), sent.getlist("field"), strict=False))
    if sent.get("mapping_name"):
        given = {**given, "mapping_name": sent.get("mapping_name"), "mapping": {}}
    rosters.preview(actor, which, given)
    return Went()


def _kept(actor: Actor, which: str, sent: Sent) -> Went:
    fields = {heading: field for heading, field in rosters.preview(actor, which, {})["headings"].items() if field}
    rosters.save_mapping(actor, {"name": sent.get("name", ""), "fields": fields})
    return Went(told=tr("The mapping is kept."))


def _started(actor: Actor, which: str, *, dry_run: bool) -> Went:
    rosters.start(actor, which, dry_run=dry_run)
    return Went(told=tr("A job counts what every record comes to.") if dry_run else tr("A job imports it."))


def _forgotten(actor: Actor, which: str) -> Went:
    rosters.delete_roster(actor, which)
    return Went("/imports", tr("It is forgotten."))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        ("stationmaster import accounts.json", f"POST /api/v1/imports/{row['id']}/start"),
        (f"stationmaster roster problems {row['id']}", f"GET /api/v1/imports/{row['id']}/problems"),
    )


def _counts(row: Row) -> list[tuple[str, Cell]]:
    names = (tr("Added"), tr("Changed"), tr("As they were"), tr("Come twice"), tr("Conflicts"), tr("Errors"))
    counts = [(label, number(row[name])) for label, name in zip(names, rosters.COUNTS, strict=True)]
    return [(tr("Records"), number(row["records"])), *counts] if row["records"] else []


def _preview(actor: Actor, row: Row, problem: Problem | None) -> tuple[list[Section], Problem | None]:
    """How the file is read, and what its first records come to; or what keeps it from being read."""
    try:
        seen = rosters.preview(actor, row["id"], {})
    except StationmasterError as error:
        wrong = problem or Problem(error.message, error.hint, error.fields, error.status)
        return [Section(tr("How it is read"), (Form(tr("Read it so"), "map", _form(actor, row), quiet=True),))], wrong
    form = Form(tr("Read it so"), "map", (*_form(actor, {**row, **seen}), *_mapping(seen)), quiet=True)
    keep = Form(tr("Keep this mapping"), "keep", (Field("name", tr("Name")),), quiet=True)
    start = (Form(tr("Try it: count what every record comes to"), "try"), Form(tr("Import it"), "start", main=True))
    rows = Section(tr("What its first records come to"), (_rows(seen), *start))
    return [Section(tr("How it is read"), (form, *((keep,) if any(seen["headings"].values()) else ()))), rows], problem


def _form(actor: Actor, row: Row) -> tuple[Field, ...]:
    vendors = tuple((name, each.title) for name, each in VENDORS.items())
    kept = [each["name"] for each in rosters.list_mappings(actor, Query(limit=100)).items]
    names = (("", tr("none")), *((each, each) for each in kept))
    return (
        files.encoding(row["encoding"]),
        Field("vendor", tr("Where its teams are"), "select", row["vendor"], vendors),
        *((Field("mapping_name", tr("A mapping that was kept"), "select", "", names),) if kept else ()),
    )


def _mapping(seen: Row) -> list[Field]:
    """Each heading, and what it is. The fields are those of the files, in their words."""
    return files.mapping(list(seen["headings"].items()), [(each, each) for each in seen["fields"]])


def _rows(seen: Row) -> Table:
    columns = [
        Column(tr("Row"), lambda row: number(row["row"]), number=True),
        Column(tr("What becomes of it"), lambda row: words.state(words.ROWS, row["outcome"])),
        Column(tr("Who"), lambda row: text(_who(row["values"]))),
        Column(tr("Seat"), lambda row: words.state(words.SEATS, row["state"]) if row["state"] else text("")),
        Column(tr("Why"), lambda row: text(_why(row))),
    ]
    return lists.plain(columns, seen["rows"], tr("The file has nothing that could be told."))


def _who(values: Row) -> str:
    return str(values.get("email") or values.get("team") or values.get("name") or values.get("label") or "")


def _why(row: Row) -> str:
    return "; ".join(filter(None, [files.why(row, "field"), *(remark(each) for each in row["notes"])]))


def _left(left: Row) -> tuple[Part, ...]:
    """What did not come in: names of fields and numbers."""
    titles = (
        ("secrets", tr("Passwords, mailboxes, browser sessions: for no API")),
        ("admin", tr("Admin keys: attach the workspace with them")), ("unknown", tr("Unknown fields")),
    )  # fmt: skip
    rows = [
        {"what": title, "field": name, "number": count}
        for what, title in titles for name, count in sorted(left.get(what, {}).items())
    ]  # fmt: skip
    columns = [
        Column(tr("What"), lambda row: text(row["what"])), Column(tr("Field"), lambda row: text(row["field"])),
        Column(tr("How often"), lambda row: number(row["number"]), number=True),
    ]  # fmt: skip
    return (lists.plain(columns, rows, tr("Nothing: every field came in.")),)


def _problems(request: HttpRequest, actor: Actor, row: Row) -> Table:
    columns, choices = files.wrong(Column(tr("Field"), lambda each: text(each["field"]), "field"))
    none, download = tr("Nothing: every record was taken."), f"imports/{row['id']}/problems"
    shape = Shape(rosters.PROBLEMS, columns, choices, none, download)
    return lists.listed(request, lambda query: rosters.list_problems(actor, row["id"], query), shape)
