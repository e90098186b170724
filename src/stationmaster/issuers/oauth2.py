"""OAuth 2 grants at the company's own identity provider, by authlib: client credentials (RFC 6749 §4.4) and refresh token (§6).

For upstreams that stand behind that provider. Refresh tokens may be replaced with each answer: whoever calls stores the new one
before the old one is thrown away (RFC 9700 §4.14).
"""

from collections.abc import Mapping
from typing import Any

from stationmaster.issuers._base import Access, Issued, from_answer
from stationmaster.issuers._clients import Transport
from stationmaster.issuers._outlet import Outlet, origin_of
from stationmaster.issuers.own import refuse_consumer, refuse_shape, refuse_stranger


class ClientCredentials:
    """`access.secret` is the client's."""

    def __init__(self, access: Access) -> None:
        self._access, self._outlet = access, _outlet(access)

    def issue(self) -> Issued:
        """One access token."""
        asked = self._access.options
        more = {"audience": asked.audience} if asked.audience else {}
        with self._outlet.mapped(), _client(self._access, self._outlet) as client:
            return _checked(client.fetch_token(asked.token_url, grant_type="client_credentials", **more))


class RefreshToken:
    """`access.rotating` is the refresh token, `access.secret` the client's, if it has one."""

    def __init__(self, access: Access) -> None:
        self._access, self._outlet = access, _outlet(access)

    def issue(self) -> Issued:
        """One access token, and the refresh token to use next."""
        with self._outlet.mapped(), _client(self._access, self._outlet) as client:
            found = _checked(client.refresh_token(self._access.options.token_url, refresh_token=self._access.rotating))
        return found if found.rotating != self._access.rotating else Issued(found.secret, found.expires_in)


def _outlet(access: Access) -> Outlet:
    asked = access.options
    refuse_consumer(asked.token_url, asked.client_id)
    refuse_stranger(asked.token_url, access.allowed)
    return Outlet(access, own={origin_of(asked.token_url)}, insecure=asked.allow_insecure_http)


def _client(access: Access, outlet: Outlet) -> Any:
    from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]

    asked = access.options
    return OAuth2Client(
        client_id=asked.client_id, client_secret=access.secret or None, scope=asked.scope or None,
        token_endpoint_auth_method=asked.auth if access.secret else "none", transport=Transport(outlet), trust_env=False,
        follow_redirects=False,
    )  # fmt: skip


def _checked(body: Mapping[str, Any]) -> Issued:
    found = from_answer(body)
    refuse_shape(found.secret, "access_token")
    return found
