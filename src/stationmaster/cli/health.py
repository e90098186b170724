"""`stationmaster health`: whether the credentials of a config file work."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stationmaster.cli.talk import Output, print_json, say
from stationmaster.errors import StationmasterError
from stationmaster.gateway import config as files
from stationmaster.gateway.config.problems import did_you_mean, quoted
from stationmaster.gateway.core.snapshot import Credential, Snapshot
from stationmaster.i18n import tr

if TYPE_CHECKING:
    from stationmaster.gateway.server.probes import Checked

app = typer.Typer(help="Whether credentials work.", no_args_is_help=True)

_COLUMNS = ("id", "vendor", "state", "cause", "code", "milliseconds")
_Row = dict[str, str | int | None]


@app.callback()
def _noun() -> None:
    """Whether credentials work."""


@app.command()
def check(
    id: Annotated[str, typer.Argument(metavar="ID", help="Only this credential.")] = "",  # noqa: A002
    config: Annotated[Path, typer.Option(help="The config file.")] = Path("gateway.toml"),
    allow_literal_secrets: Annotated[
        bool, typer.Option("--allow-literal-secrets", help="Accept secrets written into the file.")
    ] = False,
    output: Annotated[Output, typer.Option(help="How to print what was found.")] = Output.TABLE,
) -> None:
    """Ask each vendor now, with a list of models and never a completion. A running gateway is not told."""
    snapshot = files.load(config, environ=os.environ, allow_literal_secrets=allow_literal_secrets)
    chosen = _chosen(snapshot, id)
    checked = _probe(snapshot, [each for each in chosen if not each.disabled])
    rows = [_row(each, checked.get(each.id)) for each in chosen]
    failed = sum(each.finding.failed for each in checked.values())
    if output is Output.JSON:
        print_json({"ok": not failed, "credentials": rows})
    else:
        _print_rows(rows)
    say(tr("{number} checked, {failed} failed.", number=len(checked), failed=failed))
    say(tr("Asked from here: a running gateway goes by what it saw itself, which /metrics and its events tell."))
    raise typer.Exit(1 if failed else 0)


def _chosen(snapshot: Snapshot, name: str) -> Sequence[Credential]:
    """All credentials, or the one named. Raises StationmasterError when there is none of that name."""
    if not name:
        return snapshot.credentials
    found = [each for each in snapshot.credentials if each.id == name]
    if not found:
        raise StationmasterError(
            "error.usage.no_such_credential", f"no credential has the id {quoted(name)}",
            hint=did_you_mean(name, (each.id for each in snapshot.credentials)),
        )
    return found


def _probe(snapshot: Snapshot, credentials: Sequence[Credential]) -> "dict[str, Checked]":
    from stationmaster.gateway.server import probes, proxies, supervisor  # here: --help needs no event loop

    supervisor.check_environment(os.environ)
    supervisor.check_bundle(snapshot.settings)
    heard = _progress(len(credentials))
    found = probes.check(credentials, snapshot.settings, proxies.from_environ(os.environ), heard)
    return {each.credential: each for each in found}


def _progress(total: int) -> "Callable[[Checked], None]":
    """Counts on stderr while a person looks on; the line is gone at the end."""
    done = 0

    def heard(_checked: "Checked") -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            text = f"checked {done} of {total}" if done < total else ""
            typer.echo(f"\r\x1b[K{text}", err=True, nl=False)

    return heard


def _row(credential: Credential, checked: "Checked | None") -> _Row:
    """One credential's row; `checked` None: an operator disabled it, so that nobody asked."""
    row: _Row = {"id": credential.id, "vendor": credential.vendor}
    if checked is None:
        return {**row, "state": "disabled", "cause": "operator", "code": "", "milliseconds": None}
    found = checked.finding
    return {**row, "state": found.state, "cause": found.cause, "code": found.code, "milliseconds": checked.milliseconds}


def _print_rows(rows: Sequence[_Row]) -> None:
    """For people: a line a credential under the columns' names. Empty cells are dashes, so that columns can be cut."""
    cells = [_COLUMNS, *([_cell(row, name) for name in _COLUMNS] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(_COLUMNS))]
    for line in cells:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(row: _Row, name: str) -> str:
    if name == "state" and row["cause"] == "operator":
        return "disabled (operator)"
    value = row[name]
    return str(value) if value not in ("", None) else "-"
