"""Anthropic: an organisation by its admin key, or a credential for inference by itself.

Over the official SDK's `client.organization`. The vendor's pages:
https://platform.claude.com/docs/en/build-with-claude/administration-api.
"""

from stationmaster.line.line import Line, bearer
from stationmaster.vendors._base import Probe
from stationmaster.vendors._probe import probe
from stationmaster.vendors.anthropic.client import BASE, MEANING
from stationmaster.vendors.anthropic.federation import Federation
from stationmaster.vendors.anthropic.people import People
from stationmaster.vendors.anthropic.use import Use
from stationmaster.vendors.anthropic.workspaces import Workspaces

ADMIN_PREFIX = "sk-ant-admin"
TOKEN_PREFIX = "sk-ant-oat"    # noqa: S105 -- how tokens begin
VERSION = "2023-06-01"         # of the interface that a probe asks for: every key knows it

_NAMED = "anthropic-organization-id"


class Adapter(People, Workspaces, Federation, Use):
    """All that the vendor offers."""

    def probe(self) -> Probe:
        """By the list of models. An admin key serves no inference, and is not sent."""
        if self._access.secret.startswith(ADMIN_PREFIX):
            return Probe(ok=False, code="admin_key", words="an admin key serves no inference")
        return probe(self._probing, "/v1/models", {"limit": "1"}, organisation=(_NAMED,))

    @property
    def _probing(self) -> Line:
        """Keys of every kind are known as `x-api-key`; tokens only as bearers."""
        secret = self._access.secret
        headers = bearer(secret) if secret.startswith(TOKEN_PREFIX) else {"x-api-key": secret}
        return Line(self._access, base_url=BASE, authorise={**headers, "anthropic-version": VERSION}, meaning=MEANING)
