"""What the verbs of all nouns share: their options, lists, changes that may be rehearsed, what is printed.

Owns the form of the output. May not know any particular noun: a `Noun` says what it is.
"""

import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from stationmaster.cli.desk import MAX_PAGE, Asked, Desk, Happened, Row
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError
from stationmaster.i18n import marked, told, tr, trn

T = TypeVar("T")
DELETE = marked("Delete the {noun} {which}?")
PENDING = 10        # exit code of a dry run that would change something

Output = Annotated[Format, typer.Option(help="How to print it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the audit events that would be written; exit 10 if there are any.")]
Revision = Annotated[int | None, typer.Option(min=0, help="Only if it still has this revision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Search = Annotated[str, typer.Option(help="Words that all occur.")]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="FIELD:OP:VALUE", help="eq, ne, in, lt, le, gt, ge, prefix, contains. Repeatable."),
]
Sort = Annotated[str, typer.Option(metavar="FIELD", help="Order by it; with - before it, downwards.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many rows.")]
All = Annotated[bool, typer.Option("--all", help="All rows.")]


@dataclass(frozen=True)
class Noun:
    """One kind of thing. `one` is its name, `path` its name at the desk, `fields` all that its rows have, `shown` what a
    table shows of them, `people` makes a row ready for that table, `find` makes an id or name of what somebody typed, `named`
    puts names where a table's rows have ids alone, `which` is the argument that names one (None: by its name or id)."""

    one: str
    path: str
    fields: tuple[str, ...]
    shown: tuple[str, ...]
    people: Callable[[Row], Row] = dict
    find: Callable[[Desk, str], str] = lambda _, which: which
    named: Callable[[Desk, list[Row]], list[Row]] = lambda _, rows: rows
    which: Any = None

    @property
    def many(self) -> str:
        """What JSON calls a list of them."""
        return self.path.replace("/", "_").replace("-", "_")


def noun_app(about: str, called: Mapping[str, str] | None = None) -> typer.Typer:
    """The command group of a noun. `called`: other words for verbs of its, which are answered with the right one."""

    class Verbs(TyperGroup):
        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Look the verb up, and say what it is called here when that is known."""
            if args and args[0] in (called or {}):
                ctx.fail(tr("There is no {given} here; it is called: {command}", given=args[0],
                            command=f"{ctx.command_path} {(called or {})[args[0]]}"))  # fmt: skip
            return super().resolve_command(ctx, args)

    app = typer.Typer(cls=Verbs, help=about, no_args_is_help=True)
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    """Take no options of its own: so that a noun with one verb is still a noun."""


def add_list(app: typer.Typer, noun: Noun, name: str = "list", *, search: bool = True) -> None:
    """`list`, or what it is called for the noun; with search unless there is none."""

    def list_(
        desk: Desk, search: Search = "", filters: Filters = None, sort: Sort = "", limit: Limit = 50, every: All = False,
        output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        print_list(desk, noun, Asked(search, conditions(filters), sort), None if every else limit, output)

    def without_search(
        desk: Desk, filters: Filters = None, sort: Sort = "", limit: Limit = 50, every: All = False, output: Output = Format.TABLE
    ) -> None:
        print_list(desk, noun, Asked("", conditions(filters), sort), None if every else limit, output)

    verb = list_ if search else without_search
    verb.__doc__ = f"List {noun.one}s."
    app.command(name)(at_desk(verb))


def add_show(app: typer.Typer, noun: Noun) -> None:
    """`show`."""

    def show(desk: Desk, which: _which(noun), output: Output = Format.TABLE) -> None:  # type: ignore[valid-type]
        print_one(desk.get(noun.path, noun.find(desk, which)), noun, output)

    show.__doc__ = f"Show one {noun.one}."
    app.command("show")(at_desk(show))


def add_delete(app: typer.Typer, noun: Noun, name: str = "delete", about: str = "", question: str = "") -> None:
    """`delete`, or what it is called for the noun; `question`, marked for translation, asks whether `{which}` is to go."""

    def delete(
        desk: Desk, which: _which(noun), revision: Revision = None, yes: Yes = False, dry_run: DryRun = False,  # type: ignore[valid-type]
        output: Output = Format.TABLE,
    ) -> None:  # fmt: skip
        if not dry_run:
            confirm(told(question or DELETE, noun=noun.one, which=which), yes)
        found = noun.find(desk, which)
        change(desk, dry_run, output, lambda: desk.delete(noun.path, found, revision))
        say(tr("Done."))

    delete.__doc__ = about or f"Delete one {noun.one}."
    app.command(name)(at_desk(delete))


def _which(noun: Noun) -> Any:
    if noun.which is not None:
        return noun.which
    named = "name" in noun.fields
    text = "Its name or id." if named else "Its id or position."
    return Annotated[str, typer.Argument(metavar="NAME" if named else "ID", help=text)]


def change(desk: Desk, dry_run: bool, output: Format, work: Callable[[], T]) -> T:
    """Do `work`; or, for a dry run, show what it would write down and end."""
    if not dry_run:
        return work()
    raise typer.Exit(print_happened(desk.rehearse(work), output))


def print_happened(events: Iterable[Happened], output: Format) -> int:
    """Print what would be written down; the exit code that says whether there is anything."""
    found = list(events)
    if output is Format.TABLE:
        rows: Iterator[Row] = ({"event": each.event, "change": difference(each)} for each in found)
        if found:
            print_rows(rows, {"event": tr("event"), "change": tr("change")}, output)
    else:
        columns = {name: name for name in ("event", "before", "after")}
        print_rows((vars(each) for each in found), columns, output, under="events", beside={"schema_version": 1})
    say(pending(len(found)) if found else tr("Nothing would change."))
    return PENDING if found else 0


def pending(number: int) -> str:
    """What is said after a dry run that would change something."""
    return trn("{number} change is pending; nothing was changed.", "{number} changes are pending; nothing was changed.", number)


def difference(event: Happened) -> str:
    """What is different, for people: "weight: 1 → 2"."""
    before, after = event.before or {}, event.after or {}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if event.before is None or event.after is None:
        said = {name: value for name, value in (after or before).items() if value not in (None, "", [], {}, 0)}
        return ", ".join(f"{name}: {_brief(value)}" for name, value in said.items())
    return ", ".join(f"{name}: {_brief(before.get(name))} → {_brief(after.get(name))}" for name in names)


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def print_list(desk: Desk, noun: Noun, asked: Asked, limit: int | None, output: Format) -> None:
    """Print rows of a list, at most `limit` (None: all)."""
    first = desk.page(noun.path, asked, "", min(limit or MAX_PAGE, MAX_PAGE))
    rows = itertools.islice(_rows(desk, noun, asked, first.items, first.next), limit)
    beside = {"schema_version": 1, "total": first.total}
    if output is Format.TABLE:
        print_rows(map(noun.people, noun.named(desk, list(rows))), {name: name for name in noun.shown}, output)
        if limit is not None and first.total > limit:
            say(tr("{shown} of {total}; --all shows all", shown=limit, total=first.total))
    else:
        print_rows(rows, {name: name for name in noun.fields}, output, under=noun.many, beside=beside)


def _rows(desk: Desk, noun: Noun, asked: Asked, items: list[Row], cursor: str) -> Iterator[Row]:
    yield from items
    while cursor:
        page = desk.page(noun.path, asked, cursor)
        yield from page.items
        cursor = page.next


def every(desk: Desk, noun: str, asked: Asked | None = None) -> Iterator[Row]:
    """All rows of a list."""
    cursor = ""
    while True:
        page = desk.page(noun, asked or Asked(), cursor)
        yield from page.items
        if not (cursor := page.next):
            return


def print_one(row: Row, noun: Noun, output: Format, first: Mapping[str, Any] | None = None) -> None:
    """Print one thing; `first`: what stands before its fields, such as a secret that is shown this once."""
    shown = noun.people(row) if output is Format.TABLE else row
    print_object({**(first or {}), **shown}, output)


def conditions(filters: list[str] | None) -> tuple[str, ...]:
    """Filters as the desk takes them; `field=value` is short for `field:eq:value`."""
    return tuple(_condition(each) for each in filters or ())


def _condition(text: str) -> str:
    field, sign, value = text.partition("=")
    return f"{field}:eq:{value}" if sign and ":" not in field else text


def confirm(question: str, yes: bool) -> None:
    """Ask before something is gone. Raises `StationmasterError` where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StationmasterError("error.usage.confirm", "this asks before it goes on, and nobody is here", hint="pass --yes")
    typer.confirm(question, abort=True, err=True)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that the command line gave: None is one that it did not."""
    return {name: value for name, value in fields.items() if value is not None}


def pairs(texts: Iterable[str], option: str, form: str) -> Iterator[tuple[str, str]]:
    """`name=value` of a repeatable option. Raises typer.BadParameter."""
    for text in texts:
        name, sign, value = text.rpartition("=")
        if not sign or not name:
            raise typer.BadParameter(f"expected {form}", param_hint=option)
        yield name, value
