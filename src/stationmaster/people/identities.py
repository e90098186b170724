"""Names that a thing's owner may be given by. Owns: which texts stand for which person.

Keys and usage name their owner by a text: an operator's id, a person's id, user name or e-mail address. Whoever decides
what is somebody's own asks here, so that a name which could be two people's is nobody's.
"""

import re

from django.db.models import Q

from stationmaster.folding import fold
from stationmaster.operators.access import also_known_as, owner_names
from stationmaster.operators.models import Operator
from stationmaster.people.access_ends import operator_of
from stationmaster.people.models import MAX_FOLDED, Person
from stationmaster.store.actor import Actor

_LIKE_AN_ID = re.compile(r"(op|per|tok|grp|vk)_[0-9a-z]{26}")


def connect() -> None:
    """Have operators known by their persons' names as well; called once, when Django is set up."""
    also_known_as(_names_of_actor)


def person_of(actor: Actor) -> Person | None:
    """The active person behind an operator or a token, by the operator's e-mail address."""
    operator = Operator.objects.filter(id=actor.person or actor.id).first()
    address = fold(operator.email) if operator is not None else ""
    found: Person | None = Person.objects.filter(email_folded=address, active=True).first() if address else None
    return found


def names_of(person: Person) -> frozenset[str]:
    """Every name that things of `person` may have as their owner, folded."""
    operator = operator_of(person)
    names = {person.id, operator.id if operator is not None else ""}
    for name in {fold(person.user_name), fold(person.email)} - {""}:
        if not _LIKE_AN_ID.fullmatch(name) and not _somebody_elses(name, person):
            names.add(name)
    return frozenset(names - {""})


def called_before(actor: Actor) -> bool:
    """Tell whether somebody who left was called as `actor` is: companies give addresses on."""
    operator = Operator.objects.filter(id=actor.person or actor.id).first()
    names = {fold(operator.email) if operator is not None else "", *owner_names(actor)} - {""}
    left = Person.objects.filter(active=False)
    return bool(left.filter(Q(user_name_folded__in=names) | Q(email_folded__in=names)).exists())


def person_called(owner: str) -> Person | None:
    """The active person that a thing's owner names, by id, user name, e-mail address or operator; None where that is nobody,
    or could be two."""
    if by_operator := Operator.objects.filter(id=owner).values_list("email", flat=True).first():
        return Person.objects.filter(email_folded=fold(by_operator), active=True).first()
    name = fold(owner)
    if not name or len(name) > MAX_FOLDED:
        return None
    named = Q(id=owner) if _LIKE_AN_ID.fullmatch(name) else Q(user_name_folded=name) | Q(email_folded=name)
    found: list[Person] = list(Person.objects.filter(named, active=True)[:2])
    return found[0] if len(found) == 1 else None


def _somebody_elses(name: str, person: Person) -> bool:
    others = Person.objects.filter(active=True).exclude(id=person.id)
    return bool(others.filter(Q(user_name_folded=name) | Q(email_folded=name)).exists())


def _names_of_actor(actor: Actor) -> frozenset[str]:
    person = person_of(actor)
    return frozenset() if person is None else names_of(person)
