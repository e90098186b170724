"""OpenAI's short-lived tokens: an identity token against one of a service account (RFC 8693).

The SDK's own exchange opens a client of its own, which nobody could keep from a redirect or a private address; so the one
request stands here, in its words (openai/auth/_workload.py), and the rest is the outlet's.
"""

import json
from typing import Final

from stationmaster.issuers._base import Access, Issued, from_answer
from stationmaster.issuers._outlet import Outlet

OWN: Final = "https://auth.openai.com"


class OpenAIWorkload:
    """`access.identity` gives the identity token of the provider that is registered there."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._outlet = Outlet(access, own={OWN}, instead=access.options.address)

    def issue(self) -> Issued:
        """One token of the service account: for an hour at most, and no longer than the identity token."""
        from openai.auth._workload import SUBJECT_TOKEN_TYPES, TOKEN_EXCHANGE_GRANT_TYPE

        asked, token = self._access.options, self._outlet.identity()
        body = {
            "grant_type": TOKEN_EXCHANGE_GRANT_TYPE, "subject_token": token,
            "subject_token_type": SUBJECT_TOKEN_TYPES[asked.subject_type], "identity_provider_id": asked.identity_provider_id,
            "service_account_id": asked.service_account_id,
        }  # fmt: skip
        with self._outlet.mapped():
            headers = {"content-type": "application/json", "accept": "application/json"}
            return from_answer(self._outlet.send("POST", f"{OWN}/oauth/token", headers, json.dumps(body).encode()).json())
