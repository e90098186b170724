"""`stationmaster settings`: what admins may set at run time. `config show` says what a process here would start with."""

from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import DryRun, Output, change, noun_app

app = noun_app("Settings that can be changed while everything runs.")
FIELDS = ("name", "value", "origin", "where", "locked", "can_be_saved", "takes_effect", "expected", "revision", "description")
_SHOWN = ("name", "value", "origin", "can_be_saved", "takes_effect")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As in retention.raw_events_days.")]


@app.command(name="list")
@at_desk
def list_(
    desk: Desk,
    every: Annotated[bool, typer.Option("--all", help="Those too that are set at the start only.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """List settings and where each value comes from."""
    rows = (row for row in desk.settings() if every or row["can_be_saved"])
    columns = _SHOWN if output is Format.TABLE else FIELDS
    print_rows(rows, {name: name for name in columns}, output, under="settings", beside={"schema_version": 1})


@app.command()
@at_desk
def show(desk: Desk, name: Name, output: Output = Format.TABLE) -> None:
    """Show one setting."""
    print_object({field: value for field, value in desk.setting(name).items() if field in FIELDS}, output)


@app.command(name="set")
@at_desk
def set_(
    desk: Desk,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="As in 30, true or a text; a list by commas.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Save a setting."""
    print_object(change(desk, dry_run, output, lambda: desk.save_setting(name, _value(name, value))), output)


@app.command()
@at_desk
def clear(desk: Desk, name: Name, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Take a saved value away: the default holds again."""
    print_object(change(desk, dry_run, output, lambda: desk.clear_setting(name)), output)


def _value(name: str, text: str) -> Any:
    from stationmaster.settings.typed import from_text  # here: it takes all settings along

    return from_text(name, text)
