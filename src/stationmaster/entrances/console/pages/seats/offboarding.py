"""Who may have to go for want of activity, and keeping somebody. Owns that page and those forms."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Note,
    Page,
    Problem,
    Row,
    Section,
    Table,
    moment,
)
from stationmaster.entrances.console.pages.seats.parts import tabs, who_and_where
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.workspaces import services as workspaces

_SAME: Final = (
    ("stationmaster seat list --filter removal=candidate", "GET /api/v1/seats?filter=removal:eq:candidate"),
    ("stationmaster seat skip SEAT --reason WHY", "POST /api/v1/seats/SEAT/skip"),
)


def offboarding(request: HttpRequest) -> HttpResponse:
    """Who may have to go for want of activity: candidates, who was told and until when, who is kept and why."""
    actions: Mapping[str, Action] = {
        "skip": lambda actor, sent: skipped(actor, sent.get("which", ""), sent),
        "unskip": lambda actor, sent: unskipped(actor, sent.get("which", "")),
    }
    done = posted(request, actions)
    if isinstance(done, HttpResponse):
        return done
    sections = (*_leavers(request), Section(tr("No activity reported"), (_why(), _table(request))))
    return shown(request, Page(tr("Offboarding"), sections, tabs(request, "/seats/offboarding"), same=_SAME, problem=done))


def _leavers(request: HttpRequest) -> tuple[Section, ...]:
    """Where it is said that somebody left the company: not here."""
    if not may(request, "people:update"):
        return ()
    how = tr(
        "Somebody left the company? That is said of the person: choose them among the people, then “They leave …”; or "
        "`stationmaster person deactivate PERSON`. What they could sign in with ends at once, and plans take their seats back."
    )
    return (Section(tr("Who left the company"), (Note(how, links=(Link(tr("To the people"), "/people"),)),)),)


def _why() -> Note:
    return Note(tr("No activity reported proves nothing. People are told first; a plan proposes them once their grace is over."))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    shape = Shape(
        workspaces.SEATS, _columns(request), (Choice(tr("Where it stands"), "removal", words.options(words.REMOVALS)),),
        tr("Nobody. To have people looked for once a day, give a workspace's policy its days without reported activity: on the "
           "workspace's page, under Policy, or `stationmaster workspace update NAME --remove-inactive-days 90`"),
        fixed=(Filter("removal", "in", "candidate,notified,skipped"),),
    )  # fmt: skip
    return lists.listed(request, lambda query: workspaces.list_seats(actor, query), shape)


def _columns(request: HttpRequest) -> list[Column]:
    columns = [
        *who_and_where(),
        Column(tr("Where it stands"), _stands, "removal"),
        Column(tr("Last active"), lambda row: moment(row["last_active_at"], tr("no activity reported"))),
        Column(tr("Since"), lambda row: moment(row["removal_at"])),
        Column(tr("Grace until"), lambda row: moment(row["grace_until"])),
    ]
    if may(request, "seats:update"):
        columns.append(Column("", lambda row: Cell(forms=decide(row, row["id"]))))
    return columns


def _stands(row: Row) -> Cell:
    return words.state(words.REMOVALS, row["removal"], note=row["removal_reason"])


def decide(row: Row, which: str, problem: Problem | None = None) -> tuple[Form, ...]:
    """Keep somebody, or take that back."""
    whose = (Field("which", "", "hidden", which),) if which else ()
    if row["removal"] == "skipped":
        return (Form(tr("Let go of them again"), "unskip", whose),)
    why = Field("reason", tr("Why"), needed=True, error=problem.fields.get("reason", "") if problem else "")
    return (Form(tr("Keep them"), "skip", (*whose, why), folded=tr("Keep them …")),)


def skipped(actor: Actor, which: str, sent: Sent) -> Went:
    """Keep somebody, for the reason that was typed."""
    row = workspaces.skip_removal(actor, which, {"reason": sent.get("reason", "")})
    return Went(told=tr("{name} is kept.", name=row["name"]))


def unskipped(actor: Actor, which: str) -> Went:
    """Take that back."""
    row = workspaces.unskip_removal(actor, which, {})
    return Went(told=tr("Plans may remove {name} again.", name=row["name"]))
