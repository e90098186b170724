"""`stationmaster token`: what programs and gateways present to the control plane."""

from collections.abc import Iterator
from typing import Annotated

import typer

from stationmaster.cli.desk import Desk, Made, Row
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Output, change, every, given, noun_app
from stationmaster.errors import NotFound
from stationmaster.i18n import tr

app = noun_app("Tokens for programs and gateways.")

_PATHS = {"api": "tokens", "gateway": "gateway-tokens"}
_SHOWN = ("id", "kind", "name", "hint", "role", "scopes", "expires_at", "last_used_at")


@app.command(name="list")
@at_desk
def list_(desk: Desk, output: Output = Format.TABLE) -> None:
    """Print the tokens there are; never what they say."""
    print_rows(_rows(desk), {name: name for name in _SHOWN}, output, under="tokens", beside={"schema_version": 1})


@app.command()
@at_desk
def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(help="What it is for; a gateway's name.")],
    gateway: Annotated[bool, typer.Option("--gateway", help="For a gateway: it may join, and nothing else.")] = False,
    role: Annotated[str, typer.Option(help="viewer, operator, admin or auditor.")] = "viewer",
    scope: Annotated[list[str] | None, typer.Option(help='Only actions like this, such as "keys:*". Repeatable.')] = None,
    days: Annotated[int, typer.Option(help="How long it is valid; a gateway's by the setting tokens.gateway_days.")] = 90,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a token and print it, this once."""
    fields = {"name": name} if gateway else given(name=name, role=role, scopes=scope, days=days)
    path = _PATHS["gateway" if gateway else "api"]
    _print_made(change(desk, dry_run, output, lambda: desk.create(path, fields)), output)


@app.command()
@at_desk
def rotate(
    desk: Desk,
    token: Annotated[str, typer.Argument(metavar="NAME", help="A gateway's name, or its token's id.")],
    overlap_hours: Annotated[float, typer.Option(min=0, help="How long the token before is still let in.")] = 24.0,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a new token for a gateway and print it, this once."""
    fields = {"overlap_seconds": round(overlap_hours * 3600)}
    _print_made(change(desk, dry_run, output, lambda: desk.rotate(_PATHS["gateway"], token, fields)), output)


@app.command()
@at_desk
def revoke(
    desk: Desk,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A token's id; a gateway's name will do.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """End a token at once, with those that it made."""

    def work() -> None:
        try:
            desk.delete(_PATHS["api"], token)
        except NotFound:
            desk.delete(_PATHS["gateway"], token)

    change(desk, dry_run, output, work)
    say(tr("The token is over."))


def _rows(desk: Desk) -> Iterator[Row]:
    for kind, path in _PATHS.items():
        yield from ({**row, "kind": kind} for row in every(desk, path))


def _print_made(made: Made, output: Format) -> None:
    print_object({"token": made.secret, **{name: value for name, value in made.row.items() if name in _SHOWN}}, output)
    say(tr("The token is shown this once: give it to its program."))
