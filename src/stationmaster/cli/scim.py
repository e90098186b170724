"""`stationmaster scim`: tokens for a company's directory, and people whose leaving it wants and the guard holds."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_terminal, changing, open_store
from stationmaster.cli.talk import say
from stationmaster.i18n import tr

app = typer.Typer(help="People and groups kept up to date by a company's directory.", no_args_is_help=True)
_token = typer.Typer(help="Tokens that a directory presents.", no_args_is_help=True)
app.add_typer(_token, name="token")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
Output = Annotated[Format, typer.Option(help="How to print it.")]
Persons = Annotated[list[str], typer.Argument(metavar="PERSON...", help="Their ids, as `held` prints them; or all.")]
_SHOWN = ("id", "name", "hint", "expires_at", "last_used_at", "created_at")
_HELD = ("person", "user_name", "display_name", "deletes", "held_at", "asked_at")


@_token.command()
def create(
    name: Annotated[str, typer.Argument(help="Which directory it is for.")],
    days: Annotated[int, typer.Option(help="How long it is valid.")] = 365,
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a token that may keep people and groups, and nothing else; print it, this once."""
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        made = services.create_scim_token(edit.actor, {"name": name, "days": days})
    shown = {key: value for key, value in _plain(made.row).items() if key in _SHOWN}
    if dry_run:
        print_object(shown, output)
        say(tr("Nothing was changed."))
        return
    print_object({"token": made.secret.text, **shown}, output)
    say(tr("The token is shown this once: give it to your directory."))


@_token.command(name="list")
def list_(config: File = None, data: Data = None, output: Output = Format.TABLE) -> None:
    """Print the tokens there are; never what they say."""
    open_store(config, data)
    from stationmaster.operators import services
    from stationmaster.store.filters import Filter

    rows = _all(services.list_tokens, (Filter("role", "eq", "scim"),))
    print_rows(rows, {name: name for name in _SHOWN}, output, under="tokens", beside={"schema_version": 1})


@_token.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A token's id.")],
    config: File = None,
    data: Data = None,
    dry_run: DryRun = False,
) -> None:
    """End a token at once."""
    open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        services.delete_token(edit.actor, token)
    say(tr("Nothing was changed.") if dry_run else tr("The token is over."))


@app.command()
def held(config: File = None, data: Data = None, output: Output = Format.TABLE) -> None:
    """Print whom the directory wants to leave, and who stays until somebody approves."""
    open_store(config, data)
    from stationmaster.people.scim import services

    rows = _all(services.list_held, ())
    print_rows(rows, {name: name for name in _HELD}, output, under="held", beside={"schema_version": 1})


@app.command()
def approve(persons: Persons, config: File = None, data: Data = None, dry_run: DryRun = False) -> None:
    """Have these people leave: sessions, API tokens and virtual keys of theirs end at once."""
    open_store(config, data)
    from stationmaster.people.scim import services

    with changing(at_terminal(), dry_run) as edit:
        count = services.approve(edit.actor, persons)
    _tell(tr("{n} people left.", n=count), dry_run)


@app.command()
def refuse(persons: Persons, config: File = None, data: Data = None, dry_run: DryRun = False) -> None:
    """Have these people stay; the directory is held again when it asks again."""
    open_store(config, data)
    from stationmaster.people.scim import services

    with changing(at_terminal(), dry_run) as edit:
        count = services.refuse(edit.actor, persons)
    _tell(tr("{n} people stay.", n=count), dry_run)


def _tell(done: str, dry_run: bool) -> None:
    say(done)
    if dry_run:
        say(tr("Nothing was changed."))


def _all(listed: Any, filters: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    from stationmaster.store.listing import MAX_LIMIT, Query

    cursor = ""
    while True:
        page = listed(at_terminal(), Query(filters=filters, cursor=cursor, limit=MAX_LIMIT, counted=False))
        yield from map(_plain, page.items)
        if not (cursor := page.next):
            return


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
