"""`stationmaster route`: which models go to which pool, and in which order routes are tried."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Asked, Desk
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
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
    pairs,
    print_one,
)
from stationmaster.i18n import tr

app = noun_app("Which models go to which pool.")
def _id(desk: Desk, which: str) -> str:
    """The id of the route at a position; anything else is an id already."""
    if not which.isdecimal():
        return which
    found = desk.page("routes", Asked(filters=(f"position:eq:{which}",)), limit=1).items
    return str(found[0]["id"]) if found else which


NOUN = Noun(
    "route", "routes", ("id", "position", "models", "pool", "aliases", "fallback", "revision", "created_at", "updated_at"),
    ("position", "models", "pool", "fallback", "aliases", "id"), find=_id,
)

Which = Annotated[str, typer.Argument(metavar="ID", help="Its id, or its position.")]
Fallback = Annotated[
    list[str] | None, typer.Option("--fallback", help="A pool for when that cannot serve. Repeatable; all anew; '' for none."),
]
Aliases = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="NAME=MODEL", help="What clients may say for a model. Repeatable; all anew; '' for none."),
]
Position = Annotated[int | None, typer.Option(min=1, help="Its place among the routes; the last when left out.")]

add_list(app, NOUN)

add_show(app, NOUN)

@app.command()
@at_desk
def create(
    desk: Desk,
    model: Annotated[list[str], typer.Option("--model", help="Models like this. Repeatable.")],
    pool: Annotated[str, typer.Option(help="The pool that they go to.")],
    fallback: Fallback = None,
    alias: Aliases = None,
    position: Position = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Add a route."""
    fields = given(models=model, pool=pool, fallback=_names(fallback), aliases=_aliases(alias), position=position)
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
def update(
    desk: Desk,
    which: Which,
    model: Annotated[list[str] | None, typer.Option("--model", help="Models like this. Repeatable; all anew.")] = None,
    pool: Annotated[str | None, typer.Option(help="The pool that they go to.")] = None,
    fallback: Fallback = None,
    alias: Aliases = None,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    fields = given(models=model, pool=pool, fallback=_names(fallback), aliases=_aliases(alias))
    id_ = _id(desk, which)
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, id_, fields, revision)), NOUN, output)


@app.command()
@at_desk
def move(
    desk: Desk,
    which: Which,
    position: Annotated[int, typer.Argument(min=1, help="Where it shall stand, counted from 1.")],
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Try a route sooner or later."""
    id_ = _id(desk, which)
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, id_, {"position": position})), NOUN, output)


@app.command(name="try")
@at_desk
def attempt(
    desk: Desk,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model, as a client names it.")],
    dialect: Annotated[str | None, typer.Option(help="The API it is asked for in, as in anthropic; openai if left out.")] = None,
    key: Annotated[str | None, typer.Option(help="The virtual key that asks.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Say where a model would go, and who could serve it. No vendor is asked."""
    found = desk.act("routes", "all", "try", given(model=model, dialect=dialect, key=key))
    if output is not Format.TABLE:
        print_object(found, output)
        return
    if found["error"]:
        say(tr("{status} {code}: {message}", **{name: found["error"][name] for name in ("status", "code", "message")}))
    rows = [{"pool": pool["pool"], **member} for pool in found["pools"] for member in pool["members"]]
    print_rows(rows, {name: name for name in ("pool", "credential", "vendor", "priority", "weight", "eligible", "why")}, output)


add_delete(app, NOUN)


def _names(texts: list[str] | None) -> list[str] | None:
    return None if texts is None else [each for each in texts if each]


def _aliases(texts: list[str] | None) -> dict[str, str] | None:
    return None if texts is None else dict(pairs([each for each in texts if each], "--alias", "an alias like fast=gpt-5-mini"))
