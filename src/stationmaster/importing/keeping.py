"""What has come in, kept. Owns: the origins of teams and members, and that they go with whom they are about."""

from collections.abc import Mapping
from typing import Any

from stationmaster.importing.deciding import key_of
from stationmaster.importing.models import Origin
from stationmaster.people.models import Person
from stationmaster.store.changes import Change


def keep(
    values: Mapping[str, Any], last: str, number: int, *, workspace: str = "", person: str = "", state: str | None = None
) -> None:
    """Note that this is what a file had of a team, or of a person in a team or in none. `state` None: as it was noted."""
    key = key_of(workspace, person)
    row = Origin.objects.filter(key=key).first() or Origin(key=key, workspace_id=workspace or None, person_id=person or None)
    row.values, row.last, row.number = dict(values), last, number
    row.state = row.state if state is None else state
    row.save()


def forget_person(edit: Change, person: Person) -> None:  # noqa: ARG001  a listener's shape
    """Somebody is erased: nothing of what a file said of them stays."""
    Origin.objects.filter(person=person).delete()
