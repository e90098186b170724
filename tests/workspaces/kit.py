"""What tests of workspaces share: people, a workspace that was read, and kinds of jobs that only stand in a queue."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from controlkit import ADMIN, a_workspace
from stationmaster.jobs import kinds as job_kinds
from stationmaster.jobs.kinds import Done, Kind, NewItem, Outcome
from stationmaster.jobs.models import Job
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.vendors._base import Invite, Member, Organisation, SeatCount
from stationmaster.workspaces import kinds, observing
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Seat, Workspace

SECOND = Actor("operator", "op_second", "admin", "req-9")
LONG_AGO = timedelta(minutes=10)
ACTIONS: Mapping[str, str] = {
    kinds.APPLY: "plans:apply", kinds.INVITE: "seats:update", kinds.ONBOARD: "workspaces:update",
    kinds.RECONCILE: "workspaces:update", kinds.OFFBOARD: "workspaces:update", kinds.REMIND: "workspaces:update",
}  # fmt: skip


class Waits:
    """A job that nobody runs in these tests."""

    def prepare(self, run: Any) -> Iterator[NewItem]:
        """No items."""
        yield from ()

    def perform(self, run: Any, item: Any) -> Outcome:
        """Nothing."""
        return Done()

    def conclude(self, run: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}


def register_kinds() -> None:
    """Make sure that there are all kinds that workspaces submit."""
    for name in ACTIONS.keys() - job_kinds.known().keys():
        job_kinds.register(Kind(name, name, Waits(), ACTIONS[name]))


def some_people(number: int, domain: str = "example.test") -> list[str]:
    """Persons member-001@… and so on; their ids."""
    return [
        str(people.create_person(ADMIN, {"user_name": f"member-{n:03}", "email": f"member-{n:03}@{domain}"})["id"])
        for n in range(1, number + 1)
    ]  # fmt: skip


def a_group(name: str, members: Sequence[str]) -> str:
    """A group with these members; its id."""
    made = people.create_group(ADMIN, {"name": name})
    people.change_members(ADMIN, str(made["id"]), list(members), [])
    return str(made["id"])


def attached(name: str = "acme", **more: Any) -> Workspace:
    """A workspace that is attached and was not read yet."""
    workspaces.create_workspace(ADMIN, a_workspace(name, **more))
    return row_of(name)


def row_of(name: str = "acme") -> Workspace:
    """The workspace's row as it is."""
    found: Workspace = Workspace.objects.get(name=name)
    return found


def read(
    name: str = "acme", members: Sequence[Member] | None = (), invites: Sequence[Invite] | None = (), **more: Any
) -> observing.Told:  # fmt: skip
    """Write down what the vendor is said to have; None: that was not asked."""
    reading = observing.Reading(
        more.pop("started_at", datetime.now(UTC)), members, invites, organisation=Organisation("org-1", "Acme"),
        listed_after=more.pop("listed_after", 0.0), **more,
    )  # fmt: skip
    return observing.record(row_of(name).id, reading)


def seats_of(total: int | None, used: int) -> SeatCount:
    """How many seats a vendor says there are."""
    return SeatCount(used, total)


def a_member(number: int, role: str = "reader", **more: Any) -> Member:
    """A member as the vendor spells them."""
    return Member(f"user-{number}", f"Member-{number:03}@Example.test", role=role, **more)


def an_invite(number: int, role: str = "reader", status: Any = "pending", **more: Any) -> Invite:
    """An invitation."""
    return Invite(f"inv-{number}", f"member-{number:03}@example.test", role, status, **more)


def plan(*names: str) -> Mapping[str, Any]:
    """A new plan of these workspaces; without names, of all."""
    return workspaces.make_plan(ADMIN, {"workspaces": list(names)})


def steps(which: str, **filters: str) -> list[tuple[str, str, str]]:
    """Kind, name and reason of a plan's steps, in order."""
    found = workspaces.list_steps(ADMIN, which, Query(limit=500))
    return [(row["kind"], row["name"], row["reason"]) for row in found.items]


def queued() -> list[Job]:
    """The jobs that were submitted, the oldest first, but for reading a workspace when it is attached."""
    return list(Job.objects.exclude(kind=kinds.ONBOARD).order_by("created_at", "id"))


def states(name: str = "acme") -> dict[str, tuple[str, str]]:
    """State and cause of each seat, by the person's user name."""
    rows = Seat.objects.filter(workspace__name=name).select_related("person")
    return {row.person.user_name: (row.state, row.cause) for row in rows}
