"""Which IP addresses are the public internet's, and which private ones an entry opens. Owns: that judgement, of addresses.

An entry is a host name, an IP address or a private network in one spelling, which `private_network` gives to the latter two.
Link-local and instance-metadata addresses are never opened. May not know who asks.
"""

import ipaddress
from collections.abc import Collection, Sequence

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")                  # RFC 6052: an IPv4 address in the last 32 bits
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")          # RFC 8215: leads into the operator's own network
_COMPATIBLE = ipaddress.IPv6Network("::/96")                    # RFC 4291 §2.5.5.1, deprecated
NEVER = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")))
# What an entry may open (RFC 1918, 4193, 6598, loopback). Checked as ranges: both ends of a range are private for /0 too.
_PRIVATE = tuple(map(ipaddress.ip_network, (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "::1/128",
)))  # fmt: skip


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


def private_network(text: str) -> str | None:
    """The entry that `text` is as an IP address or a network of private addresses, in one spelling; None when it is neither
    address nor network. Raises ValueError, with what it is instead, for one that no entry opens."""
    network = _network(text)
    if network is None:
        return None
    if _within(network, NEVER):
        raise ValueError("a link-local or instance-metadata address, which is never reached")
    if not _within(network, _PRIVATE):
        raise ValueError(f"not within {', '.join(map(str, _PRIVATE))}")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


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


def _within(network: Network, ranges: Sequence[Network]) -> bool:
    return any(network.version == each.version and network.subnet_of(each) for each in ranges)  # type: ignore[arg-type]
