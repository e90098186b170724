"""How long an upstream asks to be left alone, and how much of its limits is left, read from headers and error texts.

Owns: the fields (RFC 9110 10.2.3; OpenAI, Anthropic and Azure OpenAI API references, rate limits; google.rpc.RetryInfo).
May not know credentials or the clock: `wall` is seconds since 1970. What a vendor states is untrusted; a value that
is no plain, non-negative number counts as not stated, and nothing is longer than MAX_PAUSE.
"""

import re
from datetime import UTC, datetime

import msgspec

MAX_PAUSE = 3600.0
DEFAULT_PAUSE = 5.0        # for who needs a pause where none is stated
_MAX_VALUE = 400           # characters of a field that are read

Headers = list[tuple[bytes, bytes]]


class Quota(msgspec.Struct, frozen=True):
    """The scarcest of the stated limits: `left`, from 0 to 1, and the seconds until it resets (0: not stated)."""

    left: float
    reset: float


class _Window(msgspec.Struct):
    """One limit as stated; None is what was not stated or cannot be read."""

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None


def pause(headers: Headers, wall: float) -> float | None:
    """Seconds to wait, at most MAX_PAUSE, or None when no field says so. Names are lower-case.

    `retry-after-ms`, then `retry-after`, then the latest reset of a limit of which nothing remains.
    """
    fields = dict(reversed(headers))    # the first of a name counts
    thousandths = _number(_text(fields.get(b"retry-after-ms", b"")))
    if thousandths is not None:
        return _capped(thousandths / 1000)
    stated = _text(fields.get(b"retry-after", b""))
    for seconds in (_number(stated), _until(_http_date(stated, wall), wall)):
        if seconds is not None:
            return _capped(seconds)
    resets = [window.reset for window in _windows(headers, wall) if window.remaining == 0 and window.reset is not None]
    return max(resets, default=None)


_AGAIN = re.compile(
    r"(?:retry|try again) (?:in|after) ([0-9]{1,9}(?:\.[0-9]{1,9})?) ?"
    r"(?:(milliseconds?|seconds?|minutes?)\b|((?:ms|[dhms])(?:[0-9.]{1,12}(?:ms|[dhms])){0,3})\b)",
    re.IGNORECASE,
)
_WORDS = {"milliseconds": "ms", "seconds": "s", "minutes": "m"}


def pause_in_text(message: str, retry_delay: str = "") -> float | None:
    """Seconds to wait that an error's body states: Google's `retryDelay` ("34s"), else a sentence such as OpenAI's
    "Please try again in 1.5s" or Azure's "retry after 26 seconds". At most MAX_PAUSE; None when it states none."""
    told = duration(retry_delay)
    if told is not None:
        return told
    found = _AGAIN.search(message[:2000])
    if found is None:
        return None
    return duration(found[1] + (found[3] or _WORDS[found[2].lower().rstrip("s") + "s"]))


def quota(headers: Headers, wall: float) -> Quota | None:
    """What is left of the scarcest limit that states both its size and its rest, or None when none does."""
    found = [
        Quota(min(window.remaining / window.limit, 1.0), window.reset or 0.0)
        for window in _windows(headers, wall)
        if window.limit and window.remaining is not None
    ]
    return min(found, key=lambda each: (each.left, -each.reset), default=None)


_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000001, "µs": 0.000001, "ns": 1e-9}
_PART = r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(ms|us|µs|ns|[dhms])"
_DURATION = re.compile(rf"(?:{_PART}){{1,8}}")
_PARTS = re.compile(_PART)


def duration(text: str) -> float | None:
    """Seconds of a duration such as "6m0s", "120ms" or "34.07s"; at most MAX_PAUSE. None when it is none."""
    if len(text) > _MAX_VALUE or not _DURATION.fullmatch(text):
        return None
    return _capped(sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text)))


_OPENAI = re.compile(rb"x-ratelimit-(limit|remaining|reset)-([a-z_-]{1,40})")
_ANTHROPIC = re.compile(rb"anthropic-ratelimit-([a-z_-]{1,40})-(limit|remaining|reset)")


def _windows(headers: Headers, wall: float) -> list[_Window]:
    """Every limit that the headers speak of, by its kind (requests, tokens, input-tokens, …)."""
    windows: dict[bytes, _Window] = {}
    for name, value in headers:
        if (found := _OPENAI.fullmatch(name)) is not None:
            part, kind = found[1], b"x-" + found[2]
        elif (found := _ANTHROPIC.fullmatch(name)) is not None:
            part, kind = found[2], found[1]
        else:
            continue
        _note(windows.setdefault(kind, _Window()), part, _text(value), wall)
    return list(windows.values())


def _note(window: _Window, part: bytes, text: str, wall: float) -> None:
    if part == b"limit":
        window.limit = _number(text)
    elif part == b"remaining":
        window.remaining = _number(text)
    else:
        window.reset = _reset(text, wall)


def _reset(text: str, wall: float) -> float | None:
    """Seconds until a reset stated as seconds (Azure), a duration (OpenAI) or a time (Anthropic, RFC 3339)."""
    seconds = _number(text)
    if seconds is None:
        seconds = duration(text)
    if seconds is None:
        seconds = _until(time_of(text), wall)
    return None if seconds is None else _capped(seconds)


_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def _number(text: str) -> float | None:
    return float(text) if _PLAIN.fullmatch(text) else None


def _text(value: bytes) -> str:
    value = value.strip(b" \t")
    return value.decode("ascii") if len(value) <= _MAX_VALUE and value.isascii() else ""


def _capped(seconds: float) -> float:
    return min(seconds, MAX_PAUSE)


def _until(time: float | None, wall: float) -> float | None:
    """Seconds from `wall` to `time`; a time that is over states nothing, for it may be our clock that is wrong."""
    return time - wall if time is not None and time >= wall else None


_FIFTY_YEARS = 50 * 365.25 * 86400
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<clock>\d\d:\d\d:\d\d)"
_DATES = (   # RFC 9110 5.6.7: the usual form and RFC 850's, then asctime's
    re.compile(rf"[A-Za-z]+, (?P<day>\d\d)[ -](?P<month>[A-Za-z]{{3}})[ -](?P<year>\d{{4}}|\d\d) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Za-z]+ (?P<month>[A-Za-z]{{3}}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII),
)


def _http_date(text: str, wall: float) -> float | None:
    """Seconds since 1970. Two digits of a year that lies over 50 years ahead mean the last century's (RFC 9110 5.6.7)."""
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None or found["month"].lower() not in _MONTHS:
        return None
    month, year = _MONTHS.index(found["month"].lower()) + 1, int(found["year"])
    rest = f"-{month:02}-{int(found['day']):02}T{found['clock']}Z"
    if year >= 100:
        return time_of(f"{year:04}{rest}")
    time = time_of(f"{year + 2000}{rest}")
    return time_of(f"{year + 1900}{rest}") if time is not None and time > wall + _FIFTY_YEARS else time


def time_of(text: str) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; one without its offset is taken for UTC. None when it is no time."""
    if len(text) < len("2026-01-01T00:00:00"):
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
