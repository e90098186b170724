"""What the command line prints. Owns: stdout for data, stderr for talk, the exit code of an error."""

import enum
import json
from collections.abc import Mapping

import msgspec
import typer

from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import ConfigError
from stationmaster.gateway.config.problems import Problem
from stationmaster.i18n import tr, trn
from stationmaster.phrases import said

_NO_FILES = ("environment", "command line")      # what a problem's file is called where there is none


class Output(enum.StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    typer.echo(text, err=True)


def say_error(error: StationmasterError) -> None:
    """Print an expected error, in the language of whoever is at the terminal: a config file's problems one a line, others
    with their hint."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            say(_problem(problem))
        say(_how_many(error))
        return
    say(tr("error: {message}", message=said(error.message)))
    if error.hint:
        say(tr("hint: {hint}", hint=said(error.hint)))


def _problem(problem: Problem) -> str:
    """One problem of a file: where it is as it is written there, what it is in the reader's language."""
    return str(msgspec.structs.replace(problem, message=said(problem.message), hint=said(problem.hint)))


def _how_many(error: ConfigError) -> str:
    if any(problem.file in _NO_FILES for problem in error.problems):
        return trn("error: {number} problem in the settings", "error: {number} problems in the settings", len(error.problems))
    return trn("error: {number} problem in the config file", "error: {number} problems in the config file", len(error.problems))


def exit_code(error: StationmasterError) -> int:
    """Return 2 for what was asked wrongly, a list's filters and order among it, 1 for what failed."""
    return 2 if isinstance(error, ConfigError) or error.code.startswith(("error.usage.", "error.list.")) else 1


def print_json(data: Mapping[str, object]) -> None:
    """Print data for programs."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_pairs(data: Mapping[str, object]) -> None:
    """Print data for people: a name and a value a line."""
    width = max(map(len, data))
    for name, value in data.items():
        typer.echo(f"{name:<{width}}  {value}")
