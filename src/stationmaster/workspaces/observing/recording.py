"""A reading, written down. Owns: what becomes of the workspace, of our copy, and of seats, in one transaction."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from django.utils import timezone

from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change
from stationmaster.workspaces.models import (
    VendorInvite,
    VendorKey,
    VendorLimit,
    VendorMember,
    VendorProject,
    Workspace,
)
from stationmaster.workspaces.models.observed import ANOTHER, SEVERAL
from stationmaster.workspaces.observing import rows
from stationmaster.workspaces.observing.copying import bring, put_places
from stationmaster.workspaces.observing.linking import links_of
from stationmaster.workspaces.observing.moving import move
from stationmaster.workspaces.observing.reading import Reading, Told

_MOST: Final = 2**31 - 1      # seats


def record(workspace: str, reading: Reading, actor: Actor = SYSTEM) -> Told:
    """Write a reading of a workspace (id) down. Joins the change that is open, if one is. Raises `Workspace.DoesNotExist`."""
    with change(actor) as edit:
        row = Workspace.objects.get(id=workspace)
        _copy(row, reading)
        found = _counts(row)
        Workspace.objects.filter(id=workspace).observe(**_of_workspace(reading, found), **_directory(row, reading))
        moved = move(edit, row, reading)
    return Told(found, moved, _conflicts(row))


def _copy(row: Workspace, reading: Reading) -> None:
    links = links_of(row.id) if reading.members is not None or reading.invites is not None else rows.NOBODY
    if reading.members is not None:
        listed = rows.members(row.vendor, reading.members, reading.project_members, links)
        bring(VendorMember, row.id, listed, reading, whole=True)
    elif reading.project_members is not None:
        put_places(row.id, rows.places(reading.project_members))
    if reading.invites is not None:
        bring(VendorInvite, row.id, rows.invites(row.vendor, reading.invites, links), reading, whole=True)
    if reading.projects is not None:
        bring(VendorProject, row.id, rows.projects(reading.projects), reading, whole=True)
    if reading.keys is not None:
        bring(VendorKey, row.id, rows.keys(reading.keys), reading, whole=True)
    if reading.limits is not None:
        bring(VendorLimit, row.id, rows.limits(reading.limits), reading, whole=True)


def _of_workspace(reading: Reading, found: Mapping[str, int]) -> dict[str, Any]:
    """The workspace's observed fields; what was not asked stays as it was."""
    values: dict[str, Any] = {"verified_at": timezone.now(), "trouble": "", "found": dict(found), "unread": dict(reading.unread)}
    if reading.members is not None:
        values["read_at"] = timezone.now()
    if reading.organisation is not None:
        values["organisation_name"] = reading.organisation.name
    if reading.seats is not None:
        counted = asdict(reading.seats)
        values |= {f"seats_{name}": None if number is None else max(0, min(number, _MOST)) for name, number in counted.items()}
    if reading.terms is not None:
        ends = reading.terms.cycle_ends
        values["terms"] = {**asdict(reading.terms), "cycle_ends": ends.isoformat() if ends else None}
    return rows.storable(values)


def _directory(row: Workspace, reading: Reading) -> dict[str, bool | None]:
    """Whether a directory provisions the people: one of them is enough, whoever was read last; else what the vendor says of the
    organisation. What was not asked stays as it was."""
    if VendorMember.objects.filter(workspace=row, directory_managed=True).exists():
        return {"directory_managed": True}
    return {} if reading.organisation is None else {"directory_managed": reading.organisation.directory_managed}


def _counts(row: Workspace) -> Mapping[str, int]:
    pending = VendorInvite.objects.filter(workspace=row, status="pending").count()
    models = {"members": VendorMember, "projects": VendorProject, "keys": VendorKey, "limits": VendorLimit}
    return Counter({name: model.objects.filter(workspace=row).count() for name, model in models.items()}) | {"invites": pending}


def _conflicts(row: Workspace) -> int:
    both = (VendorMember, VendorInvite)
    return sum(model.objects.filter(workspace=row, conflict__in=(SEVERAL, ANOTHER)).count() for model in both)
