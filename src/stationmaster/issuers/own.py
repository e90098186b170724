"""That a token comes from where tokens for API use come from. Owns: which token endpoints the generic grants may go to, and the
addresses and clients of consumer products' log-ins, which are refused in any case. Pure.

The generic OAuth 2 grants are for the company's own identity provider, which an admin knows. At a vendor's they would give what
its own apps are given: a person's subscription, not an account for programs; and no list of those is whole, nor can a relay of
one be told by its name.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from stationmaster.errors import Invalid
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.gateway.core.networks import address_of, is_allowed

CODE: Final = "error.credential.not_for_api_use"
_VENDORS: Final = (
    "openai.com", "chatgpt.com", "anthropic.com", "claude.ai", "claude.com", "google.com", "googleapis.com", "github.com",
    "githubcopilot.com", "cursor.com", "cursor.sh", "x.ai", "grok.com", "live.com", "qwen.ai", "iflow.cn", "kiro.dev", "kimi.com",
    "kimi.ai", "moonshot.cn", "windsurf.com", "codeium.com",
)  # fmt: skip
# By how their ids begin or look: those that vendors gave to their own apps and command lines.
_CLIENTS: Final = ("9d1c250a-e61b-44d9-88ed-5944d1962f5e", "app_emoameez73f0ckxaxp7hrann", "iv1.", "681255809395-")
# Builder IDs are persons' (https://docs.aws.amazon.com/signin/latest/userguide/sign-in-aws_builder_id.html), and so are the
# accounts of these of Microsoft's tenants (https://learn.microsoft.com/entra/identity-platform/v2-protocols).
_BUILDERS: Final = re.compile(r"oidc\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
_TENANTS: Final = ("consumers", "common", "9188040d-6c67-4c5b-b112-36a304b66dad")
_TENANTED: Final = ("login.microsoftonline.com", "login.windows.net", "sts.windows.net", "login.microsoft.com")
_HINT: Final = "use an API key, or the vendor's own federation for programs"


def refuse_consumer(token_url: str, client_id: str) -> None:
    """Raise `Invalid` for a token endpoint of a vendor's, or a client that is one of their apps."""
    host = _host(token_url)
    theirs = any(host == name or host.endswith(f".{name}") for name in _VENDORS) or _BUILDERS.fullmatch(host)
    tenant = urlsplit(token_url).path.lstrip("/").partition("/")[0].lower()
    if theirs or (host in _TENANTED and tenant in _TENANTS):
        why = "a vendor's own log-in, which gives tokens of people's subscriptions"
        raise Invalid(CODE, f"token_url: {why}", hint=_HINT, fields={"token_url": why})
    if client_id.lower().startswith(_CLIENTS):
        why = "the client of a vendor's own app"
        raise Invalid(CODE, f"client_id: {why}", hint=_HINT, fields={"client_id": why})


def refuse_stranger(token_url: str, allowed: Collection[str]) -> None:
    """Raise `Invalid` for a token endpoint at a host that is none of `allowed`, which are an admin's."""
    host = _host(token_url)
    if not is_allowed(host, address_of(host), allowed):
        why = "its host is none that an admin knows as an identity provider"
        raise Invalid("error.source.unknown_issuer", f"token_url: {why}", fields={"token_url": why},
                      hint="an admin allows it: `stationmaster address allow HOST --reason WHY`")  # fmt: skip


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


def refuse_shape(secret: str, field: str) -> None:
    """Raise `Invalid` for a secret, or an issued token, that looks like a consumer product's."""
    if shape_of(secret).use == "consumer":
        why = "a browser-session or OAuth token of a consumer product, which is not issued for API use"
        raise Invalid(CODE, f"{field}: {why}", hint=_HINT, fields={field: why})
