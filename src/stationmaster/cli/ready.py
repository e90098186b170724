"""`stationmaster ready`: whether a listener of ours serves, for whoever starts and stops containers."""

import http.client
import ssl
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from stationmaster.cli.talk import say
from stationmaster.i18n import tr

PATIENCE = 5.0      # seconds


def ready(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The listener, such as https://127.0.0.1:4001.")
    ] = "http://127.0.0.1:4000",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file of the certificate that it shows; without it the system's authorities count.")
    ] = None,
) -> None:
    """Ask a gateway or a control plane whether it serves: exit code 0 when it does, 1 when it does not."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter("expected an address like http://127.0.0.1:4000", param_hint="URL")
    try:
        status = _status(parts.scheme, parts.hostname, parts.port, certificate)
    except (OSError, http.client.HTTPException) as error:
        say(tr("{url} does not answer: {why}", url=url, why=type(error).__name__))
        raise typer.Exit(1) from None
    say(tr("{url} serves", url=url) if status == 200 else tr("{url} answers {status}: not ready", url=url, status=status))
    raise typer.Exit(0 if status == 200 else 1)


def _status(scheme: str, host: str, port: int | None, certificate: Path | None) -> int:
    """What `/readyz` answers. Raises OSError, http.client.HTTPException."""
    if scheme == "http":
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    else:
        connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=_trust(certificate))
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    finally:
        connection.close()


def _trust(certificate: Path | None) -> ssl.SSLContext:
    """With a file, that certificate or one that it issued, under whatever name: it is asked by address, on its own machine."""
    context = ssl.create_default_context(cafile=certificate)
    if certificate is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
    return context
