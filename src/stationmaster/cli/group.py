"""`stationmaster group`: groups of people."""

import itertools
from collections.abc import Iterator
from typing import Annotated

import typer

from stationmaster.cli import person
from stationmaster.cli.desk import MAX_PAGE, Asked, Desk, Row
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import (
    All,
    DryRun,
    Filters,
    Limit,
    Noun,
    Output,
    Revision,
    Search,
    Sort,
    add_delete,
    add_list,
    add_show,
    change,
    conditions,
    given,
    noun_app,
    print_one,
)
from stationmaster.i18n import tr

app = noun_app("Groups of people.")
NOUN = Noun(
    "group", "groups", ("id", "name", "members", "external_id", "source", "revision", "created_at", "updated_at"),
    ("name", "members", "source", "updated_at"),
)  # fmt: skip

Which = Annotated[str, typer.Argument(metavar="GROUP", help="Its name or id.")]
People = Annotated[list[str], typer.Argument(metavar="PERSON...", help="Ids, user names or e-mail addresses.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    external_id: person.ExternalId = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a group."""
    fields = given(name=name, external_id=external_id)
    print_one(change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields)).row, NOUN, output)


@app.command()
@at_desk
def update(
    desk: Desk,
    which: Which,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    external_id: person.ExternalId = None,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    fields = given(name=name, external_id=external_id)
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


add_delete(app, NOUN)


@app.command()
@at_desk
def add(desk: Desk, which: Which, people: People, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Put people into a group."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "members", {"add": people})), NOUN, output)


@app.command()
@at_desk
def remove(desk: Desk, which: Which, people: People, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Take people out of a group."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "members", {"remove": people})), NOUN, output)


@app.command()
@at_desk
def members(
    desk: Desk, which: Which, search: Search = "", filters: Filters = None, sort: Sort = "", limit: Limit = 50,
    every: All = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """List who is in a group."""
    asked = Asked(search, conditions(filters), sort)
    first = desk.part(NOUN.path, which, "members", asked, "", min(limit, MAX_PAGE))
    rows = itertools.islice(_members(desk, which, asked, first.items, first.next), None if every else limit)
    table = output is Format.TABLE
    shown = {name: name for name in (person.NOUN.shown if table else person.NOUN.fields)}
    print_rows(rows, shown, output, under="members", beside={"schema_version": 1, "total": first.total})
    if table and not every and first.total > limit:
        say(tr("{shown} of {total}; --all shows all", shown=limit, total=first.total))


def _members(desk: Desk, which: str, asked: Asked, items: list[Row], cursor: str) -> Iterator[Row]:
    yield from items
    while cursor:
        page = desk.part(NOUN.path, which, "members", asked, cursor)
        yield from page.items
        cursor = page.next
