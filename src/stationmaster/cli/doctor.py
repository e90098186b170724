"""`stationmaster doctor`: what is wrong with this installation, each finding with one line on how to put it right."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stationmaster.cli.config import Data, File, settings_of
from stationmaster.cli.desk import stay_here
from stationmaster.cli.output import Format, print_rows, printable
from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import ConfigError
from stationmaster.i18n import tr, trn, use

if TYPE_CHECKING:
    from stationmaster.diagnosis import Finding
    from stationmaster.settings import Saved, Settings


def doctor(
    config: File = None,
    data: Data = None,
    output: Annotated[Format, typer.Option(help="How to print what was found.")] = Format.TABLE,
) -> None:
    """Look for what is wrong with this installation, and say how to put it right. Changes nothing.

    Exit code 1 when something is broken.
    """
    stay_here("doctor", os.environ)
    found = list(_found(config, data))
    broken, warned = (sum(each.severity == severity for each in found) for severity in ("broken", "warning"))
    if output is Format.TABLE:
        _print_findings(found)
    else:
        columns = {name: name for name in ("id", "severity", "what", "fix")}
        print_rows(map(asdict, found), columns, output, under="findings", beside={"schema_version": 1, "ok": not broken})
    say(_summary(broken, warned))
    raise typer.Exit(1 if broken else 0)


def _found(config: File, data: Data) -> "Iterator[Finding]":
    from stationmaster.diagnosis import diagnose  # here: --help needs none of it
    from stationmaster.diagnosis.rounds import of_machine
    from stationmaster.diagnosis.wishes import unreadable

    try:
        settings = settings_of(config, data, saved=_saved)
    except ConfigError as error:
        yield from of_machine(os.environ)
        yield from unreadable(error.problems)
        return
    use(settings.ui.language)
    yield from diagnose(settings, os.environ)
    from stationmaster.backup import finding, policy

    yield finding.check(policy.policy_of(settings), datetime.now(UTC))


def _saved(settings: "Settings") -> "Mapping[str, Saved]":
    """What admins saved. A database that cannot be read is a finding of its own."""
    from stationmaster.diagnosis.django_database import saved
    from stationmaster.diagnosis.rounds import keys_of

    try:
        return saved(settings, keys_of(settings, os.environ))
    except (StationmasterError, OSError):
        return {}


def _print_findings(found: "Iterable[Finding]") -> None:
    """For people: a line a finding, and below it what to do. A table would be wider than any terminal."""
    for each in found:
        typer.echo(f"{each.severity:<7}  {each.id:<14}  {printable(each.what)}")
        if each.fix:
            typer.echo(f"{'':<25}→ {printable(each.fix)}")


def _summary(broken: int, warned: int) -> str:
    if not broken and not warned:
        return tr("Nothing is wrong.")
    parts: Iterable[str] = (
        trn("{number} thing is broken", "{number} things are broken", broken) if broken else "",
        trn("{number} warning", "{number} warnings", warned) if warned else "",
    )
    return "; ".join(filter(None, parts)) + "."
