"""Plans at size: 10,000 people in one group, assigned to 5 workspaces. Part of `python -m bench.control`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.plan import say

PEOPLE, WORKSPACES, TARGET = 10_000, 5, 5.0
Row = tuple[str, float, str, float | None]


def plans(scale: float) -> Iterator[Row]:
    """Figures (name, value, unit, target) of a plan when nobody is in yet, and of one when nine in ten are."""
    people = _people(int(PEOPLE * scale))
    names = [_workspace(number) for number in range(WORKSPACES)]
    _assigned(people, names)
    yield _made(f"plan of {len(people):,} people x {WORKSPACES} workspaces, nobody is in", names)
    _settled(people[: len(people) * 9 // 10], names)
    yield _made("… nine in ten are in, the others are invited", names)


def _made(name: str, workspaces: list[str]) -> Row:
    from stationmaster.store.actor import SYSTEM
    from stationmaster.workspaces.services import make_plan

    began = time.perf_counter()
    made = make_plan(SYSTEM, {"workspaces": workspaces})
    seconds = time.perf_counter() - began
    return f"{name}: {sum(made['counts'].values()):,} steps", seconds, "s", TARGET


def _people(number: int) -> list[Any]:
    from stationmaster.people.models import Group, Membership, Person

    say("filling in people")
    rows = [Person(user_name=f"member-{n:05}", email=f"member-{n:05}@example.test") for n in range(number)]
    group = Group(name="everybody")
    _fill(rows, [group], [Membership(group=group, person=row) for row in rows])
    return rows


def _workspace(number: int) -> str:
    from stationmaster.store.actor import SYSTEM
    from stationmaster.workspaces.models import Workspace
    from stationmaster.workspaces.services import create_workspace

    name, now = f"plan-{number}", datetime.now(UTC)
    create_workspace(SYSTEM, {"name": name, "vendor": "openai", "secret": "sk-admin-bench"})
    Workspace.objects.filter(name=name).observe(verified_at=now, read_at=now)
    return name


def _assigned(people: list[Any], names: list[str]) -> None:
    from stationmaster.store.actor import SYSTEM
    from stationmaster.workspaces.services import create_assignment

    for name in names:
        create_assignment(SYSTEM, {"workspace": name, "group": "everybody", "role": "reader"})
    assert people


def _settled(people: list[Any], names: list[str]) -> None:
    """These people are in, in our books and at the vendor."""
    from stationmaster.workspaces.models import Seat, VendorMember, Workspace

    now = datetime.now(UTC)
    for row in Workspace.objects.filter(name__in=names):
        _fill([Seat(person=each, workspace=row, state="active", since=now) for each in people])
        VendorMember.objects.bulk_create(
            (VendorMember(workspace=row, vendor_id=f"user-{n}", email=each.email, folded=each.email, role="reader", person=each,
                          seen_at=now) for n, each in enumerate(people)), batch_size=500,
        )  # fmt: skip


def _fill(*tables: list[Any]) -> None:
    """Save rows as they are. Their events are left out: what is measured does not read them."""
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    with change(SYSTEM) as edit:
        for rows in tables:
            type(rows[0]).objects.bulk_create(rows, batch_size=500)
        edit.saved.clear()
        edit.record("bench:plan:fill", None, {"rows": sum(map(len, tables))})
