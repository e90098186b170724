"""Which outbound proxy, if any, a host is reached through: HTTPS_PROXY and NO_PROXY as curl reads them."""

import base64
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import msgspec

from stationmaster.gateway.core.upstreams import Origin


class Proxy(msgspec.Struct, frozen=True):
    """An HTTP proxy that takes CONNECT (RFC 9110 section 9.3.6)."""

    host: str
    port: int
    authorization: bytes = b""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


class Proxies(msgspec.Struct, frozen=True):
    """The environment's proxy settings, read once."""

    https: Proxy | None = None
    exempt: tuple[str, ...] = ()

    def for_origin(self, origin: Origin) -> Proxy | None:
        """The proxy for a TLS origin. Plain upstreams (a lab's, on loopback) are always reached directly."""
        tls, host, port = origin
        if self.https is None or not tls or any(_exempts(entry, host, port) for entry in self.exempt):
            return None
        return self.https


def from_environ(environ: Mapping[str, str]) -> Proxies:
    """Read `https_proxy`/`HTTPS_PROXY` (else `all_proxy`) and `no_proxy`/`NO_PROXY`."""
    url = next((environ[name] for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
                if environ.get(name)), "")
    exempt = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return Proxies(_proxy(url) if url else None, tuple(entry.strip() for entry in exempt.split(",") if entry.strip()))


def _proxy(url: str) -> Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("HTTPS_PROXY must be an http:// address")
    secret = b""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        secret = b"Basic " + base64.b64encode(pair)
    return Proxy(parts.hostname, parts.port or 3128, secret)


def _exempts(entry: str, host: str, port: int) -> bool:
    name, _, only = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if only and only != str(port):
        return False
    name = name.lstrip("*").lstrip(".").lower()
    return entry == "*" or host == name or host.endswith(f".{name}")
