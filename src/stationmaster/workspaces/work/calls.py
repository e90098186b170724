"""What each kind of task asks of a vendor. Owns: the calls, and which answers of a refusal are success.

Knows no rows: what the vendor made of it comes back as a value. Every call may be repeated, but for those that invite.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from stationmaster.line.errors import AlreadyExists, NotFound, Rejected
from stationmaster.vendors._base import Invite, Member
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.planning.values import DECIDED, SURPLUS
from stationmaster.workspaces.work.tasks import Task


@dataclass(frozen=True)
class Came:
    """What came of it. `state` and `cause` are the seat's now, empty: as before; `role`, `projects`: what was given, None:
    nothing. `doubt`: the vendor says it is there already, and shows nobody."""

    state: str = ""
    cause: str = ""
    member: Member | None = None
    invite: Invite | None = None
    role: str | None = None
    projects: tuple[str, ...] | None = None
    doubt: bool = False


def look(adapter: Any, task: Task, *, old_invite: str = "") -> Came | None:
    """Whether somebody is in, or invited by another invitation than `old_invite`; None: nothing is seen of them."""
    member = adapter.find_member(task.known_as)
    if member is not None and member.has_seat:
        return Came("active", "accepted", member=member)
    found = adapter.find_invite(task.known_as) if task.kind != "assign" else None
    if found is not None and found.id != old_invite:
        return Came("invited", "invited", invite=found, role=task.role, projects=task.projects)
    return None


def _invite(adapter: Any, task: Task) -> Came:
    try:
        made = adapter.invite(task.known_as, task.role, task.projects)
    except AlreadyExists:
        return look(adapter, task, old_invite=task.invite) or Came(doubt=True)
    return Came("invited", "invited", invite=made, role=task.role, projects=task.projects)


def _reinvite(adapter: Any, task: Task) -> Came:
    """The old one goes first: a second one beside it would be refused, or be one too many."""
    try:
        adapter.withdraw(task.invite)
    except (NotFound, Rejected) as error:      # accepted meanwhile; or over, and some vendors keep those
        if task.reason in DECIDED:      # whoever accepted is listed by the old address: the next reading knows them
            raise Rejected("the invitation to the old address is over, or was accepted: the next reading shows which") from error
        if isinstance(error, Rejected) and (member := adapter.find_member(task.known_as)) is not None:
            return Came("active", "accepted", member=member)
    return _invite(adapter, task)


def _assign(adapter: Any, task: Task) -> Came:
    adapter.assign_seats([task.known_as])
    return Came("active", "assigned", role=task.role or None)


def _role(adapter: Any, task: Task) -> Came:
    adapter.set_role(task.member, task.role)
    return Came(role=task.role)


def _projects(adapter: Any, task: Task) -> Came:
    role = vendor(task.vendor).project_role
    for project in task.projects:
        with suppress(AlreadyExists):
            adapter.add_to_project(project, task.member, role)
    return Came(projects=task.projects)


def _remove(adapter: Any, task: Task) -> Came:
    with suppress(NotFound):
        adapter.remove_member(task.member)
    return Came("removed", task.reason)


def _unassign(adapter: Any, task: Task) -> Came:
    with suppress(NotFound):
        adapter.unassign_seats([task.known_as])
    return Came("removed", task.reason)


def _withdraw(adapter: Any, task: Task) -> Came:
    with suppress(NotFound):
        adapter.withdraw(task.invite)
    return Came() if task.reason == SURPLUS else Came("removed", task.reason)      # another invitation of theirs stands


CALLS: Final[Mapping[str, Callable[[Any, Task], Came]]] = {
    "invite": _invite, "reinvite": _reinvite, "assign": _assign, "role": _role, "projects": _projects, "remove": _remove,
    "unassign": _unassign, "withdraw": _withdraw,
}  # fmt: skip
COMING: Final = frozenset({"invite", "reinvite", "assign"})
INVITING: Final = frozenset({"invite", "reinvite"})      # not to be repeated while nobody knows what became of it
