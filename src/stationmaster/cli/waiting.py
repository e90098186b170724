"""Waiting for a job at the terminal. Owns: the bar on stderr, what is said when it ends, the exit code; Ctrl-C ends the waiting
and not the job.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.naming import readable
from stationmaster.cli.output import Format, print_object, printable
from stationmaster.cli.talk import say
from stationmaster.i18n import tr

ENDED: Final = ("succeeded", "partial", "failed", "cancelled")
LEFT: Final = 130                # exit code of one that Ctrl-C left
_CODES: Final = {"succeeded": 0, "partial": 3}
_LOOK: Final = 0.5               # seconds between two looks; over REST twice as long
_PATIENCE: Final = 5.0           # seconds in the queue before a missing worker is told of
_MOST: Final = 5                 # failed items that are told of
_LATER: Final = re.compile(r"later, in [0-9]+ s: ")

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
    if row["failed"]:
        _say_what_failed(desk, job)
    return _CODES.get(row["state"], 1)


def _say_what_failed(desk: Desk, job: str) -> None:
    """The sentences of items that failed, and where all is told."""
    page = desk.part("jobs", job, "items", Asked("", ("state:eq:failed",), ""), "", _MOST)
    for each in page.items:
        say(printable(f"{each['key']}: {readable(desk, each['sentence'] or each['reason'])}"))
    say(tr("`{command}` tells more.", command=f"stationmaster job log {job}"))


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
    started, warned, lines = time.monotonic(), False, Lines(desk, job)
    while True:
        row = desk.get("jobs", job)
        show(row)
        if row["state"] in ENDED:
            return row
        lines.tell(row)
        if not warned and row["state"] == "queued" and time.monotonic() - started > _PATIENCE:
            warned = True
            _say_why_it_waits(desk)
        time.sleep(_LOOK if desk.local else 2 * _LOOK)


class Lines:
    """What a job that does not get on says of itself: the last line of its log, once, however often it comes again. While items
    get done the bar tells enough."""

    def __init__(self, desk: Desk, job: str) -> None:
        self._desk, self._job = desk, job
        self._seen, self._said = 0, ""
        self._left: int | None = None

    def tell(self, row: Row) -> None:
        """Say it, where there is another one."""
        stands, self._left = row["left"] == self._left, row["left"]
        if not stands or row["lines"] <= self._seen:
            return
        found = self._desk.log(self._job, self._seen)["lines"]
        self._seen = row["lines"]
        last = next((line["text"] for line in reversed(found) if line["level"] != "debug"), "")
        words = _LATER.sub("", last)
        if words and words != self._said:
            self._said = words
            say(printable(readable(self._desk, last)))


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
