"""Figures of usage: parts add up to headlines, and everyone sees what is theirs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlkit import ADMIN, MEMBER, NOBODY, VIEWER
from stationmaster.errors import Forbidden, Invalid
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Filter, Query
from stationmaster.usage import reports
from stationmaster.usage import services as usage
from stationmaster.usage.models import Batch, DailyUsage, Gateway, HourlyUsage, UsageEvent
from usage.kit import request, sent

START = datetime(2026, 3, 28, 22, tzinfo=UTC)
KINDS = ("input", "cache_read", "cache_write", "output", "reasoning")
_count = st.integers(0, 10**12)
_tokens = st.none() | st.fixed_dictionaries(dict.fromkeys(KINDS, _count))


@st.composite
def _requests(draw: st.DrawFn) -> dict[str, Any]:
    tokens = draw(_tokens)
    seconds = draw(st.integers(0, 60 * 3600))
    return request(
        time=(START + timedelta(seconds=seconds)).timestamp(), key=draw(st.sampled_from(["a", "b", ""])),
        owner=draw(st.sampled_from(["ada", "bob", "Ünï", ""])), credential=draw(st.sampled_from(["c1", "c2"])),
        pool=draw(st.sampled_from(["p", ""])), sent_model=draw(st.sampled_from(["m1", "m2", "M1"])), tokens=tokens,
        usage_source="none" if tokens is None else draw(st.sampled_from(["upstream_final", "estimated"])),
        cost=None if tokens is None else draw(st.none() | st.integers(0, 10**14)),
        status=draw(st.sampled_from([200, 200, 429, 499, 500])), error=draw(st.sampled_from(["", "", "error.stream"])),
    )  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches=st.lists(st.lists(_requests(), max_size=12), min_size=1, max_size=3), data=st.data())
def test_headlines_are_the_sums_of_their_parts(database: str, batches: list[list[dict[str, Any]]], data: st.DataObject) -> None:
    """For any requests, time, filter and breakdown: total, parts, course by hours and by days, and a sum by hand agree."""
    _empty()
    for batch in batches:
        sent(*batch)
    since = START + timedelta(hours=data.draw(st.integers(-1, 50)))
    until = since + timedelta(hours=data.draw(st.integers(1, 70)))
    by = data.draw(st.sampled_from(usage.DIMENSIONS))
    two = (Filter("model", "ne", "m1"), Filter("owner", "eq", "ada"))
    wanted = data.draw(st.sampled_from([(), (Filter("key", "eq", "a"),), two]))
    asked = usage.Question(since, until, wanted, by)
    expected = _by_hand([each for batch in batches for each in batch], since, until, wanted, by)

    answer = usage.totals(VIEWER, asked)
    assert {part[by]: _measures(part) for part in answer.parts} == expected
    assert dict(answer.total) == _sum(answer.parts)
    steps: tuple[usage.Step, ...] = ("hour", "day")
    for step in steps:
        course = usage.series(VIEWER, asked, step)
        assert dict(course.total) == _sum(course.parts)
    assert dict(usage.series(VIEWER, asked, "hour").total) == dict(answer.total)


def test_days_are_read_from_the_daily_sums(database: str) -> None:
    """Whole days come from the sums of days, other times from those of hours: both tables hold the same."""
    sent(*(request(time=(START + timedelta(hours=hour)).timestamp()) for hour in range(72)))
    whole = usage.Question(datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    assert usage.totals(VIEWER, whole).total["requests"] == 48
    HourlyUsage.objects.all().delete()
    assert usage.totals(VIEWER, whole).total["requests"] == 48
    assert usage.series(VIEWER, whole, "hour").total["requests"] == 0


def test_times_are_widened_to_whole_steps(database: str) -> None:
    """An answer says which times it stands for: the whole hours, or days, that hold those asked for."""
    asked = usage.Question(START + timedelta(minutes=20), START + timedelta(minutes=40))
    answer = usage.totals(VIEWER, asked)
    assert (answer.since, answer.until) == (START, START + timedelta(hours=1))
    course = usage.series(VIEWER, asked, "day")
    assert (course.since, course.until) == (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC))


@pytest.mark.parametrize("asked", [
    usage.Question(START, START), usage.Question(START, START - timedelta(days=1)),
    usage.Question(START, datetime.max.replace(tzinfo=UTC)), usage.Question(START, START + timedelta(1), by="secret"),
    usage.Question(START, START + timedelta(1), (Filter("detail", "eq", "x"),)),
    usage.Question(START, START + timedelta(1), (Filter("key", "like", "x"),)),
])  # fmt: skip
def test_questions_that_cannot_be_are_refused(database: str, asked: usage.Question) -> None:
    """A time that ends before it begins, or a dimension that there is not, is the caller's mistake."""
    with pytest.raises(Invalid):
        usage.totals(VIEWER, asked)


def test_an_unknown_price_is_never_nothing(database: str) -> None:
    """What cost an unknown amount is counted as unpriced; what used nothing is not."""
    sent(request(cost=None), request(cost=None, tokens=None, usage_source="none"), request(cost=5))
    total = usage.totals(VIEWER, _lately()).total
    assert (total["requests"], total["unpriced"], total["cost"]) == (3, 1, 5)
    shown = {item["cost"] for item in usage.list_events(VIEWER, Query()).items}
    assert shown == {None, 5}


@pytest.mark.parametrize("by", ["model", "key"])
def test_requests_that_come_in_meanwhile(database: str, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    """A headline equals the sum of its parts though requests come in while both are asked for."""
    sent(request(model="a"), request(model="b", key="other"))
    between = reports._parts

    def parts(*given: Any) -> Any:
        found = between(*given)
        sent(request(model="late"))
        return found

    monkeypatch.setattr(reports, "_parts", parts)
    asked = replace(_lately(), by=by)
    for answer in (usage.totals(VIEWER, asked), usage.series(VIEWER, asked, "day")):
        assert answer.total == _sum(list(answer.parts))


def test_a_client_that_left_is_no_error(database: str) -> None:
    """Errors are what was refused or broke; a client that went away is neither."""
    sent(request(status=499), request(status=500), request(status=429), request(error="error.stream_cut"), request())
    assert usage.totals(VIEWER, _lately()).total["errors"] == 3


def test_members_see_their_own(database: str) -> None:
    """A member's figures, courses and requests are of virtual keys that name them as owner, with a token as well."""
    sent(request(owner="op_member"), request(owner="ada"), request(owner=""))
    token = Actor("token", "tok_1", "member", person="op_member")
    for actor in (MEMBER, token):
        assert usage.totals(actor, _lately()).total["requests"] == 1
        assert usage.series(actor, _lately(), "day").total["requests"] == 1
        assert [item["owner"] for item in usage.list_events(actor, Query()).items] == ["op_member"]
        assert usage.list_events(actor, Query(filters=(Filter("owner", "eq", "ada"),))).items == []


def test_who_is_nobody_sees_nothing(database: str) -> None:
    """Without a role there are no figures."""
    for ask in (lambda: usage.totals(NOBODY, _lately()), lambda: usage.list_events(NOBODY, Query())):
        with pytest.raises(Forbidden):
            ask()


def test_old_requests_go_and_their_sums_stay(database: str) -> None:
    """Retention deletes single requests older than its days, in steps, and no sum; batches stay known for longer."""
    now = datetime.now(UTC)
    old, young = (now - timedelta(days=40)).timestamp(), (now - timedelta(days=29)).timestamp()
    sent(*(request(time=old) for _ in range(1200)), batch="old-batch")
    sent(request(time=young))
    assert usage.delete_old(ADMIN, 30) == 1200
    assert UsageEvent.objects.count() == 1
    assert usage.totals(VIEWER, usage.Question(now - timedelta(days=60), now)).total["requests"] == 1201
    assert sent(request(), batch="old-batch").known
    assert usage.delete_old(ADMIN, 30, now + timedelta(days=61)) == 1
    assert not Batch.objects.exists()


def _lately() -> usage.Question:
    now = datetime.now(UTC)
    return usage.Question(now - timedelta(days=1), now + timedelta(hours=1))


def _by_hand(
    requests: list[dict[str, Any]], since: datetime, until: datetime, wanted: tuple[Filter, ...], by: str
) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for each in requests:
        values = {**each, "model": each["sent_model"]}
        tests = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b}
        inside = since.timestamp() <= each["time"] < until.timestamp()
        if inside and all(tests[one.op](values[one.field], one.value) for one in wanted):
            tokens = each["tokens"] or dict.fromkeys(KINDS, 0)
            failed = bool(each["error"]) or each["status"] in (429, 500)
            found.setdefault(values[by], Counter()).update({
                "requests": 1, "errors": int(failed), **tokens, "cost": each["cost"] or 0,
                "unpriced": int(each["cost"] is None and each["tokens"] is not None),
            })  # fmt: skip
    return {value: {name: sums[name] for name in usage.MEASURES} for value, sums in found.items()}


def _measures(part: Mapping[str, Any]) -> dict[str, int]:
    return {name: part[name] for name in usage.MEASURES}


def _sum(parts: list[Mapping[str, Any]]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in usage.MEASURES}


def _empty() -> None:
    for table in (HourlyUsage, DailyUsage, UsageEvent, Batch, Gateway):
        table.objects.all().delete()
