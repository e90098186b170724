"""`stationmaster address`: private addresses that credentials may be sent to."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import DryRun, Noun, Output, add_delete, add_list, change, noun_app, print_one
from stationmaster.i18n import marked

app = noun_app("Private addresses that credentials may be sent to.")
NOUN = Noun(
    "allowed address", "addresses", ("id", "name", "reason", "revision", "created_at"), ("name", "reason", "created_at", "id")
)

add_list(app, NOUN)


@app.command()
@at_desk
def allow(
    desk: Desk,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address, a network like 10.1.0.0/16, or a host name.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with it, and in the audit trail.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Let credentials be sent to a private address."""
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, {"name": address, "reason": reason}))
    print_one(made.row, NOUN, output)


add_delete(
    app, NOUN, "disallow", "Let no credential be sent there any more. Those that are stored stay, and are not sent.",
    marked("Let no credential be sent to {which} any more?"),
)
