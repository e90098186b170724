"""Figures of the first page. Owns: which there are for whom, and the rows that each leads to."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages.home.amounts import lasting, share, usd
from stationmaster.entrances.console.pages.lists import filtered
from stationmaster.entrances.console.pages.parts import Tone
from stationmaster.entrances.console.pages.pictures import Tile
from stationmaster.i18n import tr, trn
from stationmaster.jobs import services as jobs
from stationmaster.operators.services import allowed
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.planning import wording

_UNWELL: Final = ("suspect", "cooling", "disabled")
_KNOWN: Final = (*_UNWELL, "healthy", "probing", "off")
_PLACES: Final = 500


def today() -> datetime:
    """When today began (UTC)."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def tiles(actor: Actor) -> Iterator[Tile]:
    """The figures that `actor` may see, in the order of how often they are looked at."""
    if allowed(actor, "usage:read"):
        yield from _traffic(actor)
    if allowed(actor, "workspaces:read"):
        yield _seats(actor)
    if allowed(actor, "credentials:read"):
        yield from _credentials(actor)
    if allowed(actor, "jobs:read"):
        yield _jobs(actor)


def _traffic(actor: Actor) -> Iterator[Tile]:
    now, day = datetime.now(UTC), today()
    tomorrow = day + timedelta(days=1)
    spent = usage.totals(actor, usage.Question(day, tomorrow)).total
    month = usage.totals(actor, usage.Question(day.replace(day=1), tomorrow)).total
    yield Tile(tr("Spent today"), usd(spent["cost"]), "/usage?range=today", _unpriced(spent))
    yield _month(actor, month)
    yield Tile(tr("Requests today"), f"{spent['requests']:,}", _requests(day))
    lately = usage.totals(actor, usage.Question(now - timedelta(hours=23), now)).total
    yield Tile(
        tr("Errors, last 24 hours"), share(lately["errors"], lately["requests"]),
        _requests(now - timedelta(hours=24), errors=True),
        tr("{part} of {whole}", part=f"{lately['errors']:,}", whole=f"{lately['requests']:,}"),
        "bad" if lately["requests"] and lately["errors"] * 20 > lately["requests"] else "",
    )  # fmt: skip
    yield _latency(actor, now - timedelta(hours=24))


def _unpriced(sums: Any) -> str:
    number = sums["unpriced"]
    return trn("and {number} request of unknown price", "and {number} requests of unknown price", number) if number else ""


def _month(actor: Actor, sums: Any) -> Tile:
    label, spent = tr("Spent this month"), int(sums["cost"])
    budget = routing.month_budget(actor) if allowed(actor, "keys:read") else 0
    if not budget:
        return Tile(label, usd(spent), "/usage?range=month", tr("no budget set"))
    said = tr("of {budget}, the budgets of all keys", budget=usd(budget))
    cents = 10_000_000
    return Tile(label, usd(spent), "/usage?range=month", said, "bad" if spent > budget else "",
                (round(spent / cents), max(1, round(budget / cents))))  # fmt: skip


def _latency(actor: Actor, since: datetime) -> Tile:
    found = usage.latency(actor, since)
    note = tr("half of them, and 19 of 20; last 24 hours")
    if not found.all:
        note = tr("half of them, and 19 of 20; the last {number} requests", number=f"{found.requests:,}")
    took = f"{lasting(found.p50)} / {lasting(found.p95)}"
    return Tile(tr("Time to answer, p50 / p95"), took, _requests(since), note)


def _requests(since: datetime, *, errors: bool = False) -> str:
    """The requests since then."""
    asked = [f"at:ge:{since:%Y-%m-%dT%H:%M}Z", *(("status:ge:400",) if errors else ())]
    return f"/requests?{urlencode([('filter', each) for each in asked])}"


def _seats(actor: Actor) -> Tile:
    """As the list of workspaces has them."""
    places = workspaces.list_workspaces(actor, Query(limit=_PLACES, counted=False)).items
    rows = [wording.seats(row) for row in places]
    counted = [(used or 0, total) for used, total in rows if total is not None]
    if not counted:
        taken = sum(used or 0 for used, _ in rows)
        return Tile(tr("Seats in use"), f"{taken:,}", "/workspaces", tr("no vendor tells how many there are") if rows else "")
    used, total = (sum(each) for each in zip(*counted, strict=True))
    unknown = len(rows) - len(counted)
    note = trn("{number} workspace does not tell", "{number} workspaces do not tell", unknown) if unknown else ""
    tone: Tone = "bad" if used > total else ""
    value = tr("{part} of {whole}", part=f"{used:,}", whole=f"{total:,}")
    return Tile(tr("Seats in use"), value, "/workspaces", note, tone, (used, max(total, 1)))


def _credentials(actor: Actor) -> Iterator[Tile]:
    counts = credentials.by_health(actor)
    unwell = sum(counts.get(state, 0) for state in _UNWELL)
    rows = filtered("/credentials", ("health", "in", ",".join(_UNWELL)), ("disabled", "eq", "false"))
    whole = tr("of {number}", number=f"{sum(counts.values()):,}")
    unheard = sum(number for state, number in counts.items() if state not in _KNOWN)
    note = whole
    if unheard:
        unknown = trn("nothing known of {number} yet", "nothing known of {number} yet", unheard)
        note = f"{whole}; {unknown}"
    calm: Tone = "" if unheard or not counts else "good"
    yield Tile(tr("Credentials not well"), f"{unwell:,}", rows, note, "bad" if unwell else calm)
    ends = Counter(str(row["expiry"]) for row in credentials.ending(actor))
    over = ends["expired"]
    note = trn("{number} has ended already", "{number} have ended already", over) if over else ""
    yield Tile(tr("Secrets that end soon"), f"{ends['soon'] + over:,}", "/calendar", note, "bad" if over else "")


def _jobs(actor: Actor) -> Tile:
    numbers = jobs.jobs_by_state(actor)
    running, waiting, failed = (numbers.get(state, 0) for state in ("running", "queued", "failed"))
    notes = [trn("{number} waits", "{number} wait", waiting)] if waiting else []
    notes += [trn("{number} failed", "{number} failed", failed)] if failed else []
    if waiting and not jobs.any_worker():
        notes.append(tr("no worker runs"))
    return Tile(tr("Jobs running"), f"{running:,}", filtered("/jobs", ("state", "eq", "running")), "; ".join(notes))
