"""Where the control plane may connect to. Owns: which addresses are public, and what a stored URL may name.

A text is checked when it is saved, and what its host resolves to when it is connected to: whoever connects takes the
addresses from `resolve_and_check` and goes there, so a name that resolves to something else a moment later gains nothing.
Private addresses need an entry that allows them; link-local and instance-metadata addresses are never reached.
"""

import ipaddress
import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.gateway.config.addresses import fault_in_base_url, is_consumer_site, is_host
from stationmaster.gateway.core.networks import NEVER, Network, address_of, is_allowed, is_public, may_connect

__all__ = ["allow_entry", "fault_in_host", "fault_in_url", "is_public", "resolve_and_check"]


Resolve = Callable[..., Sequence[tuple[Any, ...]]]

# Names that lead into one's own network by their form (RFC 6761, 6762, 8375, and what clouds call their own).
_OWN_ZONES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp", ".home", ".localdomain")
# What an entry may open (RFC 1918, 4193, 6598, loopback). Checked as ranges: both ends of a range are private for /0 too.
_PRIVATE = tuple(map(ipaddress.ip_network, (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "::1/128",
)))  # fmt: skip
_HINT = "if it is meant, an admin can allow this address; that is written into the audit trail"


def fault_in_url(
    url: str, allowed: Collection[str] = (), *, allow_insecure_http: bool = False
) -> tuple[str, str] | None:
    """Say what is wrong with a URL to be stored and what to do about it, or return None.

    `allowed`: entries of `allow_entry` that open private addresses. Looks at the text only.
    """
    fault = fault_in_base_url(url, allow_insecure_http=allow_insecure_http)
    if fault:
        return fault
    if is_consumer_site(url):
        return "the back-end of a vendor's own website, which is not an API", "use the vendor's API address"
    return fault_in_host(urlsplit(url).hostname or "", allowed)


def fault_in_host(host: str, allowed: Collection[str] = ()) -> tuple[str, str] | None:
    """Say that `host` is a private address which no entry allows, or return None."""
    host = host.lower().rstrip(".")
    if not _leads_inside(host) or is_allowed(host, address_of(host), allowed):
        return None
    return "an address in a private network", _HINT


def allow_entry(text: str) -> str:
    """The entry that allows a host name, an IP address or a private network, in one spelling. Raises `Invalid`."""
    plain = text.strip().lower().rstrip(".")
    try:
        network = ipaddress.ip_network(plain)
    except ValueError:
        if not is_host(plain):
            raise _bad_entry("neither a host name, an IP address nor a network like 10.1.0.0/16") from None
        return plain
    if _within(network, NEVER):
        raise _bad_entry("a link-local or instance-metadata address, which is never reached")
    if not _within(network, _PRIVATE):
        raise _bad_entry(f"not within {', '.join(map(str, _PRIVATE))}")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def resolve_and_check(
    host: str, port: int, allowed: Collection[str] = (), *, resolve: Resolve = socket.getaddrinfo
) -> list[str]:
    """The addresses of `host` to connect to. Raises `StationmasterError` when any of them is not to be reached.

    Blocks while the name is resolved. One private address among public ones refuses the name: no vendor has both.
    """
    found = [str(answer[4][0]).partition("%")[0] for answer in _resolved(host, port, resolve)]
    for text in found:
        _check(host, text, allowed)
    return list(dict.fromkeys(found))


def _resolved(host: str, port: int, resolve: Resolve) -> Sequence[tuple[Any, ...]]:
    try:
        answers = resolve(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        answers = []
    if not answers:
        raise StationmasterError(
            "error.outbound.unresolved", "the host name does not resolve", retryable=True, fault="operator"
        )
    return answers


def _check(host: str, address: str, allowed: Collection[str]) -> None:
    if not may_connect(host, address, allowed):
        message = "the host name leads to a private address"
        raise StationmasterError("error.outbound.private", message, hint=_HINT, fault="operator")


def _leads_inside(host: str) -> bool:
    address = address_of(host)
    if address is not None:
        return not is_public(address)
    return "." not in host or f".{host}".endswith(_OWN_ZONES)


def _within(network: Network, ranges: Sequence[Network]) -> bool:
    return any(network.version == each.version and network.subnet_of(each) for each in ranges)  # type: ignore[arg-type]


def _bad_entry(why: str) -> Invalid:
    return Invalid("error.outbound.bad_entry", f"this is {why}", fields={"address": why})
