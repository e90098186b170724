"""The supervisor's other half: what workers tell each other, the metrics of all, what is kept over a restart. Owns the
authority of this machine, its metrics page and its state files. Serves no request, and no request waits for it.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from stationmaster import __version__
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core import metrics
from stationmaster.gateway.core.authority import Authority, News, Step, encode, entries_of, report_of
from stationmaster.gateway.core.cluster import Cluster
from stationmaster.gateway.core.notices import notice
from stationmaster.gateway.core.snapshot import Snapshot
from stationmaster.gateway.core.spend import day_of
from stationmaster.gateway.server.accounts import Accounts, Acquaintances, Known
from stationmaster.gateway.server.booked import Booked, Ledger
from stationmaster.gateway.server.channel import OWNERS, REPORT, Frame
from stationmaster.gateway.server.deeds import Deeds
from stationmaster.gateway.server.metricspage import MetricsPage
from stationmaster.gateway.server.statelock import StateLock
from stationmaster.tls.context import Certificates

if TYPE_CHECKING:
    from stationmaster.gateway.server.together import Together
    from stationmaster.telemetry.config import Telemetry
    from stationmaster.telemetry.otlp import Family
    from stationmaster.telemetry.sending import Pusher

SHARE_EVERY = 1.0          # seconds between two looks at who uses which limit
SAVE_EVERY = 1.0


class Steward:
    """Everything that the workers of one gateway share."""

    def __init__(
        self, snapshot: Snapshot, say: Callable[[str], None], valkey: str = "", telemetry: "Telemetry | None" = None,
        ledger: Ledger | None = None,
    ) -> None:
        """`valkey`: the URL of the store through which several gateways share; `telemetry`: who is sent metrics; `ledger`: where
        what keys spent is kept besides. Raises StationmasterError when the store or the state file cannot be used."""
        self._say = say
        self._lock = StateLock(snapshot.settings.state_file)
        self._accounts = Accounts(snapshot.settings.state_file)
        self._deeds = Deeds(snapshot.settings.state_file)
        self._others = Acquaintances(snapshot.settings.state_file if valkey or ledger is not None else "")
        self._kept: tuple[int, int] | None = None      # which books, and how many gateways, were written down
        known = self._others.load()
        self._together = _together(valkey, known, say)
        self._cluster = self._together.cluster if self._together is not None else Cluster(known.name, 1, known.spent, meets=False)
        self._authority = Authority(self._accounts.load(), self._deeds.load(), self._cluster)
        self._probed = snapshot.settings.health_check_enabled
        self._authority.apply(snapshot)
        self._authority.turn(day_of(time.time()))
        self._totals = metrics.Totals(__version__)
        self._counting = threading.Lock()      # whoever reads or changes the totals holds it
        self._page = self._serve(snapshot.settings.metrics_host, snapshot.settings.metrics_port)
        self._pusher = self._push(telemetry)
        self._shared_at = self._saved_at = time.monotonic()
        self._warn(snapshot)
        self._meet(ledger)

    def _meet(self, ledger: Ledger | None) -> None:
        """Hear what others spent, before anything is served."""
        if self._others.is_new and self._authority.spent and (ledger is not None or self._together is not None):
            self._say("what the state file counts is told under a new name: if it was told before, and only its .cluster file is "
                      "gone, budgets count it twice")
        self._keep_others()                    # our name, before anybody hears it
        self._booked = Booked(ledger, self._authority, self._cluster) if ledger is not None else None
        if self._booked is not None:
            self._booked.begin(self._say)
        if self._together is not None:
            self._together.begin(self._authority)
            self._authority.share_out()

    def _keep_others(self) -> None:
        """Only what changed: of many gateways and keys it is long."""
        now = self._cluster.edition, self._cluster.gateways
        if now != self._kept:
            self._others.save(Known(self._cluster.name, self._cluster.gateways, self._cluster.books))
            self._kept = now

    def _serve(self, host: str, port: int) -> MetricsPage | None:
        if not port:
            return None
        try:
            return MetricsPage(self._totals, host, port, self._counting)
        except OSError as error:
            self._say(f"no metrics on {host}:{port}: {error.strerror} (another gateway's? set metrics_port); /metrics there "
                      "does not show this one")
            return None

    def _push(self, telemetry: "Telemetry | None") -> "Pusher | None":
        if telemetry is None:
            return None
        from stationmaster.gateway.server.tracing import families, sender  # here: most gateways need none of it
        from stationmaster.telemetry.sending import Pusher

        def read() -> "list[Family]":
            with self._counting:
                return families(self._totals)

        return Pusher(sender(telemetry), read)

    @property
    def _watched(self) -> bool:
        """Whether anybody looks at what is counted."""
        return self._page is not None or self._pusher is not None

    @property
    def metrics_port(self) -> int:
        """Their port; 0: nowhere."""
        return self._page.port if self._page is not None else 0

    def _warn(self, snapshot: Snapshot) -> None:
        if not snapshot.settings.state_file and any(key.budget.total or key.budget.month for key in snapshot.keys):
            self._say("budgets count from this start on: set state_file to keep what was spent over a restart")

    def apply(self, snapshot: Snapshot) -> None:
        """Go by another configuration."""
        self._probed = snapshot.settings.health_check_enabled
        self._tell(self._authority.apply(snapshot))

    def _tell(self, steps: Iterable[Step]) -> None:
        """Say which credentials went out of service, or came back."""
        epoch = time.time() - time.monotonic()
        for credential, before, after in steps:
            line = notice(credential, before, after, epoch=epoch, probed=self._probed)
            if line:
                self._say(line)

    def certified(self, certificates: Certificates | None) -> None:
        """Show how long the certificate that clients see is valid, and whether its files hold another that cannot be used."""
        if certificates is not None and self._watched:
            with self._counting:
                self._totals.state(metrics.TLS_EXPIRY, certificates.pair.expires)
                self._totals.state(metrics.TLS_REFUSED, float(bool(certificates.refused)))

    def leave(self, worker: str) -> None:
        """A worker ended, and all it told was taken."""
        self._authority.leave(worker)
        if self._watched:
            with self._counting:
                self._totals.forget(worker)

    def take(self, worker: str, frames: Iterable[Frame]) -> None:
        """Take in a worker's reports."""
        for kind, payload in frames:
            if kind == OWNERS:
                entries = entries_of(payload)
                self._authority.take_owners(worker, entries)
                self._deeds.add(entries)
            if kind != REPORT:
                continue
            told = report_of(payload)
            self._tell(self._authority.take(worker, told, time.monotonic(), time.time()))
            self._deeds.add(told.owners)
            if told.metrics and self._watched:
                with self._counting:
                    self._totals.add(worker, metrics.decode(told.metrics))

    def look(self) -> None:
        """Time has passed: share limits out by demand, keep what outlives us."""
        now = time.monotonic()
        self._authority.turn(day_of(time.time()))
        if self._booked is not None:
            self._booked.look()
        turned = self._together is not None and self._together.look()
        if turned or now - self._shared_at >= SHARE_EVERY:
            self._shared_at = now
            self._authority.share_out()
            self._show_cluster()
        if now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            self._save()

    def _show_cluster(self) -> None:
        if self._together is not None and self._watched:
            cluster = self._together.cluster
            with self._counting:
                self._totals.state(metrics.CLUSTER_CONNECTED, float(cluster.connected))
                self._totals.state(metrics.CLUSTER_GATEWAYS, float(cluster.gateways))

    def news(self, worker: str) -> bytes:
        """What a worker has yet to hear; empty when that is nothing."""
        news = self._authority.news(worker)
        return encode(news) if news is not None else b""

    def welcome(self, worker: str) -> bytes:
        """What a worker hears before it serves."""
        self._authority.join(worker)
        return encode(self._authority.news(worker) or News())

    def _save(self) -> None:
        if self._booked is not None:
            self._booked.save()
        try:
            self._accounts.save(self._authority.spent)
            self._deeds.save(self._authority.owners)
            self._keep_others()
        except StationmasterError as error:
            self._say(str(error))

    def close(self) -> None:
        """Keep what outlives us; stop serving metrics."""
        self._save()
        if self._together is not None:
            self._together.close()
        self._lock.close()
        if self._pusher is not None:
            self._pusher.close()
        if self._page is not None:
            self._page.close()


def _together(url: str, known: Known, say: Callable[[str], None]) -> "Together | None":
    """This gateway among others, where there is a store to meet at. Raises StationmasterError."""
    if not url:
        return None
    from stationmaster.gateway.server.together import Together  # here: its client is loaded where it is used

    return Together(url, known, say)
