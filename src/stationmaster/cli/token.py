"""`stationmaster token`: what programs and gateways present to the control plane."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.opening import at_terminal, changing, open_store
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.talk import say
from stationmaster.errors import NotFound
from stationmaster.i18n import tr

app = typer.Typer(help="Tokens for programs and gateways.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
Output = Annotated[Format, typer.Option(help="How to print it.")]
_SHOWN = ("id", "kind", "name", "hint", "role", "scopes", "expires_at", "last_used_at")


@app.callback()
def _noun() -> None:
    """Tokens for programs and gateways."""


@app.command(name="list")
def list_(config: File = None, data: Data = None, output: Output = Format.TABLE) -> None:
    """Print the tokens there are; never what they say."""
    open_store(config, data)
    columns = {name: name for name in _SHOWN}
    print_rows(_rows(), columns, output, under="tokens", beside={"schema_version": 1})


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for; a gateway's name.")],
    gateway: Annotated[bool, typer.Option("--gateway", help="For a gateway: it may join, and nothing else.")] = False,
    role: Annotated[str, typer.Option(help="viewer, operator, admin or auditor.")] = "viewer",
    scope: Annotated[list[str] | None, typer.Option(help='Only actions like this, such as "keys:*". Repeatable.')] = None,
    days: Annotated[int, typer.Option(help="How long it is valid; a gateway's by the setting tokens.gateway_days.")] = 90,
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a token and print it, this once."""
    open_store(config, data)
    from stationmaster.operators import services

    given = {"name": name} if gateway else {"name": name, "role": role, "scopes": scope, "days": days}
    make = services.create_gateway_token if gateway else services.create_token
    with changing(at_terminal(), dry_run) as edit:
        made = make(edit.actor, given)
    _print_made(made.row, made.secret.text, dry_run, output)


@app.command()
def rotate(
    token: Annotated[str, typer.Argument(metavar="NAME", help="A gateway's name, or its token's id.")],
    overlap_hours: Annotated[float, typer.Option(help="How long the token before is still let in.")] = 24.0,
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a new token for a gateway and print it, this once."""
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        made = services.rotate_gateway_token(edit.actor, token, timedelta(hours=overlap_hours))
    _print_made(made.row, made.secret.text, dry_run, output)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A token's id; a gateway's name will do.")],
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
) -> None:
    """End a token at once, with those that it made."""
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        try:
            services.delete_token(edit.actor, token)
        except NotFound:
            services.delete_gateway_token(edit.actor, token)
    say(tr("Nothing was changed.") if dry_run else tr("The token is over."))


def _rows() -> Iterator[dict[str, Any]]:
    from stationmaster.operators import services

    for kind, listed in (("api", services.list_tokens), ("gateway", services.list_gateway_tokens)):
        yield from ({**_plain(row), "kind": kind} for row in _all(listed))


def _all(listed: Any) -> Iterator[Mapping[str, Any]]:
    from stationmaster.store.listing import MAX_LIMIT, Query

    cursor = ""
    while True:
        page = listed(at_terminal(), Query(cursor=cursor, sort="name", limit=MAX_LIMIT, counted=False))
        yield from page.items
        if not (cursor := page.next):
            return


def _print_made(row: Mapping[str, Any], secret: str, dry_run: bool, output: Format) -> None:
    shown = {name: value for name, value in _plain(row).items() if name in _SHOWN}
    if dry_run:
        print_object(shown, output)
        say(tr("Nothing was changed."))
        return
    print_object({"token": secret, **shown}, output)
    say(tr("The token is shown this once: give it to its program."))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
