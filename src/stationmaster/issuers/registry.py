"""Which kinds of issuers there are. Owns: their names, what each is told and keeps secret, for which vendors' credentials. Plain
data: reading it imports no library.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from stationmaster.issuers import shapes
from stationmaster.issuers._base import Access, Issuer

Keeps = Literal["needed", "optional", "none"]
# Kinds in which a mode needs other parts beside.
_NEEDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("entra", "client_secret"): ("tenant", "client_id"), ("entra", "client_certificate"): ("tenant", "client_id"),
    ("entra", "workload_identity"): ("tenant", "client_id", "identity"),
    ("google", "workload_identity"): ("audience", "identity"), ("aws", "web_identity"): ("identity",),
}  # fmt: skip
# Public parts that say where the sealed ones go.
PLACES: Final = ("token_url", "address", "authority", "allow_insecure_http")


@dataclass(frozen=True)
class Kind:
    """One kind. `module` holds its class `called`; `shape`: its public parts; `vendors`: whose credentials live by it; `secret`:
    what is sealed (in words for people), and in which modes it is needed (`modes`; empty: in all). `rotates`: it keeps a refresh
    token that may be another each time."""

    name: str
    title: str
    module: str
    called: str
    shape: type[msgspec.Struct]
    vendors: frozenset[str]
    secret: str = ""
    modes: frozenset[str] = frozenset()
    secret_optional: bool = False
    rotates: bool = False

    def needs(self, options: msgspec.Struct) -> tuple[str, ...]:
        """The public parts that a source has to have beside those that every one of its kind has."""
        return _NEEDS.get((self.name, getattr(options, "mode", "")), ())

    def keeps(self, options: msgspec.Struct) -> Keeps:
        """Whether a source with these public parts has a sealed part."""
        if not self.secret or (self.modes and getattr(options, "mode", "") not in self.modes):
            return "none"
        return "optional" if self.secret_optional or getattr(options, "auth", "") == "none" else "needed"


KINDS: Final[Mapping[str, Kind]] = {each.name: each for each in (
    Kind("entra", "Microsoft Entra ID", "entra", "Entra", shapes.Entra, frozenset({"azure_openai"}),
         "the client's secret, or its certificate with its private key (PEM)",
         frozenset({"client_secret", "client_certificate"})),
    Kind("google", "Google Cloud", "google", "Google", shapes.Google, frozenset({"vertex"}), "the service account's key (JSON)",
         frozenset({"service_account"})),
    Kind("aws", "AWS role", "aws", "Aws", shapes.Aws, frozenset({"bedrock"}),
         'the keys that may assume the role: {"access_key_id": …, "secret_access_key": …}', frozenset({"assume_role"})),
    Kind("oauth2_client_credentials", "OAuth 2 client credentials", "oauth2", "ClientCredentials", shapes.ClientCredentials,
         frozenset({"openai_compatible"}), "the client's secret"),
    Kind("oauth2_refresh_token", "OAuth 2 refresh token", "oauth2", "RefreshToken", shapes.RefreshToken,
         frozenset({"openai_compatible"}), "the client's secret", secret_optional=True, rotates=True),
    Kind("anthropic_federation", "Anthropic federation", "anthropic", "AnthropicFederation", shapes.AnthropicFederation,
         frozenset({"anthropic"})),
    Kind("openai_workload", "OpenAI workload identity", "openai", "OpenAIWorkload", shapes.OpenAIWorkload, frozenset({"openai"})),
)}  # fmt: skip


def open_issuer(access: Access) -> Issuer:
    """The issuer for one call. Raises `Invalid` for an address or a secret that cannot be used."""
    kind = KINDS[access.kind]
    made: Issuer = getattr(importlib.import_module(f"stationmaster.issuers.{kind.module}"), kind.called)(access)
    return made
