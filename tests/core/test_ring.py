"""The ring: who meets whom is the same everywhere, follows the weights, and changes for the leaver's sessions only."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.ring import EACH, MOST, Ring

STEP = 0x9E3779B97F4A7C15   # of the golden ratio: its multiples spread evenly over 64 bits
SESSIONS = [number * STEP % 2**64 for number in range(20_000)]
EDGES = [0, 1, 2**63, 2**64 - 1]
HALVING = MOST // EACH      # total weights above this, and above each doubling of it, thin the points out

NAMES = st.text("abcdefgh-0123456789ü", min_size=1, max_size=12)
POOLS = st.dictionaries(NAMES, st.integers(1, 40), min_size=1, max_size=12)


def ring_of(weights: dict[str, int]) -> Ring:
    """The ring of these members, whose numbers are their places."""
    return Ring(list(weights), list(weights.values()))


def firsts(weights: dict[str, int], sessions: list[int]) -> list[str]:
    """Whom each session meets first."""
    names, ring = list(weights), ring_of(weights)
    return [names[ring.first(session)] for session in sessions]


_ELSEWHERE = """
import json, sys
from stationmaster.gateway.core.ring import Ring
names, weights, sessions = json.load(sys.stdin)
ring = Ring(names, weights)
print(json.dumps([list(ring.order(session)) for session in sessions]))
"""


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_process_gives_the_same_answer(seed: str) -> None:
    """Workers agree without talking: nothing of a process, such as how it hashes strings, plays a part."""
    names, weights = ["openai-1", "openai-2", "Ünïcode", "d"], [1, 5, 2, 300]
    sessions = SESSIONS[:200] + EDGES
    ran = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE], input=json.dumps([names, weights, sessions]), capture_output=True, text=True,
        check=True, env=os.environ | {"PYTHONHASHSEED": seed},
    )
    ring = Ring(names, weights)
    assert json.loads(ran.stdout) == [list(ring.order(session)) for session in sessions]


def test_the_answer_is_the_same_for_ever() -> None:
    """A new version that answered otherwise would move everybody's sessions at its roll-out."""
    ring = Ring(["a", "b", "c"], [1, 2, 3])
    assert "".join(str(ring.first(session)) for session in SESSIONS[:24]) == "110111122012122021122120"


@pytest.mark.parametrize(
    "weights",
    [
        [1, 1], [1, 1, 1, 1, 1], [3, 1], [10, 1], [1, 2, 3, 4], [100, 1], [1000, 1000], [3000, 3000, 1000], [5] * 50,
        [10**9, 10**9], [10**6, 3 * 10**6],
    ],
    ids=str,
)
def test_shares_follow_the_weights(weights: list[int]) -> None:
    """Each member serves its share of sessions within 40 % of it, and within 15 % from a weight of 10 upwards. (One
    unit's 128 points spread with a deviation of about 9 %, so that this is four of them.)"""
    members = {f"credential-{number}": weight for number, weight in enumerate(weights)}
    counted = Counter(firsts(members, SESSIONS))
    for name, weight in members.items():
        fair = len(SESSIONS) * weight / sum(weights)
        assert abs(counted[name] - fair) <= fair * (0.15 if weight >= 10 else 0.40) + 10, name


def test_nobody_is_scaled_away() -> None:
    """A member of weight 1 beside one of a thousand million still owns a point, and the circle stays bounded."""
    ring = Ring(["heavy", "light"], [10**9, 1])
    assert set(ring.order(SESSIONS[7])) == {0, 1}
    assert len(ring.points) <= MOST + 1


@FEW
@given(POOLS, st.data())
def test_only_the_leavers_sessions_move(members: dict[str, int], data: st.DataObject) -> None:
    """Who leaves takes nobody else's sessions along: theirs go to whom they would have met next."""
    leaver = data.draw(st.sampled_from(sorted(members)))
    rest = {name: weight for name, weight in members.items() if name != leaver}
    sessions = SESSIONS[:300] + EDGES
    if not rest:
        assert set(firsts(members, sessions)) == {leaver}
        return
    names, ring = list(members), ring_of(members)
    for session, after in zip(sessions, firsts(rest, sessions), strict=True):
        met = [names[at] for at in islice(ring.order(session), 2)]
        assert after == (met[1] if met[0] == leaver else met[0])


@FEW
@given(POOLS, st.integers(1, 40), st.data())
def test_a_changed_weight_moves_sessions_to_or_from_its_member_only(
    members: dict[str, int], weight: int, data: st.DataObject
) -> None:
    """More weight takes sessions from others and gives none to them; less gives and takes none."""
    name = data.draw(st.sampled_from(sorted(members)))
    sessions = SESSIONS[:300]
    for before, after in zip(firsts(members, sessions), firsts(members | {name: weight}, sessions), strict=True):
        if before != after:
            assert (after if weight > members[name] else before) == name


@FEW
@given(POOLS, st.data())
def test_the_order_in_a_file_does_not_count(members: dict[str, int], data: st.DataObject) -> None:
    """Members that are listed otherwise serve the same sessions."""
    turned = {name: members[name] for name in data.draw(st.permutations(sorted(members)))}
    assert firsts(members, SESSIONS[:300]) == firsts(turned, SESSIONS[:300])


@pytest.mark.parametrize(
    ("others", "moves"),
    [(HALVING - 1, False), (HALVING, True), (HALVING * 2 - 1, False), (HALVING * 2, True)],
)
def test_when_others_sessions_may_move(others: int, moves: bool) -> None:
    """The one exception: the total weight passes a power of two above 2,048, and points are thinned out. Even then
    those who stay keep most of what they had."""
    weights = {"a": others // 2, "b": others - others // 2}
    sessions = SESSIONS[:5000]
    before, after = firsts(weights, sessions), firsts(weights | {"one": 1}, sessions)
    moved = sum(was != now != "one" for was, now in zip(before, after, strict=True))
    assert HALVING == 2048
    assert (moved > 0) is moves
    assert moved < 0.4 * len(sessions)


@FEW
@given(POOLS, st.integers(0, 2**64 - 1))
def test_the_order_is_everybody_once(members: dict[str, int], session: int) -> None:
    """Each member once, and whom the session meets first comes first."""
    ring = ring_of(members)
    order = list(ring.order(session))
    assert sorted(order) == list(range(ring.size))
    assert order[0] == ring.first(session)


@pytest.mark.parametrize("session", EDGES)
def test_the_circle_has_no_ends(session: int) -> None:
    """The smallest and the largest number meet members too; behind the last point comes the first."""
    members = {f"m{number}": 1 for number in range(7)}
    ring = ring_of(members)
    assert ring.first(session) == next(ring.order(session))
    last = ring.points[-1]
    assert ring.first(min(last + 1, 2**64 - 1)) == ring.first(0) or last == 2**64 - 1
    assert ring.first(last) == ring.owners[-2]


def test_a_second_choice_is_spread_as_well() -> None:
    """When one of five leaves, its sessions go to all four others, not to one neighbour."""
    ring = Ring([f"m{number}" for number in range(5)], [1] * 5)
    seconds = Counter(second for first, second in (islice(ring.order(session), 2) for session in SESSIONS) if first == 0)
    assert set(seconds) == {1, 2, 3, 4}
    assert min(seconds.values()) > sum(seconds.values()) / 10


@pytest.mark.parametrize("size", [1, 10, 1_000, 10_000])
def test_pools_of_any_size(size: int) -> None:
    """From one member to ten thousand: everybody has a place, and nobody has too many."""
    ring = Ring([f"credential-{number}" for number in range(size)], [1] * size)
    assert ring.size == size
    assert len(ring.points) <= MOST
    assert sorted(ring.order(SESSIONS[1])) == list(range(size))
    served = Counter(map(ring.first, SESSIONS))
    assert max(served.values()) <= 4 * len(SESSIONS) / size + 10


def test_nobody_is_met_on_an_empty_ring() -> None:
    """An empty ring has an empty order."""
    assert list(Ring([], []).order(5)) == []
