"""`stationmaster key`: virtual keys for the gateway's config file."""

from typing import Annotated

import msgspec
import typer

from stationmaster.cli.talk import Output, print_json, print_pairs, say
from stationmaster.gateway.config import new_key
from stationmaster.i18n import tr

app = typer.Typer(help="Virtual keys, which applications present to the gateway.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Virtual keys, which applications present to the gateway."""


@app.command()
def new(
    id: Annotated[  # noqa: A002  # the option's name
        str, typer.Option("--id", help="Its name in the config file; after its hash when left out.")
    ] = "",
    output: Annotated[Output, typer.Option(help="How to print it.")] = Output.TABLE,
) -> None:
    """Make a virtual key for a gateway.toml and print it, this once."""
    made = new_key(id)
    if output is Output.JSON:
        print_json({**msgspec.structs.asdict(made), "toml": made.block()})
    else:
        print_pairs({"key": made.key, "secret_sha256": made.secret_sha256})
        typer.echo(f"\n{made.block()}", nl=False)
    say(tr("The key is shown this once: give it to its application, and put the table into gateway.toml."))
