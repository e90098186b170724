"""`stationmaster publication`: what is published where; planned, published, read back, withdrawn."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import (
    PENDING,
    All,
    DryRun,
    Filters,
    Limit,
    Noun,
    Output,
    Search,
    Sort,
    Yes,
    add_show,
    change,
    conditions,
    confirm,
    given,
    noun_app,
    print_list,
)
from stationmaster.cli.waiting import Wait, follow_up
from stationmaster.i18n import told, tr

app = noun_app("What is published into which target.", {"apply": "publish", "remove": "withdraw"})
NOUN = Noun(
    "publication", "publications",
    ("id", "credential", "credential_name", "vendor", "target", "target_name", "pool", "state", "cause", "words", "wanted",
     "entry", "place", "generation", "behind", "published_at", "seen", "drift", "seen_at", "health", "health_words",
     "health_until", "usage", "job"),
    ("credential_name", "target_name", "state", "seen", "drift", "health", "words", "published_at", "seen_at"),
)  # fmt: skip
_PLANS = "publish-plans"
_STEP = ("position", "credential", "name", "action", "fields", "reason", "sentence", "models", "priority", "concurrency",
         "groups", "pool")  # fmt: skip
_SIGNS = {"create": "+", "update": "~", "adopt": "=", "withdraw": "-", "skip": " "}

Target = Annotated[str | None, typer.Option("--target", metavar="NAME", help="Its name or id; left out: the default one.")]
Credentials = Annotated[list[str] | None, typer.Argument(metavar="[CREDENTIAL]…", help="Names or ids; none: --pool.")]
OfPool = Annotated[str | None, typer.Option("--pool", metavar="NAME", help="The members of this pool.")]
Withdrawing = Annotated[bool, typer.Option("--withdraw", help="Take them away.")]

add_show(app, NOUN)


@app.command(name="list")
@at_desk
def list_(
    desk: Desk, target: Target = None,
    credential: Annotated[str | None, typer.Option(metavar="NAME", help="Of this one.")] = None,
    search: Search = "", filters: Filters = None, sort: Sort = "", limit: Limit = 50, every: All = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """List what is published where."""
    named = [f"target:eq:{desk.get('targets', target)['id']}"] if target else []
    named += [f"credential:eq:{desk.get('credentials', credential)['id']}"] if credential else []
    print_list(desk, NOUN, Asked(search, (*conditions(filters), *named), sort), None if every else limit, output)


@app.command()
@at_desk
def plan(
    desk: Desk, credential: Credentials = None, pool: OfPool = None, target: Target = None, withdraw: Withdrawing = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Make a plan and show it. It reads the target and changes nothing. Exit 10 if there is something to do."""
    row = desk.create(_PLANS, _asked(credential, pool, target, withdraw)).row
    _show(desk, row, output)
    if _to_do(row):
        raise typer.Exit(PENDING)


@app.command()
@at_desk
def publish(
    desk: Desk,
    credential: Credentials = None,
    pool: OfPool = None,
    target: Target = None,
    withdraw: Withdrawing = False,
    by: Annotated[str | None, typer.Option("--plan", metavar="ID", help="Do what this plan says.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; exit 10 if there is something to do.")] = False,
    wait: Wait = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Publish: make a plan, ask, do it by a job. Or do what a plan says that was made before."""
    row = desk.get(_PLANS, by) if by else desk.create(_PLANS, _asked(credential, pool, target, withdraw)).row
    if dry_run or not _to_do(row):
        _show(desk, row, output)
        raise typer.Exit(PENDING if _to_do(row) else 0)
    if not yes:
        _show(desk, row, Format.TABLE)
    confirm(tr("Do it at {target}: {counts}?", target=row["target_name"], counts=_counted(row)), yes)
    follow_up(desk, desk.act(_PLANS, row["id"], "apply", {"hash": row["hash"]}), wait, output)


@app.command()
@at_desk
def withdraw(
    desk: Desk,
    credential: Annotated[list[str], typer.Argument(metavar="CREDENTIAL…", help="Names or ids.")],
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="Its name or id.")],
    wait: Wait = False, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Take credentials away from a target, by a job. What others put there stays."""
    if not dry_run:
        confirm(tr("Withdraw {number} from {target}?", number=len(credential), target=target), yes)
    job = change(desk, dry_run, output, lambda: desk.act("targets", target, "withdraw", {"credentials": credential}))
    follow_up(desk, job, wait, output)


@app.command()
@at_desk
def read_back(
    desk: Desk, target: Annotated[str, typer.Argument(metavar="TARGET", help="Its name or id.")], wait: Wait = False,
    dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Look what became of what was published, by a job."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act("targets", target, "read-back", {})), wait, output)


def _asked(credentials: list[str] | None, pool: str | None, target: str | None, withdraw: bool) -> dict[str, Any]:
    return given(credentials=credentials or None, pool=pool, target=target, withdraw=withdraw or None)


def _show(desk: Desk, row: Row, output: Format) -> None:
    steps = _steps(desk, row["id"])
    if output is not Format.TABLE:
        print_rows(steps, {name: name for name in _STEP}, output, under="steps", beside={"schema_version": 1, "plan": dict(row)})
        return
    shown = {"sign": "", "action": tr("step"), "name": tr("credential"), "fields": tr("what differs"), "sentence": tr("why")}
    print_rows(({**each, "sign": _SIGNS[each["action"]], "sentence": told(each["sentence"])} for each in steps), shown, output)
    for note in row["notes"]:
        say(told(note))
    counts = _counted(row) or tr("nothing to do")
    say(tr("Plan {id} for {target}: {what}.", id=row["id"], target=row["target_name"], what=counts))
    if _to_do(row):
        say(tr("Next: `stationmaster publication publish --plan {id}`.", id=row["id"]))


def _steps(desk: Desk, which: str) -> Iterator[Row]:
    cursor = ""
    while True:
        page = desk.part(_PLANS, which, "steps", Asked(), cursor)
        yield from page.items
        if not (cursor := page.next):
            return


def _to_do(row: Row) -> bool:
    return any(number for action, number in row["counts"].items() if action != "skip")


def _counted(row: Row) -> str:
    return ", ".join(f"{number} {action}" for action, number in row["counts"].items() if number)
