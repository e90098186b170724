"""`stationmaster seat`: who is in which workspace."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.job import Wait, follow_up, wait_for
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Noun, Output, add_list, add_show, change, noun_app, print_one
from stationmaster.phrases import said

app = noun_app("Who is in which workspace, and how they came there.")
NOUN = Noun(
    "seat", "seats",
    ("id", "workspace", "person", "name", "email", "active", "state", "since", "cause", "detail", "role", "vendor_role",
     "projects", "unconfirmed", "invited_at", "expires_at", "reminded_at", "last_active_at", "removal", "removal_at",
     "grace_until", "removal_reason", "revision", "created_at", "updated_at"),
    ("id", "workspace", "name", "state", "cause", "role", "since"),
    lambda row: {**row, "role": row["role"] or row["vendor_role"]},
)  # fmt: skip
_MOMENT = ("seq", "at", "action", "actor", "actor_kind", "state", "cause", "detail")
_RUN = ("workspace", "state", "running", "heartbeat_at", "done", "skipped", "failed", "left", "pending", "job")
_BADNESS = (0, 3, 1)      # exit codes of jobs, the worst last
_ALL = "all"

Place = Annotated[str, typer.Option(help="One workspace, by name or id.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="The seat's id.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def history(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """List what happened to a seat, the oldest first."""
    rows, cursor = [], ""
    while True:
        page = desk.part(NOUN.path, which, "history", Asked(), cursor)
        rows += page.items
        if not (cursor := page.next):
            break
    shown = _MOMENT if output is not Format.TABLE else ("at", "action", "state", "cause", "actor")
    print_rows(rows, {name: name for name in shown}, output, under="history", beside={"schema_version": 1})


@app.command()
@at_desk
def reinvite(desk: Desk, which: Which, wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Invite somebody again, by a job."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "reinvite", {})), wait, output)


@app.command()
@at_desk
def skip(
    desk: Desk, which: Which, reason: Annotated[str, typer.Option(help="Why they stay, for people.")], dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Keep somebody: no plan removes them."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "skip", {"reason": reason})), NOUN, output)


@app.command()
@at_desk
def unskip(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Take `skip` back."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "unskip", {})), NOUN, output)


@app.command()
@at_desk
def run(
    desk: Desk,
    workspace: Place = _ALL,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=32, help="People of a workspace at a time.", show_default="1")
    ] = None,
    retries: Annotated[int | None, typer.Option(min=1, max=5, help="How often one is tried.", show_default="3")] = None,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Do everything that was approved and is not done yet.

    It goes on by itself until nothing is left; what is done is not done again.
    """
    pace = {name: value for name, value in (("concurrency", concurrency), ("item_retries", retries)) if value is not None}
    row = change(desk, dry_run, output, lambda: desk.act("runs", workspace, "start", pace))
    for refused in row["refused"]:
        say(f"{refused['plan']}: {said(refused['why'])}")
    codes = [wait_for(desk, each["job"]) for each in row["workspaces"] if each["running"]] if wait else []
    _print_run(desk.get("runs", workspace) if wait else row, output)
    if worst := max(codes, key=_BADNESS.index, default=0):
        raise typer.Exit(worst)


@app.command()
@at_desk
def stop(desk: Desk, workspace: Place = _ALL, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Stop that, after the people under way."""
    _print_run(change(desk, dry_run, output, lambda: desk.act("runs", workspace, "stop", {})), output)


@app.command()
@at_desk
def status(desk: Desk, workspace: Place = _ALL, output: Output = Format.TABLE) -> None:
    """See where it stands.

    What runs, its last sign of life, what is done, failed and left.
    """
    _print_run(desk.get("runs", workspace), output)


def _print_run(row: Row, output: Format) -> None:
    sums = {name: value for name, value in row.items() if name != "workspaces"}
    print_rows(
        row["workspaces"], {name: name for name in _RUN}, output, under="workspaces", beside={"schema_version": 1, **sums}
    )
