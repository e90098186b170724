"""One import: how its file is read, how far it is, what became of its rows. Owns that page."""

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.names import of_people
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    Table,
    number,
    text,
)
from stationmaster.entrances.console.pages.people import files
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.people import imports
from stationmaster.people.importing.fields import FIELDS
from stationmaster.store.actor import Actor

_DELIMITERS: Final = (("", ""), (",", ","), (";", ";"), ("\t", "Tab"), ("|", "|"))
_COUNTS: Final = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors", "leavers", "left")


def one(request: HttpRequest, which: str) -> HttpResponse:
    """One import: how its file is read while it is not started, how far it is, what it came to, what is wrong with which row."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = imports.get_import(me(request), which)
    sections, problem = _sections(request, row, done)
    refresh = files.REFRESH if row["state"] == "running" else 0
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
    counts = ((tr("Rows"), number(row["rows"])), *_counts(row)) if row["rows"] else ()
    standing = files.standing(actor, row, counts, lambda done, most: tr("{done} of {total} parts", done=done, total=most))
    sections = [Section("", standing, "state")]
    if state == "open":
        preview, problem = _preview(actor, row, problem)
        sections += preview
    if state == "waiting":
        sections.append(_waiting(actor, row))
    if row["rows"] and state not in ("open", "running"):
        sections.append(Section(tr("What is wrong with its rows"), (_problems(request, actor, row),)))
    if state != "running":
        sections.append(files.forgetting(row))
    return sections, problem


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


def _counts(row: Row) -> list[tuple[str, Cell]]:
    names = (
        tr("Added"), tr("Changed"), tr("As they were"), tr("Come twice"), tr("Conflicts"), tr("Errors"), tr("Would leave"),
        tr("Have left"),
    )  # fmt: skip
    return [(label, number(row[name])) for label, name in zip(names, _COUNTS, strict=True)]


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
    now = [(heading, seen["mapping"].get(heading, "")) for heading in seen["headings"]]
    return files.mapping(now, [(each, words.field(each)) for each in FIELDS])


def _form(row: Row) -> tuple[Field, ...]:
    delimiters = tuple((each, name or tr("told from the file")) for each, name in _DELIMITERS)
    whole = tr("The file says who is there: people of earlier files who are not in it leave")
    return (
        files.encoding(row["encoding"]),
        Field("delimiter", tr("Between columns"), "select", row["delimiter"], delimiters),
        Field("full", whole, "checkbox", checked=row["full"]),
    )


def _rows(actor: Actor, seen: Row) -> Table:
    names = of_people(actor, [row["person"] for row in seen["rows"]])
    columns = [
        Column(tr("Row"), lambda row: number(row["row"]), number=True),
        Column(tr("What becomes of it"), lambda row: words.state(words.ROWS, row["outcome"], note=names.get(row["person"], ""))),
        Column(tr("Why"), lambda row: text(files.why(row, "column"))),
        *(_value(each) for each in seen["mapping"].values() if each),
    ]
    return lists.plain(columns, seen["rows"], tr("The file has headings and no rows."))


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
    columns, choices = files.wrong(Column(tr("Column"), lambda each: text(each["column"]), "column"))
    shape = Shape(
        imports.PROBLEMS, columns, choices, tr("Nothing: every row was taken."),
        f"people/imports/{row['id']}/problems" if may(request, "people:import") else "",
    )  # fmt: skip
    return lists.listed(request, lambda query: imports.list_problems(actor, row["id"], query), shape)
