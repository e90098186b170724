"""The ports that Stationmaster listens on: free, taken by a running Stationmaster, or by somebody else."""

import contextlib
import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stationmaster.diagnosis.finding import Finding, broken, fine
from stationmaster.i18n import tr
from stationmaster.settings import Settings

_PATIENCE = 2.0          # seconds for somebody at the port to answer
_MOST = 65_536           # bytes read of the answer

State = Literal["free", "ours", "foreign", "refused"]


@dataclass(frozen=True)
class Port:
    """A place to listen on, the setting that names it, and a path whose answer shows whether we are there."""

    id: str
    setting: str
    host: str
    number: int
    path: str
    certificate: Path | None = None


def wanted(settings: Settings, running: Mapping[str, Any] | None = None) -> Iterator[Port]:
    """The ports that `up` listens on. `running`: where what runs over the data folder says that it does, by a setting's name:
    its ports may have come by flags."""
    at = running or {}
    certificate = settings.console.tls_certificate
    host, number = (at.get(name) or settings.value(name) for name in ("console.host", "console.port"))
    yield Port("port.console", "console.port", host, number, "/healthz", certificate)
    if at and "gateway.port" not in at:      # `control`: there is no gateway beside it
        return
    host, number = (at.get(name) or settings.value(name) for name in ("gateway.host", "gateway.port"))
    yield Port("port.gateway", "gateway.port", host, number, "/v1/models", settings.gateway.tls_certificate)
    if metrics := at.get("gateway.metrics_port", settings.gateway.metrics_port):
        yield Port("port.metrics", "gateway.metrics_port", settings.gateway.metrics_host, metrics, "/metrics")


def check(port: Port) -> Finding:
    """Whether we listen there, or could."""
    place = f"[{port.host}]:{port.number}" if ":" in port.host else f"{port.host}:{port.number}"
    state, why = look(port)
    if state == "free":
        return fine(port.id, tr("{place} is free", place=place))
    if state == "ours":
        return fine(port.id, tr("Stationmaster listens on {place}", place=place))
    fix = tr("choose another with {setting}, or stop the other program: ss -ltnp", setting=port.setting)
    if state == "foreign":
        return broken(port.id, tr("another program listens on {place}", place=place), fix)
    fix = tr("choose a port above 1023 and an address of this machine: {setting}", setting=port.setting)
    return broken(port.id, tr("{place} cannot be listened on: {why}", place=place, why=why), fix)


def look(port: Port) -> tuple[State, str]:
    """Try to listen there; where that is taken, ask who it is. The second value says why it was refused."""
    try:
        family, _, _, _, address = socket.getaddrinfo(port.host, port.number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno != errno.EADDRINUSE:
            return "refused", str(error.strerror)
        return ("ours" if _is_ours(port) else "foreign"), ""
    return "free", ""


def _is_ours(port: Port) -> bool:
    """Whether what answers names itself: every answer of ours has a header, or a metric, with our name."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(port.host, port.host)  # noqa: S104  # compared, not bound
    try:
        with contextlib.closing(_connection(host, port)) as connection:
            connection.request("GET", port.path)
            answer = connection.getresponse()
            named = any(name.lower().startswith("x-stationmaster-") for name in answer.headers)
            return named or b"stationmaster_" in answer.read(_MOST)
    except (OSError, http.client.HTTPException):
        return False


def _connection(host: str, port: Port) -> http.client.HTTPConnection:
    if port.certificate is None:
        return http.client.HTTPConnection(host, port.number, timeout=_PATIENCE)
    trust = ssl.create_default_context(cafile=port.certificate)
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the file need not hold its authority's certificate
    trust.check_hostname = False     # it is asked by address; the certificate must be the one that is configured
    return http.client.HTTPSConnection(host, port.number, timeout=_PATIENCE, context=trust)
