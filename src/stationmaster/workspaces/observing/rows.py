"""What a vendor listed, as rows of our copy. Owns: which field goes where, and whom a member or an invitation stands for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from stationmaster.folding import fold
from stationmaster.people.matching import matches
from stationmaster.people.models import MAX_FOLDED
from stationmaster.vendors._base import Invite, Key, Limit, Member, Project, ProjectMember
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models.observed import VENDOR_ID
from stationmaster.workspaces.observing.linking import Link, Links, decided

Rows = Iterator[tuple[str, Mapping[str, Any]]]
_STATUS = 16                # characters of a vendor's word for a state
_MOST = 2**63 - 1           # what a column of numbers holds
NOBODY = Links()
_UNKNOWN = "\ufffd"         # in place of what no database keeps: left out, one name could become another


def storable(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what columns refuse: whatever somebody calls themselves at a vendor, the reading is written down."""
    return {name: _storable(value) for name, value in row.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", _UNKNOWN)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-_MOST, min(value, _MOST))
    return value


def named(vendor_name: str, row: Member | Invite) -> str:
    """What the vendor knows somebody by, as it spells it."""
    return vendor(vendor_name).name_of(row.email, row.login)


def members(
    vendor_name: str, listed: Sequence[Member], projects: Mapping[str, Sequence[ProjectMember]] | None, links: Links = NOBODY
) -> Rows:  # fmt: skip
    """Rows of members. `projects`: who is in each; None: that was not read, and what the copy says of it stands. `links`: whom
    they stood for until now."""
    held = places(projects or {})
    for row, who in _known(vendor_name, listed, links.member):
        more = {} if projects is None else {"projects": held.get(row.id, [])}
        yield row.id, storable({
            **who, "name": row.name, "added_at": row.added_at, "last_active_at": row.last_active_at, "ends_at": row.ends_at,
            "directory_managed": row.directory_managed, "is_service_account": row.is_service_account, "has_seat": row.has_seat,
            **more,
        })  # fmt: skip


def invites(vendor_name: str, listed: Sequence[Invite], links: Links = NOBODY) -> Rows:
    """Rows of invitations. Of those whom nobody may know any more, only whose they are."""
    for row, who in _known(vendor_name, listed, links.invite):
        name = {"email": "", "login": "", "folded": ""} if who["person_id"] in links.forgotten else {}
        yield row.id, storable({
            **who, **name, "status": row.status[:_STATUS], "invited_at": row.invited_at, "expires_at": row.expires_at,
            "accepted_at": row.accepted_at, "projects": [*row.projects],
        })  # fmt: skip


def projects(listed: Iterable[Project]) -> Rows:
    """Rows of projects."""
    for row in listed:
        yield row.id, storable({"name": row.name, "archived": row.archived, "default": row.default})


def keys(listed: Iterable[Key]) -> Rows:
    """Rows of keys."""
    for row in listed:
        yield row.id, storable({
            "name": row.name, "hint": row.hint, "project": row.project, "owner": row.owner, "status": row.status[:_STATUS],
            "key_created_at": row.created_at, "expires_at": row.expires_at, "last_used_at": row.last_used_at,
        })  # fmt: skip


def limits(listed: Iterable[Limit]) -> Rows:
    """Rows of rate limits; a limit's id is unique in its project only."""
    for row in listed:
        yield f"{row.project}/{row.id}"[:VENDOR_ID], storable({
            "project": row.project, "model": row.model, "requests_per_minute": row.requests_per_minute,
            "tokens_per_minute": row.tokens_per_minute,
        })  # fmt: skip


def _known(
    vendor_name: str, listed: Sequence[Any], link: Callable[[str, str], Link]
) -> Iterator[tuple[Any, dict[str, Any]]]:  # fmt: skip
    """Each row once, with who that is here: by its name, else by the `link` of its id and its folded name. One that several
    persons answer to is nobody's, and a service account is none."""
    names = {row.id: named(vendor_name, row).replace("\0", _UNKNOWN) for row in listed}
    found = matches(vendor_name, {name for name in names.values() if name})
    for row in {row.id: row for row in listed}.values():
        folded = fold(names[row.id])[:MAX_FOLDED]
        is_person = not getattr(row, "is_service_account", False)
        person, conflict = decided(found.get(names[row.id], ()), link(row.id, folded)) if is_person else (None, "")
        yield row, {
            "email": row.email, "login": row.login, "folded": folded, "role": row.role, "person_id": person, "conflict": conflict,
        }  # fmt: skip


def places(projects: Mapping[str, Sequence[ProjectMember]]) -> dict[str, list[list[str]]]:
    """Pairs of project and role, sorted, by the member's id."""
    held: dict[str, list[list[str]]] = {}
    for project, people in projects.items():
        for each in people:
            held.setdefault(each.member, []).append([project, each.role])
    return {member: sorted(pairs) for member, pairs in held.items()}
