"""Batch runs: everything that was approved and is not done, where it stands, begun and stopped. Owns that page."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted, whole
from stationmaster.entrances.console.pages.jobs.listing import no_worker
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Page,
    Row,
    Section,
    moment,
    number,
)
from stationmaster.entrances.console.pages.seats.parts import tabs
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr
from stationmaster.jobs import services as jobs
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces

_REFRESH: Final = 3  # seconds, while a run goes on
_SAME: Final = (
    ("stationmaster seat status", "GET /api/v1/runs/all"), ("stationmaster seat run", "POST /api/v1/runs/all/start"),
    ("stationmaster seat stop", "POST /api/v1/runs/all/stop"),
)  # fmt: skip


def runs(request: HttpRequest) -> HttpResponse:
    """Everything that was approved and is not done: where it stands, begun and stopped."""
    done = posted(request, {"start": _started, "stop": _stopped})
    if isinstance(done, HttpResponse):
        return done
    status = workspaces.get_run(me(request), "all")
    refresh = _REFRESH if status["running"] else 0
    sections = _sections(request, status)
    return shown(request, Page(tr("Batch run"), sections, tabs(request, "/runs"), same=_SAME, refresh=refresh, problem=done))


def _sections(request: HttpRequest, status: Row) -> list[Section]:
    alone = () if jobs.any_worker() else (no_worker(),)
    table = lists.plain(_columns(), status["workspaces"], tr("There is no workspace yet."))
    forms = [*_start(request, status), *_stop(request, status)]
    sections = [Section("", (_run_facts(status), *alone), "facts"), Section(tr("Workspaces"), (table,), "rows")]
    return [*sections, Section(tr("Begin and stop"), forms)] if forms else sections


def _columns() -> list[Column]:
    return [
        Column(tr("Workspace"), lambda row: Cell(row["workspace"], f"/jobs/{row['job']}" if row["job"] else "")),
        Column(tr("Job"), lambda row: words.state(words.JOBS, row["state"])),
        Column(tr("Last sign of life"), lambda row: moment(row["heartbeat_at"])),
        *(_count(name, label) for name, label in _counts()),
    ]


def _started(actor: Actor, sent: Sent) -> Went:
    status = workspaces.start_run(actor, "all", {name: whole(sent, name) for name in ("concurrency", "item_retries")})
    why = "; ".join(each["why"] for each in status["refused"])
    said = tr("Some plans changed meanwhile and are left out: {why}", why=why) if why else tr("It runs until nothing is left.")
    return Went(told=said)


def _stopped(actor: Actor, sent: Sent) -> Went:  # noqa: ARG001  an action takes what was sent
    workspaces.stop_run(actor, "all", {})
    return Went(told=tr("It stops after the people under way."))


def _count(name: str, label: str) -> Column:
    return Column(label, lambda row: number(row[name]), number=True)


def _counts() -> tuple[tuple[str, str], ...]:
    return (
        ("done", tr("Done")),
        ("skipped", tr("Skipped")),
        ("failed", tr("Failed")),
        ("left", tr("Left")),
        ("pending", tr("Approved, not done")),
    )


def _run_facts(status: Row) -> Facts:
    state = Cell(tr("runs"), tone="busy") if status["running"] else Cell(tr("rests"), tone="off")
    return Facts(
        (
            (tr("State"), state),
            (tr("Last sign of life"), moment(status["heartbeat_at"])),
            *((label, number(status[name])) for name, label in _counts()),
        )
    )


def _start(request: HttpRequest, status: Row) -> tuple[Form, ...]:
    if not may(request, "plans:apply") or not status["pending"]:
        return ()
    return (
        Form(
            tr("Begin"),
            "start",
            (
                Field("concurrency", tr("People of a workspace at a time"), "number", request.POST.get("concurrency", "4")),
                Field("item_retries", tr("Tries for each person"), "number", request.POST.get("item_retries", "3")),
            ),
            text=tr("Does everything that was approved and is not done yet, in all workspaces."),
        ),
    )


def _stop(request: HttpRequest, status: Row) -> tuple[Form, ...]:
    return (Form(tr("Stop"), "stop"),) if status["running"] and may(request, "jobs:cancel") else ()
