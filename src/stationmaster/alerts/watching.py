"""How things stand that alerts are about. Owns: reading that from rows, of each kind in a bounded number of questions.

Nothing here decides what is told. A thing that is in order is read only where somebody was told that it was not.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

from django.db.models import Max, Q, Sum

from stationmaster.alerts.crossing import Reading, ending, reached
from stationmaster.alerts.kinds import DELIVER, KINDS, Kind
from stationmaster.alerts.models import Alert
from stationmaster.credentials.expiry import seen_to
from stationmaster.credentials.models import Credential
from stationmaster.jobs.models import Job
from stationmaster.publishing.models import Target
from stationmaster.routing.models import Pool, VirtualKey
from stationmaster.routing.pools import Standing, pool_standings
from stationmaster.store.actor import SYSTEM
from stationmaster.usage.models import DailyUsage
from stationmaster.usage.rollups import day_of
from stationmaster.workspaces.models import Workspace

JOBS_SINCE: Final = timedelta(days=30)      # a job that failed before is no news any more
_SPANS: Final = ("day", "month", "total")


class Sight:
    """One look at everything, at `now`; what several alerts need is read once."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def readings(self, alert: Alert, known: Collection[tuple[str, str]]) -> list[Reading]:
        """What an alert watches. `known`: kind and id of the things that it has told of."""
        found: list[Reading] = []
        for kind in KINDS:
            if alert.wants(kind):
                things = {thing for each, thing in known if each == kind}
                found += [each for each in _READ[kind](self, alert, things) if watched(each.name, alert.watches)]
        return found

    @cached_property
    def budgets(self) -> list[tuple[VirtualKey, str, int, int]]:
        """Keys that have a budget: for each of these the span it holds for, what was spent in it, and the budget; nanodollars."""
        wanted = Q(budget_day__gt=0) | Q(budget_month__gt=0) | Q(budget_total__gt=0)
        rows = list(VirtualKey.objects.filter(wanted, disabled=False).order_by("name"))
        found = []
        for span in _SPANS:
            mine = [row for row in rows if getattr(row, f"budget_{span}")]
            spent = _spent([row.name for row in mine], self._since(span)) if mine else {}
            found += [(row, span, spent.get(row.name, 0), getattr(row, f"budget_{span}")) for row in mine]
        return found

    @cached_property
    def pools(self) -> list[tuple[str, str, Standing]]:
        """Every pool that has members: id, name, how it stands."""
        names = dict(Pool.objects.values_list("id", "name"))
        return [(pool, names[pool], how) for pool, how in pool_standings(SYSTEM, list(names)).items()]

    def period(self, span: str) -> str:
        """What a budget's span is counted in now, by UTC as gateways do."""
        return {"day": f"{self.now:%Y-%m-%d}", "month": f"{self.now:%Y-%m}", "total": ""}[span]

    def _since(self, span: str) -> datetime | None:
        today = day_of(self.now)
        return {"day": today, "month": today.replace(day=1), "total": None}[span]


def watched(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is watched: one of the patterns takes it, or there are none."""
    listed = list(patterns)
    return not listed or any(fnmatchcase(name, pattern) for pattern in listed)


def _budgets(sight: Sight, alert: Alert, _: Collection[str]) -> Iterator[Reading]:
    lines = tuple(sorted(alert.budget_percent))
    for row, span, spent, limit in sight.budgets:
        facts = {"span": span, "spent_nano": spent, "limit_nano": limit, "percent": spent * 100 // limit}
        yield Reading("budget", f"{row.id}:{span}", row.name, lines, reached(spent, limit, lines), sight.period(span),
                      page=f"/keys/{row.id}", facts=facts)  # fmt: skip


def _disabled(_: Sight, __: Alert, known: Collection[str]) -> Iterator[Reading]:
    """What gateways took out of service; what an operator did is no news to them."""
    rows = Credential.objects.filter(Q(health="disabled") | Q(id__in=known), disabled=False)
    for row in rows.order_by("name"):
        out = row.health == "disabled" and row.override != "in"
        yield Reading("credential_disabled", row.id, row.name, (1,), (1,) if out else (), page=f"/credentials/{row.id}",
                      facts={"vendor": row.vendor, "cause": row.health_cause if out else ""})  # fmt: skip


def _expiring(sight: Sight, alert: Alert, known: Collection[str]) -> Iterator[Reading]:
    lines = tuple(sorted(alert.expiry_days, reverse=True))
    soon = sight.now + timedelta(days=max(lines, default=0))
    rows = Credential.objects.filter(Q(expires_at__lte=soon) | Q(id__in=known), disabled=False).select_related("source")
    for row in rows.order_by("name"):
        ends = row.expires_at if row.secret and not seen_to(row) else None
        crossed = ending((ends - sight.now).total_seconds(), lines) if ends else ()
        yield Reading(
            "credential_expiring", row.id, row.name, lines, crossed, ends.isoformat() if ends else "", renews=True,
            page=f"/credentials/{row.id}", facts={"vendor": row.vendor, "expires_at": ends.isoformat() if ends else ""},
        )


def _pools(sight: Sight, alert: Alert, _: Collection[str]) -> Iterator[Reading]:
    least = alert.pool_minimum
    for pool, name, how in sight.pools:
        yield Reading("pool_unhealthy", pool, name, (least,), (least,) if how.able < least else (), page=f"/pools/{pool}",
                      facts={"healthy": how.able, "members": how.members})  # fmt: skip


def _jobs(sight: Sight, alert: Alert, known: Collection[str]) -> Iterator[Reading]:
    """By kind and workspace (or target): it has failed as long as the newest that came to an end did."""
    since = max(alert.created_at, sight.now - JOBS_SINCE)
    failed = _newest(Q(state="failed", ended_at__gte=since))
    good = _newest(Q(state="succeeded", kind__in={kind for kind, _ in failed})) if failed else {}
    names = _names({place for _, place in failed})
    rows = {row.id: row for row in Job.objects.filter(id__in=failed.values()).only("id", "kind", "cause")}
    for (kind, place), job in failed.items():
        bad = good.get((kind, place), "") < job
        if bad or f"{kind}:{place}" in known:
            newest = job if bad else good[kind, place]
            facts = {"job": newest, "workspace": names.get(place, ""), "cause": rows[job].cause if bad else ""}
            yield Reading("job_failed", f"{kind}:{place}", kind, (1,), (1,) if bad else (), page=f"/jobs/{newest}", facts=facts)


def _newest(which: Q) -> dict[tuple[str, str], str]:
    """The newest job of each kind and workspace. Ids sort by when they were made."""
    rows = Job.objects.filter(which).exclude(kind=DELIVER).order_by().values_list("kind", "workspace").annotate(Max("id"))
    return {(kind, place): job for kind, place, job in rows}


def _names(places: Collection[str]) -> Mapping[str, str]:
    rows = (model.objects.filter(id__in=places).values_list("id", "name") for model in (Workspace, Target))
    return {row: name for found in rows for row, name in found}


def _spent(keys: Collection[str], since: datetime | None) -> dict[str, int]:
    """What keys spent, by their names."""
    rows = DailyUsage.objects.all() if since is None else DailyUsage.objects.filter(start__gte=since)
    wanted = set(keys)
    summed = rows.order_by().values_list("key").annotate(Sum("cost"))
    return {key: int(cost) for key, cost in summed if key in wanted}


_READ: Final[Mapping[Kind, Callable[[Sight, Alert, Collection[str]], Iterable[Any]]]] = {
    "budget": _budgets, "credential_disabled": _disabled, "credential_expiring": _expiring, "pool_unhealthy": _pools,
    "job_failed": _jobs,
}
