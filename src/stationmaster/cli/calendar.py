"""`stationmaster calendar`: addresses at which calendars find when credentials end."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Noun, Output, add_delete, add_list, add_show, change, noun_app, print_one
from stationmaster.i18n import tr

app = noun_app("Feeds of when credentials end.")
NOUN = Noun(
    "calendar", "calendars", ("id", "name", "owner", "last_used_at", "revision", "created_at"),
    ("name", "owner", "last_used_at", "created_at"),
)  # fmt: skip

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk, name: Annotated[str, typer.Argument(help="Whose calendar it is.")], dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Make an address; it is shown this once."""
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, {"name": name}))
    print_one(made.row, NOUN, output, {"address": made.secret})
    say(tr("Put it behind the console's address. Whoever has it reads names and dates; it is not shown again."))


add_delete(app, NOUN)
