"""`stationmaster gateway --control`: what was said on the command line, made into what the link takes."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import typer

from stationmaster.cli.valkey import valkey_url
from stationmaster.errors import StationmasterError

_MIB = 1024 * 1024
_DATA = Path("~/.local/share/stationmaster")


def refuse(given: Mapping[str, bool], why: str) -> None:
    """Refuse options that were given and do not go with others. Raises typer.BadParameter."""
    for option, there in given.items():
        if there:
            raise typer.BadParameter(why, param_hint=option)


def join(
    url: str, token_file: Path | None, ca: Path | None, data: Path | None, name: str | None, events: Path | None,
    spool_mib: int, settings: Mapping[str, object],
) -> int:
    """Run a gateway that the control plane at `url` configures. Returns its exit code. Raises StationmasterError."""
    if token_file is None:
        raise StationmasterError("error.usage.token_file", "--control needs --token-file.",
                                 hint="The control plane prints a gateway token once; put it into a file of mode 0600.")
    from stationmaster.gateway.link import join as link  # here: a file needs no HTTP client

    return link.run(link.Joining(
        url, token_file, data or data_folder(os.environ) / "gateway", name or socket.gethostname(), ca, events,
        spool_mib * _MIB, dict(settings), valkey=valkey_url(os.environ),
    ))


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where everything is kept that is not configured to lie elsewhere."""
    given = environ.get("STATIONMASTER_DATA")
    return Path(given) if given else _DATA.expanduser()
