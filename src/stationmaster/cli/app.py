"""The `stationmaster` command: its nouns, and what holds for all of them."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stationmaster import __version__
from stationmaster.cli import health, key
from stationmaster.cli.demo import demo
from stationmaster.cli.explain import explain
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


class _Gateway(TyperGroup):
    """`gateway` by itself serves; with a command behind it, that command runs instead."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Called only when a command is named: then the group's own callback, which serves, is not wanted."""
        self.callback = None
        return super().resolve_command(ctx, args)


_gateway = typer.Typer(cls=_Gateway, invoke_without_command=True, subcommand_metavar="[COMMAND]")
_gateway.callback()(gateway)
_gateway.command()(explain)

app.add_typer(_gateway, name="gateway")
app.command()(sandbox)
app.command()(demo)
app.add_typer(key.app, name="key")
app.add_typer(health.app, name="health")


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
