"""Whether what is said at the console could be read on the way. Owns that rule; reads nothing."""

from ipaddress import ip_address

from stationmaster.settings.root import Settings


def in_clear_text(settings: Settings) -> bool:
    """Tell whether passwords and tokens would go over a network as they are: listening beyond this machine without TLS of our
    own, and without a public address that says that a reverse proxy ends it."""
    console = settings.console
    encrypted = console.tls_certificate is not None or console.public_url.startswith("https://")
    return not encrypted and not is_loopback(console.host)


def is_loopback(host: str) -> bool:
    """Tell whether `host` is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
