"""Where a credential's requests go and how they prove themselves. Owns: each vendor's base, paths and auth
header (their API references). May not know sockets.

Nothing a caller sends reaches the host, the port, the scheme or the auth header.
"""

import base64
import re
from urllib.parse import quote, urlsplit

from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.memory import Standing
from stationmaster.gateway.core.owners import organisation_of
from stationmaster.gateway.core.prices import PriceList, Rates, find
from stationmaster.gateway.core.snapshot import Credential, Vendor

_NO_PRICES = PriceList()
MAX_RATES = 1024           # models whose price is remembered

Origin = tuple[bool, str, int]  # TLS?, host, port

_BASE: dict[Vendor, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "azure_openai": "",
    "openai_compatible": "",
}
_SPEAKS: dict[Vendor, tuple[Dialect, ...]] = {
    "openai": ("openai",),
    "openai_compatible": ("openai",),
    "azure_openai": ("openai", "azure"),
    "anthropic": ("anthropic",),
    "gemini": ("gemini",),
}
_AUTH: dict[Vendor, str] = {
    "openai": "authorization: Bearer ",
    "openai_compatible": "authorization: Bearer ",
    "azure_openai": "api-key: ",
    "anthropic": "x-api-key: ",
    "gemini": "x-goog-api-key: ",
}
# What a base URL may already end in, so that both an SDK's and a documentation's spelling work.
_OPTIONAL_TAILS: dict[Vendor, tuple[str, ...]] = {
    "anthropic": ("/v1",),
    "gemini": ("/v1beta",),
    "azure_openai": ("/openai/v1", "/openai"),
}


class Upstream:
    """One credential, ready for use: `origin` to connect to, header bytes, and how to spell its paths."""

    __slots__ = (
        "_forms", "_hex", "_overrides", "_prices", "_rates", "auth", "base", "id", "organisation", "origin", "secret",
        "standing", "vendor",
    )

    def __init__(
        self, credential: Credential, standing: Standing | None = None, prices: PriceList = _NO_PRICES
    ) -> None:
        self.id = credential.id
        self.standing = standing or Standing(credential.id)
        self.vendor = credential.vendor
        self.organisation = organisation_of(credential.organisation, credential.id)
        url = urlsplit(credential.base_url or _BASE[credential.vendor])
        tls = url.scheme == "https"
        host = url.hostname or ""
        self.origin: Origin = (tls, host, url.port or (443 if tls else 80))
        self.base = _base_path(credential.vendor, url.path)
        self.auth = (
            f"host: {_host(host, url.port)}\r\n{_AUTH[credential.vendor]}{credential.secret}\r\n"
            "accept-encoding: identity\r\n"
        ).encode()
        self.secret = credential.secret.encode()
        self._prices, self._overrides = prices, credential.prices
        self._rates: dict[str, Rates | None] = {}
        self._forms = _spellings(credential.secret)
        self._hex = credential.secret.encode().hex().encode()

    def __repr__(self) -> str:
        return f"Upstream({self.id!r})"

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
        return f"{self.base}/v1{suffix}" if self.vendor == "anthropic" else self.base + suffix

    def leaks(self, text: bytes) -> bool:
        """Whether `text` repeats the secret, in any spelling an error text might use."""
        plain = _unescaped(text) if b"\\" in text else text
        folded = text.lower()
        return any(form in plain for form in self._forms) or self._hex in folded


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
