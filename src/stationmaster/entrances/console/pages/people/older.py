"""Imports of older setups: uploaded, looked at, started, followed, and rosters taken out again. Owns those pages.

What a browser sends at once is bounded, as everything is that comes to the console's port; the command line takes larger files.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Bar,
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Part,
    Problem,
    Row,
    Section,
    Table,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.people.imports import import_state
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.importing import services as rosters
from stationmaster.jobs import services as jobs
from stationmaster.phrases.remarks import remark
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS

STATES: Final = (rosters.OPEN, rosters.RUNNING, *rosters.ENDED)  # as they can be asked for
_REFRESH: Final = 3  # seconds, while it runs
_ENCODINGS: Final = ("", "utf-8", "utf-16", "gb18030", "latin-1")
_SAME: Final = (
    ("stationmaster import accounts.json --dry-run", "POST /api/v1/imports"),
    ("stationmaster export roster accounts.json", "GET /api/v1/rosters/accounts"),
)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, the form that uploads a file, and the files that can be taken out."""
    done = posted(request, {"upload": lambda actor, _: _uploaded(actor, request)})
    if isinstance(done, HttpResponse):
        return done
    sections = (Section(tr("Import an older setup's file"), (_upload(),)), Section("", (_table(request),)))
    page = Page(tr("Older setups"), sections, tabs(request, "/imports"), _downloads(request), same=_SAME, problem=done)
    return shown(request, page)


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One import: how its file is read while it is not started, how far it is, what it came to, what is wrong with it."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = rosters.get_roster(me(request), which)
    sections, problem = _sections(request, row, done)
    links = (Link(tr("Its job"), f"/jobs/{row['job']}"),) if row["job"] else ()
    refresh = _REFRESH if row["state"] == rosters.RUNNING else 0
    return shown(request, Page(row["name"] or tr("a file"), sections, tabs(request, ""), links, _same(row), refresh, problem))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    columns = (
        Column(tr("File"), lambda row: Cell(row["name"] or tr("a file"), f"/imports/{row['id']}"), "name"),
        Column(tr("State"), import_state, "state"),
        Column(tr("Records"), lambda row: number(row["records"]), number=True),
        Column(tr("Added"), lambda row: number(row["created"]), number=True),
        Column(tr("Changed"), lambda row: number(row["updated"]), number=True),
        Column(tr("Not imported"), lambda row: number(_wrong(row)), number=True),
        Column(tr("Uploaded"), lambda row: moment(row["created_at"]), "created_at"),
    )
    shape = Shape(
        rosters.ROSTERS, columns, (Choice(tr("State"), "state", words.options(words.IMPORTS, STATES)),),
        empty=tr("None yet. A list of accounts, a tracker's teams, a table, or a config.toml."),
    )  # fmt: skip
    return lists.listed(request, lambda query: rosters.list_rosters(actor, query), shape)


def _upload() -> Form:
    why = tr("Nothing is imported by uploading: you see first what it comes to. Passwords, mailboxes and browser sessions in it "
             "are counted and left out. Files of more than 9 MB: `stationmaster import FILE`")  # fmt: skip
    file = Field("file", tr("JSON, CSV or TOML file"), "file", needed=True)
    return Form(tr("Upload"), "upload", (file,), upload=True, text=why)


def _downloads(request: HttpRequest) -> tuple[Link, ...]:
    if not may(request, "rosters:export"):
        return ()
    return tuple(Link(tr("Take it as {name}", name=each), f"/api/v1/rosters/{each}") for each in rosters.EXPORTED)


def _uploaded(actor: Actor, request: HttpRequest) -> Went:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size:
        why = tr("Choose a file that is not empty.")
        raise Invalid("error.import.empty", why, fields={"file": why})
    row = rosters.begin(actor, {"name": (file.name or "")[-200:]})
    offset = 0
    for part in file.chunks(rosters.MAX_PART):
        rosters.add_part(actor, row["id"], offset, part)
        offset += len(part)
    return Went(f"/imports/{row['id']}")


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
    sections = [Section("", _state_of(actor, row), "state")]
    if state == rosters.OPEN:
        preview, problem = _preview(actor, row, problem)
        sections += preview
    if row["records"]:
        sections.append(Section(tr("What stayed outside"), _left(row["left_out"])))
    if row["records"] and state != rosters.RUNNING:
        sections.append(Section(tr("What is wrong with its records"), (_problems(request, actor, row),)))
    if state != rosters.RUNNING:
        open_, after = tr("Its file is forgotten, and nothing was imported."), tr("Of what it imported nothing changes.")
        words_ = open_ if state == rosters.OPEN else after
        sections.append(Section("", (Form(tr("Forget this import"), "forget", text=words_, quiet=True),)))
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


def _state_of(actor: Actor, row: Row) -> tuple[Part, ...]:
    names = (tr("Added"), tr("Changed"), tr("As they were"), tr("Come twice"), tr("Conflicts"), tr("Errors"))
    counts = [(label, number(row[name])) for label, name in zip(names, rosters.COUNTS, strict=True)]
    facts = Facts((
        (tr("State"), import_state(row)), *(((tr("Records"), number(row["records"])), *counts) if row["records"] else ()),
        (tr("Size"), Cell(trn("{number} byte", "{number} bytes", row["size"]))), (tr("Uploaded"), moment(row["created_at"])),
    ))  # fmt: skip
    tried = (Note(tr("This was a try: nothing was changed. Start it to import.")),)
    return (facts, *(tried if row["dry_run"] and row["state"] == rosters.OPEN else ()), *_bar(actor, row))


def _bar(actor: Actor, row: Row) -> tuple[Bar, ...]:
    if row["state"] != rosters.RUNNING or not row["job"]:
        return ()
    job = jobs.get(actor, row["job"])
    done = job["total"] - job["left"]
    return (Bar(done, max(job["total"], 1), tr("{done} of {total} records", done=done, total=job["total"])),)


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
    encodings = tuple((each, each or tr("told from the file")) for each in _ENCODINGS)
    vendors = tuple((name, each.title) for name, each in VENDORS.items())
    kept = [each["name"] for each in rosters.list_mappings(actor, Query(limit=100)).items]
    names = (("", tr("none")), *((each, each) for each in kept))
    return (
        Field("encoding", tr("Encoding"), "select", row["encoding"], encodings),
        Field("vendor", tr("Where its teams are"), "select", row["vendor"], vendors),
        *((Field("mapping_name", tr("A mapping that was kept"), "select", "", names),) if kept else ()),
    )


def _mapping(seen: Row) -> list[Field]:
    """Each heading, and what it is. The fields are those of the files, in their words."""
    options = (("", tr("(left out)")), *((each, each) for each in seen["fields"]))
    fields = []
    for heading, field in seen["headings"].items():
        fields += [Field("heading", "", "hidden", heading), Field("field", heading, "select", field, options)]
    return fields


def _rows(seen: Row) -> Table:
    columns = [
        Column(tr("Number"), lambda row: number(row["row"]), number=True),
        Column(tr("What becomes of it"), lambda row: words.state(words.ROWS, row["outcome"])),
        Column(tr("Who"), lambda row: text(_who(row["values"]))),
        Column(tr("Seat"), lambda row: words.state(words.SEATS, row["state"]) if row["state"] else text("")),
        Column(tr("Why"), lambda row: text(_why(row))),
    ]
    return lists.plain(columns, seen["rows"], tr("The file has nothing that could be told."))


def _who(values: Row) -> str:
    return str(values.get("email") or values.get("team") or values.get("name") or values.get("label") or "")


def _why(row: Row) -> str:
    told = (f"{each['field']}: {each['message']}".strip(": ") for each in row["problems"])
    return "; ".join([*filter(None, told), *(remark(each) for each in row["notes"])])


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
    columns = (
        Column(tr("Number"), lambda each: number(each["row"]), "row", number=True),
        Column(tr("What became of it"), lambda each: words.state(words.ROWS, each["outcome"]), "outcome"),
        Column(tr("Field"), lambda each: text(each["field"]), "field"),
        Column(tr("Why"), lambda each: text(each["message"])),
    )
    kinds = tuple((each, words.name(words.ROWS, each)) for each in ("duplicate", "conflict", "error"))
    shape = Shape(
        rosters.PROBLEMS, columns, (Choice(tr("What became of it"), "outcome", kinds),), tr("Nothing: every record was taken."),
        f"imports/{row['id']}/problems",
    )  # fmt: skip
    return lists.listed(request, lambda query: rosters.list_problems(actor, row["id"], query), shape)


def _wrong(row: Row) -> int:
    return int(row["duplicates"] + row["conflicts"] + row["errors"])
