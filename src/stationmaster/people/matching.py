"""Whom a vendor's member could be. Owns: the order in which names are looked for, and that nothing is guessed.

Vendors know people by an e-mail address or by a log-in of their own. A log-in that somebody linked by hand decides; then
addresses of active persons; then those of leavers. Two candidates of one rank are a conflict for a person to settle.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from stationmaster.folding import fold
from stationmaster.people.models import Person, PersonEmail, PersonLogin
from stationmaster.vendors.registry import vendor as registered

_AT_ONCE = 400      # values of one query: SQLite takes 999

Found = Mapping[str, tuple[str, ...]]


def matches(vendor: str, names: Iterable[str]) -> Found:
    """For each of `names`, as the vendor spells it, the ids of the persons that it could be, sorted: none, one who it is,
    or several, which is a conflict."""
    wanted = {name: fold(name) for name in names}
    ranks = (_by_login(vendor, wanted.values()), *(_by_email(wanted.values()) if _knows_addresses(vendor) else ()))
    return {name: _first(ranks, folded) for name, folded in wanted.items()}


def logins_of(vendor: str, persons: Iterable[str]) -> dict[str, str]:
    """What `vendor` is to be told of each of `persons` (ids): the log-in that was linked, else the e-mail address. Those
    of whom it would know nothing are left out."""
    found: dict[str, str] = {}
    for some in _parts(set(persons)):
        if _knows_addresses(vendor):
            found |= dict(Person.objects.filter(id__in=some).exclude(email="").values_list("id", "email"))
        found |= dict(PersonLogin.objects.filter(vendor=vendor, person_id__in=some).values_list("person_id", "login"))
    return found


def _knows_addresses(vendor: str) -> bool:
    return registered(vendor).known_by == "email"


def _first(ranks: Iterable[Mapping[str, set[str]]], folded: str) -> tuple[str, ...]:
    return next((tuple(sorted(rank[folded])) for rank in ranks if rank.get(folded)), ())


def _by_login(vendor: str, folded: Iterable[str]) -> Mapping[str, set[str]]:
    rank: dict[str, set[str]] = defaultdict(set)
    for some in _parts(folded):
        for name, person in PersonLogin.objects.filter(vendor=vendor, folded__in=some).values_list("folded", "person_id"):
            rank[name].add(person)
    return rank


def _by_email(folded: Iterable[str]) -> Iterator[Mapping[str, set[str]]]:
    """Those of active persons, then those of leavers."""
    ranks: tuple[dict[str, set[str]], dict[str, set[str]]] = (defaultdict(set), defaultdict(set))
    for some in _parts(folded):
        first = Person.objects.filter(email_folded__in=some).values_list("email_folded", "id", "active")
        further = PersonEmail.objects.filter(folded__in=some).values_list("folded", "person_id", "person__active")
        for name, person, active in (*first, *further):
            ranks[not active][name].add(person)
    yield from ranks


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    listed = sorted(set(values) - {""})
    for at in range(0, len(listed), _AT_ONCE):
        yield listed[at : at + _AT_ONCE]
