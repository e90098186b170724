"""Who is in and who is invited, as the vendor listed it lately. Owns: how old a list may be when somebody is invited by it.

A job may wait for hours between its reading and somebody's turn, and people invite people at the vendor. Not every vendor
refuses a second invitation, nor can each be asked for one address alone: so the lists are read again when they are old, once
for all threads of the run, and not for everybody.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from stationmaster.folding import fold
from stationmaster.jobs.run import Run
from stationmaster.vendors._base import HasInvites, Invite, Member
from stationmaster.workspaces.work.opening import opened

FRESH: Final = 60.0      # seconds


class Lists:
    """Asked as an adapter is, without a call for each question. Raises `RemoteError` where it has to read. Safe in threads."""

    def __init__(self, adapter: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._adapter, self._clock = adapter, clock
        self._read_at: float | None = None
        self._members: dict[str, Member] = {}
        self._invites: dict[str, Invite] = {}
        self._lock = threading.Lock()

    def keep(self, began: float, members: Iterable[Member], invites: Iterable[Invite]) -> None:
        """What was read, by a reading that began then (of the same clock)."""
        self._members = {name: row for row in members for name in _names(row)}
        self._invites = {name: row for row in invites if row.status == "pending" for name in _names(row)}
        self._read_at = began

    def find_member(self, known_as: str) -> Member | None:
        """Somebody who is in, by address or login."""
        self._refresh()
        return self._members.get(fold(known_as))

    def find_invite(self, known_as: str) -> Invite | None:
        """A pending invitation."""
        self._refresh()
        return self._invites.get(fold(known_as))

    def _refresh(self) -> None:
        with self._lock:
            began = self._clock()
            if self._read_at is not None and began - self._read_at < FRESH:
                return
            invites = list(self._adapter.invites()) if isinstance(self._adapter, HasInvites) else []
            self.keep(began, list(self._adapter.members()), invites)


def lists_of(run: Run) -> Lists:
    """Those of the run's workspace. Raises what `opened` does."""
    return run.once("lists", lambda: Lists(opened(run)))


def keep(run: Run, began: float, found: Mapping[str, Any]) -> None:
    """The run has read members and invitations for another purpose: nobody needs to again so soon. `began`: of the monotonic
    clock."""
    lists_of(run).keep(began, found["members"], found.get("invites", ()))


def _names(row: Member | Invite) -> set[str]:
    return {fold(name) for name in (row.email, row.login) if name}
