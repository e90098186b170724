"""The `demo` command: what it starts, in which order, and what it tells."""

import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from stationmaster.cli.demo import setting, visitor
from stationmaster.cli.demo.children import Child, check_free
from stationmaster.cli.talk import say
from stationmaster.gateway.config import new_key

_Port = Annotated[int, typer.Option(min=1, max=65_535, help="Where the gateway listens.")]
_SandboxPort = Annotated[int, typer.Option(min=1, max=65_535, help="Where the sandbox listens.")]


def demo(
    port: _Port = 4000,
    sandbox_port: _SandboxPort = 4010,
    once: Annotated[bool, typer.Option("--once", help="Stop after the first answer.")] = False,
) -> None:
    """Run the gateway over simulated vendors, print a key and a curl, and stream an answer."""
    if port == sandbox_port:
        raise typer.BadParameter("the gateway and the sandbox need a port each", param_hint="--port")
    with _until_interrupted(), ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stationmaster-demo-")))
        key = new_key("demo")
        children = _start(stack, folder, setting.config(port, sandbox_port, key), port, sandbox_port)
        _introduce(port, key.key, folder)
        visitor.stream_answer(port, key.key)
        if not once:
            say(f"Running until Ctrl-C; then {folder} is removed.")
            _watch(children)


def _start(stack: ExitStack, folder: Path, config: str, port: int, sandbox_port: int) -> list[Child]:
    check_free(sandbox_port, "--sandbox-port")
    check_free(port, "--port")
    file = folder / "gateway.toml"
    file.write_text(config)
    environ = {**os.environ, setting.SECRET: secrets.token_hex(16), "NO_PROXY": "127.0.0.1"}
    sandbox = Child("sandbox", ("--port", str(sandbox_port)), folder, environ)
    stack.callback(sandbox.end)
    sandbox.wait(lambda: visitor.connects(sandbox_port))
    events = str(folder / "events.jsonl")
    gateway = Child("gateway", ("--config", str(file), "--events", events), folder, environ)
    stack.callback(gateway.end)
    gateway.wait(lambda: visitor.is_ready(port))
    return [sandbox, gateway]


def _introduce(port: int, key: str, folder: Path) -> None:
    say(f"Gateway at http://127.0.0.1:{port}, simulated vendors behind it; config and logs in {folder}")
    typer.echo(f"virtual key: {key}\n")
    typer.echo(f"{setting.curl(port, key)}\n")


def _watch(children: list[Child]) -> None:
    while True:
        for child in children:
            child.check_alive()
        time.sleep(0.2)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal end the demo in good order."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
