"""The rate of a workspace's vendor calls, over all workers."""

import threading
import time

import pytest
from django.db import connections

from controlkit import ADMIN
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import ended, start_worker, until
from jobs.ledger import Ledger
from stationmaster.jobs import pacing
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Pace


def test_the_rate_holds_for_many_at_once(database: str) -> None:
    """Many who call at once get turns so far apart as the rate says: none comes before its own, however late others come."""
    moments: list[float] = []
    began = time.time()

    def call() -> None:
        while (wait := pacing.take("ws_1", 600)) > 0:
            time.sleep(wait)
        moments.append(time.time())
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(moment >= began + 0.1 * turn for turn, moment in enumerate(sorted(moments)))


def test_a_burst_is_let_through(database: str) -> None:
    """As many calls as the burst go at once, the next one waits for its turn; another workspace is no concern."""
    assert [pacing.take("ws_1", 0.06, burst=3) for _ in range(3)] == [0.0] * 3      # one in 1000 seconds
    assert 500 < pacing.take("ws_1", 0.06, burst=3) <= 1000
    assert pacing.take("ws_2", 0.06, burst=3) == 0.0


def test_no_rate_is_no_limit(database: str) -> None:
    """A rate of 0 limits nothing."""
    assert [pacing.take("ws_1", 0) for _ in range(5)] == [0.0] * 5


def test_a_vendor_that_says_later_is_left_alone(database: str) -> None:
    """When a vendor names a time, nobody calls before; an earlier time that comes later changes nothing."""
    pacing.hold_off("ws_1", 3000)
    until = Pace.objects.get().next_at
    pacing.hold_off("ws_1", 5)
    assert Pace.objects.get().next_at == until
    assert 2000 < pacing.take("ws_1", 60) <= 3000


def test_calls_count_and_not_jobs(database: str) -> None:
    """A job that does several items at a time makes no more calls than its workspace's rate allows."""
    with Ledger() as ledger, start_worker():
        began = time.monotonic()
        names = [f"{number}" for number in range(5)]
        args = {"url": ledger.url, "names": names, "per_minute": 300}
        work = [jobs.submit(ADMIN, "test_deeds", workspace="ws_1", args=args, concurrency=3)["id"]]
        until(lambda: ended(*work), "their end")
        moments = sorted(at for method, _, at in ledger.calls if method == "POST")
    assert len(moments) == 5
    assert all(moment >= began + 0.2 * turn for turn, moment in enumerate(moments))


@pytest.mark.parametrize("per_minute", [0.25, 6.5, 10_000])
def test_odd_rates(database: str, per_minute: float) -> None:
    """A rate is any number: the next turn is so far away as it says."""
    began = time.time()
    assert pacing.take("ws_1", per_minute) == 0.0
    assert Pace.objects.get().next_at >= began + 60 / per_minute
    assert pacing.take("ws_1", per_minute) <= 60 / per_minute
