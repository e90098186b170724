"""Anthropic: who the organisation is, its people and invitations. The vendor's pages:
https://platform.claude.com/docs/en/api/admin-api; names and payloads are those of anthropic 2.12.

Nobody is made admin or owner by interface, nor taken out while they are one.
"""

from collections.abc import Iterator, Sequence

from stationmaster.folding import fold
from stationmaster.line.errors import NotFound, StopRun
from stationmaster.vendors._base import Invite, Member, Organisation, each_once
from stationmaster.vendors.anthropic import rows
from stationmaster.vendors.anthropic.client import PAGE, Client, must_be


class People(Client):
    """Capabilities IDENTITY, MEMBERS and INVITES."""

    def identify(self) -> Organisation:
        """By the vendor's own "me", which keys with chosen scopes may not ask for: theirs are seen to work from the list of
        members, without a name. Whether a directory owns the people the vendor does not say; a refused write does."""
        try:
            with self._line.mapped():
                found = self._client.organization.retrieve()
                return Organisation(found.id, found.name)
        except NotFound as error:
            raise self._line.no_administration(error) from None
        except StopRun as error:
            if error.answered != 403:
                raise
        with self._line.mapped():
            _ = [rows.member(row) for row in self._client.organization.users.list(limit=1).data]
            return Organisation("", "")

    def members(self) -> Iterator[Member]:
        """The vendor reports no activity."""
        found = self._line.pages(lambda: self._client.organization.users.list(limit=PAGE), rows.member)
        return each_once(found, lambda row: row.id)

    def find_member(self, known_as: str) -> Member | None:
        """By the vendor's filter. It finds `a+b@…` for `a@…` too, which is somebody else here."""
        found = self._line.pages(lambda: self._client.organization.users.list(email=known_as, limit=PAGE), rows.member)
        return next((row for row in found if fold(row.email) == fold(known_as)), None)

    def set_role(self, member: str, role: str) -> None:
        """Neither to nor from admin and owner, which the vendor's console does."""
        with self._line.mapped():
            self._client.organization.users.update(member, role=role)  # type: ignore[arg-type]

    def remove_member(self, member: str) -> None:
        """Out of the organisation; their seat is free again. Admins and owners cannot be removed."""
        with self._line.mapped():
            must_be(self._client.organization.users.remove(member), "user_deleted")

    def invites(self) -> Iterator[Invite]:
        """Accepted and expired ones too. Pending ones hold a seat."""
        found = self._line.pages(lambda: self._client.organization.invites.list(limit=PAGE), rows.invite)
        return each_once(found, lambda row: row.id)

    def find_invite(self, email: str) -> Invite | None:
        """By the vendor's filter."""
        ask = self._client.organization.invites.list
        found = self._line.pages(lambda: ask(email=email, statuses=["pending"], limit=PAGE), rows.invite)
        mine = [row for row in found if row.status == "pending" and fold(row.email) == fold(email)]
        return max(mine, key=rows.invited, default=None)

    def invite(self, email: str, role: str, projects: Sequence[str] = ()) -> Invite:  # noqa: ARG002
        """Into the organisation. The vendor's invitations name no workspaces: put people into theirs once they are in."""
        with self._line.mapped():
            return rows.invite(self._client.organization.invites.create(email=email, role=role))  # type: ignore[arg-type]

    def withdraw(self, invite: str) -> None:
        """Neither an accepted nor an expired one can be."""
        with self._line.mapped():
            must_be(self._client.organization.invites.delete(invite), "invite_deleted")
