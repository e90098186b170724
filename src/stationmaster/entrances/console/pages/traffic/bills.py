"""What vendors say was used, beside what gateways counted: the days, as a picture and a list, and one day taken apart. Owns both
pages."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.bills import services as bills
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    DASH,
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Row,
    Section,
    Table,
    moment,
    number,
)
from stationmaster.entrances.console.pages.pictures import Stacked
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr, trn
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

_NANO: Final = 1_000_000_000
_SHOWN: Final = 31      # days of the picture


def all_of_them(request: HttpRequest) -> HttpResponse:
    """Every day of every workspace, or of one."""
    actor = me(request)
    done = posted(request, {"read": _read})
    if isinstance(done, HttpResponse):
        return done
    places = _places(actor)
    sections = [*_pictures(request, actor), Section("", (_days(request, actor, places),)), *_reading(request, places)]
    same = (("stationmaster usage bills list", "GET /api/v1/bills"),
            ("stationmaster usage bills read WORKSPACE", "POST /api/v1/workspaces/WORKSPACE/bills"))  # fmt: skip
    return shown(request, Page(tr("Bills"), sections, (), (), same, 0, done))


def _days(request: HttpRequest, actor: Actor, places: list[tuple[str, str]]) -> Table:
    choices = (
        Choice(tr("Workspace"), "workspace", tuple(places)), Choice(tr("How they agree"), "verdict", words.options(words.BILLS)),
    )
    shape = Shape(
        bills.BILLS, _day_columns(), choices, download="bills" if may(request, "bills:export") else "",
        empty=tr("None yet. Reports are read once a day, of each workspace whose vendor tells what was used; or now: "
                 "`stationmaster usage bills read WORKSPACE`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: bills.list_bills(actor, query), shape)


def _day_columns() -> tuple[Column, ...]:
    return (
        Column(tr("Day (UTC)"), lambda row: Cell(f"{row['day']:%Y-%m-%d}", f"/bills/{row['id']}"), "day"),
        Column(tr("Workspace"), lambda row: Cell(row["name"], f"/workspaces/{row['workspace']}", note=row["vendor"]), "name"),
        Column(tr("How they agree"), verdict, "verdict"),
        Column(tr("Captured"), lambda row: Cell(percent(row["rate"]), number=True), number=True),
        Column(tr("Vendor's tokens"), lambda row: number(tokens(row["theirs"])), number=True),
        Column(tr("Our tokens"), lambda row: number(tokens(row["ours"])), number=True),
        Column(tr("Past the gateway"), _past, "past_tokens", True),
        Column(tr("Vendor's cost"), lambda row: Cell(money(row["theirs"]["cost"], row["currency"]), number=True), number=True),
        Column(tr("Our cost"), lambda row: Cell(money(row["ours"]["cost"]), number=True), number=True),
    )


def one(request: HttpRequest, which: str) -> HttpResponse:
    """A day, by credential and model."""
    actor = me(request)
    row = bills.get_bill(actor, which)
    sections = (Section("", (_facts(row), *_notes(row))), Section(tr("By credential and model"), (_parts(request, actor, row),)))
    same = ((f"stationmaster usage bills parts {row['id']}", f"GET /api/v1/bills/{row['id']}/parts"),)
    title = f"{row['name']}, {row['day']:%Y-%m-%d}"
    links = (Link(tr("What we counted on this day"), _ours(row)), Link(tr("The workspace"), f"/workspaces/{row['workspace']}"))
    return shown(request, Page(title, sections, links=links, same=same, trail=(Link(tr("Bills"), "/bills"),)))


def _ours(row: Row) -> str:
    """The page of usage, of this workspace and day, by credential."""
    until = row["day"] + timedelta(days=1)
    asked = [("range", "custom"), ("since", f"{row['day']:%Y-%m-%d}"), ("until", f"{until:%Y-%m-%d}"), ("by", "credential"),
             ("filter", f"workspace:eq:{row['workspace']}")]  # fmt: skip
    return f"/usage?{urlencode(asked)}"


def _parts(request: HttpRequest, actor: Actor, row: Row) -> Table:
    shape = Shape(bills.PARTS, _part_columns(row["currency"]), (), tr("Nothing was used on this day."),
                  f"bills/{row['id']}/parts" if may(request, "bills:export") else "")  # fmt: skip
    return lists.listed(request, lambda query: bills.list_parts(actor, str(row["id"]), query), shape)


def _part_columns(currency: str) -> tuple[Column, ...]:
    return (
        Column(tr("Credential"), _whose, "credential"),
        Column(tr("Model"), lambda part: Cell(part["model"] or DASH), "model"),
        Column(tr("Vendor's requests"), lambda part: number(part["theirs"]["requests"]), "vendor_requests", True),
        Column(tr("Our requests"), lambda part: number(part["ours"]["requests"]), "ours_requests", True),
        Column(tr("Vendor's tokens"), lambda part: _apart(part["theirs"]), "vendor_input", True),
        Column(tr("Our tokens"), lambda part: _apart(part["ours"]), "ours_input", True),
        Column(tr("Vendor's cost"), lambda part: Cell(money(part["theirs"]["cost"], currency), number=True), number=True),
        Column(tr("Our cost"), lambda part: Cell(money(part["ours"]["cost"]), number=True), number=True),
    )


def verdict(row: Row) -> Cell:
    """How the two sides agree; a day that may change still says so."""
    note = "" if row["settled"] or row["verdict"] == "open" else tr("may still change")
    return words.state(words.BILLS, row["verdict"], note=note)


def tokens(side: Row) -> int:
    """Input and output together."""
    return int(side["input"] + side["output"])


def percent(rate: float | None) -> str:
    """Of a rate, rounded down, as it is judged."""
    return DASH if rate is None else f"{int(rate * 1000 + 1e-6) / 10:.1f} %"


def money(nano: int | None, currency: str = "USD") -> str:
    """An amount; a dash where it is not known."""
    return DASH if nano is None else f"{nano / _NANO:,.2f} {currency or 'USD'}"


def _places(actor: Actor) -> list[tuple[str, str]]:
    rows = workspaces.list_workspaces(actor, Query(limit=500, counted=False, sort="name")).items
    telling = {name for name, each in VENDORS.items() if Capability.USAGE in each.capabilities}
    return [(str(row["id"]), str(row["name"])) for row in rows if row["vendor"] in telling]


def _pictures(request: HttpRequest, actor: Actor) -> list[Section]:
    """The last month of the workspace that is chosen, or of all together."""
    chosen = tuple(Filter(*text.split(":", 2)) for text in request.GET.getlist("filter") if text.startswith("workspace:eq:"))
    rows = bills.list_bills(actor, Query(filters=chosen, sort="-day", limit=500, counted=False)).items
    days: dict[str, list[int]] = {}
    for row in rows:
        sums = days.setdefault(f"{row['day']:%Y-%m-%d}", [0, 0])
        sums[0], sums[1] = sums[0] + tokens(row["theirs"]), sums[1] + tokens(row["ours"])
    shown_days = list(days)[:_SHOWN][::-1]
    series = ((tr("vendor"), tuple(float(days[day][0]) for day in shown_days)),
              (tr("gateways"), tuple(float(days[day][1]) for day in shown_days)))  # fmt: skip
    if not any(value for _, values in series for value in values):
        return []
    hrefs = tuple(_on(day, chosen) for day in shown_days)
    title = tr("Tokens a day, as the vendor says and as we counted")
    return [Section("", (Stacked(title, tuple(shown_days), series, kind="line", hrefs=hrefs),))]


def _on(day: str, chosen: tuple[Filter, ...]) -> str:
    """The list of one day, of the workspace that is chosen."""
    place = ((each.field, each.op, str(each.value)) for each in chosen)
    return lists.filtered("/bills", ("day", "eq", day), *place)


def _reading(request: HttpRequest, places: list[tuple[str, str]]) -> list[Section]:
    if not places or not may(request, "bills:update"):
        return []
    field = Field("workspace", tr("Workspace"), "select", "", tuple(places), needed=True)
    return [Section(tr("Read reports now"), (Form(tr("Read them"), "read", (field,)),))]


def _read(actor: Actor, sent: Sent) -> Went:
    job = bills.read_bills(actor, filled(sent, "workspace"), {"days": 7})
    return Went(f"/jobs/{job['id']}")


def _past(row: Row) -> Cell:
    """Tokens, or where the vendor counted none requests: each with its unit."""
    past = row["past"]
    if past["tokens"] or not past["requests"]:
        return Cell(trn("{number} token", "{number} tokens", past["tokens"]), number=True)
    return Cell(trn("{number} request", "{number} requests", past["requests"]), number=True)


def _whose(part: Row) -> Cell:
    if part["credential"]:
        return Cell(part["credential"], f"/credentials/{part['credential']}")
    return Cell(tr("not ours"), note=part["key"] or tr("the vendor names no key"), tone="bad")


def _apart(side: Row) -> Cell:
    note = tr("{cached} cached, {output} output", cached=f"{side['cached']:,}", output=f"{side['output']:,}")
    return Cell(f"{tokens(side):,}", number=True, note=note if tokens(side) else "")


def _facts(row: Row) -> Facts:
    theirs, ours, past = row["theirs"], row["ours"], row["past"]
    facts = [
        (tr("Workspace"), Cell(row["name"], f"/workspaces/{row['workspace']}", note=row["vendor"])),
        (tr("How they agree"), verdict(row)),
        (tr("Captured"), Cell(percent(row["rate"]), note=words.name(words.MEASURES, row["measure"]) if row["measure"] else "")),
        (tr("Vendor's tokens"), number(tokens(theirs))),
        (tr("Our tokens"), number(tokens(ours))),
        (tr("Difference"), number(row["difference"])),
        (tr("Past the gateway"), Cell(tr("{tokens} tokens in {requests} requests", tokens=f"{past['tokens']:,}",
                                         requests=f"{past['requests']:,}"), note=money(past["cost"], row["currency"]))),
        (tr("Vendor's cost"), Cell(money(theirs["cost"], row["currency"]))),
        (tr("Our cost"), Cell(money(ours["cost"]))),
        (tr("Read"), moment(row["read_at"])),
    ]  # fmt: skip
    if row["cycle_cost"] is not None:
        facts.append((tr("Spent in the vendor's billing cycle so far"), Cell(money(row["cycle_cost"], row["currency"]))))
    return Facts(tuple(facts))


def _notes(row: Row) -> list[Note]:
    if not row["unidentified"]:
        return []
    return [Note(tr("Of {number} credentials of this workspace nobody knows which of the vendor's keys they are: what they used "
                    "looks as if it had gone past the gateway. Probe them: `stationmaster credential probe`",
                    number=row["unidentified"]), "busy")]  # fmt: skip
