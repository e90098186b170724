"""Attacks on streams: by who is less than they were when they opened one, by ids and beginnings that no page of ours makes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest

from asking import PLAIN
from console import kit
from console.traffic.test_streaming import cookies, event
from controlkit import ADMIN
from internal.kit import serving, until
from operators.people import somebody
from stationmaster.entrances.console import streaming
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from usage.kit import request, sent

MAIL = "shrunk@example.test"


@contextmanager
def _following(url: str, held: dict[str, str], path: str) -> Iterator[Iterator[str]]:
    with (
        httpx.Client(trust_env=False, verify=PLAIN, timeout=20.0, cookies=held) as client,
        client.stream("GET", f"{url}{path}") as answer,
    ):
        assert answer.status_code == 200
        yield answer.iter_lines()


def test_who_becomes_a_member_is_told_of_their_own(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open stream of all requests has those of its reader's keys alone as soon as its reader sees no more than that."""
    monkeypatch.setattr(streaming, "EVERY", 0.05)
    monkeypatch.setattr(streaming, "CHECKED", 0.0)
    who = somebody("viewer", MAIL)
    people.create_person(ADMIN, {"user_name": MAIL, "email": MAIL})
    routing.create_key(ADMIN, {"name": "own-key", "owner": MAIL})
    begins = urlencode({"from": datetime.now(UTC).isoformat()})
    with serving() as control, _following(control.url, cookies(MAIL), f"/requests/stream?{begins}") as lines:
        until(lambda: streaming.streaming() == 1)
        sent(request(key="first-key"))
        assert "first-key" in event(lines)["data"]
        operators.update_operator(ADMIN, who.id, {"role": "member"})
        sent(request(key="second-key"))
        sent(request(key="own-key", owner=MAIL))
        found = event(lines)
        if "own-key" in found.get("data", ""):
            assert "second-key" not in found["data"]
        else:
            assert found == {"event": "end", "data": ""}


@pytest.mark.parametrize("begins", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-1", "\0", "x" * 5000, "NaN"])
def test_beginnings_that_no_page_makes(database: str, monkeypatch: pytest.MonkeyPatch, begins: str) -> None:
    """A beginning that is on no calendar is as good as none: what comes in is told."""
    monkeypatch.setattr(streaming, "EVERY", 0.05)
    somebody("viewer", MAIL)
    asked = urlencode({"from": begins})
    with serving() as control, _following(control.url, cookies(MAIL), f"/requests/stream?{asked}") as lines:
        until(lambda: streaming.streaming() == 1)
        if begins.startswith("9999"):
            return
        sent({**request(key="new-key"), "time": (datetime.now(UTC) + timedelta(seconds=1)).timestamp()})
        assert "new-key" in event(lines)["data"]


def test_what_cannot_be_asked_is_no_stream(database: str) -> None:
    """Filters that the list refuses are refused before the stream begins: no browser comes back for it every two seconds."""
    viewer = kit.signed_in("viewer")
    for asked in (
        "filter=nothing:eq:1",
        "filter=status:eq:x",
        "filter=at:ge:never",
        "filter=vendor:like:x",
        "search=x&sort=nope",
    ):
        assert viewer.get(f"/requests/stream?{asked}").status_code in (400, 422), asked
