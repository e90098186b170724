"""What makes an entry ours, what differs, which address a target is given; and what can be published at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.errors import Invalid
from stationmaster.line.errors import NotFound, Rejected, Transient
from stationmaster.targets._base import PRIORITIES, Entry, Group, Health
from stationmaster.targets.addresses import bare, full, root
from stationmaster.targets.making import made
from stationmaster.targets.matching import differences, higher_first, marker, mask_of, named_groups, owner_in, surplus
from targets.kit import wanted

ENTRY = Entry("1", "cred_1", name="a", priority=50, models=("m",), digest="d")


@given(st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True), st.text(alphabet=" ,;()[]äあ\n", max_size=10))
def test_a_marker_is_found_again_in_whatever_stands_around_it(credential: str, around: str) -> None:
    """People add notes beside a marker, and it is ours all the same."""
    assert owner_in(f"{around}{marker(credential)}{around}") == credential


@pytest.mark.parametrize(
    "text", ["", "stationmaster:", "Stationmaster:cred_1", "stationmaster cred_1", "stationmaster:a stationmaster:b", None, 7,
             "stationmaster:CRED", "stationmaster:" + "a" * 65],
)  # fmt: skip
def test_what_is_no_marker_of_ours_is_nobodys(text: object) -> None:
    """Near misses and two markers at once make no entry ours."""
    assert owner_in(text) == ""


def test_what_either_side_does_not_tell_is_no_difference() -> None:
    """None and an empty digest are not compared; another secret is told where both show theirs."""
    assert differences(ENTRY, replace(ENTRY, id="2", place="x", models=None, priority=None, digest="")) == ()
    assert differences(ENTRY, replace(ENTRY, name="b", priority=1)) == ("name", "priority")
    assert differences(ENTRY, replace(ENTRY, digest="e")) == ("secret",)


def test_the_first_entry_of_a_credential_stays() -> None:
    """Only what comes after it is too much."""
    rows = [ENTRY, replace(ENTRY, id="2"), replace(ENTRY, id="3", marker="cred_2"), replace(ENTRY, id="4")]
    assert [each.id for each in surplus(rows)] == ["2", "4"]


@given(st.sampled_from(PRIORITIES), st.sampled_from(PRIORITIES))
def test_priorities_keep_their_order_in_the_other_direction(one: int, other: int) -> None:
    """Lower first here is higher first there, the usual one is 0, and reading gives ours again."""
    assert (one < other) == (higher_first(one) > higher_first(other))
    assert higher_first(higher_first(one)) == one
    assert higher_first(50) == 0


def test_groups_are_named_only_where_a_name_says_which() -> None:
    """A name that two groups have, or none, is refused; another vendor's group of the same name does not count."""
    groups = [Group("1", "team"), Group("2", "twice"), Group("3", "twice"), Group("4", "team", frozenset({"gemini"}))]
    assert named_groups(["team"], groups, "openai") == ("1",)
    for names in (["twice"], ["nobody"], ["team", "nobody"]):
        with pytest.raises(Invalid) as caught:
            named_groups(names, groups, "openai")
        assert caught.value.code == "error.target.group"


@pytest.mark.parametrize(
    "fields",
    [{"id": "Cred"}, {"id": ""}, {"id": "a:b"}, {"secret": "  "}, {"priority": 0}, {"priority": 101}, {"concurrency": -1}],
    ids=str,
)
def test_what_no_target_could_hold_is_refused_before_anybody_is_asked(fields: dict[str, Any]) -> None:
    """Ids that would not survive as a marker, empty secrets and priorities out of range are invalid, and name the field."""
    with pytest.raises(Invalid) as caught:
        wanted(**fields)
    assert list(caught.value.fields) == list(fields)


@pytest.mark.parametrize(
    ("vendor", "address", "whole", "short"),
    [("openai", "", "https://api.openai.com/v1", "https://api.openai.com"),
     ("openai", "https://p.example/v1/", "https://p.example/v1", "https://p.example"),
     ("anthropic", "", "https://api.anthropic.com", "https://api.anthropic.com"),
     ("anthropic", "https://p.example/v1", "https://p.example/v1", "https://p.example"),
     ("gemini", "https://p.example/v1beta", "https://p.example/v1beta", "https://p.example")],
)  # fmt: skip
def test_addresses_are_written_as_targets_take_them(vendor: str, address: str, whole: str, short: str) -> None:
    """With the version for those who take it, and without for those who add it."""
    one = wanted(vendor=vendor, base_url=address)
    assert (full(one), root(one), bare(short + "/")) == (whole, short, short)


@pytest.mark.parametrize(
    ("vendor", "address"),
    [("openai_compatible", ""), ("openai_compatible", "https://p.example/api/v3"), ("openai", "https://p.example")],
)
def test_an_address_that_a_target_would_spoil_is_refused(vendor: str, address: str) -> None:
    """Targets that add `/v1` could not reach it."""
    with pytest.raises(Rejected) as caught:
        root(wanted(vendor=vendor, base_url=address))
    assert caught.value.code == "error.target.rejected"


def test_a_secret_and_its_digest_are_not_shown() -> None:
    """What is published is in no printed value."""
    one = wanted()
    assert one.secret not in repr(one)
    assert one.digest not in repr(Entry("1", "cred_1", digest=one.digest))


@pytest.mark.parametrize("key", ["sk-proj-Ab12/Cd34+Ef56", "AIzaSyA1234567890abc", "0123456789abcdef0123456789abcdef"])
def test_a_targets_words_hold_no_key(key: str) -> None:
    """A vendor's error that a target repeats may hold a key that we do not know; names of models and ids stay."""
    words = Health("invalid", f"Incorrect API key: {key}, for claude-sonnet-4-5-20250929 at https://llm.example.com/v1").words
    assert key not in words
    assert words.startswith("Incorrect API key: [hidden]")
    assert words.endswith(", for claude-sonnet-4-5-20250929 at https://llm.example.com/v1")


class TestMaking:
    """A create is sent once."""

    def test_a_create_that_answered_is_not_looked_for(self) -> None:
        """Nobody is asked a second time."""
        assert made(lambda: ENTRY, lambda: pytest.fail("looked for")) == (ENTRY, False)

    def test_a_create_that_may_have_happened_is_adopted(self) -> None:
        """What carries our marker is ours, whatever the answer was."""
        assert made(_lost(maybe_done=True), lambda: ENTRY) == (ENTRY, True)

    def test_a_create_that_was_refused_is_not_looked_for(self) -> None:
        """The refusal is told."""
        with pytest.raises(Transient):
            made(_lost(maybe_done=False), lambda: pytest.fail("looked for"))

    def test_doubt_stays_doubt(self) -> None:
        """When nothing is there, or nobody can tell, the caller hears that it may have happened."""

        def unreadable() -> Entry | None:
            raise NotFound("gone")

        for find in (lambda: None, unreadable):
            with pytest.raises(Transient) as caught:
                made(_lost(maybe_done=True), find)
            assert caught.value.maybe_done


def _lost(*, maybe_done: bool) -> Callable[[], Entry]:
    def send() -> Entry:
        raise Transient("no answer in time", maybe_done=maybe_done)

    return send


@pytest.mark.parametrize(("mask", "other"), [
    ("sk****42", False), ("sk-t****0042", False), ("sk-test-one****ne-0042", False), ("s***2", False), ("****", False),
    ("********0042", False), ("", False), ("[hidden]", False), ("***", False),
    ("sk****43", True), ("sl****42", True), ("key****0042", True), ("********0043", True),
])  # fmt: skip
def test_masks_are_held_against_the_secrets_ends(mask: str, other: bool) -> None:
    """Whatever a mask shows of the ends is compared, as far as both show it; what it hides says nothing."""
    expected = Entry("", "cred", mask=mask_of("sk-test-one-of-many-lines-0042"))
    assert (differences(expected, Entry("1", "cred", mask=mask)) == ("secret",)) is other
    assert "sk-" not in repr(expected)


def test_a_short_secret_has_no_mask() -> None:
    """Of a short one, ends would be most of it."""
    assert mask_of("sk-0123456789ab") == ""
