"""What these tests share: credentials whose secret comes from a simulated issuer."""

from typing import Any, Final

from controlkit import ADMIN
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, TokenSource
from stationmaster.credentials.sources import refreshing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.tokens import Provider

_numbers: Final = iter(range(1, 1_000_000))


def provider(sandbox: SandboxServer, kind: str = "oidc", **settings: Any) -> Provider:
    """An issuer of a name that was never used."""
    return sandbox.tokens.make(kind, f"issuer-{next(_numbers)}", **settings)


def client_credentials(sandbox: SandboxServer, issuer: Provider) -> dict[str, Any]:
    """What a source of client credentials is given."""
    options = {"token_url": f"{issuer.base_url(sandbox.url)}/token", "client_id": issuer.client}
    return {"kind": "oauth2_client_credentials", "options": options, "secret": issuer.secret}


def refresh_token(sandbox: SandboxServer, issuer: Provider) -> dict[str, Any]:
    """What a source with a refresh token is given."""
    given = client_credentials(sandbox, issuer)
    return {**given, "kind": "oauth2_refresh_token", "refresh_token": issuer.refresh_token}


def made(sandbox: SandboxServer, given: dict[str, Any], name: str = "models", vendor: str = "openai_compatible") -> TokenSource:
    """A credential of that name with that source."""
    slot = {"vendor": vendor, "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True}
    credentials.put_source(ADMIN, name, {**given, **slot})
    return source(name)


def source(name: str = "models") -> TokenSource:
    """Its row as it is."""
    row: TokenSource = TokenSource.objects.select_related("credential").get(credential__name=name)
    return row


def tend() -> int:
    """What a process does that looks for what is due; how many it took on."""
    return refreshing.refresh_due()


def secret(name: str = "models") -> str:
    """The credential's live secret."""
    row: Credential = Credential.objects.get(name=name)
    return str(row.secret.reveal("probe"))
