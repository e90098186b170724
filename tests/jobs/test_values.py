"""Decisions about jobs that ask nobody: cleaning, verdicts, progress, states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.errors import Conflict, StationmasterError
from stationmaster.jobs.ceasing import Waiting
from stationmaster.jobs.cleaning import HIDDEN, MAX_LINE, clean, cleaned
from stationmaster.jobs.kinds import Failed, Postponed, Skipped
from stationmaster.jobs.showing import Progress, progress
from stationmaster.jobs.verdicts import backoff, outcome_of, state_of
from stationmaster.line import errors as vendor

SECRETS = [
    "sk-proj-Qc8AZr2vTn5mXw0y", "sk-admin-Lp3kVb7dHs9qWe1t", "sk-ant-admin01-abcdefgh12", "ghp_0123456789abcdefABCDEF0123456789",
    "github_pat_11ABCDEFG0123456789", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "key_sandbox-demo-0001", "AIzaSyA-1234567890abcdefghijklmnopqrstu", "ya29.a0AfH6SMBx-0123456789", "sm-api-0123456789abcdef",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "the key {} is refused", '"{}"', "Authorization: Bearer {}", "https://x.test/?api_key={}&a=1",
                                    "a={},b", "({})", "\x1b[31m{}\x1b[0m"])  # fmt: skip
def test_what_looks_like_a_secret_is_hidden(secret: str, around: str) -> None:
    """Keys of vendors, tokens and what stands behind "Authorization" or "password" are taken out of a line."""
    line = clean(around.format(secret))
    assert secret not in line
    assert HIDDEN in line


@pytest.mark.parametrize(
    "text", ["Authorization: Basic dXNlcjpwYXNz", "password=hunter2!", "https://user:pass@host/", "x-api-key: abc"]
)
def test_named_secrets_are_hidden(text: str) -> None:
    """A short secret is known by the word before it."""
    line = clean(text)
    assert not any(word in line for word in ("dXNlcjpwYXNz", "hunter2", "user:pass", "abc"))


@pytest.mark.parametrize(
    "text",
    ["job_06f2w4k5y8zq1v3t7b9d0c2m4n", "member-001@example.test was invited", "POST /organization/invites", "邀请已发送", "a  b"],
)
def test_what_is_harmless_stays(text: str) -> None:
    """Ids, addresses, paths and Chinese stay as they are."""
    assert clean(text) == text


@given(st.text(max_size=400))
def test_a_line_is_one_line(text: str) -> None:
    """Whatever it was, a line has no control characters, no line break and no lone surrogate, and is not too long; cleaning it
    again changes nothing but what a second look hides."""
    line = clean(text)
    assert len(line) <= MAX_LINE
    assert all(mark >= " " and not "\x7f" <= mark <= "\x9f" and mark not in "\u2028\u2029\u202e" for mark in line)
    line.encode()


def test_long_lines_are_cut() -> None:
    """A line is cut at its limit, and shows that it was."""
    assert clean("x" * 9000) == "x" * (MAX_LINE - 1) + "…"


def test_every_text_in_a_value_is_cleaned() -> None:
    """A result is cleaned through and through; numbers and null stay."""
    dirty = {"a": [f"x {SECRETS[0]}", {"b\n": "c\x00"}], "n": 1, "z": None}
    assert cleaned(dirty) == {"a": [f"x {HIDDEN}", {"b": "c"}], "n": 1, "z": None}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (vendor.Transient("away"), Failed("error.vendor.transient", "away", retry=True)),
        (vendor.RateLimited("slow", retry_after=7.0), Postponed(7.0, "error.vendor.rate_limited", "slow")),
        (vendor.Rejected("no seat"), Failed("error.vendor.rejected", "no seat")),
        (vendor.NotFound("gone"), Failed("error.vendor.not_found", "gone")),
        (vendor.DryRunRefused("PUT", "/x"),
         Skipped("error.vendor.dry_run", "a dry run does not send PUT /x", {"method": "PUT", "path": "/x"})),
        (Waiting(99.0), Postponed(99.0, "error.job.waiting", "the workspace's rate is spent for now")),
        (Conflict("error.x.y", "taken", hint="choose another"), Failed("error.x.y", "taken — choose another")),
        (StationmasterError("error.x.z", "busy", retryable=True), Failed("error.x.z", "busy", retry=True)),
        (KeyError("sk-proj-x"), Failed("error.job.crashed", "it met an error that nobody foresaw (KeyError)")),
    ],
)  # fmt: skip
def test_what_an_error_makes_of_an_item(error: Exception, outcome: object) -> None:
    """Each kind of error has its outcome."""
    assert outcome_of(error, 1) == outcome


def test_a_rate_limit_without_a_time_waits_longer_each_time() -> None:
    """A vendor that does not say when is asked after a pause that grows, up to five minutes."""
    waits = [outcome_of(vendor.RateLimited("slow"), begun) for begun in (1, 2, 3, 20, 10_000)]
    assert [each.seconds for each in waits if isinstance(each, Postponed)] == [5.0, 10.0, 20.0, 300.0, 300.0]


@given(st.floats(0.01, 10), st.integers(0, 10_000), st.floats(0, 1))
def test_backoff_is_bounded(first: float, number: int, chance: float) -> None:
    """A pause is never longer than five minutes, and never less than half of the first one."""
    assert first / 2 <= backoff(first, number, chance) <= 300.0


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_state_of_what_was_tried(ok: int, skipped: int, failed: int) -> None:
    """Succeeded without a failure, failed with nothing else, partial between; items that are left have no state."""
    state = state_of(ok + skipped + failed, ok, skipped, failed)
    assert state == ("succeeded" if not failed else "partial" if ok + skipped else "failed")
    with pytest.raises(ValueError, match="left"):
        state_of(ok + skipped + failed + 1, ok, skipped, failed)


def test_progress() -> None:
    """The time to go follows from what is done in the time since the start; without either it cannot be told."""
    assert progress(100, 25, 60.0) == Progress(25, 100, 25.0, 180.0)
    assert progress(100, 100, 50.0) == Progress(100, 100, 120.0, 0.0)
    assert progress(100, 0, 50.0).eta_seconds is progress(0, 0, 0.0).per_minute is None
