"""Some records at once. Owns: reading from the database what they are decided upon, and carrying out what was decided, through
the services of those whose rows they are: so that their rules, rights and audit events are what they always are.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.errors import StationmasterError
from stationmaster.folding import fold
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.importing import coming, keeping
from stationmaster.importing.deciding import CAUSE, Place, Somebody, State, Verdict, decide, key_name, name_of, title_of
from stationmaster.importing.models import Origin, Problem, Ref, Roster
from stationmaster.importing.recognising import Fault, Record
from stationmaster.jobs.ceasing import Ceased
from stationmaster.operators.access import rights
from stationmaster.people import services as people
from stationmaster.people.models import Person
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Target
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change, rehearsal
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Assignment, Seat, Workspace

_NO_KEY: Final = "imported: its credential is missing"
_LOOK: Final = "imported: look at it before it is used"
_OUTCOMES: Final = {
    "create": "created", "update": "updated", "unchanged": "unchanged", "duplicate": "duplicates", "conflict": "conflicts",
    "error": "errors",
}  # fmt: skip
_TAKEN: Final = frozenset({"create", "update", "unchanged"})


@dataclass(frozen=True)
class Came:
    """A record, and what it came to."""

    record: Record
    verdict: Verdict


def done(actor: Actor, of: Roster, records: Sequence[Record]) -> list[Came]:
    """Bring records in, each for itself: what is refused of one leaves nothing of it behind. Only inside a change."""
    state = _state(actor, of, records)
    return [_one(actor, of, record, state) for record in records]


def previewed(actor: Actor, of: Roster, records: Sequence[Record], *, whole: bool) -> list[Came]:
    """What records of a file would come to, if it were brought in now; nothing is written. Unless they are all that there is
    (`whole`), a team that none of them is may come behind them."""
    with rehearsal(actor):
        state = _state(actor, of, records)
        teams = {ref for each in records for ref in each.refs}
        named = {ref for each in records for ref in each.parents}
        state.places |= {} if whole else {ref: _made_up(of, "", ref) for ref in named - teams - state.places.keys()}
        return [_one(actor, of, record, state, dry_run=True) for record in records]


def tried(actor: Actor, of: Roster, records: Sequence[Record]) -> list[Came]:
    """What each comes to when it is brought in, found out by doing so and undoing it; what would have come is remembered for
    further batches. Only inside a change."""
    state = _state(actor, of, records)
    coming.recall(of, state, records, lambda which, name: _made_up(of, which, name))
    found = []
    for record in records:
        came = _one(actor, of, record, state, dry_run=True)
        found.append(came)
        if came.verdict.outcome in _TAKEN:
            coming.note(of, record, came.verdict, *_left_behind(of, came))
    return found


def counted(found: Iterable[Came]) -> dict[str, int]:
    """How many records came to what, under the names of `models.COUNTS`."""
    counts = dict.fromkeys(_OUTCOMES.values(), 0)
    for each in found:
        counts[_OUTCOMES[each.verdict.outcome]] += 1
    return counts


def noted(found: Iterable[Came]) -> dict[str, int]:
    """How many records each remark is about."""
    notes: dict[str, int] = {}
    for each in found:
        for code in set(each.verdict.notes):
            notes[code] = notes.get(code, 0) + 1
    return notes


def problems(of: Roster, found: Iterable[Came]) -> list[Problem]:
    """What is wrong with which record."""
    return [
        Problem(of=of, row=each.record.number, outcome=each.verdict.outcome, field=fault.field[:80],
                code=f"error.{fault.code.removeprefix('error.')}"[:60], message=fault.message)
        for each in found for fault in each.verdict.faults
    ]  # fmt: skip


class _Undone(Exception):
    """A dry run's record was brought in, which is not to stay."""


def _one(actor: Actor, of: Roster, record: Record, state: State, *, dry_run: bool = False) -> Came:
    """Bring one record in; with `dry_run` all the same, and then undo it, so that what refuses an import refuses its dry run."""
    verdict = decide(record, state, _vendor_of(of))
    if verdict.outcome not in _TAKEN:
        return Came(record, verdict)
    person, place = "", None
    try:
        with suppress(_Undone), change(actor) as edit:
            person, place = _ACTS[record.kind](edit, of, record, verdict)
            if dry_run:
                raise _Undone
    except Ceased:
        raise
    except StationmasterError as error:
        faults = tuple(Fault(*each) for each in _faults(error))
        return Came(record, Verdict("conflict" if error.status == 409 else "error", faults=faults))
    if dry_run:
        person, place = _left_behind(of, Came(record, verdict))
    if record.kind == "team" and place is not None:
        Ref.objects.filter(of=of, ref__in=record.refs).update(workspace=place.id)
    state.take(record, verdict, person, place)
    return Came(record, verdict)


def _left_behind(of: Roster, came: Came) -> tuple[str, Place | None]:
    """Whom and which a record of a dry run was about: those that are there, or that would be."""
    verdict, which = came.verdict, coming.made_up(came.record)
    made = verdict.make.get("workspace")
    place = _made_up(of, which, made["name"], made["organisation"], made["seat_limit"]) if made else verdict.place
    if made is None and place is not None and verdict.fill:
        place = replace(place, organisation=verdict.fill.get("organisation", place.organisation),
                        seats=verdict.fill.get("seat_limit", place.seats))  # fmt: skip
    return verdict.person or which, place


def _faults(error: StationmasterError) -> list[tuple[str, str, str]]:
    return [(name, error.code, why) for name, why in error.fields.items()] or [("", error.code, error.message)]


def _team(edit: Change, of: Roster, record: Record, verdict: Verdict) -> tuple[str, Place | None]:
    place = verdict.place
    if "workspace" in verdict.make:
        given = {name: value for name, value in verdict.make["workspace"].items() if value}
        place = _place(Workspace.objects.get(id=workspaces.create_workspace(edit.actor, given)["id"]))
    elif place is not None and verdict.fill and coming.is_there(place.id):
        workspaces.update_workspace(edit.actor, place.id, verdict.fill)
        place = _place(Workspace.objects.get(id=place.id))
    assert place is not None  # noqa: S101  a team is there, or is made
    if verdict.keep is not None and coming.is_there(place.id):
        keeping.keep(verdict.keep, of.id, record.number, workspace=place.id)
    return "", place


def _member(edit: Change, of: Roster, record: Record, verdict: Verdict) -> tuple[str, Place | None]:
    person, place = verdict.person, verdict.place
    if "person" in verdict.make:
        person = str(people.create_person(edit.actor, verdict.make["person"])["id"])
    if "credential" in verdict.make:
        given = {"vendor": shape_of(record.key).vendor or "openai_compatible", "secret": record.key, "disabled": True,
                 "disabled_reason": _LOOK, **verdict.make["credential"]}  # fmt: skip
        credentials.create_credential(edit.actor, given)
    if coming.is_there(person) and (place is None or coming.is_there(place.id)):
        _seated(edit, of, record, verdict, person)
    return person, place


def _seated(edit: Change, of: Roster, record: Record, verdict: Verdict, person: str) -> None:
    """What somebody who is there has in a workspace that is there, or in none."""
    place = verdict.place
    if "assignment" in verdict.make and place is not None:
        workspaces.create_assignment(edit.actor, {"workspace": place.id, "person": person, "role": _role(place, record)})
    if verdict.seat and place is not None:
        seats.settle(edit, seats.seat_for(edit, person, place.id).id, verdict.seat, CAUSE)
    state = _seat_state(person, place)
    keeping.keep(verdict.keep or {}, of.id, record.number, workspace=place.id if place else "", person=person, state=state)


def _target(edit: Change, of: Roster, record: Record, verdict: Verdict) -> tuple[str, Place | None]:  # noqa: ARG001  one shape
    if "target" in verdict.make:
        reached = {"secret": record.key} if record.key else {"disabled": True, "disabled_reason": _NO_KEY}
        publishing.create_target(edit.actor, {**verdict.make["target"], **reached})
    return "", None


_ACTS: Final = {"team": _team, "member": _member, "target": _target}


def _role(place: Place, record: Record) -> str:
    """The role that a file names, where the vendor has it; else its default one."""
    row = Workspace.objects.get(id=place.id)
    role = record.values.get("role", "")
    return role if role in vendor(row.vendor).roles else ""


def _seat_state(person: str, place: Place | None) -> str:
    row = Seat.objects.filter(person_id=person, workspace_id=place.id).first() if place else None
    return str(row.state) if row is not None else ""


def _vendor_of(of: Roster) -> str:
    """Where teams are made: a vendor with an interface takes its admin credential first, and nobody has one in a roster."""
    return "manual" if vendor(of.vendor).needs_secret else str(of.vendor)


def _made_up(of: Roster, which: str, name: str, organisation: str = "", seats_: int = 0) -> Place:
    """A workspace that a dry run's file would make."""
    return Place(which, name, organisation, seats_, not vendor(_vendor_of(of)).capabilities)


def _state(actor: Actor, of: Roster, records: Sequence[Record]) -> State:
    """Everything that these records may be about, in a handful of queries."""
    state = State(may=rights(actor.role, actor.scopes))
    state.places = _places(of, records)
    teams = [each for each in records if each.kind == "team"]
    accounts = {each.values.get("team_account_id") or each.values.get("account_id") or "" for each in teams} - {""}
    names = {name_of(title_of(each)) for each in teams}
    state.accounts = {row.organisation: _place(row) for row in _at(of, Workspace.objects.filter(organisation__in=accounts))}
    state.named = {row.name: _place(row) for row in Workspace.objects.filter(name__in=names)}
    _load_people(state, of, records)
    keys = {key_name(each.values["email"]) for each in records if each.key and each.values.get("email")}
    state.keys = set(Credential.objects.filter(name__in=keys).values_list("name", flat=True))
    if any(each.kind == "target" for each in records):
        state.targets = {(row.kind, row.base_url.rstrip("/")): row.name for row in Target.objects.all()}
    return state


def _load_people(state: State, of: Roster, records: Sequence[Record]) -> None:
    emails = {fold(each.values.get("email", "")) for each in records if each.kind == "member"} - {""}
    for row in Person.objects.filter(email_folded__in=emails).order_by("active", "id"):      # of several, the active one
        state.people[row.email_folded] = Somebody(row.id, row.active)
    ids = [each.id for each in state.people.values()]
    places = {place.id for place in (*state.places.values(), *state.named.values(), *state.accounts.values())} - {""}
    pairs = Assignment.objects.filter(person__in=ids, workspace__in=places).values_list("person_id", "workspace_id")
    state.assigned = set(pairs)
    rows = Seat.objects.filter(person__in=ids, workspace__in=places)
    state.seats = {(row.person_id, row.workspace_id): (row.state, row.cause) for row in rows}
    for origin in (*Origin.objects.filter(person__in=ids), *Origin.objects.filter(workspace__in=places, person=None)):
        state.origins[origin.key] = (origin.values, origin.number if origin.last == of.id else 0)


def _places(of: Roster, records: Sequence[Record]) -> dict[str, Place]:
    """Teams that records name, as far as they are there; in a dry run also those that would be."""
    wanted = {ref for each in records for ref in (*each.parents, *each.refs)}
    refs = {row.ref: row for row in Ref.objects.filter(of=of, ref__in=wanted).exclude(workspace="")}
    ids = {each.workspace for each in refs.values()}
    rows = {row.id: _place(row) for row in Workspace.objects.filter(id__in=ids)}
    rows |= {which: _made_up(of, which, which) for which in ids if not coming.is_there(which)}
    return {ref: rows[row.workspace] for ref, row in refs.items() if row.workspace in rows}


def _at(of: Roster, rows: Any) -> Any:
    """Of one vendor, where somebody said which: two vendors may have the same ids."""
    return rows if of.vendor == "manual" else rows.filter(vendor__in=(of.vendor, "manual"))


def _place(row: Workspace) -> Place:
    return Place(row.id, row.name, row.organisation, row.seat_limit, not vendor(row.vendor).capabilities)
