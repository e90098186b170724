"""One gateway in a cluster: what it tells the others, and what it does with what they tell. Owns: when that happens, what is said
of it. Nobody waits for it but the start, for a second at most.
"""

import time
from collections.abc import Callable

from stationmaster.gateway.core.authority import Authority
from stationmaster.gateway.core.cluster import Cluster
from stationmaster.gateway.core.spend import Spent
from stationmaster.gateway.server.accounts import Known
from stationmaster.gateway.server.valkey import Batch, Heard, Line, stated

FIRST = 1.0                # seconds for the first answer, before anything is served
AT_A_TIME = 5_000          # entries of what was spent that are told in one round


class Together:
    """Call `begin` once the authority is there, then `look` often."""

    def __init__(self, url: str, known: Known, say: Callable[[str], None]) -> None:
        """Until others are heard there are as many as there were, or as the URL says. Raises StationmasterError when
        it cannot be used."""
        self.cluster = Cluster(known.name, max(known.gateways, stated(url)[1]), known.spent)
        self._line = Line(url, known.name)
        self._say, self._beat, self._first = say, 0, True
        self._missing: list[tuple[str, str, Spent]] = []
        self._authority: Authority

    def begin(self, authority: Authority) -> None:
        """Hear the others before anything is served, if they can be heard. By now the name is kept."""
        self._authority = authority
        self._line.wait(FIRST)
        self.look()
        if not self.cluster.connected:
            self._say(f"cluster: no answer from Valkey ({self._line.trouble or 'it is slow'}); {self._alone()}")

    def look(self) -> bool:
        """Take in what was heard, and say what is new. Returns whether the others are heard again, or
        not any more, or are more or less."""
        before, number = self.cluster.connected, self.cluster.gateways
        for heard in self._line.heard():
            self._hear(heard)
        if self.cluster.connected and not self._line.good:
            self.cluster.lose()
        self._authority.count(self.cluster.settle(time.monotonic()))
        if self.cluster.connected and self._line.idle:
            self._line.give(self._batch())
        if before and not self.cluster.connected:
            self._say(f"cluster: Valkey is lost ({self._line.trouble or 'it is slow'}); {self._alone()}")
        elif self.cluster.connected and (not before or number != self.cluster.gateways):
            self._say(f"cluster: {self.cluster.gateways} gateway(s) share limits and budgets")
        return (before, number) != (self.cluster.connected, self.cluster.gateways)

    def _alone(self) -> str:
        return f"limits and budgets by an even share of {self.cluster.gateways} gateway(s) until it is there"

    def _hear(self, heard: Heard) -> None:
        changed = self.cluster.hear_pulses(heard.pulses, time.monotonic())
        if heard.stored is not None:
            self._reconcile(heard.stored)
        for bulletin in heard.bulletins:
            self._authority.hear(bulletin)
        self._authority.count(changed)

    def _reconcile(self, stored: list[tuple[str, str, Spent]]) -> None:
        """All that is stored was read: nothing that anybody spent is less for it, and what it lacks it is told again."""
        if self._first:
            self._authority.recover(stored)
            self._first = False
        self._authority.count(self.cluster.hear_spent(stored))
        self._missing = self.cluster.missing(stored, self._authority.spent)

    def _batch(self) -> Batch:
        self._beat += 1
        told = self._authority.bulletin()
        told.spent += self._missing[:AT_A_TIME]
        self._missing = self._missing[AT_A_TIME:]
        pulse = self._authority.pulse(self._line.start, self._beat)
        return Batch(pulse, told, self.cluster.gone(time.monotonic()))

    def close(self) -> None:
        """Say the last, then goodbye."""
        self._line.close(self._batch())
