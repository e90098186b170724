"""`stationmaster seat-request`: wishes for seats, taking them back, and yes or no to them."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import DryRun, Noun, Output, add_list, add_show, change, given, noun_app, print_one

app = noun_app("Seats that people asked for.")
NOUN = Noun(
    "seat request", "seat-requests",
    ("id", "workspace", "vendor", "person", "name", "email", "active", "role", "reason", "state", "lacks_login", "decided_by",
     "decided_at", "why", "revision", "created_at", "updated_at"),
    ("id", "name", "workspace", "role", "state", "reason", "created_at"),
)  # fmt: skip

Which = Annotated[str, typer.Argument(metavar="ID", help="The request's id.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def ask(
    desk: Desk,
    workspace: Annotated[str, typer.Argument(metavar="WORKSPACE", help="Its name or id.")],
    person: Annotated[str | None, typer.Option(help="For whom: a user name, e-mail address or id. Left out: oneself.")] = None,
    role: Annotated[str | None, typer.Option(help="One that can be given there. Left out: the weakest.")] = None,
    reason: Annotated[str | None, typer.Option(help="What it is for, for whoever decides.")] = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Ask for a seat."""
    fields = given(workspace=workspace, person=person, role=role, reason=reason)
    print_one(change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields)).row, NOUN, output)


@app.command()
@at_desk
def grant(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Say yes: the person is assigned, and the next plan has them."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "grant", {})), NOUN, output)


@app.command()
@at_desk
def refuse(
    desk: Desk, which: Which, reason: Annotated[str, typer.Option(help="Why not, for whoever asked.")], dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Say no."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "refuse", {"reason": reason})), NOUN, output)


@app.command()
@at_desk
def withdraw(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Take back what was asked for, before somebody decided."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "withdraw", {})), NOUN, output)
