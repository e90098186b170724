"""OpenAI: projects, and the keys, service accounts and limits in them. The vendor's pages:
https://platform.openai.com/docs/api-reference/projects and below; names and payloads are those of openai 3.54."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from stationmaster.line.errors import NotFound, Rejected, RemoteError
from stationmaster.vendors._base import Key, Limit, Minted, Project, ProjectMember, ServiceAccount, SpendLimit, each_once
from stationmaster.vendors.openai import rows
from stationmaster.vendors.openai.client import PAGE, Client, gone

T = TypeVar("T")


class Projects(Client):
    """Capabilities PROJECTS, KEYS and LIMITS."""

    def projects(self) -> Iterator[Project]:
        """Without the archived."""
        found = each_once(self._line.pages(lambda: self._org.projects.list(limit=PAGE), rows.project), lambda row: row.id)
        return (row for row in found if not row.archived)

    def project_members(self, project: str) -> Iterator[ProjectMember]:
        """Roles are `member` and `owner`, or the organisation's own."""
        found = self._line.pages(lambda: self._org.projects.users.list(project, limit=PAGE), rows.project_member)
        return each_once(found, lambda row: row.member)

    def add_to_project(self, project: str, member: str, role: str) -> None:
        """Somebody who is in the organisation already."""
        with self._line.mapped():
            self._org.projects.users.create(project, role=role, user_id=member)

    def remove_from_project(self, project: str, member: str) -> None:
        """They stay in the organisation."""
        with self._line.mapped():
            gone(self._org.projects.users.delete(member, project_id=project))

    def keys(self) -> Iterator[Key]:
        """Of every project, those of people who left the project too. Admin keys are not among them."""
        ask = self._org.projects.api_keys.list
        return self._everywhere(lambda project: ask(project, limit=PAGE, owner_project_access="any"), rows.key_in)

    def revoke_key(self, key: Key) -> None:
        """For good: the vendor only deletes. Where it refuses to delete the key of a service account, the service account is
        deleted, and its other keys with it."""
        try:
            with self._line.mapped():
                gone(self._org.projects.api_keys.delete(key.id, project_id=key.project))
        except Rejected as error:
            if not key.owner or not re.search(r"service[ _]account", error.message, re.IGNORECASE):
                raise
            with self._line.mapped():
                gone(self._org.projects.service_accounts.delete(key.owner, project_id=key.project))

    def service_accounts(self) -> Iterator[ServiceAccount]:
        """Of every project."""
        ask = self._org.projects.service_accounts.list
        return self._everywhere(lambda project: ask(project, limit=PAGE), rows.service_account_in)

    def mint_key(self, project: str, name: str, *, expires_in: int = 0, scopes: Sequence[str] = ()) -> Minted:
        """A key of a service account that is made for it. Without `scopes` it may do all that the project may; a policy of the
        vendor's may want an expiry, or cap it."""
        expiry: Any = {"expires_in_seconds": expires_in} if expires_in else {}
        if scopes:
            return self._minted_with(project, name, list(scopes), expiry)
        with self._line.mapped():
            made = self._org.projects.service_accounts.create(project, name=name, **expiry)
            return rows.minted(made.api_key, project, made.id)

    def minted_as(self, project: str, name: str) -> list[ServiceAccount]:
        """Names are not unique at the vendor."""
        found = self._line.pages(
            lambda: self._org.projects.service_accounts.list(project, limit=PAGE), rows.service_account_in(project)
        )
        return [row for row in each_once(found, lambda row: row.id) if row.name == name]

    def unmint(self, project: str, service_account: str) -> None:
        """Its keys go with it."""
        with self._line.mapped():
            gone(self._org.projects.service_accounts.delete(service_account, project_id=project))

    def _minted_with(self, project: str, name: str, scopes: list[str], expiry: Mapping[str, Any]) -> Minted:
        accounts = self._org.projects.service_accounts
        with self._line.mapped():
            account: str = accounts.create(project, name=name, create_service_account_only=True).id
        try:
            with self._line.mapped():
                made = accounts.api_keys.create(account, project_id=project, name=name, scopes=scopes, **expiry)
                return rows.minted(made, project, account)
        except RemoteError:
            with suppress(RemoteError), self._line.mapped():
                accounts.delete(account, project_id=project)       # an account without a key is of no use to anybody
            raise

    def limits(self) -> Iterator[Limit]:
        """Of every project and model."""
        ask = self._org.projects.rate_limits.list_rate_limits
        return self._everywhere(lambda project: ask(project, limit=PAGE), rows.limit_in)

    def spend_limits(self) -> Iterator[SpendLimit]:
        """The organisation's and those of its projects, where they are set."""
        yield from self._spend_limit(self._org.spend_limit.retrieve, "")
        for project in self.projects():
            yield from self._spend_limit(partial(self._org.projects.spend_limit.retrieve, project.id), project.id)

    def _spend_limit(self, ask: Callable[[], Any], project: str) -> list[SpendLimit]:
        try:
            with self._line.mapped():
                return [rows.spend_limit(ask(), project)]
        except NotFound:
            return []

    def _everywhere(self, ask: Callable[[str], Any], read: Callable[[str], Callable[[Any], T]]) -> Iterator[T]:
        for project in self.projects():
            found = self._line.pages(partial(ask, project.id), read(project.id))
            with suppress(NotFound):                   # archived since the projects were listed
                yield from each_once(found, lambda row: row.id)  # type: ignore[attr-defined]
