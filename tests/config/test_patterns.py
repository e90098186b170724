"""Pattern inclusion: a yes is always right, and without `[...]` a no is right too."""

import re
from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.gateway.config.patterns import covers, meets

_NAMES = ["".join(letters) for length in range(6) for letters in product("abz", repeat=length)]
_LONGER = ["".join(letters) for length in range(9) for letters in product("ab", repeat=length)]


@pytest.mark.parametrize(
    ("wide", "narrow", "answer"),
    [
        ("*", "gpt-*", True),
        ("gpt-*", "gpt-4*", True),
        ("gpt-*", "gpt-4o", True),
        ("gpt-*", "gpt-*", True),
        ("*-mini", "gpt-*-mini", True),
        ("?*", "*?", True),
        ("**", "*", True),
        ("a*b*", "aab", True),
        ("gpt-4*", "gpt-*", False),
        ("gpt-?", "gpt-*", False),
        ("gpt-?", "gpt-??", False),
        ("gpt-4", "gpt-4o", False),
        ("GPT-*", "gpt-4", False),
        ("?*", "*", False),
        ("o[13]", "o1", True),
        ("o[13]", "o4", False),
        ("o?", "o[13]", True),
        ("o[13]", "o[13]", True),
        ("o[1-9]", "o[13]", False),  # true, but classes are not looked into
        ("o[!1]*", "o2*", False),  # likewise
        ("a[", "a[", True),
        ("a[*", "a[b", True),
        ("[]a]", "a", True),
        ("?", "[!]a]", True),
    ],
)
def test_it_works(wide: str, narrow: str, answer: bool) -> None:
    """Prefixes, suffixes, single characters and classes compare as people expect, on the safe side."""
    assert covers(wide, narrow) is answer


@given(st.text(alphabet="ab*?", max_size=4), st.text(alphabet="ab*?", max_size=4))
def test_exact_without_classes(wide: str, narrow: str) -> None:
    """For `*`, `?` and letters the answer is the one that trying every short name gives."""
    pairs = [(fnmatchcase(name, wide), fnmatchcase(name, narrow)) for name in _NAMES]
    assert covers(wide, narrow) is all(broad for broad, tight in pairs if tight)


@given(st.text(alphabet="ab*?[]!-", max_size=7), st.text(alphabet="ab*?[]!-", max_size=7))
def test_sound_with_classes(wide: str, narrow: str) -> None:
    """With classes, no name is ever matched by a covered pattern and missed by the one that covers it."""
    if covers(wide, narrow):
        names = [*_NAMES, *re.findall(r"[^*?]", narrow), "!", "-", "]", "[", "a]", "[a", "[!]", "a-b"]
        assert all(fnmatchcase(name, wide) for name in names if fnmatchcase(name, narrow))


@given(st.text(alphabet="ab*?", max_size=4), st.text(alphabet="ab*?", max_size=4))
def test_meeting_is_exact_without_classes(one: str, other: str) -> None:
    """Two patterns meet exactly when some short name matches both: without classes a name of theirs is that short."""
    assert meets(one, other) is any(fnmatchcase(name, one) and fnmatchcase(name, other) for name in _LONGER)


@given(st.text(alphabet="ab*?[]!-", max_size=7), st.text(alphabet="ab*?[]!-", max_size=7))
def test_meeting_is_sound_with_classes(one: str, other: str) -> None:
    """With classes, patterns that are said not to meet have no name in common."""
    if not meets(one, other):
        names = [*_NAMES, "!", "-", "]", "[", "a]", "[a", "[!]", "a-b"]
        assert not any(fnmatchcase(name, one) and fnmatchcase(name, other) for name in names)


def test_long_patterns_are_given_up_not_waited_for() -> None:
    """A pair that would take for ever to compare counts as not covered."""
    assert covers("*a" + "?" * 60, "*a" + "*b?" * 60 + "*") is False
