"""The `stationmaster` command: its nouns, and what holds for all of them."""

import copy
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from stationmaster import __version__, i18n
from stationmaster.cli import (
    address,
    admin,
    alert,
    assignment,
    audit,
    calendar,
    config,
    credential,
    gateway_token,
    gateways,
    group,
    health,
    job,
    mail,
    master_key,
    operator,
    person,
    plan,
    pool,
    publication,
    roster,
    route,
    scim,
    seat,
    seat_request,
    setting,
    target,
    token,
    usage,
    vendor,
    virtual_key,
    workspace,
)
from stationmaster.cli.backup import backup, restore
from stationmaster.cli.backup import list_ as list_backups
from stationmaster.cli.backup import verify as verify_backup
from stationmaster.cli.control import control
from stationmaster.cli.declared.commands import apply, export
from stationmaster.cli.demo.command import demo
from stationmaster.cli.demo.remove import remove
from stationmaster.cli.doctor import doctor
from stationmaster.cli.explain import explain
from stationmaster.cli.gateway import gateway
from stationmaster.cli.ready import ready
from stationmaster.cli.sandbox import sandbox
from stationmaster.cli.secret_input import refuse_secrets
from stationmaster.cli.up import up
from stationmaster.cli.verbs import add_list
from stationmaster.cli.worker import worker


class _Root(TyperGroup):
    """The whole command line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse secrets before anything repeats an argument."""
        if not ctx.resilient_parsing:
            refuse_secrets(args)
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Root,
    help="One gateway that spreads API traffic over an organisation's AI accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,  # locals hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Serving(TyperGroup):
    """A noun that serves by itself, such as `gateway`; with a command behind it, that command runs instead."""

    def invoke(self, ctx: Any) -> Any:
        """By a copy, which `resolve_command` may change: the next call may name no command."""
        return super(_Serving, copy.copy(self)).invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Called only when a command is named: then the group's own callback, which serves, is not wanted."""
        self.callback = None
        return super().resolve_command(ctx, args)


_gateway = typer.Typer(cls=_Serving, invoke_without_command=True, subcommand_metavar="[COMMAND]")
_gateway.callback()(gateway)
_gateway.command()(explain)
add_list(_gateway, gateways.NOUN, search=False)
_demo = typer.Typer(cls=_Serving, invoke_without_command=True, subcommand_metavar="[COMMAND]")
_demo.callback(short_help="Run all of it over simulated vendors, to try it.")(demo)
_demo.command()(remove)

app.command(short_help="Run console, REST and gateway on this machine.")(up)
app.add_typer(_gateway, name="gateway")
app.command(short_help="Run simulated vendors until Ctrl-C.")(sandbox)
app.add_typer(_demo, name="demo")
app.add_typer(virtual_key.app, name="key")
app.add_typer(health.app, name="health")
app.add_typer(config.app, name="config")
app.add_typer(admin.app, name="admin")
app.add_typer(operator.app, name="operator")
app.add_typer(token.app, name="token")
for _name, _noun in (
    ("workspace", workspace), ("credential", credential), ("pool", pool), ("route", route), ("usage", usage), ("audit", audit),
    ("settings", setting), ("gateway-token", gateway_token), ("master-key", master_key), ("job", job),
    ("person", person), ("group", group), ("assignment", assignment), ("plan", plan), ("seat", seat),
    ("seat-request", seat_request), ("vendor", vendor),
    ("scim", scim), ("mail", mail), ("alert", alert), ("address", address), ("calendar", calendar), ("target", target),
    ("publication", publication), ("roster", roster),
):
    app.add_typer(_noun.app, name=_name)
_export = typer.Typer(cls=_Serving, invoke_without_command=True, subcommand_metavar="[COMMAND]")
_export.callback()(export)
_export.command("roster")(roster.export_)
app.add_typer(_export, name="export")
app.command("import")(roster.import_)
_backup = typer.Typer(cls=_Serving, invoke_without_command=True)
_backup.callback(short_help="Write the whole control plane into one encrypted file.")(backup)
_backup.command("list")(list_backups)
_backup.command("verify")(verify_backup)
app.add_typer(_backup, name="backup")
app.command(short_help="Put a backup back.")(restore)
app.command()(apply)
app.command(short_help="Say what is wrong with this installation.")(doctor)
app.command()(control)
app.command(short_help="Ask whether a listener serves.")(ready)
app.command()(worker)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stationmaster {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001  its callback has seen to it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    language: Annotated[
        i18n.Language | None,
        typer.Option(help="Speak it; else the setting ui.language, then that of the terminal (LC_ALL, LC_MESSAGES, LANG)."),
    ] = None,
) -> None:
    """Take the options that stand before a noun."""
    i18n.insist(language)
