"""Plans as rows: what is kept of a step, and what it costs to look at a page of them."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlkit import ADMIN
from stationmaster.store.changes import change
from stationmaster.store.listing import Page, Query
from stationmaster.vendors._base import Member
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, PlanStep, Seat
from stationmaster.workspaces.plans import storing
from stationmaster.workspaces.plans.making import compute
from workspaces import kit
from workspaces.kit import a_member, an_invite, attached, plan, read, row_of

MANY = 60      # more than one statement takes


@pytest.fixture(autouse=True)
def _kinds() -> None:
    kit.register_kinds()


def a_plan() -> Plan:
    """A plan with steps of many kinds, of persons and of strangers, in one workspace."""
    attached(removes="all")
    kit.a_group("staff", kit.some_people(MANY))
    workspaces.create_assignment(ADMIN, {"workspace": "acme", "group": "staff", "role": "owner", "projects": ["pröj", "proj_b"]})
    read(
        members=[a_member(1), a_member(2, "owner"), Member("user-x", 'Wer"ist%sdas@else.test', role="reader")],
        invites=[an_invite(3, status="expired"), an_invite(4, role="reader")], seats=kit.seats_of(40, 3),
    )  # fmt: skip
    row: Plan = Plan.objects.get(id=plan("acme")["id"])
    return row


def test_a_plan_is_kept_as_it_was_computed(database: str) -> None:
    """Every step is a row, in its order, with all it says and nothing done yet, however many there are; of a person nothing is
    kept that they are written to by. The hash is of what is kept."""
    row = a_plan()
    computed = compute([row_of()])
    assert len(computed.steps) > MANY
    assert computed.hash == row.hash
    kept = list(row.steps.order_by("position"))
    assert [each.position for each in kept] == list(range(1, len(computed.steps) + 1))
    for each, step in zip(kept, computed.steps, strict=True):
        new = PlanStep(
            pk=each.pk, plan_id=row.id, position=each.position, workspace_id=step.workspace, kind=step.kind,
            person_id=step.person or None, known_as="" if step.person else step.known_as, member=step.member, invite=step.invite,
            before=dict(step.before), after=dict(step.after), reason=step.reason, facts=dict(step.facts),
        )  # fmt: skip
        names = [field.attname for field in PlanStep._meta.concrete_fields]
        stored, wanted = ({name: getattr(one, name) for name in names} for one in (each, new))
        # What is JSON has lists where the computed values have tuples.
        assert stored == wanted | {name: _plain(wanted[name]) for name in ("before", "after", "facts")}


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def test_a_plan_without_steps_is_kept(database: str) -> None:
    """Nothing to do is a plan too."""
    attached()
    read()
    assert plan("acme")["counts"] == {}
    storing.store(Plan.objects.get().id, ())
    assert not PlanStep.objects.exists()


def test_a_page_of_steps_or_seats_joins_nothing(database: str) -> None:
    """A page is read from its own table, and the persons and workspaces on it by their ids, in as many queries however long it
    is: a database that knows nothing yet of a table's size chooses a bad order to join ten thousand rows in."""
    row = a_plan()
    for each in row.steps.filter(kind="invite").exclude(person=None):
        with change(ADMIN) as edit:
            edit.create(Seat(person_id=each.person_id, workspace_id=each.workspace_id, since=row.created_at))
    lists: tuple[Callable[[int], Page], ...] = (
        lambda limit: workspaces.list_steps(ADMIN, row.id, Query(limit=limit)),
        lambda limit: workspaces.list_seats(ADMIN, Query(limit=limit)),
    )
    for ask in lists:
        counts = set()
        for limit in (5, 35):
            with CaptureQueriesContext(connection) as asked:
                assert len(ask(limit).items) == limit
            counts.add(len(asked))
            assert not [query["sql"] for query in asked if re.search(r"FROM \S+( \S+)? (INNER|LEFT OUTER) JOIN", query["sql"])]
        assert len(counts) == 1
