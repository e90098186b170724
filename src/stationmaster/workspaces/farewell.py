"""What plans would do about somebody who leaves. Owns: those steps, reckoned before anything is changed; it changes nothing."""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.operators.access import require
from stationmaster.people import persons
from stationmaster.people.models import Person
from stationmaster.store.actor import Actor
from stationmaster.workspaces.assigning import is_large, step_of
from stationmaster.workspaces.models import Seat, VendorInvite, VendorMember, Workspace
from stationmaster.workspaces.plans.loading import Supposing
from stationmaster.workspaces.plans.making import compute

MOST: Final = 50  # workspaces that are reckoned


def preview_leaving(actor: Actor, which: str) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The steps of the plans that follow when the person (id, user name or address) leaves, by workspace: as plans are made,
    with them out of the company; and the names of workspaces with so many seats that a look does not work it out. Raises
    `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "people:update")
    require(actor, "seats:read")
    person: Person = persons.find(which)
    found = list(Workspace.objects.filter(id__in=_places(person), disabled=False).order_by("name")[:MOST])
    large = [place for place in found if is_large(place)]
    places = [place for place in found if place not in large]
    names = {place.id: place.name for place in places}
    steps = compute(places, supposing=Supposing(left=frozenset({person.id}))).steps
    told: list[Mapping[str, Any]] = [{**step_of(step, person), "workspace": names.get(step.workspace, step.workspace)}
                                     for step in steps if step.person == person.id]  # fmt: skip
    return told, [place.name for place in large]


def _places(person: Person) -> set[str]:
    """The workspaces (ids) in which they have a seat, or were seen."""
    seats = Seat.objects.filter(person=person).exclude(state="removed")
    rows = (seats, VendorMember.objects.filter(person=person), VendorInvite.objects.filter(person=person))
    return {str(place) for each in rows for place in each.values_list("workspace_id", flat=True)}
