"""Jobs: their list, one with its items and its log, and the workers that run them. Owns those pages."""

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape, Typed
from stationmaster.entrances.console.pages.names import (
    Names,
    actor_cell,
    credentials_of,
    of_operators,
    of_targets,
    of_workspaces,
    operators_known,
    places_known,
    readable,
)
from stationmaster.entrances.console.pages.parts import (
    DASH,
    Cell,
    Link,
    Note,
    Page,
    Row,
    Section,
    Table,
    flag,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.jobs import services as jobs
from stationmaster.store.actor import SYSTEM, Actor

_TARGET = "tgt_"      # where the work of a job is at a target, which stands in the place of a workspace

def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    alone = () if jobs.any_worker() else (no_worker(),)
    same = (("stationmaster job list", "GET /api/v1/jobs"),)
    return shown(request, Page(tr("Jobs"), (Section("", (*alone, _table(request))),), tabs("/jobs"), same=same))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    kinds = tuple((row["kind"], words.name(words.KINDS, row["kind"])) for row in jobs.kinds(actor))
    choices = (Choice(tr("State"), "state", words.options(words.JOBS)), Choice(tr("Job"), "kind", kinds))
    shape = Shape(
        jobs.JOBS, _columns(), choices, download="jobs" if may(request, "jobs:export") else "",
        empty=tr("None yet. They come with what takes longer than an answer: reading a workspace, applying a plan, "
                 "importing people."),
        besides=lambda rows: named_rows(actor, rows), typed=_typed(actor),
    )  # fmt: skip
    return lists.listed(request, lambda query: jobs.list_jobs(actor, query), shape)


def _typed(actor: Actor) -> tuple[Typed, ...]:
    """Where, and who began it."""
    who = ((SYSTEM.id, tr("by itself")), *operators_known(actor))
    return (Typed(tr("Workspace"), "workspace", places_known(actor)), Typed(tr("Begun by"), "actor", who))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Job"), _what, "kind"),
        Column(tr("Workspace"), lambda row: row["place"]),
        Column(tr("State"), lambda row: words.state(words.JOBS, row["state"], note=row["sentence"]), "state"),
        Column(tr("Done"), _done, number=True),
        Column(tr("Failed"), lambda row: number(row["failed"]), "failed", number=True),
        Column(tr("Begun by"), lambda row: row["by"]),
        Column(tr("Queued"), lambda row: moment(row["created_at"]), "created_at"),
    )


def _what(row: Row) -> Cell:
    notes = (row["about"].text if row["about"] is not None else "", tr("a try") if row["dry_run"] else "")
    return Cell(words.name(words.KINDS, row["kind"]), f"/jobs/{row['id']}", note=", ".join(filter(None, notes)))


def _done(row: Row) -> Cell:
    return Cell(f"{row['ok'] + row['skipped']} / {row['total']}" if row["total"] else DASH, number=True)


def workers(request: HttpRequest) -> HttpResponse:
    """The processes that run jobs."""
    found = jobs.workers(me(request))
    columns = (
        Column(tr("Worker"), lambda row: Cell(row["id"], note=row["version"])),
        Column(tr("Alive"), lambda row: flag(row["alive"])),
        Column(tr("Last sign of life"), lambda row: moment(row["beat_at"])),
        Column(tr("Begun"), lambda row: moment(row["started_at"])),
        Column(tr("Jobs at a time"), lambda row: number(row["threads"]), number=True),
        Column(tr("Engine"), lambda row: text(row["engine"])),
    )
    alone = () if any(row["alive"] for row in found) else (no_worker(),)
    sections = (Section("", (*alone, lists.plain(columns, found, tr("None was heard of within a day."))), "rows"),)
    same = (("stationmaster job workers", "GET /api/v1/workers"),)
    return shown(request, Page(tr("Workers"), sections, tabs("/workers"), same=same, refresh=15))


def tabs(here: str) -> tuple[Link, ...]:
    """What belongs to jobs."""
    return tuple(Link(text_, href, href == here) for href, text_ in (("/jobs", tr("Jobs")), ("/workers", tr("Workers"))))


def named_rows(actor: Actor, rows: list[Row]) -> list[Row]:
    """Rows with the names of their workspaces, of the credential that they are about, of who began them, and of whom their
    sentences speak."""
    ids = [str(row["workspace"]) for row in rows]
    targets = [each for each in ids if each.startswith(_TARGET)]
    places = {**of_workspaces(actor, [each for each in ids if not each.startswith(_TARGET)]), **of_targets(actor, targets)}
    names = of_operators(actor, [row["actor"] for row in rows])
    said = readable(actor, [row["sentence"] for row in rows])
    about = credentials_of(actor, [row["args"] for row in rows])
    return [
        {
            **row, "about": about(row["args"]), "place": _place(row["workspace"], places),
            "by": actor_cell(row["actor_kind"], row["actor"], names), "sentence": said(row["sentence"]),
        }
        for row in rows
    ]  # fmt: skip


def _place(which: str, places: Names) -> Cell:
    if which in places:
        return text(places[which], f"/{'targets' if which.startswith(_TARGET) else 'workspaces'}/{which}")
    return text((tr("a target") if which.startswith(_TARGET) else tr("a workspace")) if which else "")


def no_worker() -> Note:
    """What is said where nothing runs jobs."""
    return Note(tr("No worker runs: jobs wait. `stationmaster up` brings one along, `stationmaster worker` is one."), "bad")
