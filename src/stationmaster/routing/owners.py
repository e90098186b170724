"""Keys of persons. Owns: that a leaver's virtual keys are out of use at once. Coming back makes none valid again."""

from stationmaster.people.identities import names_of
from stationmaster.people.models import Person
from stationmaster.routing.models import VirtualKey
from stationmaster.store.changes import Change

REASON = "its owner left"


def disable_keys(edit: Change, person: Person) -> None:
    """Disable every key whose owner is `person`, by id, user name, e-mail address or operator."""
    for key in VirtualKey.objects.filter(owner_folded__in=names_of(person), disabled=False):
        with edit.updating(key):
            key.disabled, key.disabled_reason = True, key.disabled_reason or REASON
