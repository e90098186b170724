"""`stationmaster sandbox`: the simulated vendors in the foreground."""

from typing import Annotated

import typer


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65_535)] = 4010,
) -> None:
    """Run simulated OpenAI, Azure, Anthropic and Gemini APIs until Ctrl-C.

    Any credential is accepted and every answer is made up from the request. A model named after a fault
    (`sandbox-429`, `sandbox-cut`, ...) misbehaves that way: GET /sandbox/faults lists them, and
    GET /sandbox/ledger shows what was asked.
    """
    from stationmaster.sandbox.server import run  # a gateway's command line must not load a server framework

    run(host, port, lambda bound: typer.echo(f"Sandbox on http://{host}:{bound}", err=True))
