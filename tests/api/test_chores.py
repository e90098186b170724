"""What is done now and then."""

import time

import pytest

from controlkit import ADMIN
from stationmaster.entrances import chores, live
from stationmaster.settings import Settings
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from usage.kit import request, sent


def test_old_requests_go_by_the_setting(database: str) -> None:
    """Requests older than the setting, as an admin saved it lately, are deleted; younger ones stay."""
    live.use(Settings())
    for days in (1, 10, 40):
        sent(request(time=time.time() - days * 86_400))
    chores.do_all()
    assert usage.list_events(ADMIN, Query()).total == 2
    live.save_setting(ADMIN, "retention.raw_events_days", 5)
    chores.do_all()
    assert usage.list_events(ADMIN, Query()).total == 1


def test_one_that_fails_keeps_no_other_from_being_done(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chore is tried, whatever became of those before."""
    done: list[str] = []

    def fail() -> None:
        done.append("first")
        raise ConnectionError

    monkeypatch.setattr(chores, "CHORES", {"a": fail, "b": lambda: done.append("second")})
    chores.do_all()
    assert done == ["first", "second"]
