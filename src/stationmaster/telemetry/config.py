"""Where telemetry goes, out of the environment: the same variables for gateways, which have no settings file of ours, and for the
control plane, whose settings `telemetry.*` have these names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stationmaster.errors import StationmasterError

ENDPOINT, HEADERS = "STATIONMASTER_TELEMETRY_ENDPOINT", "STATIONMASTER_TELEMETRY_HEADERS"
RATIO, SERVICE = "STATIONMASTER_TELEMETRY_RATIO", "STATIONMASTER_TELEMETRY_SERVICE"
_FIELD = re.compile(r"\A([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([\x20-\x7e]*)\Z")


@dataclass(frozen=True)
class Telemetry:
    """A receiver of OTLP/HTTP: its base address, header fields (secret), the share of traces begun here that are recorded, what
    this service is called there."""

    endpoint: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ratio: float = 0.1
    service: str = "stationmaster"


def from_environ(environ: Mapping[str, str]) -> Telemetry | None:
    """What the environment says; None: nothing is to be sent. Raises StationmasterError, which shows no header's value."""
    endpoint = environ.get(ENDPOINT, "")
    if not endpoint:
        return None
    return checked(endpoint, _headers(environ), environ.get(RATIO, "") or "0.1", environ.get(SERVICE, "") or "stationmaster")


def to_environ(telemetry: Telemetry) -> dict[str, str]:
    """The variables that say the same to a process below."""
    headers = ",".join(f"{name}={value}" for name, value in telemetry.headers)
    found = {ENDPOINT: telemetry.endpoint, HEADERS: headers, RATIO: str(telemetry.ratio), SERVICE: telemetry.service}
    return {name: value for name, value in found.items() if value}


def checked(endpoint: str, headers: str, ratio: str, service: str) -> Telemetry:
    """Of four texts. Raises StationmasterError for one that cannot be used."""
    if not is_collector(endpoint):
        raise _wrong("telemetry.endpoint is no address of a receiver", "it is like https://collector.example.com:4318")
    return Telemetry(endpoint.rstrip("/"), _fields(headers), _share(ratio), service)


def is_collector(endpoint: str) -> bool:
    """Whether it is the base address of a receiver: /v1/traces and /v1/metrics are put behind it."""
    try:
        parts = urlsplit(endpoint)
        odd = parts.username or parts.query or parts.fragment or parts.port == 0
    except ValueError:
        return False
    plain = endpoint.isascii() and endpoint.isprintable() and not odd
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _share(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise _wrong("telemetry.ratio is no share", "it is a number from 0 to 1")
    return found


def _headers(environ: Mapping[str, str]) -> str:
    text, file = environ.get(HEADERS, ""), environ.get(f"{HEADERS}_FILE", "")
    if text or not file:
        return text
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise _wrong(f"cannot read the file that {HEADERS}_FILE names", "it holds one line: name=value,name=value") from None


def _fields(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for item in filter(None, (each.strip() for each in text.split(","))):
        match = _FIELD.match(item)
        if match is None:
            raise _wrong("telemetry.headers has a part that is no header field", "write name=value, several with a comma between")
        found.append((match[1].lower(), match[2].strip()))
    return tuple(found)


def _wrong(message: str, hint: str) -> StationmasterError:
    return StationmasterError("error.telemetry.setting", message, hint=hint, fault="operator")
