"""`stationmaster job`: what runs by itself, how far it is, what became of it."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.naming import names_of
from stationmaster.cli.output import Format, print_rows, printable
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import (
    All,
    DryRun,
    Filters,
    Limit,
    Noun,
    Output,
    Sort,
    add_list,
    add_show,
    change,
    conditions,
    noun_app,
    print_one,
)
from stationmaster.cli.waiting import Wait, command, ending, follow_up, wait_for
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr

__all__ = ["Wait", "app", "follow_up", "wait_for"]

app = noun_app("What runs by itself: jobs, their items, their logs.")
NOUN = Noun(
    "job", "jobs",
    ("id", "kind", "title", "known", "workspace", "args", "state", "cancel_asked", "priority", "run_after", "created_at",
     "started_at", "ended_at", "heartbeat_at", "worker", "attempt", "actor_kind", "actor", "request_id", "concurrency",
     "item_retries", "dry_run", "retry_of", "total", "ok", "skipped", "failed", "left", "per_minute", "eta_seconds", "cause",
     "sentence", "result", "lines"),
    ("id", "kind", "workspace", "state", "done", "failed", "left", "created_at"),
    lambda row: {**row, "done": row["ok"] + row["skipped"]}, named=lambda desk, rows: _named(desk, rows),
)  # fmt: skip
_ITEM = ("position", "key", "subject", "state", "reason", "sentence", "attempts", "failures", "intent", "intent_at", "run_after",
         "data", "outcome")  # fmt: skip
_SHOWN = ("position", "key", "state", "reason", "sentence", "attempts")
_WORKER = ("id", "engine", "version", "threads", "started_at", "beat_at", "alive")
_LOOK = 1.0           # seconds between two looks at a log of this machine

Which = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]


def _named(desk: Desk, rows: list[Row]) -> list[Row]:
    """Jobs with their workspaces' names, for whoever may see those."""
    names = names_of(desk, "workspaces", {row["workspace"] for row in rows})
    return [{**row, "workspace": names.get(row["workspace"], row["workspace"])} for row in rows]


add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def items(
    desk: Desk, which: Which, filters: Filters = None, sort: Sort = "", limit: Limit = 50, every: All = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """List what a job does, and what became of each."""
    asked, cursor, rows, total = Asked("", conditions(filters), sort), "", list[Row](), 0
    while every or len(rows) < limit:
        page = desk.part("jobs", which, "items", asked, cursor, 500 if every else min(limit - len(rows), 500))
        rows += page.items
        cursor, total = page.next, page.total
        if not cursor:
            break
    shown = _SHOWN if output is Format.TABLE else _ITEM
    print_rows(rows, {name: name for name in shown}, output, under="items", beside={"schema_version": 1, "total": total})
    if output is Format.TABLE and len(rows) < total:
        say(tr("{shown} of {total}; --all shows all", shown=len(rows), total=total))


@app.command()
@at_desk
def log(
    desk: Desk,
    which: Which,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended; then as --wait.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Only lines behind this number.")] = 0,
    output: Output = Format.TABLE,
) -> None:
    """Print a job's log."""
    try:
        state = _print_log(desk, which, after, follow, output)
    except KeyboardInterrupt:
        say(tr("The job goes on; `{command}` follows it.", command=command(which)))
        raise typer.Exit(130) from None
    if follow:
        row = desk.get("jobs", which)
        say(ending(desk, row))
        raise typer.Exit({"succeeded": 0, "partial": 3}.get(state, 1))


def _print_log(desk: Desk, which: str, after: int, follow: bool, output: Format) -> str:
    """Print lines, and with `follow` until there will be none any more; the job's state."""
    while True:
        page = desk.log(which, after)
        for line in page["lines"]:
            _print_line(line, output)
        state: str = page["state"]
        if page["ended"] or (not page["lines"] and not follow):
            return state
        after = page["next"]
        if follow and not page["lines"] and desk.local:
            time.sleep(_LOOK)


def _print_line(line: Row, output: Format) -> None:
    if output is Format.TABLE:
        about = f"[{line['item']}] " if line["item"] else ""
        typer.echo(printable(f"{line['at'][:23]} {line['level']:7} {about}{line['text']}"))
    else:      # a log has no end yet: a line an object, whatever the form
        print_rows([line], {name: name for name in line}, Format.JSONL)


@app.command()
@at_desk
def cancel(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """End a job.

    At once when it waits; after the items under way when it runs.
    """
    print_one(change(desk, dry_run, output, lambda: desk.act("jobs", which, "cancel", {})), NOUN, output)


@app.command()
@at_desk
def retry(desk: Desk, which: Which, wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Make a new job of what failed or was not tried."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act("jobs", which, "retry", {})), wait, output)


@app.command()
@at_desk
def artifact(
    desk: Desk,
    which: Which,
    name: Annotated[str, typer.Argument(metavar="NAME", help="run.log, result.json or result.csv.")],
    to: Annotated[Path | None, typer.Option("--to", help="Write it into this new file.", show_default="stdout")] = None,
) -> None:
    """Take a file that a job leaves.

    Its log, or its result with all items.
    """
    pieces = desk.artifact(which, name)
    if to is None:
        for piece in pieces:
            typer.echo(piece, nl=False)
        return
    try:
        with to.open("x", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
    except OSError as error:
        why = error.strerror or type(error).__name__
        hint = "name a file that is not there"
        raise StationmasterError("error.usage.file", f"{to} cannot be written: {why}", hint=hint) from None


@app.command()
@at_desk
def workers(desk: Desk, output: Output = Format.TABLE) -> None:
    """List the processes that run jobs.

    Exit 1 if none does.
    """
    rows = desk.workers()
    print_rows(rows, {name: name for name in _WORKER}, output, under="workers", beside={"schema_version": 1})
    if not any(row["alive"] for row in rows):
        say(tr("The job waits: no worker runs. `stationmaster up` and `stationmaster worker` do."))
        raise typer.Exit(1)
