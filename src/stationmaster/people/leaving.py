"""Leaving and returning, being erased, and a name that is not somebody's after all. Owns: who is told, and that each is told
once, inside the change in which it happens.

Whoever holds something of a person's (sessions, keys, seats) registers here when Django is set up. May not know what they
hold: the rooms above this one are not known here.
"""

from collections.abc import Callable

from stationmaster.people.models import Person
from stationmaster.store.changes import Change

Listener = Callable[[Change, Person], None]
OfName = Callable[[Change, Person, str, str], None]

_leaving: list[Listener] = []
_returning: list[Listener] = []
_erasing: list[Listener] = []
_unlinking: list[OfName] = []


def on_leaving(listener: Listener) -> None:
    """Have `listener` called with the open change and each person who leaves: is deactivated, deleted or erased while
    active. The row still says who they are. What it raises undoes the leaving."""
    if listener not in _leaving:
        _leaving.append(listener)


def on_returning(listener: Listener) -> None:
    """The like for persons who are made active again."""
    if listener not in _returning:
        _returning.append(listener)


def on_erasing(listener: Listener) -> None:
    """The like for persons who are erased. They have left by then, and the row says nothing of them any more."""
    if listener not in _erasing:
        _erasing.append(listener)


def on_unlinking(listener: OfName) -> None:
    """Have `listener` called with the open change, a person, a vendor and a name (folded), when somebody said that the vendor
    knows them by it no more."""
    if listener not in _unlinking:
        _unlinking.append(listener)


def tell_left(edit: Change, person: Person) -> None:
    """Tell everybody that `person` leaves."""
    for listener in _leaving:
        listener(edit, person)


def tell_returned(edit: Change, person: Person) -> None:
    """Tell everybody that `person` is back."""
    for listener in _returning:
        listener(edit, person)


def tell_erased(edit: Change, person: Person) -> None:
    """Tell everybody that `person` is forgotten."""
    for listener in _erasing:
        listener(edit, person)


def tell_unlinked(edit: Change, person: Person, vendor: str, folded: str) -> None:
    """Tell everybody that `vendor` does not know `person` by that name."""
    for listener in _unlinking:
        listener(edit, person, vendor, folded)
