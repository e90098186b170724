"""Imports of older setups: the list, the form that uploads one, and rosters taken out again. Owns that page.

What a browser sends at once is bounded, as everything is that comes to the console's port; the command line takes larger files.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Field, Form, Link, Page, Section, Table, number
from stationmaster.entrances.console.pages.people import files
from stationmaster.entrances.console.pages.people.listing import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.importing import services as rosters
from stationmaster.store.actor import Actor

STATES: Final = (rosters.OPEN, rosters.RUNNING, *rosters.ENDED)  # as they can be asked for
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


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    counted = Column(tr("Records"), lambda row: number(row["records"]), number=True)
    columns = files.columns(lambda row: f"/imports/{row['id']}", counted)
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
    which = files.uploaded(actor, request, rosters.begin, rosters.add_part, rosters.MAX_PART)
    return Went(f"/imports/{which}")
