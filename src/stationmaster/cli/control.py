"""`stationmaster control`: console, REST and the gateways' door, without a gateway."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.talk import say, say_error
from stationmaster.i18n import tr
from stationmaster.notify import Notifier

if TYPE_CHECKING:
    from stationmaster.settings import Settings


def control(
    config: File = None,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Listen here instead of on the configured host.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Instead of the configured port.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Serve TLS with this certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
) -> None:
    """Serve the control plane. The first start prints a link that makes whoever opens it an admin. SIGHUP reads settings and
    certificate again."""
    from stationmaster import settings  # here: other commands need none of it
    from stationmaster.entrances import asgi

    flags = {
        "data.dir": settings.Flag("--data", data), "console.host": settings.Flag("--host", host),
        "console.port": settings.Flag("--port", port), "console.tls_key": settings.Flag("--tls-key", tls_key),
        "console.tls_certificate": settings.Flag("--tls-certificate", tls_certificate),
    }  # fmt: skip
    def read() -> "Settings":
        return settings.load(flags=flags, environ=os.environ, folder=Path.cwd(), file=config)

    notifier = Notifier(os.environ)
    whole = asgi.prepare(read())
    from stationmaster.entrances.reloading import on_hangup

    on_hangup(read, notifier, say_error, say)
    say_welcome(whole)
    raise typer.Exit(asgi.serve(whole, notifier=notifier))


def say_welcome(whole: "Settings") -> None:
    """Say on stderr where the console is; and, as long as there is no admin, the link that makes one."""
    from stationmaster.cli.session import at_terminal
    from stationmaster.operators import services

    address = services.console_url(whole)
    say(tr("The console is at {address}", address=address))
    if whole.login.local and not services.any_admin():
        made = services.issue_link(at_terminal())
        say(tr("Open this link within {minutes} minutes to become the first admin; it works once:",
               minutes=whole.login.admin_link_seconds // 60))  # fmt: skip
        say(f"  {address}/welcome/{made.secret.text}")
