"""Where a vendor's API is, as targets want it written. Owns: the vendors' usual addresses, and what targets add themselves. Pure.

Our own `base_url` is what SDKs take: with `/v1` for what speaks OpenAI's API, without a version elsewhere.
"""

from stationmaster.line.errors import Rejected
from stationmaster.targets._base import Wanted

# https://developers.openai.com/api/reference/overview, https://platform.claude.com/docs/en/api/overview,
# https://ai.google.dev/gemini-api/docs
USUAL = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
_OPENAI = ("openai", "openai_compatible")
_VERSIONS = ("/v1", "/v1beta")


def full(wanted: Wanted) -> str:
    """The address as SDKs take it. Raises `Rejected` where there is none."""
    usual = USUAL.get(wanted.vendor, "")
    found = wanted.base_url.strip().rstrip("/") or usual + ("/v1" if wanted.vendor == "openai" else "")
    if not found:
        raise _odd("a credential of a server of one's own is published with its address")
    return found


def root(wanted: Wanted) -> str:
    """The address without a version, for targets that add it. Raises `Rejected` for one that such a target would spoil."""
    found = full(wanted)
    if wanted.vendor in _OPENAI and not found.endswith("/v1"):
        raise _odd("the target adds /v1 to addresses: one that does not end so cannot be reached through it")
    return bare(found)


def bare(address: str) -> str:
    """An address without a trailing slash and version."""
    plain = address.strip().rstrip("/")
    return next((plain.removesuffix(each) for each in _VERSIONS if plain.endswith(each)), plain)


def _odd(words: str) -> Rejected:
    return Rejected(words, remote_code="base_url").about("target")
