"""The `demo` command: what it starts, and what it tells."""

import shlex
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from stationmaster.cli.config import File
from stationmaster.cli.demo import setting, visitor
from stationmaster.cli.demo.folder import folder_of
from stationmaster.cli.planes.launch import Asked, Launch
from stationmaster.cli.talk import say, say_error
from stationmaster.cli.up import ConsolePort, MetricsPort, Port
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr


def demo(
    config: File = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The data folder.", show_default="the usual one with -demo behind its name"),
    ] = None,
    port: Port = None,
    console_port: ConsolePort = None,
    metrics_port: MetricsPort = None,
    sandbox_port: Annotated[int, typer.Option(min=1, max=65_535, help="Where the simulated vendors listen.")] = 4010,
    temporary: Annotated[bool, typer.Option("--temporary", help="Keep nothing.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Stop after the first answer.")] = False,
) -> None:
    """Run console, REST and gateway over simulated vendors, print a virtual key and a curl, and stream an answer.

    `demo remove` takes away what this made, and nothing else.
    """
    if port == sandbox_port:
        raise typer.BadParameter("the gateway and the sandbox need a port each", param_hint="--port")
    if temporary and data is not None:
        raise typer.BadParameter("what is kept nowhere needs no folder", param_hint="--temporary")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stationmaster-demo-"))) if temporary else None
        where = folder or folder_of(config, data)
        say(tr("The demo's data is in {folder}", folder=where) if folder is None else tr("The demo keeps nothing."))
        flags = {
            "data.dir": ("--data", where), "gateway.port": ("--port", port), "console.port": ("--console-port", console_port),
            "gateway.metrics_port": ("--metrics-port", metrics_port), "gateway.drain_seconds": ("(demo)", 1.0),
        }
        asked = Asked(flags, config, sandbox=sandbox_port)
        code = Launch(asked, lambda launch: _introduce(launch, sandbox_port, once=once)).run()
    say(tr("Stopped."))
    raise typer.Exit(code)


def _introduce(launch: Launch, sandbox: int, *, once: bool) -> None:
    key = launch.facts.pop("key")
    say(tr("Vendors  {address} (simulated)", address=f"http://{setting.ADDRESS}:{sandbox}"))
    say(tr("Workspaces with people are there too; see them in the console, or: {command}",
           command=f"stationmaster workspace list --data {shlex.quote(str(launch.facts['folder']))}"))  # fmt: skip
    typer.echo(f"virtual key: {key}\n")
    typer.echo(f"{setting.curl(launch.place(), key)}\n")
    try:
        visitor.stream_answer(launch.place(), key)
    except StationmasterError as error:
        say_error(error)
        launch.end(1)
        return
    if once:
        launch.end()
    else:
        say(tr("Running until Ctrl-C."))
