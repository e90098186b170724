"""Anthropic's short-lived tokens, by its SDK's workload identity: an identity token against a federation rule
(https://platform.claude.com/docs/en/build-with-claude/workload-identity-federation).

The rule gives a service account's rights to programs; it has nothing to do with people's subscriptions.
"""

import time
from typing import Final

from stationmaster.issuers._base import Access, Issued
from stationmaster.issuers._clients import client2
from stationmaster.issuers._outlet import Outlet

OWN: Final = "https://api.anthropic.com"


class AnthropicFederation:
    """`access.identity` gives the identity token: a fresh one each time, where it may be used once only."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._outlet = Outlet(access, own={OWN}, instead=access.options.address)

    def issue(self) -> Issued:
        """One token of the workspace that the rule is for."""
        from anthropic.lib.credentials import WorkloadIdentityCredentials

        asked = self._access.options
        with self._outlet.mapped(), client2(self._outlet) as client:
            found = WorkloadIdentityCredentials(
                identity_token_provider=self._outlet.identity, federation_rule_id=asked.federation_rule_id,
                organization_id=asked.organization_id, service_account_id=asked.service_account_id or None,
                workspace_id=asked.workspace_id or None, http_client=client,
            )()  # fmt: skip
            return Issued(found.token, found.expires_at - time.time() if found.expires_at else None)
