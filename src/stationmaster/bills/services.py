"""What entrances may ask about bills."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from stationmaster.bills import kinds
from stationmaster.bills.comparing import ALARMING, VERDICTS
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.bills.policy import policy
from stationmaster.bills.reconciling import MOST_DAYS, day_of
from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job
from stationmaster.operators.access import require
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS, vendor
from stationmaster.workspaces.models import Workspace

__all__ = [
    "BILLS", "PARTS", "alarming", "apart", "compared", "export_bills", "export_parts", "get_bill", "list_bills", "list_parts",
    "read_bills", "tend",
]  # fmt: skip

_SIDES = ("requests", "input", "cached", "output", "cost")
LATELY: Final = timedelta(days=14)      # for so long a gap is news


def show(row: BillDay) -> Mapping[str, Any]:
    """A day as plain values. `difference`: ours less the vendor's, in tokens; costs in nanodollars, null where not known."""
    return {
        "id": str(row.pk), "workspace": row.workspace_id, "name": row.workspace.name, "vendor": row.workspace.vendor,
        "day": row.day, "verdict": row.verdict, "settled": row.settled, "measure": row.measure,
        "rate": None if row.rate is None or row.verdict == "unmetered" else row.rate / 10_000, **_both(row),
        "difference": row.ours_input + row.ours_output - row.vendor_input - row.vendor_output, "currency": row.currency,
        "past": {"requests": row.past_requests, "tokens": row.past_tokens, "cost": row.past_cost},
        "cycle_cost": row.cycle_cost, "unidentified": row.unidentified, "read_at": row.read_at,
    }


def show_part(row: BillPart) -> Mapping[str, Any]:
    """A part of a day as plain values. `credential` is empty for what came by a key that is not known here: then `key` is the
    vendor's id of it, or of who used it without one."""
    return {"id": str(row.pk), "credential": row.credential, "key": row.key, "model": row.model, **_both(row)}


BILLS: Final = Listing(
    noun="bills",
    columns=(
        Column("id", kind="number"), Column("day", kind="time"), Column("workspace", path="workspace_id"),
        Column("name", path="workspace__name"), Column("vendor", path="workspace__vendor", values=VENDORS),
        Column("verdict", values=VERDICTS), Column("settled", kind="flag"), Column("unidentified", kind="number"),
        Column("read_at", kind="time"),
        *(Column(f"{side}_{name}", kind="number") for side in ("vendor", "ours") for name in _SIDES if name != "cost"),
        Column("past_tokens", kind="number"), Column("past_requests", kind="number"),
    ),
    show=show, search="", sort="-day",
)  # fmt: skip
PARTS: Final = Listing(
    noun="bill parts",
    columns=(
        Column("id", kind="number"), Column("credential"), Column("key"), Column("model"),
        *(Column(f"{side}_{name}", kind="number") for side in ("vendor", "ours") for name in _SIDES if name != "cost"),
    ),
    show=show_part, search="", sort="id",
)  # fmt: skip


def list_bills(actor: Actor, query: Query) -> Page:
    """One page of days, the latest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "bills:read")
    return page(BILLS, _days(), query)


def export_bills(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "bills:export")
    return export(BILLS, _days(), query, form)


def get_bill(actor: Actor, which: str) -> Mapping[str, Any]:
    """One day, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "bills:read")
    return show(_found(which))


def list_parts(actor: Actor, which: str, query: Query) -> Page:
    """One page of a day's parts: by credential or foreign key, and model. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "bills:read")
    return page(PARTS, BillPart.objects.filter(bill=_found(which)), query)


def export_parts(actor: Actor, which: str, query: Query, form: Format) -> Iterator[str]:
    """All of them, as a file. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "bills:export")
    return export(PARTS, BillPart.objects.filter(bill=_found(which)), query, form)


def read_bills(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Read a workspace's reports now, by a job: the last `days` of them, today among them (left out: those that may have
    changed). Returns the job. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "bills:update")
    known_only(given, frozenset({"days"}))
    days = given.get("days") or 0
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        why = f"a number from 1 to {MOST_DAYS}"
        raise Invalid("error.config.bad_value", f"days: {why}", fields={"days": why})
    row = find(Workspace, which)
    if Capability.USAGE not in vendor(row.vendor).capabilities:
        title = vendor(row.vendor).title
        raise Conflict("error.bills.not_told", f"{title} tells nobody what was used", hint="see its own bill")
    if row.disabled:
        raise Conflict("error.workspace.disabled", f"{row.name} is disabled", hint="enable it first")
    return jobs.submit(actor, kinds.RECONCILE, workspace=row.id, args={"days": days} if days else {}, dedupe=_key(row.id))


def alarming(actor: Actor) -> int:
    """How many days of the last two weeks are too far apart. Raises `Forbidden`."""
    require(actor, "bills:read")
    return apart()


def apart() -> int:
    """The same number. Asks for no right: it is part of how the whole stands."""
    return BillDay.objects.filter(verdict__in=ALARMING, day__gte=timezone.now() - LATELY).count()


def compared() -> bool:
    """Whether there was anything in the last two weeks that both sides could have counted. Asks for no right, as `apart`."""
    lately = BillDay.objects.filter(day__gte=timezone.now() - LATELY)
    return lately.filter(verdict__in=("agrees", *ALARMING)).exists()


def tend(actor: Actor = SYSTEM) -> int:
    """Queue what is due: each workspace whose vendor tells what was used, once a day, from so many hours after midnight (UTC)
    on; a job that failed is made again. Whoever runs the control plane calls this now and then. How many jobs."""
    now = timezone.now()
    due = day_of(now) + timedelta(hours=policy().delay_hours)
    if now < due:
        return 0
    telling = [name for name, each in VENDORS.items() if Capability.USAGE in each.capabilities]
    rows = Workspace.objects.filter(vendor__in=telling, disabled=False).order_by("name")
    read = Job.objects.filter(kind=kinds.RECONCILE, created_at__gte=due).exclude(state__in=("failed", "cancelled"))
    done = set(read.values_list("workspace", flat=True))
    return sum(_quietly(actor, row) for row in rows if row.id not in done)


def _quietly(actor: Actor, row: Workspace) -> bool:
    """Queue it unless it waits already."""
    try:
        jobs.submit(actor, kinds.RECONCILE, workspace=row.id, dedupe=_key(row.id))
    except Conflict:
        return False
    return True


def _days() -> "QuerySet[BillDay]":
    rows: QuerySet[BillDay] = BillDay.objects.select_related("workspace")
    return rows


def _found(which: str) -> BillDay:
    row = _days().filter(pk=int(which)).first() if which.isdecimal() and len(which) < 19 else None
    if row is None:
        raise NotFound("error.bills.not_found", "there is no such day", hint="`stationmaster usage bills list` lists them")
    return row


def _both(row: BillDay | BillPart) -> Mapping[str, Any]:
    return {name: {each: getattr(row, f"{side}_{each}") for each in _SIDES}
            for name, side in (("theirs", "vendor"), ("ours", "ours"))}  # fmt: skip


def _key(workspace: str) -> str:
    return f"{kinds.RECONCILE}:{workspace}"
