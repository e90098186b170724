"""What was last read of a workspace's vendor, as lists: members, invitations, projects, keys, limits. Owns those lists."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from stationmaster.errors import NotFound
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find
from stationmaster.vendors._base import InviteStatus
from stationmaster.workspaces.models import (
    VendorInvite,
    VendorKey,
    VendorLimit,
    VendorMember,
    VendorProject,
    Workspace,
)
from stationmaster.workspaces.models.observed import ANOTHER, RENAMED, SEVERAL

_SHOWN: Final[Mapping[str, tuple[type[Any], tuple[str, ...]]]] = {
    "members": (VendorMember, ("email", "login", "name", "role", "has_seat", "directory_managed", "is_service_account",
                               "conflict", "added_at", "last_active_at", "ends_at", "projects")),
    "invites": (VendorInvite, ("email", "login", "role", "status", "conflict", "invited_at", "expires_at", "accepted_at",
                               "projects")),
    "projects": (VendorProject, ("name", "archived", "default")),
    "keys": (VendorKey, ("name", "hint", "project", "owner", "status", "key_created_at", "expires_at", "last_used_at")),
    "limits": (VendorLimit, ("project", "model", "requests_per_minute", "tokens_per_minute")),
}  # fmt: skip
_FLAGS: Final = frozenset({"has_seat", "directory_managed", "is_service_account", "archived", "default"})
_CONFLICTS: Final = ("", SEVERAL, ANOTHER, RENAMED)
_VALUES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {      # of a list and a column
    ("members", "conflict"): _CONFLICTS, ("invites", "conflict"): _CONFLICTS, ("invites", "status"): get_args(InviteStatus),
}  # fmt: skip
_TEXTS: Final = frozenset({"email", "login", "name", "role", "conflict", "status", "project", "owner", "model"})


def _listing(name: str) -> Listing:
    model, fields = _SHOWN[name]
    people = model in (VendorMember, VendorInvite)

    def show(row: Any) -> Mapping[str, Any]:
        who = {"person": row.person_id or ""} if people else {}
        return {"id": row.vendor_id, **who, **{field: getattr(row, field) for field in fields}, "seen_at": row.seen_at,
                "missed": row.missed}  # fmt: skip

    columns = [Column("id", "vendor_id"), Column("missed", kind="number"), Column("seen_at", kind="time")]
    columns += [Column(field, kind="flag") for field in fields if field in _FLAGS]
    columns += [Column(field, values=_VALUES.get((name, field), ())) for field in fields if field in _TEXTS]
    columns += [Column("person", "person_id", sortable=False)] if people else []
    return Listing(f"workspace {name}", tuple(columns), show, search="folded" if people else "", sort="id", key="pk")


LISTED: Final[Mapping[str, Listing]] = {name: _listing(name) for name in _SHOWN}


def list_listed(actor: Actor, which: str, name: str, query: Query) -> Page:
    """One page of what a workspace's vendor was last seen to have: `name` is one of `LISTED`. Raises `Forbidden`,
    `NotFound`, `Invalid`."""
    require(actor, "workspaces:read")
    if name not in LISTED:
        raise NotFound("error.workspace.no_list", f"a workspace has no list {name[:40]!r}", hint=f"one of {', '.join(LISTED)}")
    row = find(Workspace, which)
    return page(LISTED[name], _SHOWN[name][0].objects.filter(workspace=row), query)
