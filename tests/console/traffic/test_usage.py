"""The page of usage: its figures, their parts, their course, the file, and what it costs to make."""

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from console.traffic import stage as traffic
from controlkit import ADMIN
from stationmaster.entrances.console.pages.traffic import breakdown
from stationmaster.entrances.console.pages.traffic.asked import BY, Asked
from stationmaster.usage import services as usage
from stationmaster.usage.rollups import day_of
from usage.kit import request, sent

PAGES = (
    "/usage", *(f"/usage?by={by}" for by in BY), "/usage?range=24h&measure=tokens", "/usage?range=today", "/usage?range=month",
    "/usage?range=30d&measure=errors", "/usage?range=custom&since=2026-01-01&until=2026-01-03",
)  # fmt: skip


def asked_for(by: str = "key", **more: Any) -> Asked:
    """The last week."""
    today = day_of(datetime.now(UTC))
    plain: dict[str, Any] = {"range": "7d", "since": today - timedelta(days=6), "until": today + timedelta(days=1), "by": by,
                             "measure": "cost", "filters": (), "now": datetime.now(UTC)}  # fmt: skip
    return Asked(**{**plain, **more})


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_every_dimension_and_time_is_there(database: str, role: str) -> None:
    """Each page answers, with the command and the call that do the same, and holds no markup that somebody sent."""
    traffic.stage()
    browser = kit.signed_in(role)
    for path in PAGES:
        text = kit.page(browser, path)
        assert "stationmaster usage totals" in text, path
        assert traffic.ODD not in text, path
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text), path
    assert traffic.ODD.replace("<", "&lt;")[:10] in kit.page(browser, "/usage?by=model")


@pytest.mark.parametrize("by", BY)
def test_the_headline_is_the_sum_of_the_table(database: str, by: str) -> None:
    """Whatever it is taken apart by: the last row is the headline, and the rows add up to it, those that are put together as
    "others" included; the course adds up to the same."""
    traffic.stage()
    sent(*(request(owner=f"o{each}", key=f"k{each}", cost=1_000_000 + each) for each in range(120)))
    asked = asked_for(by)
    answer = usage.totals(ADMIN, asked.question(by))
    parts = breakdown.ordered(answer.parts, asked)
    table = breakdown.table(asked, parts, answer.total, {}, "")
    whole = usage.totals(ADMIN, asked.question()).total
    assert answer.total == whole
    for column in (3, 5):
        assert sum(_figure(row[column].text) for row in table.rows) == _figure(table.sums[column].text)
    assert _figure(table.sums[3].text) == whole["requests"] == 126
    assert table.sums[1] == breakdown.cost(whole)
    drawn = breakdown.chart(ADMIN, asked, parts, {})
    assert len(drawn.series) <= breakdown.TOP + 1
    assert sum(value or 0 for _, values in drawn.series for value in values) == pytest.approx(whole["cost"] / 1e9)


def _figure(text: str) -> int:
    return int(text.replace(",", ""))


def test_vendors_and_workspaces_come_of_credentials(database: str) -> None:
    """Sums of a vendor are those of its credentials; what belongs to no credential that we have is not known, and counted."""
    traffic.stage()
    asked = asked_for("vendor")
    parts = {part["vendor"]: part["requests"] for part in usage.totals(ADMIN, asked.question("vendor")).parts}
    assert parts == {"openai": 4, "anthropic": 1, "": 1}
    course = usage.series(ADMIN, asked.question("vendor"), "day").parts
    assert {part["vendor"]: part["requests"] for part in course} == parts


def test_an_unknown_price_is_not_nothing(database: str) -> None:
    """What has no price is left out of the cost, counted beside it, and never shown as 0."""
    sent(request(cost=None), request(cost=None))
    said = kit.said(kit.page(kit.signed_in(), "/usage?by=model"))
    assert "2 requests have no known price" in said
    assert "not known" in said
    assert "0.0000 USD" not in said.partition("before")[0]
    assert "genai-prices" in said


def test_a_row_leads_to_its_requests_and_further_apart(database: str) -> None:
    """Every figure has its rows behind it, with the same time and filters; each part can be taken apart."""
    traffic.stage()
    browser = kit.signed_in()
    text = html.unescape(kit.page(browser, "/usage?by=vendor"))
    [requests] = set(re.findall(r'href="(/requests\?[^"]*vendor%3Aeq%3Aanthropic[^"]*)"', text))
    assert set(re.findall(r'href="/requests/(\w+)"', kit.page(browser, requests))) == {"requnpriced"}
    finer = next(each for each in re.findall(r'href="(/usage\?[^"]*)"', text) if "vendor%3Aeq%3Aanthropic" in each)
    assert "by=workspace" in finer
    assert "Only these" in kit.page(browser, finer)


def test_the_file_has_names_and_dollars(database: str) -> None:
    """The table as CSV: a person by name, cost in USD, nothing where it is not known, the sum as the last line; what a
    spreadsheet would take for a formula is none."""
    held = traffic.stage()
    sent(request(owner="=HYPERLINK(1)"))
    answer = kit.signed_in().get("/usage.csv?by=owner&range=24h")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    by_owner = {row["owner"]: row for row in rows}
    assert by_owner[held["person"]]["name"] == "Ada"
    assert by_owner[held["person"]]["cost_usd"] == "0.000002000"
    assert "'=HYPERLINK(1)" in by_owner
    assert rows[-1]["name"] == "total"
    assert sum(int(row["requests"]) for row in rows[:-1]) == int(rows[-1]["requests"]) == 7
    assert kit.signed_in("viewer").get("/usage.csv").status_code == 403


def test_the_time_before_is_as_long(database: str) -> None:
    """Compared is with as much of the time before as has passed of this one, so that half a day is not held against a whole."""
    now = datetime(2026, 5, 10, 12, 30, tzinfo=UTC)
    asked = asked_for(since=datetime(2026, 5, 10, tzinfo=UTC), until=datetime(2026, 5, 11, tzinfo=UTC), now=now)
    before = asked.before()
    assert (before.since, before.until) == (datetime(2026, 5, 9, tzinfo=UTC), datetime(2026, 5, 9, 12, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "path", ["/usage?range=year", "/usage?by=nothing", "/usage?what=1", "/usage?range=custom&since=soon",
             "/usage?since=2026-01-02&until=2026-01-01", "/usage?since=0001-01-01&until=2026-01-01", "/usage?filter=x:eq:1"],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(database: str, path: str) -> None:
    """With a sentence, not with an empty table."""
    assert kit.signed_in().get(path).status_code == 422


def test_a_long_page_costs_no_more(database: str) -> None:
    """No question to the database a row."""
    traffic.stage()
    browser = kit.signed_in()
    for by in BY:
        kit.page(browser, f"/usage?by={by}")
    counts = []
    for number in (3, 30):
        traffic.many(number)
        counts.append([_asked(browser, f"/usage?by={by}") for by in BY])
    assert counts[0] == counts[1]


def _asked(browser: Any, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        kit.page(browser, path)
    return len(asked)
