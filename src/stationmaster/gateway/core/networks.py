"""Which IP addresses are the public internet's, and which private ones an entry opens. Owns: that judgement, of addresses.

An entry is a host name, an IP address or a network in one spelling (`stationmaster.outbound.allow_entry`). Link-local and
instance-metadata addresses are never opened. May not know who asks.
"""

import ipaddress
from collections.abc import Collection

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")                  # RFC 6052: an IPv4 address in the last 32 bits
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")          # RFC 8215: leads into the operator's own network
_COMPATIBLE = ipaddress.IPv6Network("::/96")                    # RFC 4291 §2.5.5.1, deprecated
NEVER = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")))


def is_public(address: IPAddress) -> bool:
    """Tell whether `address` is one of the public internet. One that wraps an IPv4 address is judged by that."""
    inner = unwrapped(address)
    if isinstance(inner, ipaddress.IPv6Address) and (inner in _NAT64_LOCAL or inner in _COMPATIBLE or inner.is_site_local):
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved and not inner.is_unspecified


def is_allowed(host: str, address: IPAddress | None, allowed: Collection[str]) -> bool:
    """Tell whether an entry opens the private `address` of `host`, or `host` where that is a name nobody resolved yet.
    `host`: in lower case, without a dot at its end."""
    if address is None:
        return host in allowed
    inner = unwrapped(address)
    if any(inner in network for network in NEVER):
        return False
    return host in allowed or any(inner in network for network in map(_network, allowed) if network is not None)


def may_connect(host: str, address: str, allowed: Collection[str]) -> bool:
    """Tell whether a connection to `host` may go to `address`, which is what it resolved to: an IP address as text."""
    found = address_of(address)
    return found is not None and (is_public(found) or is_allowed(host.lower().rstrip("."), found, allowed))


def address_of(text: str) -> IPAddress | None:
    """The IP address that `text` is, its zone left out; None when it is a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one that carries one: mapped, NAT64, 6to4 (RFC 3056), Teredo (RFC 4380)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None
