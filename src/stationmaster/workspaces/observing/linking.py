"""Whom a vendor's members and invitations stood for until now, by the vendor's own ids. Owns: that somebody stays who they are
when their address changes, and what is forgotten of people.

Names are asked first (`people.matching`). This says who it is where nobody here has the name any more, and that a name which is
another person's now was somebody else's until now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Q

from stationmaster.people.models import Person
from stationmaster.store.changes import Change
from stationmaster.workspaces.models import Seat, VendorInvite, VendorMember
from stationmaster.workspaces.models.observed import ANOTHER, RENAMED, SEVERAL

_WAITING = frozenset({"inviting", "invited", "expired"})


class Link(NamedTuple):
    """Who (an id) a row stood for, empty: nobody; `disputed`: its name had been another's before, and nobody has settled it."""

    person: str = ""
    disputed: bool = False


@dataclass(frozen=True)
class Links:
    """By the vendor's ids. `joining`: persons by the folded name that a pending invitation of theirs goes to: whoever comes in by
    it has that name. `forgotten`: persons who were erased."""

    members: Mapping[str, Link] = field(default_factory=dict)
    invites: Mapping[str, Link] = field(default_factory=dict)
    joining: Mapping[str, str] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()

    def member(self, id_: str, folded: str) -> Link:
        """Whom a member stood for."""
        return self.members.get(id_) or Link(self.joining.get(folded, ""))

    def invite(self, id_: str, _: str) -> Link:
        """Whom an invitation stood for."""
        return self.invites.get(id_, Link())


def links_of(workspace: str) -> Links:
    """Those of a workspace (id): a seat's say before those of the copy."""
    held = Seat.objects.filter(workspace_id=workspace).exclude(state="removed")
    seats = list(held.values_list("person_id", "state", "member", "invite"))
    invites = VendorInvite.objects.filter(workspace_id=workspace, person__isnull=False)
    waiting = {invite for _, state, _, invite in seats if state in _WAITING and invite}
    joining = invites.exclude(folded="").filter(Q(status="pending") | Q(vendor_id__in=waiting)).values_list("folded", "person_id")
    names: dict[str, set[str]] = {}
    for folded, person in joining:
        names.setdefault(folded, set()).add(person)
    erased = Person.objects.filter(erased_at__isnull=False, id__in=invites.values("person_id")).values_list("id", flat=True)
    return Links(
        _copied(VendorMember, workspace) | {member: Link(person) for person, _, member, _ in seats if member},
        _copied(VendorInvite, workspace) | {invite: Link(person) for person, _, _, invite in seats if invite},
        {folded: next(iter(persons)) for folded, persons in names.items() if len(persons) == 1}, frozenset(erased),
    )  # fmt: skip


def decided(could_be: Sequence[str], link: Link) -> tuple[str | None, str]:
    """Who it is by those who have the name and by the link, and what contradicts: a name that is somebody's wins."""
    if len(could_be) > 1:
        return None, SEVERAL
    if could_be:
        return could_be[0], ANOTHER if link.person and (link.disputed or link.person != could_be[0]) else ""
    return (link.person, RENAMED) if link.person else (None, "")


def unlinked(edit: Change, person: Person, vendor: str, folded: str) -> None:
    """Somebody said that this name at a vendor is not that person's: what stood for them by it does not any more."""
    for model, field_ in ((VendorMember, "member"), (VendorInvite, "invite")):
        rows = model.objects.filter(workspace__vendor=vendor, person=person, folded=folded)
        for workspace, id_ in list(rows.values_list("workspace_id", "vendor_id")):
            for seat in Seat.objects.filter(workspace_id=workspace, person=person, **{field_: id_}):
                with edit.updating(seat, action="unlink"):
                    setattr(seat, field_, "")
        rows.update(person=None, conflict="")


def erased(_: Change, person: Person) -> None:
    """Forget what an erased person's invitations went to; whose they are is still known, by their ids."""
    VendorInvite.objects.filter(person=person).update(email="", login="", folded="")


def _copied(model: type[VendorMember | VendorInvite], workspace: str) -> dict[str, Link]:
    rows = model.objects.filter(workspace_id=workspace, person__isnull=False).values_list("vendor_id", "person_id", "conflict")
    return {id_: Link(person, conflict == ANOTHER) for id_, person, conflict in rows}
