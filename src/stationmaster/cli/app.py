"""The `stationmaster` command: its nouns, and what holds for all of them."""

from typing import Annotated

import typer

from stationmaster import __version__
from stationmaster.cli import key
from stationmaster.cli.demo import demo
from stationmaster.cli.gateway import gateway
from stationmaster.cli.sandbox import sandbox

app = typer.Typer(
    help="One gateway that spreads API traffic over an organisation's AI accounts.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(gateway)
app.command()(sandbox)
app.command()(demo)
app.add_typer(key.app, name="key")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stationmaster {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Take the options that stand before a noun."""
