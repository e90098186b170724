"""Reading what `deploy/` holds, for tests: documents, commands in them, settings in them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main
import yaml
from typer.core import TyperGroup

from stationmaster.cli.app import app
from stationmaster.settings import FIELDS, variables

DEPLOY = Path(__file__).parents[2] / "deploy"
_PROGRAM: Any = typer.main.get_command(app)
# What the command line itself reads from its environment, beside settings: docs/reference/settings.md and cli.md.
_OTHERS = {"STATIONMASTER_CONFIG", "STATIONMASTER_DATA"}


def documents(file: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return [each for each in yaml.safe_load_all(file.read_text()) if each]


def read_command(words: Sequence[str]) -> None:
    """Have the program read a command line, without the program's name: the command, its options, their values. Raises what it
    raises at a terminal, `SystemExit` for `--help`."""
    command, context, rest = _PROGRAM, typer.Context(_PROGRAM, info_name="stationmaster"), list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        command = command.commands[rest.pop(0)]
        context = typer.Context(command, info_name=command.name, parent=context)
    if isinstance(command, TyperGroup):
        command.make_parser(context).parse_args(rest)
    else:
        command.make_context(command.name, rest, parent=context.parent)


def unknown_variables(environ: Mapping[str, object]) -> Iterator[str]:
    """Names with our prefix that nothing reads."""
    known = {name for field in FIELDS.values() for name in variables(field)} | _OTHERS
    return (name for name in environ if name.startswith("STATIONMASTER") and name not in known)


def secret_variables() -> set[str]:
    """Variables that would hold a secret themselves; a file's name belongs into a deployment, never these."""
    return {name for field in FIELDS.values() if field.secret for name in field.variables}
