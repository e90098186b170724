"""Changes to people. Owns: the rules that every way in obeys (REST, SCIM, imports), inside a change that is open.

Who may is asked by whoever opens the change. A person's further addresses and log-ins, and a group's members, stand in
tables of their own: what changes there is noted as an event of the person or group, whose version goes up.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import ProtectedError, RestrictedError
from django.utils import timezone

from stationmaster.errors import Conflict
from stationmaster.folding import fold
from stationmaster.people.checks import checked, name_of_group
from stationmaster.people.checks import login as checked_login
from stationmaster.people.leaving import tell_erased, tell_left, tell_returned
from stationmaster.people.models import Group, Membership, Person, PersonEmail, PersonLogin, new_salt
from stationmaster.store import keyholder
from stationmaster.store.changes import Change, check_version
from stationmaster.store.rows import ConfigRow

Given = Mapping[str, Any]
_ASIDE = ("further_emails", "active")      # which are no plain columns
_AT_ONCE = 400                             # values of one query


def create(edit: Change, given: Given, source: str = "hand") -> Person:
    """A new person. Without a user name the e-mail address is one. Raises `Invalid`, `Conflict`."""
    values = checked({**given, "user_name": given.get("user_name") or given.get("email")})
    row = Person(source=source, active=values.get("active", True), **_columns(values))
    if not row.active:
        row.left_at = timezone.now()
    _free(row)
    with edit.creating(row):
        _put_emails(row, values.get("further_emails", []))
    return row


def update(edit: Change, row: Person, given: Given, version: int | None = None) -> None:
    """Change the fields that are given; `active` makes them leave or return. Raises `Stale`, `Invalid`, `Conflict`."""
    values = checked(given)
    check_version(row, version)
    _not_erased(row)
    active = values.get("active", row.active)
    if row.active and not active:
        deactivate(edit, row)      # first: they leave as who they were
    with edit.updating(row):
        for name, value in _columns(values).items():
            setattr(row, name, value)
        if row.active:
            _free(row)
        else:
            _free_user_name(row)
    if values.keys() & {"email", "further_emails"} and _put_emails(row, values.get("further_emails", _held_emails(row))):
        _touch(edit, row, "update_addresses", None)
    if active and not row.active:
        reactivate(edit, row)


def deactivate(edit: Change, row: Person) -> None:
    """They leave: what is theirs ends as those decide who hold it. One who left already stays so."""
    if not row.active:
        return
    with edit.updating(row, action="deactivate"):
        row.active, row.left_at = False, timezone.now()
    tell_left(edit, row)


def reactivate(edit: Change, row: Person) -> None:
    """They are back. Raises `Conflict` when somebody else has their e-mail address now, or they were erased."""
    if row.active:
        return
    _not_erased(row)
    _free_email(row)
    with edit.updating(row, action="reactivate"):
        row.active, row.left_at = True, None
    tell_returned(edit, row)


def erase(edit: Change, row: Person) -> None:
    """Forget everything personal; the row stays, so that what refers to it does. Hashes in events cannot be told any more
    once the salt is another. Raises `Conflict` for one who was erased."""
    _not_erased(row)
    deactivate(edit, row)
    row.logins.all().delete()
    row.further_emails.all().delete()
    for group in Group.objects.filter(memberships__person=row):
        put_members(edit, group, remove=[row.id])
    with edit.updating(row, action="erase"):
        for name in row.PERSONAL - {"scim"}:
            setattr(row, name, "")
        row.user_name, row.email_kind, row.scim = row.id, "", {}
        row.salt, row.erased_at = new_salt(), timezone.now()
    tell_erased(edit, row)


def remove(edit: Change, row: Person, version: int | None = None) -> None:
    """Delete the row; an active person leaves by that. Raises `Stale`, and `Conflict` when something refers to them."""
    check_version(row, version)
    deactivate(edit, row)
    for group in Group.objects.filter(memberships__person=row):
        put_members(edit, group, remove=[row.id])
    _delete(edit, row, "erase them instead")


def link(edit: Change, row: Person, vendor: str, login: str, *, move: bool = False) -> None:
    """Have `vendor` know them by `login`. `move`: also when it is somebody else's now. Raises `Invalid`, `Conflict`."""
    login = checked_login(login)
    _not_erased(row)
    held = PersonLogin.objects.filter(vendor=vendor, folded=fold(login)).select_related("person").first()
    if held is not None and held.person_id == row.id and held.login == login:
        return
    if held is not None and held.person_id != row.id and not move:
        why = f"{vendor} knows somebody else by it"
        raise Conflict("error.person.login_taken", why, hint="say that it is to be moved", fields={"login": why})
    if held is not None:
        unlink(edit, held.person, vendor, held.login)
    PersonLogin(person=row, vendor=vendor, login=login).save(force_insert=True)
    _touch(edit, row, "link", {"vendor": vendor, "login": _hashed(row, login)})


def unlink(edit: Change, row: Person, vendor: str, login: str) -> bool:
    """Take a log-in away from them; tell whether they had it."""
    for held in row.logins.filter(vendor=vendor, folded=fold(login)):
        held.delete()
        _touch(edit, row, "unlink", {"vendor": vendor, "login": _hashed(row, held.login)})
        return True
    return False


def create_group(edit: Change, name: str, source: str = "hand", **more: Any) -> Group:
    """A new group; `more` may say `external_id` and `scim`. Raises `Invalid`, `Conflict`."""
    row = Group(name=name_of_group(name), source=source, **more)
    _free_group_name(row)
    edit.create(row)
    return row


def update_group(edit: Change, row: Group, given: Given, version: int | None = None) -> None:
    """Change `name`, `external_id` or `scim`. Raises `Stale`, `Invalid`, `Conflict`."""
    with edit.updating(row, version):
        if "name" in given:
            row.name = name_of_group(given["name"])
        row.external_id = checked({"external_id": given.get("external_id", row.external_id)})["external_id"]
        row.scim = checked({"scim": given.get("scim", row.scim)})["scim"]
        _free_group_name(row)


def remove_group(edit: Change, row: Group, version: int | None = None) -> None:
    """Delete a group; its members stay persons. Raises `Stale`, and `Conflict` when something refers to it."""
    check_version(row, version)
    _delete(edit, row, "take it out there first")


def put_members(edit: Change, group: Group, add: Collection[str] = (), remove: Collection[str] = ()) -> tuple[int, int]:
    """Put persons (ids, which exist) into a group and take others out; how many that changed. Those who are in, or out,
    already are left alone, however many the group has."""
    gone = sorted(_in(group, set(remove) - set(add)))
    for some in _parts(gone):
        Membership.objects.filter(group=group, person_id__in=some).delete()
    new = sorted(set(add) - _in(group, add))
    for some in _parts(new):
        Membership.objects.bulk_create(Membership(group=group, person_id=person) for person in some)
    if gone:
        _touch(edit, group, "remove_members", {"persons": gone})
    if new:
        _touch(edit, group, "add_members", {"persons": new})
    return len(new), len(gone)


def _in(group: Group, persons: Iterable[str]) -> set[str]:
    """Those of `persons` who are in the group."""
    rows = Membership.objects.filter(group=group).order_by().values_list("person_id", flat=True)
    return {person for some in _parts(sorted(set(persons))) for person in rows.filter(person_id__in=some)}


def _parts(values: list[str]) -> Iterable[list[str]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))


def _touch(edit: Change, row: ConfigRow, action: str, after: Given | None) -> None:
    """Note what changed beside the row, and give it the change's version."""
    row.save(force_update=True)
    edit.record(f"{row._meta.app_label}:{row.id}:{action}", after=after)


def _delete(edit: Change, row: ConfigRow, hint: str) -> None:
    try:
        edit.delete(row)
    except (ProtectedError, RestrictedError):
        raise Conflict("error.store.in_use", f"{row.KIND} {row.id} is still referred to", hint=hint) from None


def _columns(values: Given) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _ASIDE}


def _put_emails(row: Person, addresses: Iterable[tuple[str, str]]) -> bool:
    """Store these further addresses and no others, each once, the first not among them; tell whether that is a change."""
    wanted = {fold(address): (address, kind) for address, kind in addresses if fold(address) != fold(row.email)}
    if _held_emails(row) == list(wanted.values()):
        return False
    row.further_emails.all().delete()
    for position, (address, kind) in enumerate(wanted.values()):
        PersonEmail(person=row, position=position, value=address, kind=kind).save(force_insert=True)
    return True


def _held_emails(row: Person) -> list[tuple[str, str]]:
    return [(each.value, each.kind) for each in row.further_emails.order_by("position")]


def _hashed(row: Person, held: str) -> str:
    return keyholder.digests().fingerprint(f"{row.salt}:{held}")


def _free(row: Person) -> None:
    _free_user_name(row)
    if row.active:
        _free_email(row)


def _free_user_name(row: Person) -> None:
    others = Person.objects.exclude(id=row.id).filter(user_name_folded=fold(row.user_name))
    if others.exists():
        raise _taken("user_name", "somebody has this user name")


def _free_email(row: Person) -> None:
    address = fold(row.email)
    if address and Person.objects.exclude(id=row.id).filter(email_folded=address, active=True).exists():
        raise _taken("email", "an active person has this address")


def _free_group_name(row: Group) -> None:
    if Group.objects.exclude(id=row.id).filter(name_folded=fold(row.name)).exists():
        why = "a group has this name"
        raise Conflict("error.group.duplicate", why, fields={"name": why})


def _taken(field: str, why: str) -> Conflict:
    return Conflict("error.person.duplicate", why, fields={field: why})


def _not_erased(row: Person) -> None:
    if row.erased_at is not None:
        raise Conflict("error.person.erased", "this person was erased: there is nothing to change any more")
