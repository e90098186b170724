"""A SCIM resource as the fields of a person or group: the way back from `shape`. Owns: what becomes a column, and what is
kept beside as it was said."""

from collections.abc import Mapping
from typing import Any

from stationmaster.folding import fold
from stationmaster.people.scim.shape import ENTERPRISE, EXTRA, EXTRA_ENTERPRISE, EXTRA_NAME
from stationmaster.store.given import refuse_odd_text

Said = Mapping[str, Any]
_OF_ADDRESSES = ("display", "primary")


def person(said: Said, *, new: bool) -> dict[str, Any]:
    """The fields of a person as `writing` takes them, all of them: what is not said is empty (RFC 7644 section 3.5.1).

    `active` is the exception: a `new` person is active unless it says otherwise, and whoever is there already stays as they
    are when nothing is said, since silence is no reason to let somebody in or to throw them out. Raises `Invalid`.
    """
    refuse_odd_text({name: value for name, value in said.items() if name != "meta"})
    name, enterprise = said.get("name") or {}, said.get(ENTERPRISE) or {}
    addresses = [each for each in said.get("emails") or [] if each.get("value")]
    first = next((each for each in addresses if each.get("primary")), addresses[0] if addresses else {})
    fields = {
        "user_name": said.get("userName", ""), "display_name": said.get("displayName", ""),
        "given_name": name.get("givenName", ""), "family_name": name.get("familyName", ""), "title": said.get("title", ""),
        "external_id": said.get("externalId", ""), "employee_number": enterprise.get("employeeNumber", ""),
        "department": enterprise.get("department", ""), "manager": (enterprise.get("manager") or {}).get("value", ""),
        "email": first.get("value", ""), "email_kind": fold(first.get("type", "")),
        "further_emails": [(each["value"], fold(each.get("type", ""))) for each in addresses if each is not first],
        "scim": _beside(said, name, enterprise, addresses),
    }  # fmt: skip
    if "active" in said:
        return {**fields, "active": said["active"]}
    return fields if new else {**fields, "scim": {**fields["scim"], "active": None}}


def group(said: Said) -> dict[str, Any]:
    """The fields of a group. Raises `Invalid`."""
    fields = {"name": said.get("displayName", ""), "external_id": said.get("externalId", "")}
    refuse_odd_text(fields)
    return fields


def _beside(said: Said, name: Said, enterprise: Said, addresses: list[Said]) -> dict[str, Any]:
    told = {fold(each["value"]): _some(each, _OF_ADDRESSES) for each in addresses}
    parts = {"name": _some(name, EXTRA_NAME), "emails": told, ENTERPRISE: _some(enterprise, EXTRA_ENTERPRISE)}
    return {**_some(said, EXTRA), **{key: value for key, value in parts.items() if value}}


def _some(said: Said, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: said[name] for name in names if said.get(name) not in (None, "")}
