"""`stationmaster admin`: the way in for the first admin, and back in for one who is locked out. Only on the control plane's own
machine."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format, print_object
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import Output, change, noun_app
from stationmaster.i18n import tr

app = noun_app("The way in for admins.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the audit event that would be written; exit 10.")]


@app.command()
@at_desk
def link(desk: Desk, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Print a link that makes one person an admin.

    It works once, for half an hour. Links made before are void from then on.

    For a colleague who is to be something else than an admin: `operator add`.
    """
    machine = desk.here("admin link")
    print_object(change(desk, dry_run, output, machine.admin_link), output)
    say(tr("Whoever opens this link becomes an admin: it works once. Nobody else should see it."))
