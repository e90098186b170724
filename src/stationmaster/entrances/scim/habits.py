"""What directories send beside the letter of RFC 7644, brought into its form; and PATCHes of a group's members, which are told
apart so that ten thousand members need not be read to add one. Owns: reading those bodies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_MESSAGE: Final = "urn:ietf:params:scim:api:messages:2.0:patchop"
_MANAGER: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager"
_ONE_MEMBER: Final = re.compile(r'members\[\s*value\s+eq\s+"([^"\\]+)"\s*\]', re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One operation on members: `op` is add, remove or replace."""

    op: str
    members: tuple[Any, ...]


def operations(body: bytes) -> list[Any] | None:
    """The operations of a PATCH; None when it is none, which the library says better."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(value, dict):
        return None
    told = {str(name).lower(): each for name, each in value.items()}
    schemas, found = told.get("schemas"), told.get("operations")
    named = isinstance(schemas, list) and any(str(each).lower() == _MESSAGE for each in schemas)
    return found if named and isinstance(found, list) and found and all(isinstance(each, dict) for each in found) else None


def of_members(found: list[Any]) -> list[Step] | None:
    """The operations as steps; None when any is about something else than which persons are members."""
    steps = [_step(each) for each in found]
    return None if None in steps else [each for each in steps if each is not None]


def mentions_members(found: list[Any]) -> bool:
    """Whether any operation may be about members."""
    return "members" in msgspec.json.encode(found).decode().lower()


def in_form(body: bytes, found: list[Any]) -> bytes:
    """The body with a manager as a table: Entra ID sends the id alone, or a list."""
    changed = [dict(each) for each in found]
    for each in changed:
        if str(each.get("path", "")).lower() == _MANAGER and "value" in each:
            each["value"] = _manager(each["value"])
    if changed == found:
        return body
    return msgspec.json.encode({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": changed})


def _manager(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {"value": value} if isinstance(value, str) else value


def _step(operation: dict[str, Any]) -> Step | None:
    op, path, value = str(operation.get("op", "")).lower(), operation.get("path"), operation.get("value")
    if op not in ("add", "remove", "replace") or not operation.keys() <= {"op", "path", "value"}:
        return None
    if op == "remove" and isinstance(path, str) and value is None and (one := _ONE_MEMBER.fullmatch(path.strip())):
        return Step("remove", ({"value": one[1]},))
    if path is None and op != "remove" and isinstance(value, dict) and [name.lower() for name in value] == ["members"]:
        path, value = "members", next(iter(value.values()))
    if not isinstance(path, str) or path.strip().lower() != "members":
        return None
    if op == "remove" and value is None:
        return Step("replace", ())
    members = tuple(_members(value))
    return Step(op, members) if members or value == [] else None


def _members(value: Any) -> Iterator[Any]:
    given = value if isinstance(value, list) else [value]
    if all(isinstance(each, dict) and isinstance(each.get("value"), str) for each in given):
        yield from given
