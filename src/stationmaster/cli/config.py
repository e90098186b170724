"""`stationmaster config`: the control plane's settings, and where each comes from."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stationmaster.cli.desk import stay_here
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import ConfigError
from stationmaster.i18n import tr, trn

if TYPE_CHECKING:
    from stationmaster.settings import ReadSaved, Saved, Settings

app = typer.Typer(help="The control plane's settings, and where each comes from.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--config", help="The config file, in place of the one that would be found.")
]
Data = Annotated[Path | None, typer.Option("--data", help="The data folder.")]
_Output = Annotated[Format, typer.Option(help="How to print it.")]


@app.callback()
def _noun() -> None:
    """The control plane's settings, and where each comes from."""


def settings_of(file: Path | None, data: Path | None, *, saved: "ReadSaved | None" = None) -> "Settings":
    """The settings of this process: options, environment and file, over what `saved` reads of the database.
    Raises ConfigError."""
    from stationmaster import settings  # here: `gateway` needs none of it

    flags = {"data.dir": settings.Flag("--data", data)}
    return settings.load(flags=flags, environ=os.environ, folder=Path.cwd(), file=file, saved=saved)


def saved_if_readable(settings: "Settings") -> "Mapping[str, Saved]":
    """What admins saved. A database that cannot be read is told on stderr, and then nothing is saved."""
    from stationmaster.diagnosis.django_database import saved
    from stationmaster.diagnosis.rounds import keys_of

    try:
        return saved(settings, keys_of(settings, os.environ))
    except StationmasterError as error:
        say(tr("What is saved in the database is left out: {why}", why=error.message))
        return {}


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    config: File = None,
    data: Data = None,
    output: _Output = Format.TABLE,
) -> None:
    """Print every setting that this process would start with, secrets masked."""
    stay_here("config show", os.environ)
    settings = settings_of(config, data, saved=saved_if_readable)
    for problem in settings.ignored:
        say(str(problem))
    columns = {"name": tr("setting"), "value": tr("value"), "takes_effect": tr("takes effect")}
    if origin:
        columns |= {"origin": tr("origin"), "where": tr("where")}
    print_rows(_rows(settings), columns, output, under="settings", beside={"schema_version": 1})


def _rows(settings: "Settings") -> Iterator[dict[str, Any]]:
    from stationmaster.settings import FIELDS

    for field in FIELDS.values():
        origin = settings.origin(field.name)
        yield {
            "name": field.name, "value": settings.shown(field.name), "takes_effect": field.takes.value,
            "origin": origin.kind, "where": origin.where,
        }  # fmt: skip


@app.command()
def validate(
    file: Annotated[Path | None, typer.Argument(help="A config file, in place of the one that would be found.")] = None,
    output: _Output = Format.TABLE,
) -> None:
    """Check a config file together with the environment; every problem is told, with its line."""
    from stationmaster.settings import FIELDS

    try:
        settings = settings_of(file, None)
    except ConfigError as error:
        if output is not Format.TABLE:
            columns = {name: name for name in ("file", "line", "key", "message", "hint", "code")}
            rows = map(msgspec.structs.asdict, error.problems)
            print_rows(rows, columns, output, under="problems", beside={"schema_version": 1, "ok": False})
        raise
    given = [field.name for field in FIELDS.values() if settings.origin(field.name).kind != "default"]
    if output is Format.JSON:
        print_rows((), {}, output, under="problems", beside={"schema_version": 1, "ok": True})
    say(trn("Good: {number} setting is given.", "Good: {number} settings are given.", len(given)))
    say(tr("The file: {file}", file=path) if (path := _file(file, settings)) else tr("There is no config file."))


def _file(named: Path | None, settings: "Settings") -> Path | None:
    """The config file that was read."""
    from stationmaster.settings.load import find_file

    return named or find_file(os.environ, Path.cwd(), settings.folder)


@app.command()
def schema() -> None:
    """Print the JSON Schema of stationmaster.toml, for editors."""
    from stationmaster import settings

    typer.echo(json.dumps(settings.schema(), indent=2))
