"""What one worker and the machine's authority tell each other, once a tick, and what it counts for the metrics.

Owns: turning events into counts, reports into bytes, and news into what the worker remembers.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from stationmaster.gateway.core import metrics as m
from stationmaster.gateway.core.authority import News, encode, report
from stationmaster.gateway.core.counting import Deltas
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.health import Health
from stationmaster.gateway.core.life import STATES
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.table import Table

GAUGES_EVERY = 5.0         # seconds


class Sharing:
    """A worker's side. `send` takes a report's bytes, `send_owners` those of ids alone; without them, what would be told is
    forgotten."""

    def __init__(self, memory: Memory, health: Health, table: Callable[[], Table]) -> None:
        self.send: Callable[[bytes], None] | None = None
        self.send_owners: Callable[[bytes], None] | None = None
        self.pushed = False        # metrics are sent to somebody, whether there is a page of them or not
        self._memory = memory
        self._health = health
        self._table = table
        self._known: Table | None = None
        self._vendors: dict[str, str] = {}
        self._deltas = Deltas()
        self._gauges_at = 0.0

    def tick(self, events: Sequence[msgspec.Struct], dropped: int, now: float, wall: float, unsent: int = 0) -> None:
        """Count what happened, and report it. `dropped`: events that were lost since the last tick; `unsent`: spans."""
        if self.send is None:
            report(self._memory, self._health.told, b"")
            return
        table = self._table()
        counts = b""
        if table.settings.metrics_port or self.pushed:    # else nobody will ever look
            self._count_all(table, events, dropped, now)
            if unsent:
                self._deltas.count(m.SPANS_DROPPED, (), unsent)
            counts = m.encode(self._deltas.take(wall))
        self.send(encode(report(self._memory, self._health.told, counts)))

    def tell_owners(self) -> None:
        """Tell at once whose the ids are that were learned: the next request that names one may come to another worker."""
        if self.send_owners is not None:
            self.send_owners(encode(self._memory.owners.drain()))

    def _count_all(self, table: Table, events: Sequence[msgspec.Struct], dropped: int, now: float) -> None:
        if table is not self._known:
            self._known = table
            self._vendors = {name: upstream.vendor for name, upstream in table.upstreams.items()}
            self._deltas.know(_literals(table))
        self._deltas.observe(events, self._vendors)
        for event in events:
            if isinstance(event, Event) and event.tried:
                self._count_tries(event)
        for pool, _, _ in self._memory.moves:
            self._deltas.count(m.STICKY_MOVES, (pool, "displaced"))
        if dropped:
            self._deltas.count(m.EVENTS_DROPPED, (), dropped)
        if now - self._gauges_at >= GAUGES_EVERY:
            self._gauges_at = now
            self._show(table)

    def _count_tries(self, event: Event) -> None:
        for tried in event.tried:
            labels = (self._vendors.get(tried.credential, ""), tried.pool, "failed_over", tried.outcome)
            self._deltas.count(m.ATTEMPTS, labels)

    def _show(self, table: Table) -> None:
        """The gauges: how credentials stand, in pools as well, and how many sessions are remembered."""
        standing: dict[tuple[str, ...], str] = {
            (one.organisation, one.id): one.standing.life.state for one in table.upstreams.values()
        }
        self._deltas.show(m.CREDENTIAL_STATE, m.one_of(standing, STATES))
        members: Counter[tuple[str, ...]] = Counter()
        for pool in table.pools.values():
            members.update((pool.id, member.standing.life.state) for member in pool.members)
        self._deltas.show(m.POOL_MEMBERS, {labels: float(count) for labels, count in members.items()})
        self._deltas.show(m.STICKY_SESSIONS, {(pool,): float(len(moved)) for pool, moved in self._memory.all_moved()})

    def hear(self, news: News) -> None:
        """Take in what the other workers told."""
        self._health.welcome(news.lives)
        for told in news.happenings:
            self._health.overhear(told)
        for pool, session, member in news.moves:
            self._memory.absorb(pool, session, member)
        self._memory.owners.absorb(news.owners)
        for key, (spent, counted, elsewhere) in news.spent.items():
            self._memory.hear_spent(key, spent, counted, elsewhere)
        if news.gateways:
            self._memory.among(news.gateways)
        for whose, share in news.shares:
            self._memory.share(tuple(whose), share)


def _literals(table: Table) -> list[str]:
    """The models that routes write out."""
    names = [name for route in table.routes for name in (*route.models, *route.aliases.values())]
    return [name for name in names if not set(name) & set("*?[")]
