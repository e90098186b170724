"""`stationmaster admin`: the way in for the first admin, and back in for one who is locked out."""

from typing import Annotated

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.opening import at_terminal, changing, open_store
from stationmaster.cli.output import Format, print_object
from stationmaster.cli.talk import say
from stationmaster.i18n import tr

app = typer.Typer(help="The way in for admins.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """The way in for admins."""


@app.command()
def link(
    config: File = None,
    data: Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    output: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,
) -> None:
    """Print a link that makes whoever opens it an admin, once, for half an hour. Links made before are void from then on."""
    settings = open_store(config, data)
    from stationmaster.operators import services

    with changing(at_terminal(), dry_run) as edit:
        made = services.issue_link(edit.actor)
    if dry_run:
        say(tr("A link would be made, and those made before would be void."))
        return
    address = f"{services.console_url(settings)}/welcome/{made.secret.text}"
    print_object({"link": address, "expires_at": made.expires_at.isoformat(timespec="seconds")}, output)
    say(tr("Whoever opens this link becomes an admin: it works once. Nobody else should see it."))
