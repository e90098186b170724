"""A workspace as planning sees it. Owns: what its vendor offers, its policy and its seats, as one value."""

from collections.abc import Sequence

from stationmaster.folding import fold
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.planning import Invite, Member, Place
from stationmaster.workspaces.plans.prices import buys


def place_of(row: Workspace, members: Sequence[Member], invites: Sequence[Invite], seats: Sequence[planning.Seat]) -> Place:
    """The workspace, with how many seats there are and are used."""
    offered = vendor(row.vendor)
    has = offered.capabilities
    sold = buys(row)
    return Place(
        row.id, offered.roles, offered.owner_roles, lists=Capability.MEMBERS in has, invites=Capability.INVITES in has,
        assigns=Capability.SEATS in has, sets_roles=offered.gives_roles and Capability.MEMBERS in has,
        projects=Capability.PROJECTS in has, by_login=offered.known_by == "login", buys=sold, seats=_limit(row, sold),
        used=_used(row, members, invites, seats), staying=_staying(members),
        domains=frozenset(map(fold, row.allowed_domains)), removes=row.removes,
        stopped=_stopped(row, lists=Capability.MEMBERS in has),
    )  # fmt: skip


def _limit(row: Workspace, sold: bool) -> int | None:
    """How many seats there may be: the vendor's number, unless it sells more when asked, and our own limit."""
    limits = [limit for limit in (None if sold else row.seats_total, row.seat_limit or None) if limit is not None]
    return min(limits, default=None)


def _used(row: Workspace, members: Sequence[Member], invites: Sequence[Invite], seats: Sequence[planning.Seat]) -> int:
    """What counts against them: what the vendor says, or what we count ourselves, whichever is more."""
    has = vendor(row.vendor).capabilities
    if Capability.MEMBERS not in has:
        return sum(each.state in ("active", "removing") for each in seats)
    counted = sum(each.has_seat for each in members)
    pending = 0 if Capability.SEATS in has else sum(each.live for each in invites)
    return max(row.seats_used or 0, counted + pending)


def _staying(members: Sequence[Member]) -> int:
    """How many hold a licence that goes on: those that are cancelled end by themselves, and keep no vendor's plan alive."""
    return sum(each.has_seat and not each.ends and not each.missed for each in members)


def _stopped(row: Workspace, *, lists: bool) -> str:
    if row.disabled:
        return "disabled"
    if row.directory_managed:
        return "directory"
    return "not_read" if lists and row.read_at is None else ""
