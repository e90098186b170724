"""What keys spent as the control plane keeps it, too. Owns what of it is told, and what is made of what it says: a gateway whose
disk is gone goes on from there, and one that shares no Valkey hears of the others.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from stationmaster.gateway.core.authority import Authority
from stationmaster.gateway.core.cluster import Cluster
from stationmaster.gateway.core.spend import Spent

FIRST, FORGETFUL = 1.0, 5.0      # seconds for the first answer: of one that remembers, of one that remembers nothing
AT_A_TIME = 5_000                # keys that are told in one round


class Ledger(Protocol):
    """Where it is kept. Nothing of it waits but `heard`, and raises nothing."""

    def open(self, account: str) -> None:
        """From now on this is whose values are told."""

    def tell(self, spent: Mapping[str, Spent]) -> None:
        """The newest values of some keys."""

    def heard(self, wait: float = 0.0) -> list[tuple[str, str, Spent]] | None:
        """Account, key, what was spent, of all accounts; None: nothing came within so many seconds."""


class Booked:
    """Call `begin` before anything is served, then `look` often."""

    def __init__(self, ledger: Ledger, authority: Authority, cluster: Cluster) -> None:
        self._ledger, self._authority, self._cluster = ledger, authority, cluster
        ledger.open(cluster.name)

    def begin(self, say: Callable[[str], None]) -> None:
        """Hear what was spent, if it can be heard in time; else later."""
        if not self._hear(FIRST if self._authority.spent else FORGETFUL):
            known = "what is known here" if self._authority.spent else "nothing"
            say(f"the control plane has not said yet what keys spent; budgets count from {known} until it does")

    def look(self) -> None:
        """Take in what it said."""
        self._hear()

    def save(self) -> None:
        """Have it told what is new."""
        if spent := self._authority.unbooked(AT_A_TIME):
            self._ledger.tell(spent)

    def _hear(self, wait: float = 0.0) -> bool:
        """Nothing that anybody spent is less for it."""
        stored = self._ledger.heard(wait)
        if stored is None:
            return False
        self._authority.recover(stored)
        self._authority.count(self._cluster.hear_spent(stored))
        return True
