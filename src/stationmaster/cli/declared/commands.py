"""`stationmaster export` and `stationmaster apply`."""

import enum
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.secret_input import asked_for, secret_of
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import Output, Yes, confirm
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn

if TYPE_CHECKING:
    from stationmaster.cli.declared.document import Held
    from stationmaster.cli.declared.plan import Step
    from stationmaster.cli.declared.reading import Wanted
    from stationmaster.cli.declared.sealed import Secret
    from stationmaster.cli.declared.tables import Name


class DocumentForm(enum.StrEnum):
    """The forms of the file."""

    TOML = "toml"
    YAML = "yaml"


@at_desk
def export(
    desk: Desk, output: Annotated[DocumentForm, typer.Option(help="The file's form.")] = DocumentForm.TOML
) -> None:
    """Print the routing objects as a file.

    Workspaces, credentials with their sources, pools, routes, keys and targets. No secret is in it: it names the ones that are
    stored, and keys stand there with their limits alone. `stationmaster apply` takes it back.
    """
    from stationmaster.cli.declared.document import held
    from stationmaster.cli.declared.writing import text_of

    typer.echo(text_of(held(desk).document, output.value), nl=False)


@at_desk
def apply(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML, YAML by its ending, - for stdin; a gateway.toml too.")],
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the file does not name.")] = False,
    secrets_dir: Annotated[
        Path | None, typer.Option(help="A folder with secrets that are needed: credential/NAME, workspace/NAME, key/NAME, "
                                          "target/NAME, source/NAME, refresh_token/NAME."),
    ] = None,
    allow_literal_secrets: Annotated[
        bool, typer.Option("--allow-literal-secrets", help="Accept secrets written into the file.")
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference; exit 10 if there is one.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Make the routing objects like those of a file.

    Shows the difference and asks first. All of it happens, or nothing; over REST one change after another. Routes have no
    names: if the file has any, they are the whole list. A key without a hash is made, and printed this once.
    """
    from stationmaster.cli.declared.document import held
    from stationmaster.cli.declared.work import Work

    before = held(desk)
    wanted = _with_folder(_read(file, before, prune, allow_literal_secrets), before, secrets_dir)
    work = Work(desk, wanted, prune, output)
    steps = work.steps(before)
    work.show(steps)
    if dry_run or not steps:
        raise typer.Exit(work.try_out(steps))
    _check_needed(steps)
    confirm(trn("Make this change?", "Make these {number} changes?", len(steps)), yes)
    raise typer.Exit(work.carry(steps, {**wanted.given, **_asked(steps)}))


def _read(file: Path, before: "Held", prune: bool, literal: bool) -> "Wanted":
    from stationmaster.cli.declared.reading import Form, read
    from stationmaster.cli.declared.tables import TABLES
    from stationmaster.gateway.config.secret import Surroundings
    from stationmaster.gateway.config.source import _text, read_some

    form: Form = "yaml" if file.suffix in (".yaml", ".yml") else "toml"
    text = sys.stdin.read() if str(file) == "-" else _text(file)
    around = Surroundings(os.environ, read_some, file.parent.absolute(), literal)
    known = {kind: () if prune else [each.get("id", "") for each in before.document.entries[kind]] for kind in TABLES}
    wanted = read(text, str(file), form, around, known)
    if wanted.left:
        say(tr("Left out, for they are settings and no routing objects: {names}", names=", ".join(wanted.left)))
    return wanted


def _with_folder(wanted: "Wanted", before: "Held", folder: Path | None) -> "Wanted":
    """With secrets of the folder for what the file gives none. A name may hold slashes: its file has it percent-encoded."""
    from dataclasses import replace

    from stationmaster.cli.declared.sealed import Secret, takers

    given: dict[Name, Secret] = dict(wanted.given)
    for kind, name in takers(wanted.document) if folder is not None else ():
        path = (folder or Path()) / kind / quote(name, safe="")
        known = kind == "key" and name in before.document.by_id("key")
        if (kind, name) not in given and path.is_file() and not known:
            text = secret_of(path)
            given[(kind, name)] = Secret(f"({path})", hashlib.sha256(text.encode()).hexdigest() if kind == "key" else text)
    return replace(wanted, given=given)


def _check_needed(steps: "Sequence[Step]") -> None:
    needed = ["/".join(name) for step in steps for name in step.needed]
    if needed and not sys.stdin.isatty():
        listed = ", ".join(needed[:10]) + (f" and {len(needed) - 10} more" if len(needed) > 10 else "")
        raise StationmasterError("error.usage.secret", f"secrets are needed, and nobody is here to be asked: {listed}",
                                 hint="put each into a file of that name in a folder, and name that with --secrets-dir")


def _asked(steps: "Sequence[Step]") -> "Mapping[Name, Secret]":
    from stationmaster.cli.declared.sealed import Secret

    return {name: Secret("", asked_for(" ".join(name))) for step in steps for name in step.needed}
