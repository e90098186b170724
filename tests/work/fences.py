"""Jobs that lose themselves: at every place where one writes, another worker takes it away just before. Owns: where those places
are, what the world looked like then, and seeing every write that is made without the fence.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.db import connection

from stationmaster.jobs import claims, items, runner
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.run import Run
from stationmaster.sandbox.admin import Organisation
from work.kit import Mailbox, claimed, run_mine

World = tuple[object, ...]
_WRITE: Final = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(?P<table>\w+)"', re.IGNORECASE)
# How often a vendor may be asked is shared by all jobs and workers, and is no job's.
_SHARED: Final = frozenset({"jobs_pace"})
_MOST: Final = 80


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the database, by table."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - _SHARED):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  the names are the database's own
            found[table] = sorted(cursor.fetchall(), key=repr)
    return found


class Losing:
    """Runs a job, which meets another worker in front of each of its writes once; `met` are those places. `vendor` and `mailbox`
    are where it writes beside our rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, job: str, vendor: Organisation, mailbox: Mailbox | None = None) -> None:
        self.met: list[str] = []
        self.unfenced: list[str] = []
        self._job, self._vendor, self._mailbox = job, vendor, mailbox
        self._then: list[World] = []      # how the world was when the job was lost in this run
        self._watching = True
        self._put_in_the_way(monkeypatch)

    def run(self) -> None:
        """Run it again and again, until it ends without having been lost."""
        for _ in range(_MOST):
            self._then.clear()
            fence = claimed(self._job)
            with self._watched():
                again = run_mine(fence, attempts=10 * _MOST)
            if self._then:
                assert again is None, f"it went on after {self.met[-1]}"
                assert [self._world()] == self._then, f"it wrote after it was lost at {self.met[-1]}"
                assert claims.reap(None)
            elif again is None:
                return
        raise AssertionError(f"it never ended: {self.met}")

    def _world(self) -> World:
        mails = len(self._mailbox.taken) if self._mailbox is not None else 0
        return rows(), self._vendor.writes(), self._vendor.members(), self._vendor.invites(), mails

    def _meets(self, place: str) -> None:
        """Somebody else has the job from here on. Not twice in one run: what comes after the first place is what must not be.
        Inside of a transaction it is too late: that one began with the fence."""
        if self._then or place in self.met or connection.in_atomic_block:
            return
        self.met.append(place)
        self._watching = False
        assert claims.reap(None)
        assert isinstance(claims.claim(self._job, "another"), Fence)
        self._then.append(self._world())
        self._watching = True

    def _put_in_the_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def before(owner: Any, name: str, place: Callable[..., str]) -> None:
            whole = getattr(owner, name)

            def met(*args: Any, **more: Any) -> Any:
                self._meets(place(*args))
                return whole(*args, **more)

            monkeypatch.setattr(owner, name, met)

        before(Run, "before_write", lambda _, what: f"vendor {what}")
        before(Run, "recording", lambda _: f"record {sys._getframe(2).f_code.co_qualname}")
        before(items, "write_down", lambda *_: "items")
        before(items, "begin", lambda _, item: f"begin {item}")
        before(items, "put_off", lambda _, item, *__: f"put off {item.key}")
        before(items, "finish", lambda _, item, outcome: f"finish {item.key} {type(outcome).__name__}")
        before(claims, "hand_back", lambda *_: "hand back")
        before(runner, "end", lambda _, state, *__: f"end {state}")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Note each write of this thread whose transaction did not ask for the fence before. (The thread that keeps the job
        writes its log alone, which `tests/jobs` see to.)"""
        fenced: list[object] = []

        def execute(call: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            outermost = connection.atomic_blocks[0] if connection.atomic_blocks else None
            if not self._watching:
                pass
            elif '"jobs_job"' in sql and '"fence" =' in sql:
                fenced[:] = [outermost]
            elif (write := _WRITE.match(sql)) and write["table"] not in _SHARED and (outermost is None or fenced != [outermost]):
                self.unfenced.append(sql[:120])
            return call(sql, params, many, context)

        with connection.execute_wrapper(execute):
            yield
