"""The list of requests, its filters and columns, one request, and following along."""

import html
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from console.traffic import stage as traffic
from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.traffic import columns
from stationmaster.entrances.console.pages.traffic.requests import Following
from stationmaster.people import services as people
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from usage.kit import request, sent

if TYPE_CHECKING:
    from stationmaster.entrances.console.pages.parts import Table

PAGES = ("/requests", "/requests?follow=1", "/requests/reqplain", "/requests/reqtried", "/requests/reqfailed",
         "/requests/requnpriced", "/requests/requnknown", "/requests/reqodd")  # fmt: skip


@pytest.mark.parametrize("role", ["admin", "operator", "viewer", "auditor"])
def test_everybody_who_sees_usage_sees_requests(database: str, role: str) -> None:
    """Each page answers, names the command and the call that do the same, and holds no markup that somebody sent."""
    traffic.stage()
    browser = kit.signed_in(role)
    for path in PAGES:
        text = kit.page(browser, path)
        assert "stationmaster usage" in text, path
        assert traffic.ODD not in text, path
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text), path


def test_a_member_sees_their_own(database: str) -> None:
    """Requests of their own keys, and nothing of anybody else's, whatever is asked for."""
    people.create_person(ADMIN, {"user_name": "grace@example.test", "email": "grace@example.test"})
    sent(request(request_id="mine", owner="grace@example.test"), request(request_id="notmine", owner="ada@example.test"))
    browser = Browser()
    browser.sign_in(somebody("member", "grace@example.test").email, PASSWORD)
    text = kit.page(browser, "/requests")
    assert "/requests/mine" in text
    assert "notmine" not in text
    kit.page(browser, "/requests/mine")
    kit.page(browser, "/requests/notmine", 404)
    assert browser.get("/requests?find=1&request=notmine").headers["Location"] == "/requests?filter=request_id%3Aprefix%3Anotmine"


def test_names_stand_in_place_of_ids(database: str) -> None:
    """A person, a key, a pool and a credential are called by their names, and lead to their pages."""
    held = traffic.stage()
    text = kit.page(kit.signed_in(), "/requests?columns=person,key,pool,credential")
    assert f'href="/people/{held["person"]}">Ada</a>' in text
    for place in ("/keys/team-a", "/pools/main", "/credentials/openai-a"):
        assert f'href="{place}"' in text, place


def test_filters_stand_in_the_address(database: str) -> None:
    """Time, outcome, status, vendor and the rest narrow the list down; what was typed becomes a filter."""
    traffic.stage()
    old = (datetime.now(UTC) - timedelta(hours=3)).timestamp()
    sent(request(request_id="older", time=old))
    browser = kit.signed_in()

    def shown(asked: str) -> set[str]:
        return set(re.findall(r'href="/requests/(\w+)"', kit.page(browser, f"/requests?{asked}")))

    assert "older" not in shown("filter=at:ge:-1h")
    assert "older" in shown("filter=at:ge:-24h")
    assert shown("filter=failed:eq:true") == {"reqfailed", "requnknown"}
    assert shown("filter=vendor:eq:anthropic") == {"requnpriced"}
    assert "requnknown" in shown("filter=vendor:eq:")
    assert shown("filter=status:eq:502") == {"reqfailed"}
    assert shown("filter=request_id:prefix:reqp") == {"reqplain"}
    assert browser.get("/requests?find=1&request=reqplain").headers["Location"] == "/requests/reqplain"
    typed = browser.get("/requests?find=1&key=team-a&since=2026-01-01&filter=status:eq:200").headers["Location"]
    assert typed == "/requests?filter=status%3Aeq%3A200&filter=key%3Aeq%3Ateam-a&filter=at%3Age%3A2026-01-01"
    assert kit.page(browser, typed)
    assert "usage/events?format=csv" in html.unescape(kit.page(browser, "/requests"))


def test_columns_are_chosen_and_kept(database: str) -> None:
    """Whoever chose columns sees them again, on every later visit of theirs."""
    traffic.stage()
    browser = kit.signed_in()
    assert ">Gateway</" not in kit.page(browser, "/requests")
    assert ">Gateway</" in kit.page(browser, "/requests?columns=-&columns=at&columns=gateway")
    later = kit.page(browser, "/requests")
    assert ">Gateway</" in later
    assert 'data-label="Model"' not in later


def test_a_request_says_how_it_went(database: str) -> None:
    """The attempts in their order, each with its credential, status, cause and code; who was passed over and why; by what its
    session was known."""
    traffic.stage()
    said = kit.said(kit.page(kit.signed_in(), "/requests/reqtried"))
    for words in (
        "Known by a header that the client sent", "Attempt 1: openai-b: HTTP 429", "the vendor asked for a pause",
        "rate_limit_exceeded", "Attempt 2: openai-a: HTTP 200", "was chosen, and answered", "was asked, and failed",
        "its tokens a minute were used up", "counted by the vendor", "0.000001 USD",
    ):  # fmt: skip
        assert words in said, words


def test_what_is_not_known_is_said(database: str) -> None:
    """No usage and no price are not 0; a request without key, route and credential says so."""
    traffic.stage()
    browser = kit.signed_in()
    assert "no usage was stated" in kit.said(kit.page(browser, "/requests/reqfailed"))
    assert "the price of this model is not known" in kit.said(kit.page(browser, "/requests/requnpriced"))
    unknown = kit.said(kit.page(browser, "/requests/requnknown"))
    for words in ("none was recognised", "none: it was refused before one was chosen", "No credential was asked at the end"):
        assert words in unknown, words
    kit.page(browser, "/requests/nosuch", 404)


def test_a_long_list_costs_no_more(database: str) -> None:
    """No question to the database a row."""
    traffic.stage()
    browser = kit.signed_in()
    kit.page(browser, "/requests")
    counts = []
    for number in (3, 30):
        traffic.many(number)
        with CaptureQueriesContext(connection) as asked:
            kit.page(browser, "/requests")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_following_misses_nothing_that_comes_late(database: str) -> None:
    """New requests come once each, also one that ended before the newest that is known; those that do not match do not."""
    now = time.time()
    sent(request(request_id="seen", time=now - 30))
    known = columns.all_of_them()
    asked = Query(filters=(Filter("status", "eq", "200"),), sort="-at", limit=100, counted=False)
    following = Following(asked, known, frozenset(each.name for each in known))
    start = datetime.fromtimestamp(now, UTC).isoformat()
    assert following.poll(ADMIN, start) == []
    sent(request(request_id="fresh", time=now + 1))
    [piece] = following.poll(ADMIN, start)
    assert _ids(piece.part) == ["fresh"]
    sent(request(request_id="late", time=now - 10), request(request_id="other", time=now + 2, status=500))
    [piece] = following.poll(ADMIN, piece.id)
    assert _ids(piece.part) == ["late"]
    assert following.poll(ADMIN, piece.id) == []


def _ids(table: object) -> list[str]:
    held: Table = table  # type: ignore[assignment]
    return [row[-1].text for row in held.rows]


def test_the_stream_asks_for_the_right_and_takes_no_other_words(database: str) -> None:
    """Its address takes the list's filters and nothing else."""
    browser = kit.signed_in("viewer")
    assert browser.client.head("/requests/stream?filter=status:eq:200&from=nonsense").status_code == 200
    assert browser.get("/requests/stream?what=1").status_code == 422
    assert lists.filtered("/requests", ("key", "eq", "a")) == "/requests?filter=key%3Aeq%3Aa"
