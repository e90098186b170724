"""How the whole stands, as families of numbers. Owns: which there are, and what services say for each. Knows no HTTP.

The database is asked at most every few seconds, however often somebody scrapes.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from stationmaster import __version__
from stationmaster.credentials import services as credentials
from stationmaster.jobs import services as jobs
from stationmaster.people import services as people
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import revision
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Page, Query
from stationmaster.usage import services as usage
from stationmaster.workspaces import services as workspaces

FRESH: Final = 5.0         # seconds for which what was counted is told again
Values = Mapping[str, float]

# Every state that there is, so that a series which is at nothing is there, and can be watched.
CREDENTIALS: Final = ("unknown", "healthy", "cooling", "suspect", "probing", "disabled", "off")
SEATS: Final = ("planned", "inviting", "invited", "active", "expired", "removing", "removed", "failed")
JOBS: Final = ("queued", "running", "succeeded", "partial", "failed", "cancelled")


class Standing:
    """A collector in prometheus_client's sense: `collect` gives the families."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._held: list[GaugeMetricFamily] = []
        self._until = 0.0

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families, no older than `FRESH`. Raises what the database does."""
        with self._lock:
            if self._clock() >= self._until:
                self._held = list(_families())
                self._until = self._clock() + FRESH
            return self._held


def _families() -> Iterator[GaugeMetricFamily]:
    yield _labelled("build_info", "Always 1; the label says what runs.", "version", {__version__: 1})
    yield _plain("configuration_revision", "The newest revision of the configuration.", revision())
    yield _labelled("credentials", "Credentials by what gateways said of them last; off: an operator switched them off.", "state",
                    _whole(CREDENTIALS, credentials.by_health(SYSTEM)))  # fmt: skip
    yield _labelled("credentials_ending", "Credentials that ended, or do so within their warning.", "expiry", _ending())
    yield _labelled("seats", "Seats by state.", "state", _whole(SEATS, workspaces.seats_by_state(SYSTEM)))
    yield _plain("workspaces", "Workspaces that are attached.", _all(workspaces.list_workspaces))
    yield _labelled("people", "Persons: here, and those who left.", "state", {
        "active": _all(people.list_people, Filter("active", "eq", "true")),
        "left": _all(people.list_people, Filter("active", "eq", "false")),
    })  # fmt: skip
    yield from _of_jobs()
    yield from _of_gateways()


def _of_jobs() -> Iterator[GaugeMetricFamily]:
    yield _labelled("jobs", "Jobs that are kept, by state.", "state", _whole(JOBS, jobs.jobs_by_state(SYSTEM)))
    yield _plain("jobs_due", "Jobs that could begin now if a worker had the time.", jobs.waiting())
    yield _plain("jobs_due_oldest_seconds", "How long the one of those has waited that waits longest.", jobs.longest_wait())
    yield _plain("job_worker_alive", "1 while a worker runs; without one jobs wait.", float(jobs.any_worker()))


def _of_gateways() -> Iterator[GaugeMetricFamily]:
    counts = usage.connected(revision())
    yield _labelled("gateways", "Gateways: known; heard of lately; of those, serving the newest configuration.", "state", counts)
    yield _plain("gateway_events_dropped", "Events that gateways lost before they could tell them, ever.", usage.events_dropped())


def _all(listed: Callable[[Actor, Query], Page], *filters: Filter) -> int:
    """How many rows of a list there are."""
    return listed(SYSTEM, Query(filters=filters, limit=1)).total or 0


def _ending() -> Values:
    found = dict.fromkeys(("soon", "expired"), 0.0)
    for row in credentials.ending(SYSTEM):
        found[row["expiry"]] += 1
    return found


def _whole(states: Iterable[str], counted: Mapping[str, int]) -> Values:
    return {**dict.fromkeys(states, 0), **counted}


def _plain(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"stationmaster_control_{name}", about, value=value)


def _labelled(name: str, about: str, label: str, values: Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"stationmaster_control_{name}", about, labels=(label,))
    for value, number in values.items():
        family.add_metric([value], number)
    return family
