"""Where the control plane may connect to. Owns: which addresses are public, and what a stored URL may name.

A text is checked when it is saved, and what its host resolves to when it is connected to: whoever connects takes the
addresses from `resolve_and_check` and goes there, so a name that resolves to something else a moment later gains nothing.
Private addresses need an entry that allows them; link-local and instance-metadata addresses are never reached.
"""

import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.gateway.config.addresses import fault_in_base_url, is_consumer_site, private_entry
from stationmaster.gateway.core.networks import address_of, is_allowed, is_public, may_connect

__all__ = ["allow_entry", "fault_in_host", "fault_in_url", "is_public", "resolve_and_check"]


Resolve = Callable[..., Sequence[tuple[Any, ...]]]

# Names that lead into one's own network by their form (RFC 6761, 6762, 8375, and what clouds call their own).
_OWN_ZONES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp", ".home", ".localdomain")
_HINT = "if it is meant, an admin allows it: `stationmaster address allow`, or the setting outbound.allowed_private"


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
    try:
        return private_entry(text)
    except ValueError as error:
        raise _bad_entry(str(error)) from None


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


def _bad_entry(why: str) -> Invalid:
    return Invalid("error.outbound.bad_entry", f"this is {why}", fields={"name": why})
