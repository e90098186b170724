"""A line that is crossed is told once, and once more when it is over."""

import pytest

from stationmaster.alerts.crossing import News, Reading, Steps, Told, ending, reached, steps

LINES = (50, 80, 100)


def budget(crossed: tuple[int, ...], period: str = "2026-05", thing: str = "key-1") -> Reading:
    """A key's budget that reached these lines."""
    return Reading("budget", thing, "team-a", LINES, crossed, period)


def told(*lines: int, period: str = "2026-05", thing: str = "key-1") -> list[Told]:
    """What was written down of it."""
    return [Told(number, "budget", thing, line, period) for number, line in enumerate(lines, 1)]


@pytest.mark.parametrize(("spent", "limit", "lines"), [
    (0, 100, ()), (49, 100, ()), (50, 100, (50,)), (799_999_999, 1_000_000_000, (50,)), (800_000_000, 1_000_000_000, (50, 80)),
    (100, 100, (50, 80, 100)), (10**30, 10**29, (50, 80, 100)), (5, 0, ()), (0, 0, ()),
])  # fmt: skip
def test_a_budgets_lines_are_reached_to_the_nanodollar(spent: int, limit: int, lines: tuple[int, ...]) -> None:
    """No rounding tells early or late, and a budget that is not set is never used up."""
    assert reached(spent, limit) == lines


@pytest.mark.parametrize(("days", "lines"), [
    (31, ()), (30, (30,)), (7.5, (30,)), (7, (30, 7)), (0, (30, 7, 1)), (-3, (30, 7, 1)),
])  # fmt: skip
def test_what_ends_comes_to_its_lines_one_after_another(days: float, lines: tuple[int, ...]) -> None:
    """What is over already has come to all of them."""
    assert ending(days * 86_400) == lines


def test_a_crossing_is_told_once() -> None:
    """Looking again tells nothing new, and a line that comes after it does."""
    half, most = budget((50,)), budget((50, 80))
    assert steps([half], []) == Steps(((half, 50),), (), (News(half, 50),))
    assert steps([half], told(50)) == Steps()
    assert steps([most], told(50)) == Steps(((most, 80),), (), (News(most, 80),))


def test_a_jump_over_several_lines_tells_the_farthest() -> None:
    """The others are written down, so that nobody is told of them later either."""
    now = budget(LINES)
    found = steps([now], [])
    assert found.opened == tuple((now, line) for line in LINES)
    assert found.news == (News(now, 100),)
    assert steps([now], told(*LINES)) == Steps()


def test_what_comes_back_is_called_over_once() -> None:
    """By the nearest of the lines that it came back over; a larger budget may leave some of them crossed."""
    before = told(*LINES)
    now = budget((50,))
    assert steps([now], before) == Steps((), tuple(before[1:]), (News(now, 80, over=True),))
    back = budget(())
    assert steps([back], before).news == (News(back, 50, over=True),)


def test_another_period_begins_anew() -> None:
    """A new month is no recovery of which anybody is told; what was crossed in the last one may be crossed again."""
    june = budget((), "2026-06")
    assert steps([june], told(50)) == Steps((), tuple(told(50)), ())
    full = budget((50,), "2026-06")
    assert steps([full], told(50)).news == (News(full, 50),)


def test_what_was_renewed_is_called_over() -> None:
    """A credential with another end is well again, unless that end is near too."""
    before = [Told(line, "credential_expiring", "cred_1", line, "2026-05-01") for line in (30, 7)]
    far = Reading("credential_expiring", "cred_1", "slot", (30, 7, 1), (), "2027-05-01", renews=True)
    assert steps([far], before) == Steps((), tuple(before), (News(far, 30, over=True),))
    near = Reading("credential_expiring", "cred_1", "slot", (30, 7, 1), (30,), "2026-06-01", renews=True)
    assert steps([near], before).news == (News(near, 30),)


def test_what_is_gone_or_not_watched_any_more_is_over_without_a_word() -> None:
    """Nobody is told that a deleted key is below its budget, nor that a line that was taken away is not crossed any more."""
    assert steps([], told(50)) == Steps((), tuple(told(50)), ())
    fewer = Reading("budget", "key-1", "team-a", (50, 100), (50,), "2026-05")
    assert steps([fewer], told(50, 80)) == Steps((), (told(50, 80)[1],), ())


def test_things_are_told_apart() -> None:
    """One's crossing says nothing of another's."""
    one, other = budget((50,)), budget((50,), thing="key-2")
    assert steps([one, other], told(50)).news == (News(other, 50),)
