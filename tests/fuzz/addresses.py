"""Fuzz target for URLs that people store: none that is let through leads into a private network, however it is spelt."""

import ipaddress
import socket
from urllib.parse import urlsplit

from stationmaster.errors import Invalid
from stationmaster.outbound import allow_entry, fault_in_url


def url(data: bytes) -> None:
    """What the guard lets through the system's own resolver, asked for numbers only, takes for no private address."""
    text = data.decode("utf-8", "replace")
    for each in (text, f"https://{text}/v1"):
        if fault_in_url(each) is None:
            _public(urlsplit(each).hostname or "")
    try:
        entry = allow_entry(text)
    except Invalid:
        return
    assert allow_entry(entry) == entry


def _public(host: str) -> None:
    assert host
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return      # a name: what it resolves to is judged when it is connected to
    for answer in found:
        address = ipaddress.ip_address(str(answer[4][0]).partition("%")[0])
        assert address.is_global, (host, address)
        assert not address.is_multicast, (host, address)
