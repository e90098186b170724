"""`stationmaster usage`: what was spent, and the requests behind it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stationmaster.cli import bills
from stationmaster.cli.desk import Desk, Row, Step, UsageAsked
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.spans import moment_of
from stationmaster.cli.verbs import Filters, Noun, Output, add_list, add_show, conditions, noun_app
from stationmaster.i18n import tr

app = noun_app("What was used and what it cost.")
app.add_typer(bills.app, name="bills")
EVENTS = Noun(
    "request", "usage/events",
    ("request_id", "at", "gateway", "key", "owner", "tenant", "credential", "pool", "model", "endpoint", "dialect", "status",
     "error", "usage_source", "tokens", "cost", "duration_us", "first_byte_us", "detail"),
    ("at", "key", "model", "credential", "status", "error", "cost (USD)", "ms", "request_id"),
    lambda row: {**row, "cost (USD)": _dollars(row["cost"]), "ms": row["duration_us"] // 1000},
    which=Annotated[str, typer.Argument(metavar="REQUEST_ID", help="From x-stationmaster-request-id or an error of ours.")],
)  # fmt: skip
MEASURES = ("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "cost", "unpriced")
_NANO = 1_000_000_000

Since = Annotated[str, typer.Option(help="From then on: a date, a time, or 24h, 7d ago.")]
Until = Annotated[str, typer.Option(help="Until then.")]
By = Annotated[str, typer.Option(help="key, owner, tenant, credential, pool, model, usage_source, vendor or workspace.")]


@app.command()
@at_desk
def totals(
    desk: Desk, since: Since = "30d", until: Until = "now", by: By = "", filters: Filters = None, output: Output = Format.TABLE
) -> None:
    """Sums over a time, and with --by those of each part."""
    _print(desk.totals(_asked(since, until, by, filters)), (by,) if by else (), output)


@app.command()
@at_desk
def series(
    desk: Desk,
    since: Since = "30d",
    until: Until = "now",
    step: Annotated[str, typer.Option(help="hour or day.")] = "day",
    by: By = "",
    filters: Filters = None,
    output: Output = Format.TABLE,
) -> None:
    """Sums by hour or by day; those without usage are left out."""
    steps: Mapping[str, Step] = {"hour": "hour", "day": "day"}
    if step not in steps:
        raise typer.BadParameter("expected hour or day", param_hint="--step")
    _print(desk.series(_asked(since, until, by, filters), steps[step]), ("start", by) if by else ("start",), output)


add_list(app, EVENTS, "events", search=False)
add_show(app, EVENTS)


def _asked(since: str, until: str, by: str, filters: list[str] | None) -> UsageAsked:
    now = datetime.now(UTC)
    end = moment_of(until, now, "--until")
    # A length of time counts back from the end, so that "the week before May" can be asked for.
    return UsageAsked(moment_of(since, end, "--since"), end, conditions(filters), by)


def _print(answer: Row, names: tuple[str, ...], output: Format) -> None:
    """JSON holds all of the answer; the other forms hold its parts, a table the sum of them too."""
    columns = {name: name for name in (*names, *MEASURES)}
    beside = {"schema_version": 1, **{name: answer[name] for name in ("since", "until", "total")}}
    if output is Format.TABLE:
        heading = {name: tr("cost (USD)") if name == "cost" else name for name in columns}
        print_rows(_for_people(answer, names), heading, output)
    elif output is Format.JSON or names:
        print_rows(answer["parts"], columns, output, under="parts", beside=beside)
    else:
        print_rows([answer["total"]], columns, output)


def _for_people(answer: Row, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for part in answer["parts"] if names else ():
        yield {**part, "cost": _dollars(part["cost"])}
    blank = dict.fromkeys(names, "")
    yield {**blank, **({names[0]: tr("total")} if names else {}), **answer["total"], "cost": _dollars(answer["total"]["cost"])}


def _dollars(nanodollars: int | None) -> str:
    """US dollars; nothing where the price is not known."""
    return "" if nanodollars is None else f"{nanodollars / _NANO:.6f}"
