"""OpenAI: who the organisation is, its people and invitations. The vendor's pages:
https://platform.openai.com/docs/api-reference/users and /invite; names and payloads are those of openai 3.54."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from stationmaster.folding import fold
from stationmaster.line.errors import NotFound, StopRun
from stationmaster.vendors._base import Invite, Member, Organisation, each_once
from stationmaster.vendors.openai import rows
from stationmaster.vendors.openai.client import NAMED, PAGE, Client, gone


class People(Client):
    """Capabilities IDENTITY, MEMBERS and INVITES."""

    def identify(self) -> Organisation:
        """There is no "me": whether the key works is seen from a list that every admin key may read, the name from a header.
        That a directory provisions the people only their own rows say (`Member.directory_managed`)."""
        named = self._named()
        return Organisation(named, named)

    def _named(self) -> str:
        """What the vendor calls the organisation in its headers. A key that may not list projects may list its like."""
        try:
            return self._name_beside(self._org.projects.with_raw_response.list)
        except NotFound as error:
            raise self._line.no_administration(error) from None
        except StopRun as error:
            if error.answered != 403:
                raise
            return self._name_beside(self._org.admin_api_keys.with_raw_response.list)

    def _name_beside(self, ask: Callable[..., Any]) -> str:
        with self._line.mapped():
            answer = ask(limit=1)
            _ = answer.parse().data                       # any JSON could come with status 200
            return self._line.say(answer.headers.get(NAMED, ""))

    def members(self) -> Iterator[Member]:
        """Service accounts among them, as the vendor lists them."""
        return each_once(self._line.pages(lambda: self._org.users.list(limit=PAGE), rows.member), lambda row: row.id)

    def find_member(self, known_as: str) -> Member | None:
        """By the vendor's filter, which may or may not look at case."""
        wanted = list(dict.fromkeys((known_as, fold(known_as))))
        found = self._line.pages(lambda: self._org.users.list(emails=wanted, limit=PAGE), rows.member)
        return next((row for row in found if fold(row.email) == fold(known_as)), None)

    def set_role(self, member: str, role: str) -> None:
        """`reader` or `owner`."""
        with self._line.mapped():
            self._org.users.update(member, role=role)

    def remove_member(self, member: str) -> None:
        """Out of the organisation and of all its projects."""
        with self._line.mapped():
            gone(self._org.users.delete(member))

    def invites(self) -> Iterator[Invite]:
        """Accepted and expired ones too."""
        return each_once(self._line.pages(lambda: self._org.invites.list(limit=PAGE), rows.invite), lambda row: row.id)

    def find_invite(self, email: str) -> Invite | None:
        """Looked for in the whole list: the vendor has no filter."""
        mine = [row for row in self.invites() if row.status == "pending" and fold(row.email) == fold(email)]
        return max(mine, key=rows.invited, default=None)

    def invite(self, email: str, role: str, projects: Sequence[str] = ()) -> Invite:
        """As a member of `projects`; of the organisation's default project when there are none."""
        given: Any = {"projects": [{"id": each, "role": "member"} for each in projects]} if projects else {}
        with self._line.mapped():
            return rows.invite(self._org.invites.create(email=email, role=role, **given))  # type: ignore[arg-type]

    def withdraw(self, invite: str) -> None:
        """An accepted one cannot be."""
        with self._line.mapped():
            gone(self._org.invites.delete(invite))
