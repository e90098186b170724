"""A compared day, written down. Owns: its rows, and the event that tells of a gap, once a day and verdict."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stationmaster.bills.comparing import ALARMING, Compared, Part, Used
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.store.changes import Change
from stationmaster.workspaces.models import Workspace

_BATCH = 500


def write_down(
    edit: Change, row: Workspace, day: datetime, found: Compared, now: datetime, *, settled: bool, unidentified: int
) -> None:
    """Put what was found in the place of what was known of the day, and tell of it when it is too far apart, or no longer is."""
    facts = {
        **_sides(found.theirs, found.ours), "settled": settled, "verdict": found.verdict, "measure": found.measure,
        "rate": found.rate, "currency": found.currency, "past_requests": found.past.requests, "past_tokens": found.past.tokens,
        "past_cost": found.past.cost, "cycle_cost": found.cycle_cost, "unidentified": unidentified, "read_at": now,
    }  # fmt: skip
    bill, _ = BillDay.objects.select_for_update().update_or_create(workspace=row, day=day, defaults=facts)
    BillPart.objects.filter(bill=bill).delete()
    BillPart.objects.bulk_create(_parts(bill, found.parts), batch_size=_BATCH)
    _tell(edit, row, bill)


def _tell(edit: Change, row: Workspace, bill: BillDay) -> None:
    alarming = bill.verdict if bill.verdict in ALARMING else ""
    if bill.alerted == alarming:
        return
    figures = {name: getattr(bill, name) for name in ("measure", "rate", "past_requests", "past_tokens")}
    after = {"name": row.name, "day": f"{bill.day:%Y-%m-%d}", "verdict": bill.verdict, **figures}
    edit.record(f"bills:{row.id}:{f'gap_{alarming}' if alarming else 'gap_closed'}", after=after)
    BillDay.objects.filter(id=bill.id).update(alerted=alarming)


def _parts(bill: BillDay, parts: tuple[Part, ...]) -> Iterator[BillPart]:
    for part in parts:
        yield BillPart(bill=bill, credential=part.credential, key=part.key, model=part.model, **_sides(part.theirs, part.ours))


def _sides(theirs: Used, ours: Used) -> Mapping[str, Any]:
    names = ("requests", "input", "cached", "output", "cost")
    return {f"{side}_{name}": getattr(used, name) for side, used in (("vendor", theirs), ("ours", ours)) for name in names}
