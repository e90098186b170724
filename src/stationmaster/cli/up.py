"""`stationmaster up`: the whole of it on one machine, console, REST and gateway."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from stationmaster.cli.config import Data
from stationmaster.cli.planes.launch import Asked, Launch

_ROUTING = {"credential", "pool", "route", "key"}      # tables that a gateway.toml has, and a stationmaster.toml has not

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="Where the gateway listens.", show_default="4000")]
ConsolePort = Annotated[int | None, typer.Option(min=1, max=65_535, help="Where the console listens.", show_default="4001")]
MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65_535, help="Where the gateway's metrics are; 0: nowhere.", show_default="4002"),
]


def up(
    config: Annotated[
        Path | None, typer.Option("--config", help="The settings' file; or a gateway.toml to begin with, at the first start."),
    ] = None,
    data: Data = None,
    port: Port = None,
    console_port: ConsolePort = None,
    metrics_port: MetricsPort = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="The gateway's processes.", show_default="1")] = None,
) -> None:
    """Run console, REST and gateway on this machine.

    The first start makes the data folder and prints a link that makes whoever opens it an admin. SIGTERM and Ctrl-C end it
    when open answers are finished, a second one at once; SIGHUP reads the settings again.
    """
    flags = {
        "data.dir": ("--data", data), "gateway.port": ("--port", port), "console.port": ("--console-port", console_port),
        "gateway.metrics_port": ("--metrics-port", metrics_port), "gateway.workers": ("--workers", workers),
    }
    routing = config if config is not None and is_routing(config) else None
    asked = Asked(flags, None if routing else config, routing)
    raise typer.Exit(Launch(asked, lambda _: None).run())


def is_routing(file: Path) -> bool:
    """Tell whether a file is a gateway.toml. One that cannot be read is not: whoever reads it as settings says what is wrong."""
    try:
        return bool(_ROUTING & tomllib.loads(file.read_text()).keys())
    except (OSError, ValueError):
        return False
