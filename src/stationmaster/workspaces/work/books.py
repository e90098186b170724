"""What stands in our books of a task before and after its call. Owns: the seat's note, its outcome, the plan's step.

Everything here is written in an open change, under the run's fence.
"""

from typing import Any

from stationmaster.jobs.run import Run
from stationmaster.store.changes import Change
from stationmaster.workspaces import seats
from stationmaster.workspaces.models import PlanStep, Seat, VendorMember, Workspace
from stationmaster.workspaces.models.plans import Outcome
from stationmaster.workspaces.plans import doing
from stationmaster.workspaces.work.calls import COMING, Came
from stationmaster.workspaces.work.tasks import Task


def seat_of(task: Task) -> Seat | None:
    """The seat that a task is about, if there is one yet."""
    found: Seat | None = Seat.objects.filter(person_id=task.person, workspace_id=task.workspace).first()
    return found


def note(run: Run, task: Task) -> None:
    """Note that the task's write is about to leave, in a transaction of its own. Raises `Lost`, and `Conflict` where another
    write's outcome is not known."""
    with run.recording() as edit:
        seat = seats.seat_for(edit, task.person, task.workspace)
        seats.begin(edit, seat.id, task.kind)  # type: ignore[arg-type]  # of `CALLS`


def undo(run: Run, task: Task, before: Seat | None) -> None:
    """The write did not happen: the seat is what it was."""
    state, cause, detail = (before.state, before.cause, before.detail) if before is not None else ("planned", "", "")
    seat = seat_of(task)
    if seat is not None:
        with run.recording() as edit:
            seats.settle(edit, seat.id, state, cause, detail=detail)


def unsure(run: Run, task: Task, words: str) -> None:
    """Nobody knows whether it happened: the note stands."""
    seat = seat_of(task)
    if seat is not None:
        with run.recording() as edit:
            seats.unknown(edit, seat.id, words)


def done(edit: Change, task: Task, came: Came) -> None:
    """It happened: the seat, our copy of the vendor, and the plan's step."""
    if task.person:
        _settle(edit, task, came)
    else:
        _forget(edit, task)
    _step(edit, task, "done")


def failed(edit: Change, task: Task, reason: str, words: str) -> None:
    """It did not, and will not: whoever was to come in has failed to; of others nothing changed."""
    seat = seat_of(task)
    if seat is not None and (task.kind in COMING or seat.intent):
        state, cause = ("failed", reason) if task.kind in COMING else _as_seen(seat)
        seats.settle(edit, seat.id, state, cause, detail=words)
    _step(edit, task, "failed", words)


def over(edit: Change, task: Task, words: str) -> None:
    """It need not be done any more."""
    _step(edit, task, "skipped", words)


def keep(edit: Change, task: Task) -> None:
    """A step of our books alone."""
    step = PlanStep.objects.select_related("workspace").get(id=task.step)
    (seats.adopt if task.kind == "adopt" else seats.close)(edit, step)
    _step(edit, task, "done")


def _settle(edit: Change, task: Task, came: Came) -> None:
    seat = seats.seat_for(edit, task.person, task.workspace)
    state = came.state or (_as_seen(seat)[0] if seat.state == "removing" else seat.state)
    cause = came.cause if came.state else task.kind
    seats.settle(
        edit, seat.id, state, cause, member=came.member, invite=came.invite, role=came.role, projects=came.projects
    )
    if came.state == "removed" or task.kind == "withdraw":      # the seat may be linked to nothing that the step names
        seats.forget(Workspace.objects.get(id=task.workspace), task.member, task.invite)
    _copy(task, came)


def _copy(task: Task, came: Came) -> None:
    """What a call that answers nothing made of a member, in our copy: until the next reading a plan goes by it."""
    values: dict[str, Any] = {}
    if task.kind == "role":
        values["role"] = came.role
    if task.kind == "assign":
        values |= {"has_seat": True, "ends_at": None}
    rows = VendorMember.objects.filter(workspace_id=task.workspace, vendor_id=task.member or "-")
    if values:
        rows.update(**values)
    if task.kind == "projects":
        for row in rows:
            if row.projects is None:      # was never read
                continue
            held = [each for each in row.projects if each[0] not in task.projects]
            rows.filter(pk=row.pk).update(projects=[*held, *([project, ""] for project in task.projects)])


def _forget(edit: Change, task: Task) -> None:
    seats.forget(Workspace.objects.get(id=task.workspace), task.member, task.invite)
    edit.record(f"workspaces:{task.workspace}:{task.kind}", {"member": task.member, "invite": task.invite}, None)


def _as_seen(seat: Seat) -> tuple[str, str]:
    """The state of a seat that is not on its way out after all."""
    return ("active" if seat.member else "invited", "not_done") if seat.state == "removing" else (seat.state, seat.cause)


def _step(edit: Change, task: Task, outcome: Outcome, words: str = "") -> None:
    if task.step:
        doing.finish_step(edit, task.step, outcome, words)
