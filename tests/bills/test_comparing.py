"""What follows from two sides of a day: by values alone."""

from datetime import UTC, datetime, timedelta

import pytest

from stationmaster.bills.comparing import Counted, Owners, Rules, Used, compare, judge, plain_model
from stationmaster.vendors._base import CostRow, UsageRow

DAY = datetime(2026, 11, 20, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
OWNERS = Owners({"key_1": "slot"}, {"svac_1": "guest"})
RULES = Rules(95)


def used(key: str = "key_1", **more: object) -> UsageRow:
    """A row of a vendor's report."""
    plain = {"start": DAY, "end": NEXT, "model": "gpt-5", "requests": 10, "input_tokens": 900, "cached_tokens": 300,
             "output_tokens": 100}  # fmt: skip
    return UsageRow(**{**plain, "key": key, **more})  # type: ignore[arg-type]


def mine(
    tokens: int = 1000, cost: int | None = None, unpriced: int = 0, credential: str = "slot", model: str = "gpt-5"
) -> Counted:
    """What gateways counted."""
    return Counted(credential, model, Used(10, tokens - 100, 300, 100, cost), unpriced)


def test_both_say_the_same() -> None:
    """Equal figures are a rate of 100 % and agree, and stand beside each other by credential and model."""
    found = compare(DAY, [used()], [], [mine()], OWNERS, RULES)
    assert (found.rate, found.verdict, found.measure) == (10_000, "agrees", "tokens")
    assert [(part.credential, part.key, part.model) for part in found.parts] == [("slot", "", "gpt-5")]
    assert found.parts[0].theirs.tokens == found.parts[0].ours.tokens == 1000


@pytest.mark.parametrize(("theirs", "ours", "verdict"), [
    (10_000, 9_500, "agrees"), (10_000, 9_499, "low"), (9_500, 10_000, "agrees"), (9_499, 10_000, "high"),
    (0, 0, "none"), (0, 5, "high"), (5, 0, "low"),
])  # fmt: skip
def test_the_threshold_holds_both_ways(theirs: int, ours: int, verdict: str) -> None:
    """Ours below 95 % of theirs is too little, theirs below 95 % of ours too much; exactly 95 % is neither."""
    assert judge(theirs, ours, RULES)[1] == verdict


def test_a_rate_is_never_rounded_up() -> None:
    """What is a hair below a threshold does not look as if it had reached it."""
    assert judge(100_000, 94_999, RULES) == (9_499, "low")


def test_late_reports_are_no_alarm_and_too_little_is() -> None:
    """Vendors' figures grow for days: more of ours is late until the day is settled, less of ours is told at once. A day that is
    not over is judged by nobody."""
    early = Rules(95, settled=False)
    assert judge(100, 200, early)[1] == "late"
    assert judge(200, 100, early)[1] == "low"
    assert judge(200, 100, Rules(95, over=False, settled=False))[1] == "open"


def test_what_gateways_do_not_serve_has_no_alarm() -> None:
    """Use of a vendor whose credentials no gateway takes is shown, and is not missing."""
    assert judge(500, 0, Rules(95, served=False)) == (None, "unmetered")


def test_foreign_keys_stand_apart() -> None:
    """What came by a key that is not known here is the vendor's alone: by key and model, and in the sum of what went past."""
    found = compare(DAY, [used(), used("key_9", model="gpt-4o"), used("", member="user-7")], [], [mine()], OWNERS, RULES)
    assert found.verdict == "low"
    assert found.past.tokens == 2000
    assert [(part.key, part.model) for part in found.parts if not part.credential] == [("key_9", "gpt-4o"), ("user-7", "gpt-5")]


def test_a_service_account_is_as_good_as_a_key() -> None:
    """Short-lived tokens have no key: reports name who used them."""
    found = compare(DAY, [used("", member="svac_1")], [], [mine(credential="guest")], OWNERS, RULES)
    assert (found.verdict, found.past.tokens) == ("agrees", 0)


def test_dates_in_model_names_are_no_other_model() -> None:
    """A report's "gpt-5-2026-08-07" is what was asked for as "gpt-5"; another number at the end is another model."""
    assert [plain_model(name) for name in ("gpt-5-2026-08-07", "claude-sonnet-5-20260929", "gpt-5", "gpt-5-16")] == [
        "gpt-5", "claude-sonnet-5", "gpt-5", "gpt-5-16",
    ]  # fmt: skip
    found = compare(DAY, [used(model="gpt-5-2026-08-07")], [], [mine()], OWNERS, RULES)
    assert len(found.parts) == 1


def test_rows_are_of_the_day_in_which_they_begin() -> None:
    """A bucket that begins at midnight is the new day's, whatever zone its time is spelled in."""
    west = (DAY - timedelta(days=1)).astimezone()
    found = compare(DAY, [used(), used(start=NEXT), used(start=west)], [], [], OWNERS, RULES)
    assert found.theirs.tokens == 1000


def test_an_unknown_price_is_not_zero() -> None:
    """One request without a price makes our cost unknown, for its part and for the day."""
    found = compare(DAY, [used()], [], [mine(cost=500), mine(cost=0, unpriced=2, model="gpt-x")], OWNERS, RULES)
    assert found.ours.cost is None
    assert {part.model: part.ours.cost for part in found.parts} == {"gpt-5": 500, "gpt-x": None}


def test_money_stands_beside_its_tokens() -> None:
    """A bill's item is put with the model that it names; what no report of costs says is unknown, and no zero."""
    bill = CostRow(DAY, NEXT, 7_000, key="key_1", item="gpt-5-2026-08-07, input")
    found = compare(DAY, [used()], [bill], [mine(cost=7_000)], OWNERS, RULES)
    assert (found.theirs.cost, found.ours.cost, found.currency, len(found.parts)) == (7_000, 7_000, "USD", 1)
    assert compare(DAY, [used()], [], [mine()], OWNERS, RULES).theirs.cost is None


def test_two_currencies_have_no_sum() -> None:
    """Dollars and euros of one day are not added up."""
    bills = [CostRow(DAY, NEXT, 1, "USD"), CostRow(DAY, NEXT, 2, "EUR")]
    found = compare(DAY, [used()], bills, [], OWNERS, RULES)
    assert (found.theirs.cost, found.currency) == (None, "")


def test_a_billing_cycle_is_no_day() -> None:
    """What a vendor tells of a whole cycle is told as that, and is no part of the day's cost."""
    cycle = CostRow(DAY - timedelta(days=9), NEXT, 9_000, member="a@example.com")
    found = compare(DAY, [used("", member="a@example.com", input_tokens=0, output_tokens=0)], [cycle], [], OWNERS, RULES)
    assert (found.cycle_cost, found.theirs.cost, found.measure) == (9_000, None, "requests")


def test_nothing_on_either_side() -> None:
    """A day without use is shown as one."""
    found = compare(DAY, [], [], [], OWNERS, RULES)
    assert (found.verdict, found.rate, found.measure, found.parts) == ("none", None, "", ())
