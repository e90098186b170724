"""My access: one's own seats, keys and usage, and asking for a seat. Owns that page.

It shows what is the asker's own, whatever else they may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.home import asking
from stationmaster.entrances.console.pages.home.amounts import NANO, usd
from stationmaster.entrances.console.pages.lists import Column, plain
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Field,
    Form,
    Link,
    Note,
    Page,
    Part,
    Problem,
    Row,
    Section,
    moment,
    text,
)
from stationmaster.entrances.console.pages.pictures import Stacked, Tile, Tiles
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import tr, trn
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

_MOST: Final = 100
_DAYS: Final = 30
_SHOWN: Final = 6  # models in the chart; the rest are one
_SAME: Final = (
    ("stationmaster seat list", "GET /api/v1/seats"),
    ("stationmaster key list", "GET /api/v1/keys"),
    ("stationmaster usage totals --by model", "GET /api/v1/usage/totals?by=model"),
    ("stationmaster seat-request ask WORKSPACE --reason WHY", "POST /api/v1/seat-requests"),
    ("stationmaster seat-request withdraw REQUEST", "POST /api/v1/seat-requests/REQUEST/withdraw"),
)


@dataclass(frozen=True)
class Who:
    """Whose page it is: who is signed in, and the person behind that, if there is one."""

    actor: Actor
    person: str = ""

    keys: tuple[str, ...] = ()

    @property
    def usage(self) -> tuple[Filter, ...]:
        """What takes their usage alone; members are shown no other anyway."""
        return () if self.actor.role == "member" else (Filter("key", "in", list(self.keys) or [""]),)


def page(request: HttpRequest) -> HttpResponse:
    """What is mine, and asking for more."""
    done = posted(request, {"ask": _asked, "withdraw": _withdrawn})
    if isinstance(done, HttpResponse):
        return done
    actor = me(request)
    person = people.person_of(actor)
    which = "" if person is None else str(person.id)
    keys = _keys(actor, which)
    who = Who(actor, which, tuple(str(row["name"]) for row in keys))
    sections = [*_unknown(who), *_seats(who), *_asking(request, who, done), _my_keys(who, keys), _usage(who)]
    lead = tr("What you have here: seats, keys, and what they were used for.")
    return shown(request, Page(tr("My access"), sections, same=_SAME, problem=done, lead=lead))


def _unknown(who: Who) -> list[Section]:
    if who.person:
        return []
    why = tr("Nobody among the people here has your e-mail address, so that no seat can be yours. An operator can add you.")
    return [Section("", (Note(why, "busy"),))]


def _seats(who: Who) -> list[Section]:
    if not who.person:
        return []
    asked = Query(filters=(Filter("person", "eq", who.person),), sort="workspace", limit=_MOST, counted=False)
    columns = (
        Column(tr("Workspace"), lambda row: text(row["workspace"])),
        Column(tr("State"), lambda row: words.state(words.SEATS, row["state"])),
        Column(tr("Role"), lambda row: text(row["role"] or row["vendor_role"])),
        Column(tr("Since"), lambda row: moment(row["since"])),
        Column(tr("What to do"), _to_do),
    )
    rows = workspaces.list_seats(who.actor, asked).items
    empty = tr("You hold no seat yet. Ask for one below.")
    return [Section(tr("My seats"), (plain(columns, rows, empty),))]


def _to_do(row: Row) -> Cell:
    """What its person does next."""
    if row["state"] == "invited":
        ends = moment(row["expires_at"])
        note = tr("It ends {when}.", when=ends.text) if row["expires_at"] else ""
        return Cell(tr("Accept the invitation in your mailbox, {email}.", email=row["email"]), note=note, title=ends.title)
    known = {
        "planned": tr("Nothing: you will be invited."), "inviting": tr("Nothing: you are being invited."),
        "active": tr("Nothing: sign in at the vendor."), "expired": tr("Ask an operator to invite you again."),
        "failed": tr("Ask an operator: the invitation failed."), "removed": tr("Ask for a seat if you need one again."),
    }  # fmt: skip
    return text(known.get(str(row["state"])))


def _asking(request: HttpRequest, who: Who, problem: Problem | None) -> list[Section]:
    """What was asked for, and the form to ask."""
    if not who.person or not may(request, "seatrequests:read"):
        return []
    asked = Query(filters=(Filter("person", "eq", who.person),), limit=20, counted=False)
    columns = (
        Column(tr("Workspace"), lambda row: text(row["workspace"])),
        Column(tr("Role"), lambda row: text(row["role"])),
        Column(tr("What for"), lambda row: text(row["reason"])),
        Column(tr("State"), asking.state),
        Column(tr("Asked"), lambda row: moment(row["created_at"])),
        *((Column("", _taking_back),) if may(request, "seatrequests:create") else ()),
    )
    rows = workspaces.list_seat_requests(who.actor, asked).items
    parts: list[Part] = [plain(columns, rows)] if rows else []
    if may(request, "seatrequests:create"):
        parts += _form(who.actor, request.POST, problem)
    return [Section(tr("Ask for a seat"), parts)] if parts else []


def _taking_back(row: Row) -> Cell:
    """The button for what nobody decided yet."""
    which = Field("which", "", "hidden", str(row["id"]))
    return Cell(forms=(Form(tr("Take it back"), "withdraw", (which,)),)) if row["state"] == "asked" else Cell()


def _form(actor: Actor, sent: Sent, problem: Problem | None) -> list[Part]:
    places = workspaces.seat_places(actor)
    if not places:
        return [Note(tr("There is no workspace yet in which a seat could be had."))]
    wrong = problem.fields if problem else {}
    options = tuple((each["name"], f"{each['name']} ({_vendor(each)})") for each in places)
    roles = sorted({role for each in places for role in each["roles"]})
    fields = (
        Field("workspace", tr("Workspace"), "select", sent.get("workspace", ""), options, error=wrong.get("workspace", "")),
        Field("role", tr("Role"), value=sent.get("role", ""), options=tuple((each, "") for each in roles),
              help=tr("Empty: the weakest that the vendor has."), error=wrong.get("role", "")),
        Field("reason", tr("What for"), "textarea", sent.get("reason", ""), error=wrong.get("reason", ""),
              help=tr("Whoever decides reads this.")),
    )  # fmt: skip
    lacking = sorted(each["name"] for each in places if each["lacks_login"])
    why = tr("At {workspaces} people are known by a log-in of the vendor's, and yours is not known here: tell an operator.",
             workspaces=", ".join(lacking[:5]))  # fmt: skip
    return [Form(tr("Ask"), "ask", fields, main=True), *([Note(why, "busy")] if lacking else [])]


def _vendor(place: Mapping[str, Any]) -> str:
    found = VENDORS.get(str(place["vendor"]))
    return found.title if found else str(place["vendor"])


def _asked(actor: Actor, sent: Sent) -> Went:
    row = workspaces.ask_for_seat(actor, {name: filled(sent, name) for name in ("workspace", "role", "reason")})
    return Went(told=tr("Asked for a seat in {workspace}. Somebody will decide.", workspace=row["workspace"]))


def _withdrawn(actor: Actor, sent: Sent) -> Went:
    row = workspaces.withdraw_seat_request(actor, sent.get("which", ""), {})
    return Went(told=tr("You no longer ask for a seat in {workspace}.", workspace=row["workspace"]))


def _keys(actor: Actor, person: str) -> Sequence[Row]:
    """One's own keys. What is said to be nobody's in particular may still name who is signed in."""
    mine = Filter("person", "eq", person) if person else Filter("owner", "eq", actor.id)
    filters = () if actor.role == "member" else (mine,)
    return list(routing.list_keys(actor, Query(filters=filters, sort="name", limit=_MOST, counted=False)).items)


def _my_keys(who: Who, keys: Sequence[Row]) -> Section:
    spent = _spent(who, keys)
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/keys/{row['id']}")),
        Column(tr("State"), _state),
        Column(tr("This month"), lambda row: _month(row, spent.get(str(row["name"]), 0))),
        Column(tr("Requests a minute"), lambda row: Cell(f"{row['rpm']:,}" if row["rpm"] else tr("no limit"), number=True)),
        Column(tr("Tokens a minute"), lambda row: Cell(f"{row['tpm']:,}" if row["tpm"] else tr("no limit"), number=True)),
        Column(tr("Expires"), lambda row: moment(row["expires"], tr("never"))),
    )
    empty = tr("You have no virtual key. An operator makes one: `stationmaster key create NAME --owner YOU`")
    return Section(tr("My virtual keys"), (plain(columns, keys, empty),))


def _state(row: Row) -> Cell:
    if row["disabled"]:
        return Cell(tr("disabled"), tone="bad", note=str(row["disabled_reason"]))
    if row["expires"] and datetime.fromisoformat(str(row["expires"])) <= datetime.now(UTC):
        return Cell(tr("expired"), tone="bad")
    return Cell(tr("in use"), tone="good")


def _month(row: Row, nano: int) -> Cell:
    """What it spent this month, beside what it may."""
    limit = row["budget"]["month_usd"]
    if not limit:
        return Cell(usd(nano), note=tr("no budget set"))
    return Cell(tr("{spent} of {budget}", spent=usd(nano), budget=usd(round(limit * NANO))),
                meter=(round(nano / NANO * 100), round(limit * 100)))  # fmt: skip


def _spent(who: Who, keys: Sequence[Row]) -> Mapping[str, int]:
    if not keys:
        return {}
    now = datetime.now(UTC)
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    named = Filter("key", "in", [str(row["name"]) for row in keys])
    return {str(part["key"]): part["cost"] for part in usage.totals(who.actor, usage.Question(start, end, (named,), "key")).parts}


def _usage(who: Who) -> Section:
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    found = usage.series(who.actor, usage.Question(end - timedelta(days=_DAYS), end, who.usage, "model"), "day")
    unpriced = found.total["unpriced"]
    note = trn("and {number} request of unknown price", "and {number} requests of unknown price", unpriced) if unpriced else ""
    tiles = Tiles((
        Tile(tr("Spent in 30 days"), usd(found.total["cost"]), note=note),
        Tile(tr("Requests"), f"{found.total['requests']:,}"),
        Tile(tr("Errors"), f"{found.total['errors']:,}"),
    ))  # fmt: skip
    chart = stacked(found, end - timedelta(days=_DAYS), _DAYS, "model", tr("Spent a day, by model"))
    return Section(tr("My usage"), (tiles, chart), links=(Link(tr("Requests"), "/requests"), Link(tr("Usage"), "/usage")))


def stacked(
    found: usage.Answer, first: datetime, days: int, by: str, title: str, which: tuple[str, str, str] | None = None,
) -> Stacked:  # fmt: skip
    """Spending a day as a chart: the dearest values apart, the rest as one. A day leads to its usage, by the filter `which`."""
    starts = [first + timedelta(days=number) for number in range(days)]
    sums: dict[str, dict[datetime, float]] = {}
    for part in found.parts:
        sums.setdefault(str(part[by]), {})[part["start"]] = part["cost"] / NANO
    order = sorted(sums, key=lambda name: -sum(sums[name].values()))
    series = [(name or tr("not named"), tuple(sums[name].get(start, 0.0) for start in starts)) for name in order[:_SHOWN]]
    if rest := order[_SHOWN:]:
        series.append((tr("others"), tuple(sum(sums[name].get(start, 0.0) for name in rest) for start in starts)))
    hrefs = tuple(_day(start, which) for start in starts)
    return Stacked(title, tuple(f"{start:%Y-%m-%d}" for start in starts), tuple(series), "usd", hrefs=hrefs,
                   empty=tr("No request was served in this time."))  # fmt: skip


def _day(start: datetime, which: tuple[str, str, str] | None = None) -> str:
    end = start + timedelta(days=1)
    asked = f"&{urlencode({'filter': ':'.join(which)})}" if which else ""
    return f"/usage?range=custom&since={start:%Y-%m-%dT%H:%MZ}&until={end:%Y-%m-%dT%H:%MZ}{asked}"
