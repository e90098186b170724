"""The job that reads a vendor's reports and lays them beside what we counted. Owns: which days are read, and by which rules
each is judged.

One item a day; the vendor is asked for all of them at once. Reading changes nothing at the vendor, so that a run may break off
and be begun again at any place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Max, Min
from django.utils.timezone import now

from stationmaster.bills import kinds, metering
from stationmaster.bills.comparing import Rules, compare
from stationmaster.bills.models import BillDay
from stationmaster.bills.policy import policy
from stationmaster.bills.recording import write_down
from stationmaster.errors import Conflict
from stationmaster.jobs.kinds import Done, Kind, NewItem, Outcome, register
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.vendors._base import CostRow, ReportsUsage, UsageRow
from stationmaster.vendors.registry import open_vendor, vendor
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.reaching import access_to, calls_per_minute

MOST_DAYS: Final = 31      # that are read at once: the longest report of one question at Anthropic
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Report:
    """What the vendor said, by day."""

    usage: Mapping[datetime, list[UsageRow]]
    costs: list[CostRow]


class ReconcilingBills:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a day. Raises `Conflict` for a workspace that is gone or out of use."""
        first, last = days_to_read(_workspace(run), int(run.args.get("days") or 0), now())
        day = first
        while day <= last:
            span = {"since": first.isoformat(), "until": (last + _DAY).isoformat(), "day": day.isoformat()}
            yield NewItem(f"{day:%Y-%m-%d}", run.workspace, span)
            day += _DAY

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Compare one day."""
        row, at = _workspace(run), now()
        day, since, until = (datetime.fromisoformat(item.data[name]) for name in ("day", "since", "until"))
        report = run.once("report", lambda: _read(run, row, since, until))
        names, rules = metering.names_of(row), rules_of(row, day, at)
        found = compare(
            day, report.usage.get(day, ()), report.costs, metering.counted(names, day), metering.owners_of(row), rules
        )
        missing = metering.unidentified(names)
        told = {"verdict": found.verdict, "rate": found.rate, "measure": found.measure, "settled": rules.settled}
        return Done(told, record=lambda edit: write_down(edit, row, day, found, at, settled=rules.settled, unidentified=missing))

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many days came out how."""
        verdicts = [item.outcome.get("verdict", "") for item in JobItem.objects.filter(job_id=run.id, state="ok")]
        return {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}


def register_all() -> None:
    """Make the kind known. It changes nothing at a vendor, so it need not wait for those that do."""
    register(Kind(kinds.RECONCILE, "Compare bills", ReconcilingBills(), "bills:update", exclusive=False))


def days_to_read(row: Workspace, wanted: int, at: datetime) -> tuple[datetime, datetime]:
    """The first and last of the days that are read: `wanted` of them up to today, or those before today that may have changed or
    were never read."""
    today = day_of(at)
    if wanted:
        return today - (min(wanted, MOST_DAYS) - 1) * _DAY, today
    rows = BillDay.objects.filter(workspace=row)
    known = {**rows.aggregate(newest=Max("day")), **rows.filter(settled=False).aggregate(unsettled=Min("day"))}
    first = today - max(policy().settle_days, 1) * _DAY
    if known["unsettled"] is not None:
        first = min(first, known["unsettled"])
    elif known["newest"] is not None:
        first = min(first, known["newest"] + _DAY)
    return max(first, today - MOST_DAYS * _DAY), today - _DAY


def rules_of(row: Workspace, day: datetime, at: datetime) -> Rules:
    """By what a day is judged now."""
    rules = policy()
    over = at >= day + _DAY
    settled = day_of(at) >= day + max(rules.settle_days, 1) * _DAY
    return Rules(rules.threshold, served=vendor(row.vendor).inference, over=over, settled=settled)


def day_of(at: datetime) -> datetime:
    """The beginning of its day, in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _read(run: Run, row: Workspace, since: datetime, until: datetime) -> Report:
    """All that the vendor says of these days."""
    adapter = open_vendor(access_to(
        row, pace=run.pacer(calls_per_minute(row)), before_write=run.before_write, told=lambda line: run.log(line, level="debug"),
        dry_run=run.dry_run,
    ))  # fmt: skip
    if not isinstance(adapter, ReportsUsage):
        raise Conflict("error.bills.not_told", f"{vendor(row.vendor).title} tells nobody what was used", hint="see its own bill")
    return Report(_by_day(adapter.usage(since, until)), list(adapter.costs(since, until)))


def _by_day(rows: Iterable[UsageRow]) -> Mapping[datetime, list[UsageRow]]:
    found: dict[datetime, list[UsageRow]] = {}
    for row in rows:
        found.setdefault(day_of(row.start), []).append(row)
    return found


def _workspace(run: Run) -> Workspace:
    row: Workspace | None = Workspace.objects.filter(id=run.workspace).first()
    if row is None:
        raise Conflict("error.workspace.not_found", "the workspace is not attached any more")
    return row
