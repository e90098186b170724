"""Flags, variables and saved rows → layers of given values, unchecked. Owns how each of them spells a setting.

Nothing is refused on the spot: what is wrong is reported as problems, all of them at once. No message repeats a value.
The file's layer is `document`'s.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stationmaster.gateway.config import Problem
from stationmaster.gateway.config.problems import did_you_mean, shown
from stationmaster.gateway.config.source import read_some
from stationmaster.settings.fields import FIELDS, PREFIX, TWIN, Field
from stationmaster.settings.marks import at_home
from stationmaster.settings.root import Given, Layer, Origin, Spot

ENVIRONMENT = "environment"


class Flag(NamedTuple):
    """What the command line gave for a setting: the option's name, "--port", and its value."""

    option: str
    value: Any


class Saved(Protocol):
    """A setting that an admin saved in the database: who, and when."""

    @property
    def value(self) -> Any:
        """Plain data, as JSON has it."""

    @property
    def by(self) -> object:
        """Whose change it was."""

    @property
    def at(self) -> object:
        """When."""


class Read(NamedTuple):
    """A layer, and what is wrong with its spelling."""

    layer: Layer
    problems: tuple[Problem, ...]


def problem(spot: Spot, code: str, message: str, hint: str = "") -> Problem:
    """A problem at a spot; `code` is the part behind "error.config."."""
    return Problem(spot.file, spot.line, spot.key, message, hint, f"error.config.{code}")


def of_flags(flags: Mapping[str, Flag], folder: Path) -> Read:
    """What the command line gave; options that were left out (None) do not count."""
    layer = {
        name: Given(placed(FIELDS[name], flag.value, folder), Origin("flag", flag.option), Spot("command line", 0, flag.option))
        for name, flag in flags.items() if flag.value is not None
    }  # fmt: skip
    return Read(layer, ())


def _second(at: object) -> str:
    """A moment to the second; what is none as it is."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if isinstance(at, datetime) else str(at)


def of_saved(saved: Mapping[str, Saved]) -> Read:
    """What admins saved. Names that no longer exist, or may not be saved, are problems."""
    layer, problems = {}, []
    for name, row in saved.items():
        spot = Spot("saved settings", 0, name)
        if name not in FIELDS or FIELDS[name].takes == "start":
            problems.append(problem(spot, "unknown_key", "no setting that can be saved", did_you_mean(name, FIELDS)))
        else:
            origin = Origin("stored", f"by {row.by} at {_second(row.at)}")
            layer[name] = Given(placed(FIELDS[name], row.value, Path("/")), origin, spot)
    return Read(layer, tuple(problems))


def of_environment(environ: Mapping[str, str], folder: Path) -> Read:
    """STATIONMASTER__SECTION__KEY, the short names, and their _FILE twins. An empty variable is not set."""
    found = {name: environ[name] for name in environ if environ[name]}
    layer: dict[str, Given] = {}
    problems = list(_unknown_variables(found))
    for field in FIELDS.values():
        names = [name for name in variables(field) if name in found]
        if names:
            spot = Spot(ENVIRONMENT, 0, names[0])
            try:
                value, where = _of_variable(field, names[0], found[names[0]], folder)
                layer[field.name] = Given(value, Origin("env", where), spot)
            except OSError as error:
                problems.append(problem(spot, "secret", f"cannot read the file it names: {error.strerror}"))
            except ValueError:
                problems.append(problem(spot, "secret", "cannot read the file it names as text"))
        if len(names) > 1:
            spot = Spot(ENVIRONMENT, 0, names[1])
            problems.append(problem(spot, "duplicate", f"{field.name} is also set by {names[0]}", "unset one of them"))
    return Read(layer, tuple(problems))


def variables(field: Field) -> tuple[str, ...]:
    """All names that the environment has for a setting."""
    twins = tuple(f"{name}{TWIN.upper()}" for name in field.variables) if field.secret else ()
    return field.variables + twins


def nearest(name: str, known: Iterable[str]) -> str:
    """The known variable that `name` is most like, or nothing. The prefix that all have makes none alike."""
    bare = {_bare(each): each for each in known}
    near = difflib.get_close_matches(_bare(name.upper()), sorted(bare), n=1)
    return bare[near[0]] if near else ""


def _bare(name: str) -> str:
    return name.removeprefix("STATIONMASTER").strip("_")


def _unknown_variables(names: Mapping[str, str]) -> Iterator[Problem]:
    known = {name for field in FIELDS.values() for name in variables(field)}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            near = nearest(name, known)
            hint = f'did you mean "{near}"?' if near else "docs/reference/settings.md lists them"
            yield problem(Spot(ENVIRONMENT, 0, shown(name)), "unknown_key", "unknown setting", hint)


def _of_variable(field: Field, name: str, text: str, folder: Path) -> tuple[Any, str]:
    """The value that a variable gives, and where it came from. Raises OSError, ValueError for a twin's file."""
    if field.secret and name.endswith(TWIN.upper()):
        return secret_in(folder / text), f"{name}={text}"
    if field.is_list:
        return tuple(part.strip() for part in text.split(",") if part.strip()), name
    return placed(field, text, folder), name


def placed(field: Field, value: Any, folder: Path) -> Any:
    """A value as its type wants it: a relative path starts at `folder`; a list is as good as a tuple."""
    if field.is_path and isinstance(value, str | Path) and str(value):
        return folder / at_home(Path(value))
    return tuple(value) if field.is_list and isinstance(value, list) else value


def secret_in(path: Path) -> str:
    """The secret in a file, less the line break at its end. Raises OSError, ValueError."""
    return read_some(path).decode().removesuffix("\n").removesuffix("\r")
