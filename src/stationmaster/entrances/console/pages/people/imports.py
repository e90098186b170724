"""Imports of people from files: uploaded, looked at, started, followed. Owns those pages.

What a browser sends at once is bounded, as everything is that comes to the console's port; the command line takes larger files.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Field, Form, Page, Row, Section, Table, number
from stationmaster.entrances.console.pages.people import files
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.i18n import tr
from stationmaster.people import imports
from stationmaster.people.importing.models import ENDED, OPEN, RUNNING, WAITING
from stationmaster.store.actor import Actor

STATES: Final = (OPEN, RUNNING, WAITING, *ENDED)  # as they can be asked for
_SAME: Final = (
    ("stationmaster person import people.csv --dry-run", "POST /api/v1/people/imports"),
    ("stationmaster person imports", "GET /api/v1/people/imports"),
)


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list, and the form that uploads a file."""
    done = posted(request, {"upload": lambda actor, _: _uploaded(actor, request)})
    if isinstance(done, HttpResponse):
        return done
    sections = (Section(tr("Import a file"), (_form(),)), Section("", (_table(request),)))
    return shown(request, Page(tr("Imports"), sections, tabs(request, "/people/imports"), same=_SAME, problem=done))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    shape = Shape(
        imports.IMPORTS, _columns(), (Choice(tr("State"), "state", words.options(words.IMPORTS, STATES)),),
        empty=tr("None yet. A CSV file with headings in its first row is all it takes."),
    )  # fmt: skip
    return lists.listed(request, lambda query: imports.list_imports(actor, query), shape)


def _columns() -> tuple[Column, ...]:
    return files.columns(address, Column(tr("Rows"), lambda row: number(row["rows"]), number=True))


def _form() -> Form:
    why = tr("Nothing is imported by uploading: you see first what it comes to. Files of more than 9 MB: "
             "`stationmaster person import FILE`")  # fmt: skip
    return Form(tr("Upload"), "upload", (Field("file", tr("CSV file"), "file", needed=True),), upload=True, text=why)


def address(row: Row) -> str:
    """An import's page."""
    return f"/people/imports/{row['id']}"


def _uploaded(actor: Actor, request: HttpRequest) -> Went:
    return Went(address({"id": files.uploaded(actor, request, imports.begin_import, imports.add_part, imports.MAX_PART)}))
