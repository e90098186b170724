"""`stationmaster plan`: what would change at vendors, shown, approved and applied."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.job import Wait, wait_for
from stationmaster.cli.naming import readable
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import PENDING, Noun, Output, add_list, confirm, given, noun_app
from stationmaster.cli.verbs import Yes as Sure
from stationmaster.errors import Conflict
from stationmaster.i18n import told, tr, trn
from stationmaster.workspaces.planning.reasons import REASONS
from stationmaster.workspaces.planning.values import TOLD
from stationmaster.workspaces.planning.wording import change_of, costs, terms_said, to_do

app = noun_app("What would change at vendors: made, approved, applied.")
NOUN = Noun(
    "plan", "plans",
    ("id", "state", "hash", "workspaces", "counts", "second_approval", "approvals", "cost_minor", "terms", "made_by", "note",
     "why", "jobs", "closed_at", "revision", "created_at", "updated_at"),
    ("id", "state", "workspaces", "counts", "created_at"), lambda row: {**row, "counts": _counted(row)},
)  # fmt: skip
_STEP = ("position", "kind", "workspace", "person", "name", "email", "before", "after", "reason", "sentence", "checklist",
         "outcome", "outcome_detail", "id")  # fmt: skip
_SIGNS = {
    "adopt": "=", "close": "=", "withdraw": "-", "remove": "-", "unassign": "-", "role": "~", "projects": "~", "reinvite": "+",
    "invite": "+", "assign": "+", "manual": "!", "blocked": "x", "skip": " ",
}  # fmt: skip

Which = Annotated[str, typer.Argument(metavar="ID", help="The plan's id.")]
Workspaces = Annotated[list[str] | None, typer.Argument(metavar="[WORKSPACE]…", help="Names or ids; none: all that are in use.")]
Quiet = Annotated[bool, typer.Option("--changes-only", help="Leave out what is only told of: blocked and skipped.")]

add_list(app, NOUN)


@app.command()
@at_desk
def make(
    desk: Desk, workspace: Workspaces = None,
    note: Annotated[str | None, typer.Option(help="For whoever approves it.")] = None, changes_only: Quiet = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Make a plan and show it. It changes nothing. Exit 10 if there is something to do."""
    row = desk.create(NOUN.path, given(workspaces=workspace or None, note=note)).row
    _show(desk, row, output, changes_only)
    if to_do(row):
        raise typer.Exit(PENDING)


@app.command()
@at_desk
def show(desk: Desk, which: Which, changes_only: Quiet = False, output: Output = Format.TABLE) -> None:
    """Show a plan, step by step."""
    _show(desk, desk.get(NOUN.path, which), output, changes_only)


@app.command()
@at_desk
def approve(
    desk: Desk, which: Which,
    hash_: Annotated[str | None, typer.Option("--hash", help="Only if this is still its hash.")] = None,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Approve a plan, if nothing changed since it was made."""
    row = desk.act(NOUN.path, which, "approve", given(hash=hash_))
    _print(desk, row, output)
    if row["state"] == "open":
        say(tr("Somebody else has to approve it too: {why}.", why=", ".join(row["second_approval"])))


@app.command()
@at_desk
def refuse(
    desk: Desk, which: Which, reason: Annotated[str, typer.Option(help="Why, for people.")], output: Output = Format.TABLE
) -> None:
    """Refuse a plan, for good."""
    _print(desk, desk.act(NOUN.path, which, "refuse", {"reason": reason}), output)


@app.command()
@at_desk
def apply(
    desk: Desk, which: Which, wait: Wait = False,
    concurrency: Annotated[int | None, typer.Option(min=1, max=32, help="People of a workspace at a time.")] = None,
    retries: Annotated[int | None, typer.Option(min=1, max=5, help="Tries for each person.")] = None,
    yes: Sure = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Do what an approved plan says, by a job for each workspace."""
    row = desk.get(NOUN.path, which)
    if row["state"] == "open":
        hint = tr("look at it, then `stationmaster plan approve {id}`", id=row["id"])
        raise Conflict("error.plan.state", tr("the plan is open: nobody approved it yet"), hint=hint)
    confirm(tr("Apply it: {counts}?", counts=_counted(row)), yes)
    row = desk.act(NOUN.path, which, "apply", given(concurrency=concurrency, item_retries=retries))
    codes = {wait_for(desk, job) for job in row["jobs"].values()} if wait else set()
    row = desk.get(NOUN.path, which) if wait else row
    _print(desk, row, output)
    if not wait and row["jobs"]:
        say(tr("It goes on by itself; `stationmaster job list` shows how far it is."))
    _tell_by_hand(desk, row)
    if codes - {0}:
        raise typer.Exit(3 if codes <= {0, 3} else 1)


@app.command()
@at_desk
def tick(
    desk: Desk, which: Which, step: Annotated[int, typer.Argument(metavar="STEP", help="The step's id.")],
    item: Annotated[int | None, typer.Option(min=1, help="One line of its checklist; left out: all of it.")] = None,
    undone: Annotated[bool, typer.Option("--undone", help="It is left undone; of one line: it is not done after all.")] = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Tick a step that a person did at the vendor.

    All of it, or one line of its checklist.
    """
    row = desk.act(NOUN.path, which, "tick", given(step=step, item=item, done=not undone))
    if output is Format.TABLE:
        _print_checklists([row], output)
    print_object({name: row[name] for name in ("id", "name", "kind", "outcome")} if output is Format.TABLE else row, output)


def _show(desk: Desk, row: Row, output: Format, changes_only: bool) -> None:
    steps = [step for step in _steps(desk, row["id"]) if not (changes_only and step["kind"] in TOLD)]
    if output is not Format.TABLE:
        print_rows(steps, {name: name for name in _STEP}, output, under="steps", beside={"schema_version": 1, "plan": dict(row)})
        return
    shown = {"sign": "", "kind": tr("step"), "workspace": tr("workspace"), "name": tr("who"), "what": tr("change"),
             "why": tr("why"), "outcome": tr("outcome"), "id": "id"}  # fmt: skip
    hidden = {"id"} if not any(step["kind"] == "manual" for step in steps) else set()
    hidden |= {"outcome"} if not any(step["outcome"] for step in steps) else set()
    if steps:
        lines = ({**step, "sign": _SIGNS[step["kind"]], "what": change_of(step), "why": _why(step)} for step in steps)
        print_rows(lines, {name: head for name, head in shown.items() if name not in hidden}, output)
    _print_checklists(steps, output)
    _tell(desk, row)


def _print_checklists(steps: list[Row], output: Format) -> None:
    """What people do, line by line: of steps that have no outcome yet."""
    lines = [
        {"id": step["id"], "item": each["item"], "sign": "x" if each["ticked_at"] else "",
         "what": told(each["text"], **each["facts"])}
        for step in steps if not step["outcome"] for each in step["checklist"]
    ]  # fmt: skip
    if lines:
        print_rows(lines, {"id": tr("step"), "item": tr("line"), "sign": tr("done"), "what": tr("by hand")}, output)


def _steps(desk: Desk, which: str) -> Iterator[Row]:
    cursor = ""
    while True:
        page = desk.part(NOUN.path, which, "steps", Asked(), cursor)
        yield from page.items
        if not (cursor := page.next):
            return


def _why(step: Row) -> str:
    text = REASONS.get(step["reason"])
    return told(text, **step["facts"]) if text else str(step["sentence"])


def _tell(desk: Desk, row: Row) -> None:
    """What people are told under a plan."""
    what = _counted(row) or tr("nothing to do")
    say(tr("Plan {id} ({state}): {what}.", id=row["id"], state=row["state"], what=what))
    if row["why"]:
        say(readable(desk, row["why"]))
    if row["second_approval"] and row["state"] == "open":
        say(tr("It takes a second approval by somebody else: {why}.", why=", ".join(row["second_approval"])))
    if row["cost_minor"]:
        say(tr("A cycle costs {amount} more.", amount=costs(row)))
    for name, said in terms_said(row):
        say(f"{name}: {said}")
    if row["state"] == "open" and to_do(row):
        say(tr("Next: `stationmaster plan approve {id}`, then `stationmaster plan apply {id}`.", id=row["id"]))


def _tell_by_hand(desk: Desk, row: Row) -> None:
    """What of a plan that is being applied waits for a person, and what they say when it is done."""
    waiting = [step for step in _steps(desk, row["id"]) if step["kind"] == "manual" and not step["outcome"]]
    if not waiting:
        return
    say(trn("{number} step waits for somebody to do it at the vendor.",
            "{number} steps wait for somebody to do them at the vendor.", len(waiting)))  # fmt: skip
    say(tr("`stationmaster plan show {id}` says what is to be done; then, for the first: `stationmaster plan tick {id} {step}`.",
           id=row["id"], step=waiting[0]["id"]))  # fmt: skip


def _counted(row: Row) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in row["counts"].items())


def _print(desk: Desk, row: Row, output: Format) -> None:
    shown: dict[str, Any] = {name: row[name] for name in ("id", "state", "workspaces")}
    told_ = {"jobs": list(row["jobs"].values()), "why": readable(desk, row["why"]), "counts": _counted(row)}
    print_object({**shown, **told_} if output is Format.TABLE else row, output)
