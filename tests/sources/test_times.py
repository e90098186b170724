"""When a secret is replaced, and how long it is waited after a failure: every life, every number of failures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.credentials.sources.times import AHEAD, FIRST_PAUSE, LONGEST, LONGEST_PAUSE, SOONEST, pause, refresh_at

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LIVES = st.timedeltas(timedelta(seconds=13), timedelta(days=300))


@pytest.mark.parametrize(("life", "after"), [
    (timedelta(hours=24), timedelta(hours=23)), (timedelta(hours=1), timedelta(minutes=48)),
    (timedelta(hours=5), timedelta(hours=4)), (timedelta(hours=2), timedelta(minutes=96)), (timedelta(0), SOONEST),
    (timedelta(seconds=-5), SOONEST), (timedelta(seconds=1), SOONEST), (timedelta(days=4000), LONGEST - AHEAD),
])  # fmt: skip
def test_an_hour_ahead_or_at_four_fifths(life: timedelta, after: timedelta) -> None:
    """One hour ahead of the end; of a life under five hours, when a fifth of it is left; of one of seconds, after a pause."""
    assert refresh_at(AT, AT + life) == AT + after


@given(LIVES)
def test_it_is_while_the_secret_lives(life: timedelta) -> None:
    """Never after its end, never more than an hour ahead of it, and at least a fifth of a life or an hour is left."""
    left = AT + life - refresh_at(AT, AT + life)
    assert timedelta(0) <= left <= AHEAD
    assert left >= min(AHEAD, life * 0.19)


@given(LIVES, LIVES)
def test_a_longer_life_is_never_refreshed_earlier(one: timedelta, other: timedelta) -> None:
    """The moment goes on with the end."""
    short, long = sorted((one, other))
    assert refresh_at(AT, AT + short) <= refresh_at(AT, AT + long)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_are_bounded(failures: int, chance: float) -> None:
    """Doubled with each failure, spread over its upper half, never beyond the longest."""
    found = pause(failures, chance)
    whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 30))
    assert whole / 2 <= found <= whole
    assert pause(failures + 1, chance) >= found
