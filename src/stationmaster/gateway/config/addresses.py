"""Which addresses a credential may be sent to. Owns: the rules for `base_url`, for what opens a private address, and for a host
to listen on.

Looks at text only: what a name resolves to is the connection's business, when it is made.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from stationmaster.gateway.core.networks import NEVER, private_network

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}\.?")
_NUMERIC_END = re.compile(r"(.*\.)?(\d+|0[xX][0-9A-Fa-f]*)\.?")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]|\\")

_METADATA_NAMES = {"metadata", "metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"}
_CONSUMER_SITES = {
    "chatgpt.com", "www.chatgpt.com", "chat.openai.com", "claude.ai", "www.claude.ai",
    "gemini.google.com", "cloudcode-pa.googleapis.com",
}  # fmt: skip


def fault_in_base_url(url: str, *, allow_insecure_http: bool) -> tuple[str, str] | None:
    """Say what is wrong with `url` and what to do about it, or return None."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "not a URL", 'write it like "https://api.example.com/v1"'
    fault = _fault_in_form(url, parts) or _fault_in_host(parts.hostname)
    return fault or _fault_in_scheme(parts, allow_insecure_http)


def is_consumer_site(url: str) -> bool:
    """Tell whether `url` is the back-end of a vendor's own website or app, not its API."""
    parts = _split(url)
    return bool(parts and (parts.hostname or "").rstrip(".") in _CONSUMER_SITES)


def is_host(text: str) -> bool:
    """Tell whether `text` is an IP address or a host name that a server may listen on."""
    return bool(_ip(text) or (_NAME.fullmatch(text) and not _NUMERIC_END.fullmatch(text)))


def private_entry(text: str) -> str:
    """The entry that allows a host name, an IP address or a private network, in one spelling, whoever makes it: by a row, or
    by a setting. Raises ValueError, with what the text is instead."""
    plain = text.strip().lower().rstrip(".")
    network = private_network(plain)
    if network is None and not is_host(plain):
        raise ValueError("neither a host name, an IP address nor a network like 10.1.0.0/16")
    return network or plain


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _fault_in_form(url: str, parts: SplitResult) -> tuple[str, str] | None:
    if _UNPRINTABLE.search(url):
        return "the address holds only printable ASCII characters", "write other characters percent-encoded"
    if parts.scheme not in {"http", "https"}:
        return "the address begins with https://", ""
    if "@" in parts.netloc:
        return "the address holds no user name or password", "the credential goes into secret"
    if "?" in url or "#" in url:
        return "the address holds no query and no fragment", "leave out everything from the ? or # on"
    return None


def _fault_in_host(host: str) -> tuple[str, str] | None:
    ip = _ip(host)
    if host.rstrip(".") in _METADATA_NAMES or (ip and any(ip in net for net in NEVER)):
        return "a link-local or instance-metadata address", "no vendor answers there"
    return None if is_host(host) else ("not a host name or IP address", "")


def _fault_in_scheme(parts: SplitResult, allow_insecure_http: bool) -> tuple[str, str] | None:
    if parts.scheme == "https" or allow_insecure_http or _is_loopback(parts.hostname or ""):
        return None
    hint = "use https://, or set allow_insecure_http = true where the network is trusted"
    return "plain http would show the credential to the network", hint


def _is_loopback(host: str) -> bool:
    ip = _ip(host)
    return ip.is_loopback if ip else host.rstrip(".") == "localhost"


def _ip(host: str) -> IPAddress | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
