"""What kind of secret somebody holds, by how it looks. Owns the table of shapes, and which of them no API was sold with.

Vendors publish few of these shapes, and change them: a secret that is not known is nobody's for certain, and is taken. What
is refused is what people find in a browser, or what a consumer product's own log-in gave it. Puts nothing of a secret into
any text. """

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import msgspec


class Shape(msgspec.Struct, frozen=True):
    """A kind of secret: its name, the vendor that issues it (empty: several do), and what people call it. `use`: "api" for
    calling models, "admin" for an organisation's administration, "consumer" for what is not meant for either."""

    kind: str
    vendor: str
    title: str
    use: str = "api"


_BEGINNINGS: Final[tuple[tuple[str, Shape], ...]] = tuple((begin, Shape(*rest)) for begin, *rest in (
    ("sk-ant-api", "anthropic_api_key", "anthropic", "API key"),
    ("sk-ant-admin", "anthropic_admin_key", "anthropic", "admin key", "admin"),
    ("sk-ant-oat", "anthropic_oauth_token", "anthropic", "OAuth access token", "consumer"),
    ("sk-ant-ort", "anthropic_oauth_refresh", "anthropic", "OAuth refresh token", "consumer"),
    ("sk-ant-sid", "anthropic_session", "anthropic", "browser session", "consumer"),
    ("sk-proj-", "openai_project_key", "openai", "project key"),
    ("sk-svcacct-", "openai_service_account_key", "openai", "service-account key"),
    ("sk-admin-", "openai_admin_key", "openai", "admin key", "admin"),
    ("sess-", "openai_session", "openai", "browser session", "consumer"),
    ("rt_", "openai_oauth_refresh", "openai", "OAuth refresh token", "consumer"),
    ("sk-or-", "openrouter_key", "openai_compatible", "OpenRouter key"),
    ("sk-", "openai_key", "openai", "API key"),
    ("gsk_", "groq_key", "openai_compatible", "Groq key"),
    ("xai-", "xai_key", "openai_compatible", "xAI key"),
    ("AIza", "google_api_key", "gemini", "standard API key"),
    ("AQ.", "google_authorisation_key", "gemini", "authorisation key"),
    ("ya29.", "google_oauth_token", "vertex", "OAuth access token", "consumer"),
    ("1//", "google_oauth_refresh", "gemini", "OAuth refresh token", "consumer"),
    ("g.a000", "google_session", "gemini", "browser session", "consumer"),
    ("ABSK", "bedrock_api_key", "bedrock", "long-term API key"),
    ("bedrock-api-key-", "bedrock_short_key", "bedrock", "short-term API key"),
    ("gho_", "github_oauth_token", "", "OAuth token of a person", "consumer"),
    ("ghu_", "github_user_token", "", "OAuth token of a person", "consumer"),
    ("tid=", "copilot_session", "", "session of an editor", "consumer"),
))  # fmt: skip
# In whatever surrounds it: cookies, and the files in which consumer products keep their log-in.
_INSIDE: Final = re.compile(
    r"sk-ant-(?:oat|ort|sid)\d|(?:session-token|sessionKey|SessionToken)\s*[=:\"]|claudeAiOauth|__Secure-next-auth|"
    r"\"(?:refresh_token|id_token)\"\s*:",
)
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9_.-]+")      # what no JSON Web Token has in it
_SHORTEST: Final = 16                                  # characters of a token's head: `{"alg":"dir"}` has 18
_CONSUMER_CLAIMS: Final = ("https://api.openai.com/auth", "https://api.openai.com/profile")
# Hosts of consumer products' log-ins, and domains all of whose hosts are. Not Google's: it signs what service accounts get, too.
_CONSUMER_HOSTS: Final = frozenset({"auth.openai.com", "auth0.openai.com", "chat.openai.com", "console.anthropic.com"})
_CONSUMER_DOMAINS: Final = (
    "chatgpt.com", "claude.ai", "claude.com", "cursor.com", "cursor.sh", "x.ai", "grok.com", "githubcopilot.com",
)  # fmt: skip
_SESSION: Final = Shape("browser_session", "", "browser session or OAuth token", "consumer")
_TOKEN: Final = Shape("access_token", "", "access token")
UNKNOWN: Final = Shape("unknown", "", "secret of an unknown kind")


def shape_of(secret: str) -> Shape:
    """The kind that a secret looks like."""
    for begin, shape in _BEGINNINGS:
        if secret.startswith(begin):
            return shape
    if _INSIDE.search(secret):
        return _SESSION
    if any(_of_a_consumer(head, claims) for head, claims in _tokens(secret)):
        return _SESSION
    return _TOKEN if secret.startswith("eyJ") and _BETWEEN.split(secret, maxsplit=1)[0].count(".") > 1 else UNKNOWN


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Head and claims of whatever in a text may be a token, wherever it begins: what stands before one makes another of it. Each
    part is looked at a few times, however long the text."""
    for piece in _BETWEEN.split(text):
        parts = piece.split(".")
        for head, claims in pairwise(parts[:-1]):
            if len(head) >= _SHORTEST and "eyJ" in head:
                yield head, claims


def _of_a_consumer(head: str, claims: str) -> bool:
    """Whether a token was issued to a consumer product: ChatGPT's name its account in their claims; a browser's session is
    encrypted to its site itself (`alg` dir)."""
    told = _decoded(claims)
    direct = any(_decoded(head[at:]).get("alg") == "dir" for at in {head.find("eyJ"), head.rfind("eyJ")})
    return direct or _logs_consumers_in(told) or any(name in told for name in _CONSUMER_CLAIMS)


def _logs_consumers_in(told: dict[str, Any]) -> bool:
    """Whether who issued it is a consumer product's log-in. Some name themselves without a scheme."""
    issuer = str(told.get("iss") or "").lower()
    host = issuer.partition("://")[2] or issuer
    host = re.split(r"[/:?#]", host, maxsplit=1)[0].rstrip(".")
    return host in _CONSUMER_HOSTS or any(host == name or host.endswith(f".{name}") for name in _CONSUMER_DOMAINS)


def _decoded(part: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
