"""Anthropic: workspaces (our projects), keys and limits. The vendor's pages:
https://platform.claude.com/docs/en/api/admin-api; names and payloads are those of anthropic 2.12.

The vendor mints no keys by interface.
"""

from collections.abc import Iterator
from typing import Any

from stationmaster.line.errors import NotFound
from stationmaster.vendors._base import Key, Limit, Project, ProjectMember, SpendLimit, each_once
from stationmaster.vendors.anthropic import rows
from stationmaster.vendors.anthropic.client import PAGE, Client, if_allowed


class Workspaces(Client):
    """Capabilities PROJECTS, KEYS and LIMITS."""

    def projects(self) -> Iterator[Project]:
        """Workspaces that are not archived. The default one is listed only on request: it is what the second list has more."""
        ask = self._client.organization.workspaces.list
        usual = {row.id for row in self._line.pages(lambda: ask(limit=PAGE), rows.workspace(default=False))}
        found = self._line.pages(lambda: ask(limit=PAGE, include_default=True), rows.workspace(default=True))
        once = each_once(found, lambda row: row.id)
        return (rows.plain(row) if row.id in usual else row for row in once if not row.archived)

    def project_members(self, project: str) -> Iterator[ProjectMember]:
        """The organisation's admins are in every workspace, and may not be listed."""
        ask = self._client.organization.workspaces.members.list
        found = self._line.pages(lambda: ask(project, limit=PAGE), rows.project_member)
        return each_once(found, lambda row: row.member)

    def add_to_project(self, project: str, member: str, role: str) -> None:
        """Roles are `workspace_user`, `workspace_developer`, `workspace_restricted_developer`, `workspace_admin`."""
        with self._line.mapped():
            self._client.organization.workspaces.members.add(project, user_id=member, workspace_role=role)  # type: ignore[arg-type]

    def remove_from_project(self, project: str, member: str) -> None:
        """They stay in the organisation."""
        with self._line.mapped():
            self._client.organization.workspaces.members.remove(member, workspace_id=project)

    def keys(self) -> Iterator[Key]:
        """Of the whole organisation. When one was used last the vendor does not say."""
        found = self._line.pages(lambda: self._client.organization.api_keys.list(limit=PAGE), rows.key)
        return each_once(found, lambda row: row.id)

    def revoke_key(self, key: Key) -> None:
        """Inactive: useless at once, until somebody makes it active again. The vendor deletes none by interface."""
        with self._line.mapped():
            self._client.organization.api_keys.update(key.id, status="inactive")

    def limits(self) -> Iterator[Limit]:
        """The organisation's, and what workspaces have of their own."""
        found = self._line.pages(lambda: self._client.organization.rate_limits.list(limit=PAGE), rows.limit)
        yield from each_once(found, lambda row: row.id)
        for project in self.projects():
            yield from self._limits_of(project.id)

    def _limits_of(self, workspace: str) -> Iterator[Limit]:
        ask = self._client.organization.workspaces.rate_limits.list
        try:
            yield from self._line.pages(lambda: ask(workspace, limit=PAGE), rows.workspace_limit)
        except NotFound:
            return                                     # archived in between

    def spend_limits(self) -> Iterator[SpendLimit]:
        """The organisation's and its workspaces'. Early access at the vendor: `Rejected` where it is not switched on."""
        ask = self._client.beta.organization.spend_limits.list
        scopes: Any = ["organization", "workspace", "usage_tier"]
        with if_allowed():
            for row in self._line.pages(lambda: ask(scope_type=scopes, limit=PAGE), rows.spend_limit):
                if row is not None:
                    yield row
