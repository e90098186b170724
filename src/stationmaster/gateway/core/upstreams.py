"""Where a credential's requests go and how they prove themselves. Owns: each vendor's base, paths and auth
header (their API references). May not know sockets.

Nothing a caller sends reaches the host, the port, the scheme or the auth header.
"""

import base64
import re
from urllib.parse import quote, urlsplit

from stationmaster.gateway.core.clouds import SERVICE, identity_of, is_entra_token, place_of, region_of
from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.memory import Standing
from stationmaster.gateway.core.owners import organisation_of
from stationmaster.gateway.core.prices import PriceList, Rates, find
from stationmaster.gateway.core.sigv4 import Signer
from stationmaster.gateway.core.snapshot import Credential, Vendor

_NO_PRICES = PriceList()
_MIX = 0x9E3779B97F4A7C15  # 2⁶⁴ over the golden ratio: spreads sessions of one member anew (Knuth, vol. 3, 6.4)
MAX_RATES = 1024           # models whose price is remembered

Origin = tuple[bool, str, int]  # TLS?, host, port

_BASE: dict[Vendor, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "azure_openai": "",
    "openai_compatible": "",
    "bedrock": "",
    "vertex": "",
}
_SPEAKS: dict[Vendor, tuple[Dialect, ...]] = {
    "openai": ("openai",),
    "openai_compatible": ("openai",),
    "azure_openai": ("openai", "azure"),
    "anthropic": ("anthropic",),
    "gemini": ("gemini",),
    "bedrock": ("bedrock",),
    "vertex": ("vertex",),
}
_AUTH: dict[Vendor, str] = {
    "openai": "authorization: Bearer ",
    "openai_compatible": "authorization: Bearer ",
    "azure_openai": "api-key: ",
    "anthropic": "x-api-key: ",
    "gemini": "x-goog-api-key: ",
    "bedrock": "authorization: Bearer ",
    "vertex": "authorization: Bearer ",
}
# What a base URL may already end in, so that both an SDK's and a documentation's spelling work.
_OPTIONAL_TAILS: dict[Vendor, tuple[str, ...]] = {
    "anthropic": ("/v1",),
    "gemini": ("/v1beta",),
    "azure_openai": ("/openai/v1", "/openai"),
}


def spoken_by(vendor: str) -> tuple[Dialect, ...]:
    """The dialects that a vendor understands natively; none of one that serves no requests."""
    return next((spoken for each, spoken in _SPEAKS.items() if each == vendor), ())


class Upstream:
    """One credential, ready for use: `origin` to connect to, header bytes, and how to spell its paths."""

    __slots__ = (
        "_forms", "_hexes", "_overrides", "_prices", "_rates", "auth", "base", "id", "organisation", "origin", "other", "place",
        "secret", "share", "signer", "standing", "vendor",
    )

    def __init__(
        self, credential: Credential, standing: Standing | None = None, prices: PriceList = _NO_PRICES
    ) -> None:
        self.id = credential.id
        self.standing = standing or Standing(credential.id)
        self.other: Upstream | None = None     # the same with the secret that is about to follow, for `share` percent of sessions
        self.share = 0
        self.vendor = credential.vendor
        self.organisation = organisation_of(credential.organisation, credential.id)
        url = urlsplit(credential.base_url or _BASE[credential.vendor])
        tls = url.scheme == "https"
        host = url.hostname or ""
        self.origin: Origin = (tls, host, url.port or (443 if tls else 80))
        self.base = _base_path(credential.vendor, url.path)
        self.place = ""                        # of Vertex: project and location, which stand in its paths
        if credential.vendor == "vertex":
            self.base, self.place = place_of(credential.base_url) or (self.base, "")
        self.signer = _signer(credential)      # of requests that are signed one by one; None: the secret itself is sent
        carrier = "" if self.signer is not None else f"{_carrier(credential)}{credential.secret}\r\n{_beside(credential)}"
        self.auth = f"host: {_host(host, url.port)}\r\n{carrier}accept-encoding: identity\r\n".encode()
        secrets = _secrets(credential, self.signer)
        self.secret = secrets[0].encode()
        self._prices, self._overrides = prices, credential.prices
        self._rates: dict[str, Rates | None] = {}
        self._forms = tuple(form for secret in secrets for form in _spellings(secret))
        self._hexes = tuple(secret.encode().hex().encode() for secret in secrets)

    def __repr__(self) -> str:
        return f"Upstream({self.id!r})"

    def followed_by(self, other: "Upstream", share: int) -> None:
        """Its credential is being rotated: `other` is the same with the secret that is about to follow."""
        self.other, self.share = other, share

    def for_session(self, session: int) -> "Upstream":
        """With which of its two secrets `session` is served. It stays with one as long as the share stands, and a larger share
        takes none back; a secret that is out of service serves nobody while the other does."""
        other = self.other
        if other is None:
            return self
        place = (session ^ int.from_bytes(other.standing.proof)) * _MIX >> 32 & 0xFFFFFFFF
        chosen, rest = (other, self) if place * 100 >> 32 < self.share else (self, other)
        return rest if chosen.standing.rank == 2 > rest.standing.rank else chosen

    def speaks(self, dialect: Dialect) -> bool:
        """Whether this credential's vendor understands `dialect` natively."""
        return dialect in _SPEAKS[self.vendor]

    def rates(self, model: str) -> Rates | None:
        """What `model` costs through this credential; None: not known. Remembered."""
        try:
            return self._rates[model]
        except KeyError:
            if len(self._rates) >= MAX_RATES:
                self._rates.clear()
            found = self._rates[model] = find(self._prices, self.vendor, model, self._overrides)
            return found

    def path(self, suffix: str, dialect: Dialect) -> str:
        """The request target's path for an endpoint's `suffix`."""
        if self.vendor == "azure_openai":
            return f"{self.base}/openai{suffix if dialect == 'azure' else '/v1' + suffix}"
        if dialect == "vertex":
            _, version, rest = suffix.split("/", 2)
            return f"{self.base}/{version}{self.place}/{rest}"
        return f"{self.base}/v1{suffix}" if self.vendor == "anthropic" else self.base + suffix

    def proven(self, start: bytes, body: bytes, wall: float) -> bytes:
        """A request's first lines (`RequestHead.prefix`) with what proves them, at `wall` seconds since 1970, where that is made
        for each request."""
        return start if self.signer is None else start + self.signer.lines(start, body, wall)

    def leaks(self, text: bytes) -> bool:
        """Whether `text` repeats the secret, in any spelling an error text might use."""
        plain = _unescaped(text) if b"\\" in text else text
        folded = text.lower()
        return any(form in plain for form in self._forms) or any(text in folded for text in self._hexes)


def _signer(credential: Credential) -> Signer | None:
    """Who signs this credential's requests. Raises ValueError for what `clouds.fault_in` refuses."""
    found = identity_of(credential.secret) if credential.vendor == "bedrock" else None
    return Signer(found[0], region_of(credential.base_url, found[1]), SERVICE) if found is not None else None


def _carrier(credential: Credential) -> str:
    """What stands before the secret. Azure takes the directory's tokens as such, and keys of its own (Azure OpenAI, API
    reference, authentication); Anthropic takes the tokens of a federation rule as such."""
    token = (credential.vendor == "azure_openai" and is_entra_token(credential.secret)) or _is_federated(credential)
    return "authorization: Bearer " if token else _AUTH[credential.vendor]


def _beside(credential: Credential) -> str:
    """What a token is accepted with, as Anthropic's SDK for Python sends it (anthropic.lib.credentials). A caller's own
    `anthropic-beta` stands in a line of its own, which is the same list (RFC 9110 section 5.3)."""
    return "anthropic-beta: oauth-2025-04-20\r\n" if _is_federated(credential) else ""


def _is_federated(credential: Credential) -> bool:
    """Whether it is a token that Anthropic gave a workload for an hour. Consumers' tokens look the same: files and people's
    entries of them are refused before they get here, so that only a federation rule's arrive."""
    return credential.vendor == "anthropic" and credential.secret.startswith("sk-ant-oat01-")


def _secrets(credential: Credential, signer: Signer | None) -> list[str]:
    """What no answer may repeat. An access key's id is no secret: AWS names it in its own error texts."""
    if signer is None:
        return [credential.secret]
    return [text for text in (signer.identity.secret_access_key, signer.identity.session_token) if text]


def _base_path(vendor: Vendor, path: str) -> str:
    path = path.rstrip("/")
    for tail in _OPTIONAL_TAILS.get(vendor, ()):
        path = path.removesuffix(tail)
    return path


def _host(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _spellings(secret: str) -> tuple[bytes, ...]:
    """The secret raw, URL-escaped, and in base64 at each of the three offsets."""
    raw = secret.encode()
    encoded = {base64.b64encode(b"\0" * pad + raw)[(0, 2, 3)[pad] : -4] for pad in range(3)}
    escaped = {quote(secret, safe="").encode(), quote(secret).encode()}
    return tuple({raw, *escaped, *encoded} - {b""})


_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|(.))", re.DOTALL)


def _unescaped(text: bytes) -> bytes:
    """JSON text with the escapes of plain characters undone."""
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], text)
