"""How long an upstream asks to be left alone: every spelling, and nonsense in each of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.pauses import MAX_PAUSE, Quota, duration, pause, pause_in_text, quota, time_of

WALL = 784111777.0      # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples
Headers = list[tuple[bytes, bytes]]


def headers(**fields: str) -> Headers:
    """Header fields from names with underscores."""
    return [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()]


STATED: list[tuple[Headers, float | None]] = [
    (headers(), None),
    (headers(retry_after="20"), 20.0),
    (headers(retry_after=" 20 "), 20.0),
    (headers(retry_after="0"), 0.0),
    (headers(retry_after="1.5"), 1.5),
    (headers(retry_after_ms="1500"), 1.5),
    (headers(retry_after_ms="120.5", retry_after="9"), 0.1205),
    (headers(retry_after_ms="soon", retry_after="9"), 9.0),
    (headers(retry_after="Sun, 06 Nov 1994 08:50:07 GMT"), 30.0),
    (headers(retry_after="Sunday, 06-Nov-94 08:50:07 GMT"), 30.0),
    (headers(retry_after="Sun Nov  6 08:50:07 1994"), 30.0),
    (headers(retry_after="Sun, 06 Nov 1994 08:49:37 GMT"), 0.0),
    (headers(retry_after="Sun, 06 Nov 1994 08:49:36 GMT"), None),       # over: one of the clocks is wrong
    (headers(retry_after="Fri, 31 Dec 9999 23:59:59 GMT"), MAX_PAUSE),
    (headers(retry_after="Sun, 99 Nov 1994 08:50:07 GMT"), None),
    (headers(retry_after="Sun, 06 Foo 1994 08:50:07 GMT"), None),
    (headers(retry_after="Sun, 06 Nov 1994 08:50:07"), None),
    (headers(retry_after="1000000000"), MAX_PAUSE),
    (headers(retry_after="9" * 400), MAX_PAUSE),
    (headers(retry_after="9" * 401), None),
    (headers(retry_after="-5"), None),
    (headers(retry_after="+5"), None),
    (headers(retry_after="NaN"), None),
    (headers(retry_after="inf"), None),
    (headers(retry_after="1e3"), None),
    (headers(retry_after="1_0"), None),
    (headers(retry_after="0x10"), None),
    (headers(retry_after="5, 6"), None),
    (headers(retry_after=""), None),
    (headers(retry_after="\u00b2"), None),
    (headers(retry_after="5\u00e9"), None),
    ([(b"retry-after", b"4"), (b"retry-after", b"50")], 4.0),
    (headers(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m0s"), 360.0),
    (headers(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="120ms"), 0.12),
    (headers(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="17"), 17.0),
    (headers(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="999h"), MAX_PAUSE),
    (headers(x_ratelimit_remaining_requests="1", x_ratelimit_reset_requests="6m0s"), None),
    (headers(x_ratelimit_reset_requests="6m0s"), None),
    (headers(x_ratelimit_remaining_requests="0"), None),
    (headers(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="-1s"), None),
    (headers(x_ratelimit_remaining_requests="-1", x_ratelimit_reset_requests="1s"), None),
    (
        headers(
            x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="1s",
            x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="8.64s",
        ),
        8.64,
    ),
    (
        headers(
            x_ratelimit_remaining_requests="59", x_ratelimit_reset_requests="9m",
            x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="1s",
        ),
        1.0,
    ),
    (
        headers(
            anthropic_ratelimit_input_tokens_remaining="0",
            anthropic_ratelimit_input_tokens_reset="1994-11-06T08:50:37Z",
            anthropic_ratelimit_requests_remaining="3", anthropic_ratelimit_requests_reset="1994-11-06T09:00:00Z",
        ),
        60.0,
    ),
    (headers(anthropic_ratelimit_tokens_remaining="0", anthropic_ratelimit_tokens_reset="1994-11-06T08:00:00Z"), None),
    (headers(anthropic_ratelimit_tokens_remaining="0", anthropic_ratelimit_tokens_reset="yesterday"), None),
    (headers(retry_after="3", x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m0s"), 3.0),
]


@pytest.mark.parametrize(("fields", "seconds"), STATED, ids=range(len(STATED)))
def test_headers(fields: Headers, seconds: float | None) -> None:
    """The first usable statement counts; what cannot be used is as good as not stated."""
    assert pause(fields, WALL) == (None if seconds is None else pytest.approx(seconds))


def test_two_digit_years() -> None:
    """RFC 850's years are of this century, unless that is more than 50 years ahead."""
    in_2026 = time_of("2026-11-06T08:49:37Z")
    assert in_2026 is not None
    assert pause(headers(retry_after="Friday, 06-Nov-26 08:50:07 GMT"), in_2026) == 30.0
    assert pause(headers(retry_after="Sunday, 06-Nov-94 08:50:07 GMT"), in_2026) is None


TEXTS: list[tuple[str, str, float | None]] = [
    ("", "", None),
    ("", "34s", 34.0),
    ("", "34.074824224s", 34.074824224),
    ("", "soon", None),
    ("Rate limit reached for gpt-5.5 in organization org-x: Limit 3, Used 3. Please try again in 20s. Visit …", "", 20.0),
    ("Please try again in 1.54s.", "", 1.54),
    ("Please try again in 240ms.", "", 0.24),
    ("Please try again in 6m0s.", "", 360.0),
    ("Requests have exceeded the call rate limit. Please retry after 26 seconds.", "", 26.0),
    ("Rate limit is exceeded. Try again in 1 second.", "", 1.0),
    ("You exceeded your current quota. Please retry in 22.8s.", "", 22.8),
    ("Please retry in 22.8s.", "3s", 3.0),
    ("Please retry in 999999999 seconds.", "", MAX_PAUSE),
    ("Try again in 2 minutes.", "", 120.0),
    ("try again in 5sundays", "", None),
    ("try again in 1.2.3s", "", None),
    ("Please retry in -3 seconds.", "", None),
    ("Please retry in a while.", "", None),
    ("." * 5000 + "Please retry in 5s.", "", None),
]


@pytest.mark.parametrize(("message", "retry_delay", "seconds"), TEXTS)
def test_texts(message: str, retry_delay: str, seconds: float | None) -> None:
    """An error's text or Google's RetryInfo states a pause too; only the text's beginning is searched."""
    assert pause_in_text(message, retry_delay) == (None if seconds is None else pytest.approx(seconds))


DURATIONS = [
    ("6m0s", 360.0), ("120ms", 0.12), ("1s", 1.0), ("1h2m3.5s", MAX_PAUSE), ("59m59s", 3599.0), ("2d", MAX_PAUSE),
    ("", None), ("s", None), ("5", None), ("-1s", None), ("1 s", None), ("1s" * 9, None), ("5y", None), ("1..5s", None),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(text: str, seconds: float | None) -> None:
    """Durations of several units add up; what is no duration is none."""
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


TIMES = [
    ("1994-11-06T08:49:37Z", WALL), ("1994-11-06T09:49:37+01:00", WALL), ("1994-11-06T08:49:37", WALL),
    ("1994-11-06T08:49:37.500000Z", WALL + 0.5), ("1994-11-06", None), ("0001-01-01T00:00:00+23:59", -62135683140.0),
    ("1994-13-06T08:49:37Z", None), ("", None), ("x" * 30, None),
]


@pytest.mark.parametrize(("text", "seconds"), TIMES)
def test_times(text: str, seconds: float | None) -> None:
    """A time with an offset, with Z or with neither; the rest is none."""
    assert time_of(text) == seconds


QUOTAS: list[tuple[Headers, Quota | None]] = [
    (headers(), None),
    (headers(x_ratelimit_limit_requests="60"), None),
    (headers(x_ratelimit_remaining_requests="60"), None),
    (headers(x_ratelimit_limit_requests="0", x_ratelimit_remaining_requests="0"), None),
    (headers(x_ratelimit_limit_requests="-4", x_ratelimit_remaining_requests="1"), None),
    (headers(x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="15"), Quota(0.25, 0.0)),
    (headers(x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="99"), Quota(1.0, 0.0)),
    (
        headers(
            x_ratelimit_limit_requests="100", x_ratelimit_remaining_requests="50", x_ratelimit_reset_requests="1s",
            x_ratelimit_limit_tokens="1000", x_ratelimit_remaining_tokens="100", x_ratelimit_reset_tokens="6m0s",
        ),
        Quota(0.1, 360.0),
    ),
    (
        headers(
            anthropic_ratelimit_requests_limit="50", anthropic_ratelimit_requests_remaining="49",
            anthropic_ratelimit_requests_reset="1994-11-06T08:49:38Z",
            anthropic_ratelimit_output_tokens_limit="8000", anthropic_ratelimit_output_tokens_remaining="2000",
            anthropic_ratelimit_output_tokens_reset="1994-11-06T08:50:07Z",
        ),
        Quota(0.25, 30.0),
    ),
    (
        headers(
            x_ratelimit_limit_requests="10", x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="1s",
            x_ratelimit_limit_tokens="10", x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="9s",
        ),
        Quota(0.0, 9.0),
    ),
]


@pytest.mark.parametrize(("fields", "left"), QUOTAS, ids=range(len(QUOTAS)))
def test_quotas(fields: Headers, left: Quota | None) -> None:
    """The scarcest limit counts, of equals the one that resets last; half a statement is none."""
    assert quota(fields, WALL) == left


_NAMES = (
    b"retry-after", b"retry-after-ms", b"x-ratelimit-limit-tokens", b"x-ratelimit-remaining-tokens",
    b"x-ratelimit-reset-tokens", b"anthropic-ratelimit-tokens-reset", b"anthropic-ratelimit-tokens-remaining",
    b"anthropic-ratelimit-tokens-limit",
)
_VALUES = st.one_of(
    st.binary(max_size=40),
    st.text("0123456789.:-+TZdhms ", max_size=30).map(str.encode),
    st.sampled_from((b"0", b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"1994-11-06T08:49:38Z")),
)


@FEW
@given(st.lists(st.tuples(st.sampled_from(_NAMES), _VALUES), max_size=12), st.text(max_size=60))
def test_nothing_stated_is_out_of_bounds(fields: Headers, message: str) -> None:
    """Whatever the fields and texts hold, a pause is between 0 and the longest, and a share between 0 and 1."""
    for seconds in (pause(fields, WALL), pause_in_text(message, message), duration(message)):
        assert seconds is None or 0 <= seconds <= MAX_PAUSE
    left = quota(fields, WALL)
    assert left is None or (0 <= left.left <= 1 and 0 <= left.reset <= MAX_PAUSE)
