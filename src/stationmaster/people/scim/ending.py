"""The end of a person by SCIM, inside an open change. Owns: what a deletion comes to while something refers to the row."""

from stationmaster.errors import Conflict
from stationmaster.people import writing
from stationmaster.people.models import Group, Person
from stationmaster.people.scim.models import Forgotten
from stationmaster.store.changes import Change, change


def end(edit: Change, row: Person, *, deletes: bool) -> None:
    """Have them leave, and with `deletes` be gone. Whom a seat or an assignment still refers to leaves and stays as a row, so
    that it is known whose seat is to be taken back; SCIM sees them no more."""
    writing.deactivate(edit, row)
    if not deletes:
        return
    try:
        with change(edit.actor) as part:      # of its own: what it began is undone when it may not be
            writing.remove(part, row)
    except Conflict:
        _forget(edit, row)


def _forget(edit: Change, row: Person) -> None:
    for group in Group.objects.filter(memberships__person=row):
        writing.put_members(edit, group, remove=[row.id])
    Forgotten.objects.get_or_create(person=row)
    edit.record(f"people:{row.id}:forget")


def forgotten(user_name_folded: str) -> Person | None:
    """The person with this user name whom SCIM deleted and whose row stayed."""
    found: Person | None = Person.objects.filter(user_name_folded=user_name_folded, forgotten__isnull=False).first()
    return found


def remember(row: Person) -> None:
    """They are created again: SCIM sees them once more."""
    Forgotten.objects.filter(person=row).delete()
