"""Waiting for a job at the terminal. Owns: the bar on stderr, what is said when it ends, the exit code; Ctrl-C ends the waiting
and not the job.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.naming import readable
from stationmaster.cli.output import Format, print_object, printable
from stationmaster.cli.talk import say
from stationmaster.i18n import tr

ENDED: Final = ("succeeded", "partial", "failed", "cancelled")
LEFT: Final = 130                # exit code of one that Ctrl-C left
_CODES: Final = {"succeeded": 0, "partial": 3}
_LOOK: Final = 0.5               # seconds between two looks; over REST twice as long
_PATIENCE: Final = 5.0           # seconds in the queue before a missing worker is told of

Wait = Annotated[bool, typer.Option("--wait", help="Wait for the job's end, with a bar on stderr. Ctrl-C leaves it running.")]

SHOWN: Final = ("id", "kind", "state", "total", "ok", "skipped", "failed", "left", "cause", "sentence")


def follow_up(desk: Desk, job: Row, wait: bool, output: Format = Format.TABLE) -> None:
    """After a job was submitted: print it on stdout, and with `wait` wait for its end first and leave with its exit code."""
    code = wait_for(desk, job["id"]) if wait else 0
    row = desk.get("jobs", job["id"])
    print_object({name: row[name] for name in SHOWN} if output is Format.TABLE else row, output)
    if not wait:
        say(tr("It goes on by itself; `{command}` follows it.", command=command(job["id"])))
    if code:
        raise typer.Exit(code)


def command(job: str) -> str:
    """What follows a job."""
    return f"stationmaster job log {job} --follow"


def wait_for(desk: Desk, job: str) -> int:
    """Wait until a job has ended; 0 it succeeded, 3 in part, 1 it failed or was cancelled. With Ctrl-C it goes on without us:
    raises typer.Exit 130."""
    try:
        with _bar() as show:
            row = _watched(desk, job, show)
    except KeyboardInterrupt:
        say("")
        say(tr("The job goes on; `{command}` follows it.", command=command(job)))
        raise typer.Exit(LEFT) from None
    say(ending(desk, row))
    return _CODES.get(row["state"], 1)


def ending(desk: Desk, row: Row) -> str:
    """One line of how a job ended."""
    words = tr(
        "{state}: {ok} done, {skipped} skipped, {failed} failed, {left} not tried", state=_state(row["state"]), ok=row["ok"],
        skipped=row["skipped"], failed=row["failed"], left=row["left"],
    )  # fmt: skip
    return f"{words} — {printable(readable(desk, row['sentence']))}" if row["sentence"] else words


def _state(state: str) -> str:
    words = {
        "succeeded": tr("Succeeded"), "partial": tr("Succeeded in part"), "failed": tr("Failed"), "cancelled": tr("Cancelled"),
    }  # fmt: skip
    return words.get(state, state)


def _watched(desk: Desk, job: str, show: Callable[[Row], None]) -> Row:
    """Look until it has ended; the last row."""
    started, told = time.monotonic(), False
    while True:
        row = desk.get("jobs", job)
        show(row)
        if row["state"] in ENDED:
            return row
        if not told and row["state"] == "queued" and time.monotonic() - started > _PATIENCE:
            told = True
            _say_why_it_waits(desk)
        time.sleep(_LOOK if desk.local else 2 * _LOOK)


def _say_why_it_waits(desk: Desk) -> None:
    if not any(each["alive"] for each in desk.workers()):
        say(tr("The job waits: no worker runs. `stationmaster up` and `stationmaster worker` do."))


@contextmanager
def _bar() -> Iterator[Callable[[Row], None]]:
    """What shows a bar where somebody sees it; else nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rest]}"))
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=None, rest="")

        def show(row: Row) -> None:
            done, words = row["total"] - row["left"], f"{row['kind']} {row['state']}"
            progress.update(task, description=words, total=row["total"] or None, completed=done, rest=rest(row))

        yield show


def rest(row: Row) -> str:
    """How fast it goes, and how long it will take."""
    if row["eta_seconds"] is None or row["per_minute"] is None:
        return ""
    minutes, seconds = divmod(round(row["eta_seconds"]), 60)
    return tr("{number} a minute, {minutes}:{seconds:02} to go", number=row["per_minute"], minutes=minutes, seconds=seconds)
