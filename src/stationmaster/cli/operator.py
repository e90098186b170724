"""`stationmaster operator`: who may log in."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.opening import at_terminal, changing, open_store
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.talk import say
from stationmaster.i18n import tr

app = typer.Typer(help="Who may log in to the console and the API.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="OPERATOR", help="An e-mail address or an id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
Output = Annotated[Format, typer.Option(help="How to print it.")]
_SHOWN = ("id", "email", "display_name", "role", "active", "second_factor", "last_login_at")


@app.callback()
def _noun() -> None:
    """Who may log in to the console and the API."""


@app.command(name="list")
def list_(
    search: Annotated[str, typer.Option(help="Words that all occur.")] = "",
    config: File = None,
    data: Data = None,
    output: Output = Format.TABLE,
) -> None:
    """Print the operators."""
    open_store(config, data)
    from stationmaster.operators import services
    from stationmaster.store.listing import MAX_LIMIT, Query

    cursor, rows = "", []
    while True:
        page = services.list_operators(at_terminal(), Query(search=search, cursor=cursor, sort="email", limit=MAX_LIMIT))
        rows += page.items
        if not (cursor := page.next):
            break
    print_rows(map(_plain, rows), {name: name for name in _SHOWN}, output, under="operators", beside={"schema_version": 1})


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="What they log in with.")],
    role: Annotated[str, typer.Option(help="viewer, operator, admin, auditor or member.")] = "viewer",
    name: Annotated[str, typer.Option(help="What they are called.")] = "",
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Let somebody in. They come by single sign-on; a password of our own takes a link of `stationmaster admin link`."""
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        row = services.create_operator(edit.actor, {"email": email, "role": role, "display_name": name})
    _print(row, dry_run, output)


@app.command()
def role(
    operator: Who,
    role: Annotated[str, typer.Argument(help="viewer, operator, admin, auditor or member.")],
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Give an operator another role."""
    _update(operator, {"role": role}, config, data, dry_run, output)


@app.command()
def disable(
    operator: Who, config: File = None, data: Data = None, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Let an operator in no more: sessions and tokens end at once."""
    _update(operator, {"active": False}, config, data, dry_run, output)


def _update(operator: str, given: Mapping[str, Any], config: File, data: Data, dry_run: bool, output: Format) -> None:
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        row = services.update_operator(edit.actor, operator, given)
    _print(row, dry_run, output)


def _print(row: Mapping[str, Any], dry_run: bool, output: Format) -> None:
    print_object({name: value for name, value in _plain(row).items() if name in _SHOWN}, output)
    if dry_run:
        say(tr("Nothing was changed."))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
