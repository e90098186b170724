"""Out again, as an older setup keeps it. Owns: the two presets as JSON, written piece by piece from what came in and how it
stands now. No secret is in it: none came in.

What came in goes out as it was, under the preset's names, as long as nothing has changed since; a seat that is in another state
by now says so. What ran at that time is not said to run. People and teams that never were in a file are in it too.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.importing.deciding import key_of
from stationmaster.importing.models import Origin
from stationmaster.importing.states import believed, written
from stationmaster.operators.access import require
from stationmaster.people.models import Person
from stationmaster.store.actor import Actor
from stationmaster.workspaces.models import Assignment, Seat, Workspace

FORMATS: Final = ("accounts", "tracker")
_SEAT: Final = {"accounts": ("team_join_status", "invite_status"), "tracker": ("invitation_status",)}
_STATES: Final = ("team_join_status", "invite_status", "invitation_status", "pool_status", "storage_status")
_BATCH: Final = 500
_Row = dict[str, Any]


def export_roster(actor: Actor, form: str) -> Iterator[str]:
    """All workspaces and who has, had or is to have a seat there, as JSON of a preset: "accounts" or "tracker". Raises
    `Forbidden`, `Invalid` at once."""
    require(actor, "rosters:export")
    if form not in FORMATS:
        why = f"one of {', '.join(FORMATS)}"
        raise Invalid("error.import.form", f"format: {why}", fields={"format": why})
    return _accounts() if form == "accounts" else _tracker()


def _accounts() -> Iterator[str]:
    """A list: each owner's account, then everybody's."""
    comma = "[\n"
    for place in Workspace.objects.order_by("id").iterator(chunk_size=_BATCH):
        yield comma + _json(_mother(place))
        comma = ",\n"
        for member in _members(place, "accounts"):
            yield comma + _json(member)
    for row in _alone():
        yield comma + _json({**row, "type": "child"})
        comma = ",\n"
    yield "\n]\n" if comma != "[\n" else "[]\n"


def _tracker() -> Iterator[str]:
    """Teams, each with its members."""
    comma = '{"teams": [\n'
    start = comma
    for place in Workspace.objects.order_by("id").iterator(chunk_size=_BATCH):
        team = {name: value for name, value in _mother(place).items() if name != "type"}
        yield comma + _json(team)[:-1] + ', "members": ['
        comma, between = ",\n", "\n"
        for member in _members(place, "tracker"):
            yield between + _json(member)
            between = ",\n"
        yield "]}"
    alone = [_json(row) for row in _alone()]
    yield ("" if comma != start else start) + '\n], "people": [' + ", ".join(alone) + "]}\n"


def _mother(place: Workspace) -> _Row:
    origin = Origin.objects.filter(key=key_of(place.id, "")).first()
    values = _known(origin.values) if origin else {}
    found: _Row = {"id": place.id, **values, "type": "mother", "team": values.get("team") or _title(values, place)}
    if place.organisation:
        found["team_account_id"] = values.get("team_account_id") or place.organisation
    if place.seat_limit or "seat_total" in values:
        found["seat_total"] = place.seat_limit or int(values["seat_total"])
    return found


def _title(values: Mapping[str, Any], place: Workspace) -> str:
    """A team's name, where its file had none: not to be read as another team's."""
    return str(values.get("name") or values.get("email") or place.name)


def _members(place: Workspace, form: str) -> Iterator[_Row]:
    """Everybody whom a file, an assignment or a seat has there, by their ids."""
    mother = _mother(place)
    last = ""
    while some := _next(place, last):
        last = some[-1].id
        ids = [each.id for each in some]
        keys = [key_of(place.id, each) for each in ids]
        origins = {row.person_id: row for row in Origin.objects.filter(key__in=keys)}
        seats = {row.person_id: row for row in Seat.objects.filter(workspace=place, person__in=ids)}
        roles = dict(Assignment.objects.filter(workspace=place, person__in=ids).values_list("person_id", "role"))
        for person in some:
            origin, seat = origins.get(person.id), seats.get(person.id)
            row: _Row = {**(_known(origin.values) if origin else {}), **_person(person)}
            if form == "accounts":
                row |= {"type": "child", "parent_id": mother["id"]}
            else:
                row.pop("parent_id", None)
            if roles.get(person.id) and not row.get("role"):
                row["role"] = roles[person.id]
            yield row | _states(form, origin, seat)


def _next(place: Workspace, last: str) -> list[Person]:
    """Some persons of a workspace, behind an id."""
    whose = (
        Origin.objects.filter(workspace=place, person__gt=last).values_list("person_id", flat=True),
        Assignment.objects.filter(workspace=place, person__gt=last).values_list("person_id", flat=True),
        Seat.objects.filter(workspace=place, person__gt=last).values_list("person_id", flat=True),
    )  # fmt: skip
    ids = sorted({each for ids in whose for each in ids.order_by("person_id")[:_BATCH]})[:_BATCH]
    return list(Person.objects.filter(id__in=ids).order_by("id"))


def _states(form: str, origin: Origin | None, seat: Seat | None) -> _Row:
    """How a seat stands: as the file said it, while the seat is as the import left it."""
    now = seat.state if seat is not None else ""
    if origin is not None and origin.state == now:
        return {}
    words = written(now)
    return {name: words[name] for name in _SEAT[form]}


def _alone() -> Iterator[_Row]:
    """Those who came in without a team."""
    rows = Origin.objects.filter(workspace=None, person__isnull=False).select_related("person").order_by("key")
    for row in rows.iterator(chunk_size=_BATCH):
        if row.person is not None:
            yield {**_known(row.values), **_person(row.person)}


def _known(values: Mapping[str, Any]) -> _Row:
    return {name: believed(value) if name in _STATES else value for name, value in values.items()}


def _person(person: Person) -> _Row:
    row = {"email": person.email or person.user_name}
    return {**row, **({"name": person.display_name} if person.display_name else {})}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
