"""Keys of persons. Owns: whose a virtual key is, and that a leaver's are out of use at once. Coming back makes none valid
again.

A key names its owner by a text, which may be an e-mail address that a company gives on; so the person is noted with it, by id,
as soon as it is known who that is, and at the latest when they leave.
"""

from django.db.models import Q

from stationmaster.operators.access import owner_names
from stationmaster.people.identities import names_of, person_called
from stationmaster.people.models import Person
from stationmaster.routing.models import VirtualKey
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change

REASON = "its owner left"


def disable_keys(edit: Change, person: Person) -> None:
    """Disable every key whose owner is `person`: by what was noted, else by id, user name, e-mail address or operator. Those
    that are disabled already are noted as theirs, too: whoever is given the address next does not get them."""
    for key in VirtualKey.objects.filter(_of(person.id, names_of(person))):
        if key.disabled and key.person:
            continue
        with edit.updating(key):
            key.person, key.disabled, key.disabled_reason = person.id, True, key.disabled_reason or REASON


def note(key: VirtualKey, before: str) -> None:
    """Note whose `key` is, where its owner is another than `before`, or nobody was known yet."""
    if key.owner != before or not key.person:
        found = person_called(key.owner)
        key.person = "" if found is None else found.id


def own(actor: Actor) -> Q:
    """What takes the virtual keys that are an actor's own: by the person that was noted, who may have left an operator's row
    behind that is another's by now; else by how they name their owner."""
    names = owner_names(actor)
    ids = {actor.id, actor.person} - {""}
    return Q(person__in=names) | Q(person="") & (Q(owner__in=ids) | Q(owner_folded__in=names))


def others_with(names: frozenset[str], actor: Actor) -> list[str]:
    """The names of keys whose owners are called like this, and are somebody else: an earlier one of the same address."""
    rows = VirtualKey.objects.filter(owner_folded__in=names).exclude(own(actor))
    return list(rows.values_list("name", flat=True))


def _of(person: str, names: frozenset[str]) -> Q:
    return Q(person=person) | Q(person="", owner_folded__in=names)
