"""`stationmaster pool`: credentials that stand in for each other, and their members."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
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
    print_one,
)
from stationmaster.cli.workspace import Name, Which
from stationmaster.errors import NotFound

app = noun_app("Credentials that stand in for each other.")


def _people(row: Row) -> Row:
    """Members by name, with their weight where it is not 1."""
    members = [f"{each['credential']}*{each['weight']}" if each["weight"] != 1 else each["credential"] for each in row["members"]]
    return {**row, "members": members}


NOUN = Noun(
    "pool", "pools", ("id", "name", "members", "revision", "created_at", "updated_at"), ("name", "members", "updated_at"),
    _people,
)
_MEMBER = ("credential", "weight", "priority", "max_concurrency", "rpm", "tpm", "models")

Members = Annotated[
    list[str], typer.Option("--member", metavar="NAME[,KEY=VALUE…]", help="As in a,weight=2,models=gpt-*+o3. Repeatable."),
]
Credential = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="The credential's name.")]
Weight = Annotated[int | None, typer.Option(min=1, help="Its share beside the others.")]
Priority = Annotated[int | None, typer.Option(min=0, help="0 is asked first.")]
Concurrency = Annotated[int | None, typer.Option(min=0, help="Requests at once; 0: no limit.")]
Rpm = Annotated[int | None, typer.Option(min=0, help="Requests a minute; 0: no limit.")]
Tpm = Annotated[int | None, typer.Option(min=0, help="Tokens a minute; 0: no limit.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only models like this. Repeatable; all anew.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(desk: Desk, name: Name, member: Members, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Make a pool of credentials."""
    fields = {"name": name, "members": [_member(each) for each in member]}
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
def update(
    desk: Desk, which: Which, member: Members, revision: Revision = None, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Give a pool other members, all at once."""
    members = [_member(each) for each in member]
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, {"members": members}, revision)), NOUN, output)


add_delete(app, NOUN)


@app.command()
@at_desk
def members(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """List a pool's members, with their limits."""
    rows = desk.get(NOUN.path, which)["members"]
    print_rows(rows, {name: name for name in _MEMBER}, output, under="members", beside={"schema_version": 1})


@app.command()
@at_desk
def set_member(
    desk: Desk,
    which: Which,
    credential: Credential,
    weight: Weight = None,
    priority: Priority = None,
    max_concurrency: Concurrency = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    model: Models = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Add a credential to a pool, or change its place there."""
    fields = given(weight=weight, priority=priority, max_concurrency=max_concurrency, rpm=rpm, tpm=tpm, models=model)

    def changed(members: list[Any]) -> list[Any]:
        known = any(each["credential"] == credential for each in members)
        kept = [{**each, **fields} if each["credential"] == credential else each for each in members]
        return kept if known else [*kept, {"credential": credential, **fields}]

    _put(desk, which, changed, dry_run, output)


@app.command()
@at_desk
def remove_member(
    desk: Desk, which: Which, credential: Credential, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Take a credential out of a pool."""

    def changed(members: list[Any]) -> list[Any]:
        kept = [each for each in members if each["credential"] != credential]
        if kept == members:
            raise NotFound("error.pool.no_member", "the pool has no such member", hint="`stationmaster pool members` lists them")
        return kept

    _put(desk, which, changed, dry_run, output)


def _put(desk: Desk, which: str, changed: Callable[[list[Any]], list[Any]], dry_run: bool, output: Format) -> None:
    """Change the members of the pool as it is read now; fails if somebody else is faster."""
    pool = desk.get(NOUN.path, which)
    fields = {"members": changed(list(pool["members"]))}
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, pool["id"], fields, pool["revision"])), NOUN, output)


def _member(text: str) -> dict[str, Any]:
    """One member as the file has it. Raises typer.BadParameter."""
    credential, *rest = text.split(",")
    found: dict[str, Any] = {"credential": credential}
    for part in rest:
        key, sign, value = part.partition("=")
        if not sign or key not in _MEMBER[1:] or not (key == "models" or value.isdecimal()):
            raise typer.BadParameter(f"behind the name come KEY=VALUE of {', '.join(_MEMBER[1:])}", param_hint="--member")
        found[key] = value.split("+") if key == "models" else int(value)
    return found
