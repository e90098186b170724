"""What keys spent as gateways tell it: what is kept of it, and who is told what."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from controlkit import ADMIN, AUDITOR, CLI, GATEWAY, MEMBER, OPERATOR, VIEWER
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.usage import services as usage
from stationmaster.usage.models import KeySpend

pytestmark = pytest.mark.usefixtures("database")
ONE, TWO = "account1", "account2"
TODAY = f"{timezone.now():%Y-%m-%d}"
BUDGETS = {"month": {"month_usd": 5}, "all": {"total_usd": 5}, "free": {}}


@pytest.fixture
def gateway() -> Actor:
    """A gateway, and three keys: with a budget by month, with one in all, with none."""
    for name, budget in BUDGETS.items():
        routing.create_key(ADMIN, {"name": name, "budget": budget})
    return GATEWAY


def spent(total: int, day: str = TODAY) -> dict[str, object]:
    """What a gateway tells of one key that began to spend on that day."""
    return {"day": day, "month": day[:7], "today": total, "this_month": total, "total": total}


def told(gateway: Actor, account: str = ONE, *, ask: bool = True, **keys: object) -> dict[tuple[str, str], int]:
    """Tell, and ask; what everybody spent in all."""
    found = usage.exchange(gateway, msgspec.msgpack.encode({"account": account, "spent": keys, "ask": ask}))
    return {(each, key): value.total for each, key, value in found}


def test_the_later_value_stays(gateway: Actor) -> None:
    """In whatever order values come, and however often: the latest is what is known, and each account has its own."""
    values = [spent(1, "2026-01-02"), spent(5, "2026-02-03"), spent(9), spent(9)]
    for number, order in enumerate(itertools.permutations(values)):
        for value in order:
            told(gateway, f"account{number}", all=value)
    assert set(told(gateway).values()) == {9}
    assert KeySpend.objects.count() == 24


def test_what_cannot_count_is_not_told(gateway: Actor) -> None:
    """Who asks hears of keys that have a budget; of a month that is over only what counts against a budget in all."""
    told(gateway, ONE, month=spent(3), all=spent(3), free=spent(3), nobody=spent(3))
    found = told(gateway, TWO, month=spent(4, "2025-12-31"), all=spent(4, "2025-12-31"))
    assert found == {(ONE, "month"): 3, (ONE, "all"): 3, (TWO, "all"): 4}
    routing.update_key(ADMIN, "free", {"budget": {"day_usd": 1}})
    assert told(gateway)[ONE, "free"] == 3


def test_keys_that_nobody_has_are_not_kept(gateway: Actor) -> None:
    """Whoever has a gateway's token fills no table with names."""
    made_up = {f"made-up-{number}": spent(3) for number in range(50)}
    usage.exchange(gateway, msgspec.msgpack.encode({"account": ONE, "spent": {"all": spent(3), **made_up}}))
    assert list(KeySpend.objects.values_list("key", flat=True)) == ["all"]


def test_who_does_not_ask_is_told_nothing(gateway: Actor) -> None:
    """Telling alone is answered with nothing."""
    assert told(gateway, all=spent(3), ask=False) == {}


def test_the_month_that_turned_a_moment_ago_counts_still(gateway: Actor) -> None:
    """A gateway whose clock is a few hours behind still spends of the month before."""
    yesterday = f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"
    assert told(gateway, month=spent(3, yesterday)) == {(ONE, "month"): 3}


def test_a_clock_that_is_ahead_is_put_into_bounds(gateway: Actor) -> None:
    """A day that is yet to come is kept as the latest that there can be; what was spent is kept."""
    told(gateway, all=spent(3, "2099-01-01"))
    row = KeySpend.objects.get()
    assert (row.day, row.total) == (f"{timezone.now() + timedelta(days=1):%Y-%m-%d}", 3)
    assert row.month == row.day[:7]


def test_two_who_tell_of_one_account(gateway: Actor) -> None:
    """A gateway that did not wait for the first answer, or two of one disk: whichever comes first, the greatest stays, and all
    are answered."""
    values = [700, 900, 100, 800]
    names = [f"key{number}" for number in range(100)]
    for name in names:
        routing.create_key(ADMIN, {"name": name})

    def tell(value: int) -> None:
        order = names if value % 200 else names[::-1]
        try:
            body = {"account": ONE, "spent": {name: spent(value) for name in order}}
            usage.exchange(gateway, msgspec.msgpack.encode(body))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(values)) as threads:
        list(threads.map(tell, values))
    assert set(KeySpend.objects.values_list("total", flat=True)) == {900}
    assert KeySpend.objects.count() == len(names)


_WRONG = [
    b"", b"\xc1", b"[]", msgspec.msgpack.encode([]), msgspec.msgpack.encode({"spent": {}}),
    *(msgspec.msgpack.encode({"account": account}) for account in ("", "short", "x" * 65, "Upper-Case", "new\nlines", 7)),
    *(msgspec.msgpack.encode({"account": ONE, "spent": {"all": {**spent(1), **wrong}}}) for wrong in (
        {"total": -1}, {"total": 2**62 + 1}, {"today": 1.5}, {"day": "yesterday"}, {"day": "2026-01-01\n"}, {"month": "2026"},
        {"total": None}, {"today": 2}, {"this_month": 2, "total": 1}, {"month": "2020-01"},
        {"day": "٢٠٩٩-١٢-٣١", "month": "٢٠٩٩-١٢"})),
    msgspec.msgpack.encode({"account": ONE, "spent": {"a\0b": spent(1)}}),
    msgspec.msgpack.encode({"account": ONE, "spent": {f"key{number}": spent(1) for number in range(5_001)}}),
]


@pytest.mark.parametrize("body", _WRONG)
def test_something_else_is_refused_whole(gateway: Actor, body: bytes) -> None:
    """What is no account of spending is refused with its code, and nothing of it is kept."""
    with pytest.raises(StationmasterError) as refused:
        usage.exchange(gateway, body)
    assert refused.value.code == "error.internal.bad_account"
    assert not KeySpend.objects.exists()


def test_only_gateways_tell(gateway: Actor) -> None:
    """Operators, however they are trusted, may neither tell nor ask here."""
    for actor in (VIEWER, AUDITOR, OPERATOR, MEMBER):
        with pytest.raises(Forbidden):
            told(actor, all=spent(3))
    assert not KeySpend.objects.exists()


def test_keys_that_are_long_gone_are_forgotten(gateway: Actor) -> None:
    """Retention deletes what keys spent that were deleted; of keys that there are it deletes nothing, however old."""
    told(gateway, all=spent(3), month=spent(3))
    KeySpend.objects.update(at=timezone.now() - timedelta(days=800))
    routing.delete_key(ADMIN, "month")
    usage.delete_old(CLI, 400)
    assert set(KeySpend.objects.values_list("key", flat=True)) == {"all"}
