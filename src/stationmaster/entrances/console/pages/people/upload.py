"""One import: how its file is read, how far it is, what became of its rows. Owns that page."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import of_people
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
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.jobs import services as jobs
from stationmaster.people import imports
from stationmaster.people.importing.fields import FIELDS
from stationmaster.store.actor import Actor

_REFRESH: Final = 3  # seconds, while it runs
_ENCODINGS: Final = ("", "utf-8", "utf-16", "gb18030", "latin-1")
_DELIMITERS: Final = (("", ""), (",", ","), (";", ";"), ("\t", "Tab"), ("|", "|"))
_COUNTS: Final = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors", "leavers", "left")


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One import: how its file is read while it is not started, how far it is, what it came to, what is wrong with which row."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = imports.get_import(me(request), which)
    sections, problem = _sections(request, row, done)
    refresh = _REFRESH if row["state"] == "running" else 0
    name = row["name"] or tr("a file")
    return shown(request, Page(name, sections, tabs(request, ""), _links(row), _same(row), refresh, problem))


def _actions(which: str) -> Mapping[str, Action]:
    return {
        "map": lambda actor, sent: _mapped(actor, which, sent),
        "try": lambda actor, _: _started(actor, which, dry_run=True),
        "start": lambda actor, _: _started(actor, which, dry_run=False),
        "approve": lambda actor, sent: _approved(actor, which, sent),
        "forget": lambda actor, _: _forgotten(actor, which),
    }


def _sections(request: HttpRequest, row: Row, problem: Problem | None) -> tuple[list[Section], Problem | None]:
    """What there is to see and to do in the import's state, and what keeps its file from being read."""
    actor, state = me(request), row["state"]
    sections = [Section("", _state_of(actor, row), "state")]
    if state == "open":
        preview, problem = _preview(actor, row, problem)
        sections += preview
    if state == "waiting":
        sections.append(_waiting(actor, row))
    if row["rows"] and state not in ("open", "running"):
        sections.append(Section(tr("What is wrong with its rows"), (_problems(request, actor, row),)))
    if state != "running":
        sections.append(Section("", (_forget(row),)))
    return sections, problem


def _forget(row: Row) -> Form:
    """Forgetting the file, or what became of it."""
    open_, after = tr("Its file is forgotten, and nothing was imported."), tr("Of what it imported nothing changes.")
    return Form(tr("Forget this import"), "forget", text=open_ if row["state"] == "open" else after, quiet=True)


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        ("stationmaster person import people.csv", f"POST /api/v1/people/imports/{row['id']}/start"),
        (f"stationmaster person problems {row['id']}", f"GET /api/v1/people/imports/{row['id']}/problems"),
    )


def _mapped(actor: Actor, which: str, sent: Sent) -> Went:
    """Read the file as the form says."""
    given: dict[str, Any] = {name: sent.get(name, "") for name in ("encoding", "delimiter")}
    row = imports.get_import(actor, which)
    same = all(given[name] in ("", row[name]) for name in given)  # read otherwise, it may have other headings
    mapping = dict(zip(sent.getlist("heading"), sent.getlist("field"), strict=False)) if same else {}
    imports.preview(actor, which, {**given, "full": "full" in sent, **({"mapping": mapping} if mapping else {})})
    return Went()


def _started(actor: Actor, which: str, *, dry_run: bool) -> Went:
    imports.start(actor, which, dry_run=dry_run)
    return Went(told=tr("A job counts what every row comes to.") if dry_run else tr("A job imports it."))


def _approved(actor: Actor, which: str, sent: Sent) -> Went:
    leavers = sent.get("leavers", "")
    imports.approve(actor, which, int(leavers) if leavers.isascii() and leavers.isdecimal() and len(leavers) < 10 else -1)
    return Went(told=tr("A job has them leave."))


def _forgotten(actor: Actor, which: str) -> Went:
    imports.delete_import(actor, which)
    return Went("/people/imports", tr("It is forgotten."))


def _links(row: Row) -> tuple[Link, ...]:
    return (Link(tr("Its job"), f"/jobs/{row['job']}"),) if row["job"] else ()


def _state_of(actor: Actor, row: Row) -> tuple[Part, ...]:
    facts = Facts((
        (tr("State"), import_state(row)),
        *(((tr("Rows"), number(row["rows"])), *_counts(row)) if row["rows"] else ()),
        (tr("Size"), Cell(trn("{number} byte", "{number} bytes", row["size"]))),
        (tr("Uploaded"), moment(row["created_at"])),
    ))  # fmt: skip
    tried = (Note(tr("This was a try: nothing was changed. Start it to import.")),)
    return (facts, *(tried if row["dry_run"] and row["state"] == "open" else ()), *_bar(actor, row))


def _counts(row: Row) -> list[tuple[str, Cell]]:
    names = (
        tr("Added"), tr("Changed"), tr("As they were"), tr("Come twice"), tr("Conflicts"), tr("Errors"), tr("Would leave"),
        tr("Have left"),
    )  # fmt: skip
    return [(label, number(row[name])) for label, name in zip(names, _COUNTS, strict=True)]


def _bar(actor: Actor, row: Row) -> tuple[Bar, ...]:
    if row["state"] != "running" or not row["job"]:
        return ()
    job = jobs.get(actor, row["job"])
    done = job["total"] - job["left"]
    return (Bar(done, max(job["total"], 1), tr("{done} of {total} parts", done=done, total=job["total"])),)


def _preview(actor: Actor, row: Row, problem: Problem | None) -> tuple[list[Section], Problem | None]:
    """How the file is read, and what its first rows come to; or what keeps it from being read."""
    try:
        seen = imports.preview(actor, row["id"], {"full": row["full"]})
    except StationmasterError as error:
        wrong = problem or Problem(error.message, error.hint, error.fields, error.status)
        return [Section(tr("How it is read"), (Form(tr("Read it so"), "map", _form(row), quiet=True),))], wrong
    form = Form(tr("Read it so"), "map", (*_form({**row, **seen}), *_mapping(seen)), quiet=True)
    start = (Form(tr("Try it: count what every row comes to"), "try"), Form(tr("Import it"), "start", main=True))
    rows = Section(tr("What its first rows come to"), (_rows(actor, seen), *start))
    return [Section(tr("How it is read"), (form,)), rows], problem


def _mapping(seen: Row) -> list[Field]:
    """Each heading, and what it is."""
    options = (("", tr("(left out)")), *((each, words.field(each)) for each in FIELDS))
    headings = [Field("heading", "", "hidden", heading) for heading in seen["headings"]]
    return headings + [
        Field("field", heading, "select", seen["mapping"].get(heading, ""), options) for heading in seen["headings"]
    ]


def _form(row: Row) -> tuple[Field, ...]:
    encodings = tuple((each, each or tr("told from the file")) for each in _ENCODINGS)
    delimiters = tuple((each, name or tr("told from the file")) for each, name in _DELIMITERS)
    whole = tr("The file says who is there: people of earlier files who are not in it leave")
    return (
        Field("encoding", tr("Encoding"), "select", row["encoding"], encodings),
        Field("delimiter", tr("Between columns"), "select", row["delimiter"], delimiters),
        Field("full", whole, "checkbox", checked=row["full"]),
    )


def _rows(actor: Actor, seen: Row) -> Table:
    names = of_people(actor, [row["person"] for row in seen["rows"]])
    columns = [
        Column(tr("Row"), lambda row: number(row["row"]), number=True),
        Column(tr("What becomes of it"), lambda row: words.state(words.ROWS, row["outcome"], note=names.get(row["person"], ""))),
        Column(tr("Why"), lambda row: text(_why(row))),
        *(_value(each) for each in seen["mapping"].values() if each),
    ]
    return lists.plain(columns, seen["rows"], tr("The file has headings and no rows."))


def _why(row: Row) -> str:
    told = (f"{each['column']}: {each['message']}".strip(": ") for each in row["problems"])
    return "; ".join(filter(None, told))


def _value(name: str) -> Column:
    return Column(words.field(name), lambda row: text(row["values"].get(name, "")))


def _waiting(actor: Actor, row: Row) -> Section:
    ids = imports.list_leavers(actor, row["id"])
    names = of_people(actor, ids)
    columns = (Column(tr("Person"), lambda each: Cell(names.get(each["id"], tr("a person")), f"/people/{each['id']}")),)
    many = trn(
        "{number} person is in no row of the file and would leave.",
        "{number} people are in no row of the file and would leave.",
        row["leavers"],
    )
    form = Form(tr("Have them leave"), "approve", (Field("leavers", "", "hidden", str(row["leavers"])),), danger=True, text=many)
    return Section(tr("Who would leave"), (form, lists.plain(columns, [{"id": each} for each in ids], tr("Nobody."))))


def _problems(request: HttpRequest, actor: Actor, row: Row) -> Table:
    columns = (
        Column(tr("Row"), lambda each: number(each["row"]), "row", number=True),
        Column(tr("What became of it"), lambda each: words.state(words.ROWS, each["outcome"]), "outcome"),
        Column(tr("Column"), lambda each: text(each["column"]), "column"),
        Column(tr("Why"), lambda each: text(each["message"])),
    )
    kinds = tuple((each, words.name(words.ROWS, each)) for each in ("duplicate", "conflict", "error"))
    shape = Shape(
        imports.PROBLEMS, columns, (Choice(tr("What became of it"), "outcome", kinds),), tr("Nothing: every row was taken."),
        f"people/imports/{row['id']}/problems" if may(request, "people:import") else "",
    )  # fmt: skip
    return lists.listed(request, lambda query: imports.list_problems(actor, row["id"], query), shape)
