"""Some rows at once. Owns: reading from the database what they are decided upon, and carrying out what was decided.

Everything that is read for a batch is read in a handful of queries, whatever its size; what it changes is written in the
change that is open.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Prefetch, Q
from django.utils import timezone

from stationmaster.folding import fold
from stationmaster.operators.models import Operator
from stationmaster.people import writing
from stationmaster.people.importing.deciding import Known, State, Verdict, decide
from stationmaster.people.importing.fields import TEXTS
from stationmaster.people.importing.models import Batch, Import, Problem
from stationmaster.people.importing.wanted import Fault, Login, Row, Wanted, read
from stationmaster.people.models import Group, Membership, Person, PersonEmail, PersonLogin
from stationmaster.people.persons import may_end
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change

_OUTCOMES = {"create": "created", "update": "updated", "unchanged": "unchanged", "conflict": "conflicts", "error": "errors"}


@dataclass(frozen=True)
class Decided:
    """A row, and what it comes to."""

    row: Row
    verdict: Verdict


@dataclass(frozen=True)
class Loaded:
    """What is there: for deciding, and for writing."""

    state: State
    persons: dict[str, Person]
    groups: dict[str, Group]


def decided(rows: Sequence[Row], actor: Actor) -> tuple[list[Decided], Loaded]:
    """What each row comes to, in order, on what is there now."""
    wanted = [read(row) for row in rows]
    loaded = _loaded([each for each in wanted if isinstance(each, Wanted)], actor)
    found = []
    for row, wish in zip(rows, wanted, strict=True):
        verdict = decide(wish, loaded.state)
        if verdict.outcome in ("create", "update"):
            loaded.state.take(verdict, verdict.person or f"row {row.number}")
        found.append(Decided(row, verdict))
    return found, loaded


def counted(found: Iterable[Decided]) -> dict[str, int]:
    """How many rows came to what, under the names of `models.COUNTS`."""
    counts = dict.fromkeys(_OUTCOMES.values(), 0)
    for each in found:
        counts[_OUTCOMES[each.verdict.outcome]] += 1
    return counts


def problems(of: Import, found: Iterable[Decided]) -> Iterator[Problem]:
    """What is wrong with which row. Columns are named by their headings."""
    headings = {field: heading for heading, field in of.mapping.items() if field}
    for each in found:
        for fault in each.verdict.faults:
            yield problem(of, each.row.number, each.verdict.outcome, fault, headings.get(fault.field, fault.field))


def problem(of: Import, row: int, outcome: str, fault: Fault, column: str = "") -> Problem:
    """One of them."""
    named = column[:254].replace("\0", "\ufffd")      # which PostgreSQL does not keep
    return Problem(of=of, row=row, outcome=outcome, column=named, code=f"error.{fault.code}", message=fault.message)


def apply(edit: Change, of: Import, found: Sequence[Decided], loaded: Loaded) -> None:
    """Carry out what was decided, and note whom the file has."""
    made = _create(edit, of, [each for each in found if each.verdict.outcome == "create"])
    for each in found:
        if each.verdict.outcome == "update":
            _update(edit, loaded.persons[each.verdict.person], each.verdict)
    _put_in_groups(edit, [(made.get(each.row.number, each.verdict.person), each.verdict) for each in found], loaded.groups)
    seen = [each.verdict.person for each in found if each.verdict.person]
    Person.objects.filter(id__in=seen).observe(last_import=of.id)


def known(found: Iterable[Decided]) -> bytes:
    """Whom some rows are about, of those who are there: what is kept of a batch that a dry run has done."""
    return "\n".join(each.verdict.person for each in found if each.verdict.person).encode()


def ids(rows: Batch) -> list[str]:
    """Read that again: the ids of persons."""
    return bytes(rows.data).decode().split() if rows.done else []


def _create(edit: Change, of: Import, new: Sequence[Decided]) -> dict[int, str]:
    """The new persons; their ids by the numbers of their rows."""
    rows = {each.row.number: _person(of, each.verdict) for each in new}
    Person.objects.bulk_create(rows.values())
    for row in rows.values():
        edit.record(f"people:{row.id}:create", None, row.audited())
    PersonEmail.objects.bulk_create(
        PersonEmail(person=rows[each.row.number], position=at, value=address)
        for each in new for at, address in enumerate(each.verdict.further or ())
    )
    for each in new:
        for vendor, login in each.verdict.link:
            writing.link(edit, rows[each.row.number], vendor, login)
    return {number: row.id for number, row in rows.items()}


def _person(of: Import, verdict: Verdict) -> Person:
    active = verdict.active is not False
    return Person(source="csv", active=active, left_at=None if active else timezone.now(), last_import=of.id, **verdict.changes)


def _update(edit: Change, row: Person, verdict: Verdict) -> None:
    given: dict[str, Any] = dict(verdict.changes)
    if verdict.active is not None:
        given["active"] = verdict.active
    if verdict.further is not None:
        given["further_emails"] = list(verdict.further)
    if given:
        writing.update(edit, row, given)
    for vendor, login in verdict.unlink:
        writing.unlink(edit, row, vendor, login)
    for vendor, login in verdict.link:
        writing.link(edit, row, vendor, login)


def _put_in_groups(edit: Change, pairs: Iterable[tuple[str, Verdict]], groups: dict[str, Group]) -> None:
    """All of them, a change a group."""
    join: dict[str, list[str]] = defaultdict(list)
    leave: dict[str, list[str]] = defaultdict(list)
    spelt: dict[str, str] = {}
    for person, verdict in pairs:
        for name in verdict.join:
            join[fold(name)].append(person)
            spelt.setdefault(fold(name), name)
        for folded in verdict.leave:
            leave[folded].append(person)
    for folded in sorted(join.keys() | leave.keys()):
        group = groups.get(folded) or writing.create_group(edit, spelt[folded], "csv")
        writing.put_members(edit, group, join[folded], leave[folded])


def _loaded(wanted: Sequence[Wanted], actor: Actor) -> Loaded:
    persons = {row.id: row for row in _persons(wanted)}
    names = {fold(name) for each in wanted for name in each.groups or ()}
    in_groups = {each.group for row in persons.values() for each in row.memberships.all()}
    groups = {row.name_folded: row for row in (*in_groups, *Group.objects.filter(name_folded__in=names))}
    beyond = _beyond(actor, persons.values())
    known = [_known(row, ours=row.id not in beyond) for row in persons.values()]
    return Loaded(State(known, {name: row.source for name, row in groups.items()}, _held(wanted)), persons, groups)


def _beyond(actor: Actor, persons: Iterable[Person]) -> frozenset[str]:
    """The ids of those who are operators that may more than `actor`."""
    by_address = {each: row for row in persons for each in (row.email_folded, row.email.strip().lower()) if each}
    operators = Operator.objects.filter(email__in=by_address).values_list("email", flat=True)
    return frozenset(by_address[email].id for email in operators if not may_end(actor, by_address[email]))


def _persons(wanted: Sequence[Wanted]) -> Iterable[Person]:
    """Whoever the rows could be, or stand in the way of."""
    user_names = {fold(each.values.get("user_name", "")) for each in wanted} - {""}
    emails = {fold(each.values.get("email", "")) for each in wanted} - {""}
    ids = {each.id for each in wanted if each.id}
    whose = Q(id__in=ids) | Q(user_name_folded__in=user_names | emails) | Q(email_folded__in=emails)
    in_groups = Prefetch("memberships", Membership.objects.select_related("group"))
    return cast("Iterable[Person]", Person.objects.filter(whose).prefetch_related("further_emails", "logins", in_groups))


def _known(row: Person, *, ours: bool) -> Known:
    further = tuple(each.value for each in sorted(row.further_emails.all(), key=lambda each: each.position))
    return Known(
        row.id, {name: getattr(row, name) for name in TEXTS}, row.source, row.active, row.erased_at is not None, further,
        frozenset(each.group.name_folded for each in row.memberships.all()),
        frozenset((each.vendor, each.login) for each in row.logins.all()), ours,
    )


def _held(wanted: Sequence[Wanted]) -> dict[Login, str]:
    names = {fold(login) for each in wanted for _, login in (*(each.logins or ()), *each.at.items())}
    rows = PersonLogin.objects.filter(folded__in=names)
    return {(row.vendor, row.folded): row.person_id for row in rows}
