"""What the command line prints. Owns: stdout for data, stderr for talk, the exit code of an error."""

import enum
import json
from collections.abc import Mapping

import typer

from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import ConfigError

_NO_FILES = ("environment", "command line")      # what a problem's file is called where there is none


class Output(enum.StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    typer.echo(text, err=True)


def say_error(error: StationmasterError) -> None:
    """Print an expected error: a config file's problems one a line, others with their hint."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            say(str(problem))
        number = len(error.problems)
        where = "the settings" if any(problem.file in _NO_FILES for problem in error.problems) else "the config file"
        say(f"error: {number} problem{'s' if number > 1 else ''} in {where}")
    else:
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")


def exit_code(error: StationmasterError) -> int:
    """Return 2 for what was asked wrongly, 1 for what failed."""
    return 2 if isinstance(error, ConfigError) or error.code.startswith("error.usage.") else 1


def print_json(data: Mapping[str, object]) -> None:
    """Print data for programs."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_pairs(data: Mapping[str, object]) -> None:
    """Print data for people: a name and a value a line."""
    width = max(map(len, data))
    for name, value in data.items():
        typer.echo(f"{name:<{width}}  {value}")
