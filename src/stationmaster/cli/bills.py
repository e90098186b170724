"""`stationmaster usage bills`: what vendors say was used, beside what gateways counted."""

from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.job import Wait, follow_up
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import (
    DryRun,
    Filters,
    Noun,
    Output,
    Sort,
    add_list,
    add_show,
    change,
    conditions,
    noun_app,
)
from stationmaster.cli.workspace import Which

_NANO = 1_000_000_000
_SIDES = ("theirs", "ours")


def _flat(row: Row) -> dict[str, Any]:
    """A row for a table: each side's tokens and dollars in columns of their own."""
    shown = dict(row)
    for side in _SIDES:
        figures = row[side]
        shown[f"{side}_tokens"] = figures["input"] + figures["output"]
        shown[f"{side}_requests"] = figures["requests"]
        shown[f"{side}_cost"] = "" if figures["cost"] is None else f"{figures['cost'] / _NANO:.4f}"
    if "rate" in row:
        shown["captured"] = "" if row["rate"] is None else f"{int(row['rate'] * 1000 + 1e-6) / 10:.1f} %"
        shown["day"], shown["past_tokens"] = str(row["day"])[:10], row["past"]["tokens"]
        shown["past_requests"] = row["past"]["requests"]
    return shown


app = noun_app("What vendors say was used, beside our own count.")
NOUN = Noun(
    "day", "bills",
    ("id", "workspace", "name", "vendor", "day", "verdict", "settled", "measure", "rate", "theirs", "ours", "difference",
     "currency", "past", "cycle_cost", "unidentified", "read_at"),
    ("id", "day", "name", "verdict", "settled", "captured", "theirs_tokens", "ours_tokens", "past_tokens",
     "past_requests", "theirs_cost",
     "ours_cost"),
    _flat,
)  # fmt: skip
PARTS = ("id", "credential", "key", "model", "theirs", "ours")
_PART_TABLE = ("credential", "key", "model", *(f"{side}_{name}" for name in ("requests", "tokens", "cost") for side in _SIDES))

add_list(app, NOUN, search=False)
add_show(app, NOUN)


@app.command()
@at_desk
def parts(
    desk: Desk, which: Annotated[str, typer.Argument(metavar="ID", help="The day's id.")], filters: Filters = None,
    sort: Sort = "", limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 500,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Take a day apart, by credential and model."""
    page = desk.part("bills", which, "parts", Asked("", conditions(filters), sort), "", limit)
    rows, columns = (map(_flat, page.items), _PART_TABLE) if output is Format.TABLE else (page.items, PARTS)
    print_rows(rows, {name: name for name in columns}, output, under="parts", beside={"schema_version": 1, "total": page.total})


@app.command()
@at_desk
def read(
    desk: Desk, which: Which,
    days: Annotated[int, typer.Option(min=0, max=31, help="So many, today among them; 0: those that may have changed.")] = 0,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Read a workspace's reports now, by a job."""
    fields = {"days": days} if days else {}
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act("workspaces", which, "bills", fields)), wait, output)
