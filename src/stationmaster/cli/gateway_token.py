"""`stationmaster gateway-token`: what gateways present to join."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk, Made
from stationmaster.cli.output import Format
from stationmaster.cli.session import at_desk
from stationmaster.cli.spans import seconds_of
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Noun, Output, add_delete, add_list, add_show, change, noun_app, print_one
from stationmaster.cli.workspace import Which
from stationmaster.i18n import marked, tr

app = noun_app("What gateways present to join the control plane.")
NOUN = Noun(
    "gateway token", "gateway-tokens",
    ("id", "name", "hint", "expires_at", "previous_until", "last_used_at", "revision", "created_at"),
    ("name", "hint", "expires_at", "previous_until", "last_used_at", "id"),
)  # fmt: skip

add_list(app, NOUN, search=True)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The gateway's name; several may share one.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a token for a gateway and print it, this once."""
    _print_made(change(desk, dry_run, output, lambda: desk.create(NOUN.path, {"name": name})), output)


@app.command()
@at_desk
def rotate(
    desk: Desk,
    which: Which,
    overlap: Annotated[str, typer.Option(help="How long the token before is still let in, as in 30m, 24h or 7d.")] = "24h",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make another token for it and print that, this once."""
    fields = {"overlap_seconds": seconds_of(overlap, "--overlap")}
    _print_made(change(desk, dry_run, output, lambda: desk.rotate(NOUN.path, which, fields)), output)


add_delete(app, NOUN, "revoke", "Let these gateways in no more.", marked("Revoke the gateway token {which}?"))


def _print_made(made: Made, output: Format) -> None:
    print_one(made.row, NOUN, output, {"token": made.secret})
    say(tr("The token is shown this once: put it into the gateway's token file."))
