"""Whether one shell-style pattern takes everything another takes, or anything. Owns: both answers, on the safe side.

`*` and `?` are compared exactly, as automata. A `[...]` counts as any character where that can only lead
to "no", so a yes is always right. Knows nothing of models or routes.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

_LIMIT = 5_000  # states looked at before giving up with "no"
_OTHER = "\0"  # stands for every character in neither pattern
_CLASS = "[]"

States = frozenset[int]


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every name that matches `narrow` surely matches `wide` too."""
    if wide in {narrow, "*"}:
        return True
    if "[" not in narrow:
        example = narrow.replace("*", "").replace("?", _OTHER)
        if example == narrow or not fnmatchcase(example, wide):
            return fnmatchcase(example, wide)
    outer, inner = _parts(wide), _parts(narrow)
    letters = {part for part in (*outer, *inner) if len(part) == 1 and part not in "*?"} | {_OTHER}
    return _included(inner, outer, letters)


@cache
def meets(one: str, other: str) -> bool:
    """Tell whether some name may match both: a no is always right, for a `[...]` counts as any character."""
    first, second = _parts(one), _parts(other)
    waiting, seen = [(0, 0)], {(0, 0)}
    while waiting:
        at, to = waiting.pop()
        if (at, to) == (len(first), len(second)):
            return True
        ahead = set(_both(first[at : at + 1], second[to : to + 1], at, to)) - seen
        seen |= ahead
        waiting += ahead
    return False


def _both(first: list[str], second: list[str], at: int, to: int) -> Iterator[tuple[int, int]]:
    """The next places of two patterns of which one stands before `first`, the other before `second`, if not at an end."""
    if first == ["*"]:
        yield at + 1, to
    if second == ["*"]:
        yield at, to + 1
    if first and second:
        anything = {"*", "?", _CLASS}
        if first == second or first[0] in anything or second[0] in anything:
            yield at + (first != ["*"]), to + (second != ["*"])


def _parts(pattern: str) -> list[str]:
    """Split into letters (escaped as themselves), `*`, `?` and `[]` for a class."""
    parts, at = [], 0
    while at < len(pattern):
        end = pattern.find("]", at + 3 if pattern[at + 1 : at + 2] == "!" else at + 2)
        is_class = pattern[at] == "[" and end >= 0
        parts.append(_CLASS if is_class else pattern[at])
        at = end + 1 if is_class else at + 1
    return parts


def _included(inner: list[str], outer: list[str], letters: set[str]) -> bool:
    """Walk both automata together: no end of `inner` may be reached where `outer` has none."""
    start = (0, _settled(outer, {0}))
    seen, waiting = {start}, [start]
    while waiting:
        position, states = waiting.pop()
        if position == len(inner) and len(outer) not in states:
            return False
        for pair in _steps(inner, outer, position, states, letters):
            if pair not in seen:
                seen.add(pair)
                waiting.append(pair)
        if len(seen) > _LIMIT:
            return False
    return True


def _steps(
    inner: list[str], outer: list[str], position: int, states: States, letters: set[str]
) -> Iterator[tuple[int, States]]:
    if position == len(inner):
        return
    part = inner[position]
    if part == "*":
        yield position + 1, states
    for letter in letters if part in {"*", "?", _CLASS} else {part}:
        yield position + (part != "*"), _moved(outer, states, letter)


def _moved(parts: list[str], states: States, letter: str) -> States:
    ahead = {state + (parts[state] != "*") for state in states if _takes(parts, state, letter)}
    return _settled(parts, ahead)


def _takes(parts: list[str], state: int, letter: str) -> bool:
    return state < len(parts) and parts[state] in {"*", "?", letter}


def _settled(parts: list[str], states: set[int]) -> States:
    """Add the states behind a `*`, which may stand for nothing."""
    grown = set(states)
    for state in states:
        while state < len(parts) and parts[state] == "*":
            state += 1
            grown.add(state)
    return frozenset(grown)
