"""`stationmaster mail`: what people are written to through."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format, print_object
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import Output, noun_app

app = noun_app("The SMTP relay that mail to people goes to.")


@app.command()
@at_desk
def test(
    desk: Desk,
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whom to write to.")],
    output: Output = Format.TABLE,  # noqa: PT028  a command, not a test
) -> None:
    """Send one mail, to see whether it arrives."""
    print_object(dict(desk.create("mail/test", {"to": to}).row), output)
