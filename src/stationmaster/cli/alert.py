"""`stationmaster alert`: who is told when something crosses a line, and what was sent."""

from typing import Annotated

import typer

from stationmaster.alerts.kinds import CHANNELS, KINDS
from stationmaster.cli.desk import Asked, Desk, Made, Row
from stationmaster.cli.fields import Option, takes
from stationmaster.cli.output import Format, print_object
from stationmaster.cli.session import at_desk
from stationmaster.cli.spans import seconds_of
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import (
    DryRun,
    Noun,
    Output,
    Revision,
    add_delete,
    add_list,
    add_show,
    change,
    given,
    noun_app,
    print_list,
    print_one,
)
from stationmaster.cli.workspace import USED, Insecure, Name, Which
from stationmaster.i18n import marked, tr

app = noun_app("Who is told when something crosses a line.", {"delete": "remove", "add": "create"})


def _crossed(row: Row) -> Row:
    """What has crossed a line, a line each."""
    if "open" not in row:
        return row
    return {**row, "open": [f"{each['kind']} {each['name']} {each['line']}" for each in row["open"]]}


NOUN = Noun(
    "alert", "alerts",
    ("id", "name", "channel", "url", "addresses", "language", "kinds", "watches", "budget_percent", "expiry_days", "pool_minimum",
     "allow_insecure_http", "disabled", "disabled_reason", "state", "crossed", "last_at", "last_state", "last_words",
     "previous_until", "revision", "created_at", "updated_at"),
    ("name", "channel", "state", "crossed", "last_at", "last_state"), _crossed,
)  # fmt: skip
SENT = Noun(
    "message", "alert-deliveries",
    ("id", "alert", "type", "to", "state", "at", "ended_at", "tries", "answer", "words", "job", "body"),
    ("id", "alert", "type", "to", "state", "at", "tries", "answer", "words"),
)  # fmt: skip

Channel = Annotated[str, typer.Option("--channel", help=f"{', '.join(CHANNELS)}.")]
To = Annotated[str | None, typer.Option("--to", metavar="URL", help="Where webhooks go.")]
Addresses = Annotated[list[str] | None, typer.Option("--address", help="Who gets mail. Repeatable; all anew.")]
Language = Annotated[str | None, typer.Option(help="Of what is written: en or zh-CN.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help=f"{', '.join(KINDS)}; none: all. Repeatable; all anew.")]
Watches = Annotated[list[str] | None, typer.Option("--watch", metavar="PATTERN", help="Names, as team-*; none: everything.")]
Percent = Annotated[list[int] | None, typer.Option("--budget-percent", min=1, max=1000, help="Of a budget. Repeatable.")]
Days = Annotated[list[int] | None, typer.Option("--expiry-days", min=0, max=365, help="Before an end. Repeatable.")]
Minimum = Annotated[int | None, typer.Option(min=1, help="Members in service that a pool should have.")]


def _listed(texts: list[str]) -> list[str]:
    """A list that an empty word empties."""
    return [each for each in texts if each]


FIELDS = (
    Option("to", To, "url"), Option("address", Addresses, "addresses", _listed), Option("language", Language),
    Option("kind", Kinds, "kinds", _listed), Option("watch", Watches, "watches", _listed),
    Option("budget_percent", Percent), Option("expiry_days", Days), Option("pool_minimum", Minimum),
    Option("allow_insecure_http", Insecure), *USED,
)  # fmt: skip

add_list(app, NOUN, search=False)
add_show(app, NOUN)


@app.command()
@at_desk
@takes(FIELDS)
def create(
    desk: Desk, name: Name, channel: Channel, *, fields: Row, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Have a place told; a webhook's secret is printed, this once. `alert test` tries it."""
    whole = {**given(name=name, channel=channel), **fields}
    _print_made(change(desk, dry_run, output, lambda: desk.create(NOUN.path, whole)), output)


@app.command()
@at_desk
@takes(FIELDS)
def update(
    desk: Desk, which: Which, *, fields: Row, revision: Revision = None, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Change what is given; its channel is for good."""
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


@app.command("test")
@at_desk
def try_(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """Send a test message now. Exit 1 if it does not arrive."""
    tried = desk.act(NOUN.path, which, "test", {})
    print_object(tried, output)
    if not tried["ok"]:
        raise typer.Exit(1)


@app.command()
@at_desk
def rotate(
    desk: Desk,
    which: Which,
    overlap: Annotated[str, typer.Option(help="How long the secret before signs too, as in 30m, 24h or 7d.")] = "24h",
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make another secret for a webhook and print it, this once."""
    fields = {"overlap_seconds": seconds_of(overlap, "--overlap")}
    _print_made(change(desk, dry_run, output, lambda: desk.rotate(NOUN.path, which, fields)), output)


@app.command()
@at_desk
def deliveries(
    desk: Desk,
    which: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this alert's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List what was sent, the newest first."""
    filters = (f"alert:eq:{which}",) if which else ()
    print_list(desk, SENT, Asked(filters=filters), limit, output)


@app.command()
@at_desk
def resend(
    desk: Desk,
    which: Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id: `alert deliveries`.")],
    output: Output = Format.TABLE,
) -> None:
    """Send a message again, under the same id."""
    print_one(desk.act(SENT.path, which, "send", {}), SENT, output)


add_delete(app, NOUN, "remove", "Tell that place nothing more.", marked("Remove the alert {which}?"))


def _print_made(made: Made, output: Format) -> None:
    print_one(made.row, NOUN, output, {"secret": made.secret} if made.secret else None)
    if made.secret:
        say(tr("The secret is shown this once: the receiver checks signatures by it."))
