"""A person or group as a SCIM resource, made of plain values. Owns: which attributes there are and where each comes from.
Knows no SCIM library, so that a list of two hundred costs no more than its rows.

`base` is the address of the SCIM root, as the client sees it; empty: locations are left out, and references are relative
(RFC 7643 section 2.3.7), which is what the library takes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from stationmaster.folding import fold
from stationmaster.people.models import Group, Person

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# What is kept of a user as it was said, in `Person.scim`. Not kept are passwords, telephone numbers, postal addresses,
# pictures, certificates: nothing here needs them (GDPR article 5(1)(c)).
EXTRA: Final = ("nickName", "userType", "preferredLanguage", "locale", "timezone")
EXTRA_NAME: Final = ("formatted", "middleName", "honorificPrefix", "honorificSuffix")
EXTRA_ENTERPRISE: Final = ("costCenter", "organization", "division")
ATTRIBUTES: Final = frozenset({*EXTRA, "userName", "name", "displayName", "title", "active", "emails", "groups"})
WORK: Final = "work"                          # the kind of an address that says none
_AT_ONCE = timedelta(milliseconds=100)        # a new row's two moments are taken one after the other
_PERSON = "per_"

Shown = dict[str, Any]


class Beside(NamedTuple):
    """What stands in other tables of a person: further addresses (value, folded value, kind), groups (id, name)."""

    addresses: Sequence[tuple[str, str, str]] = ()
    groups: Sequence[tuple[str, str]] = ()


def user(row: Person, beside: Beside, base: str = "") -> Shown:
    """A person as a `User`."""
    said: Mapping[str, Any] = row.scim
    enterprise = _enterprise(row, said.get(ENTERPRISE, {}), base)
    return _present({
        "schemas": [USER, ENTERPRISE] if enterprise else [USER],
        "id": row.id,
        "externalId": row.external_id,
        "meta": _meta("User", "Users", row, base),
        "userName": row.user_name,
        "name": _present({**said.get("name", {}), "familyName": row.family_name, "givenName": row.given_name}),
        "displayName": row.display_name,
        "title": row.title,
        **{name: said.get(name) for name in EXTRA},
        "active": None if "active" in said else row.active,
        "emails": list(_emails(row, beside, said.get("emails", {}))),
        "groups": [_group_of(which, name, base) for which, name in beside.groups],
        ENTERPRISE: enterprise,
    })  # fmt: skip


def group(row: Group, members: Iterable[str] = (), base: str = "") -> Shown:
    """A group as a `Group`, with the persons of these ids as its members."""
    return _present({
        "schemas": [GROUP],
        "id": row.id,
        "externalId": row.external_id,
        "meta": _meta("Group", "Groups", row, base),
        "displayName": row.name,
        "members": [{"value": each, "$ref": _reference("Users", each, base), "type": "User"} for each in members],
    })  # fmt: skip


def version(row: Person | Group) -> str:
    """Its version: a weak entity tag (RFC 7644 section 3.14). The groups of a user are no part of it."""
    return f'W/"{row.revision}"'


def _meta(kind: str, endpoint: str, row: Person | Group, base: str) -> Shown:
    later = row.updated_at - row.created_at > _AT_ONCE
    return _present({
        "resourceType": kind,
        "created": _moment(row.created_at),
        "lastModified": _moment(row.updated_at if later else row.created_at),
        "location": f"{base}/{endpoint}/{row.id}" if base else "",
        "version": version(row),
    })  # fmt: skip


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _reference(endpoint: str, which: str, base: str) -> str:
    return f"{base}/{endpoint}/{which}" if base else f"{endpoint}/{which}"


def _group_of(which: str, name: str, base: str) -> Shown:
    return {"value": which, "$ref": _reference("Groups", which, base), "display": name, "type": "direct"}


def _enterprise(row: Person, said: Mapping[str, Any], base: str) -> Shown:
    manager = _present({
        "value": row.manager,
        "$ref": _reference("Users", row.manager, base) if row.manager.startswith(_PERSON) else "",
    })  # fmt: skip
    found = {**said, "employeeNumber": row.employee_number, "department": row.department, "manager": manager}
    return _present(found)


def _emails(row: Person, beside: Beside, said: Mapping[str, Shown]) -> Iterator[Shown]:
    """The first address is the primary one, unless SCIM said that it is not; no other one is."""
    if row.email:
        told = said.get(fold(row.email), {"primary": True})
        yield _address(row.email, row.email_kind or WORK, told, told.get("primary"))
    for value, folded, kind in beside.addresses:
        told = said.get(folded, {})
        yield _address(value, kind, told, False if told.get("primary") is False else None)


def _address(value: str, kind: str, told: Shown, primary: bool | None) -> Shown:
    return _present({"value": value, "display": told.get("display"), "type": kind, "primary": primary})


def _present(values: Shown) -> Shown:
    """Without what says nothing: SCIM takes an empty value for none (RFC 7643 section 2.5)."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value != {} and value != []}
