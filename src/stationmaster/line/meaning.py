"""What an error answer means. Owns: from a status, headers and a body to one of `errors`, by the code in the body first.

An adapter gives the other side's own codes and phrases (`Meaning`), and how an answer that fails under a status of success is
known; what is common to HTTP stands here (RFC 9110 §15, RFC 6585). Pure: the clock
that an HTTP date in `Retry-After` is measured against is passed in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from stationmaster.line.errors import NotFound, Party, RateLimited, Rejected, RemoteError, StopRun, Transient

LONGEST_WAIT = 86_400.0       # seconds of a Retry-After that are believed
REQUEST_IDS = ("x-request-id", "request-id", "x-github-request-id", "x-amzn-requestid")

_LIMITED, _CONFLICT, _TIMEOUT = 429, 409, 408
_HINTS: Mapping[Party, Mapping[int, str]] = {
    "vendor": {
        401: "replace the workspace's credential",
        402: "the vendor wants to be paid first",
        403: "give the credential the right that the vendor names, or attach one that has it",
    },
    "target": {
        401: "replace the target's admin credential",
        403: "give the target's admin credential the right that the target names, or use one that has it",
    },
}
_REDIRECTED: Mapping[Party, str] = {
    "vendor": "the address answers with a redirect: attach the workspace under its own address",
    "target": "the address answers with a redirect: give the target's own address",
}


@dataclass(frozen=True)
class Said:
    """What a body says: its codes, the most telling first, and its message."""

    codes: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True)
class Complaint:
    """An error answer, read. `retry_after`: seconds, 0.0 when it was not said; `unsafe`: it answers a
    write. A `status` of success is that of an answer whose body says otherwise. `party`: who complains."""

    status: int
    said: Said = field(default_factory=Said)
    request_id: str = ""
    retry_after: float = 0.0
    limited: bool = False
    unsafe: bool = False
    party: Party = "vendor"

    @property
    def succeeded(self) -> bool:
        """Whether its status claims success."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The other side's words, or its status where it has none."""
        who = f"the {self.party}"
        bare = f"{who} does not say that it was done" if self.succeeded else f"{who} answered with HTTP status {self.status}"
        return self.said.words or bare

    @property
    def code(self) -> str:
        """The most telling code, or the status."""
        return self.said.codes[0] if self.said.codes else str(self.status)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(*values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def read_usual(body: Any) -> Said:
    """The error shapes of OpenAI, Anthropic, Google, AWS, Cursor and GitHub: an `error` object or text, `errors`, `message`."""
    whole = _object(body)
    inner = _object(whole.get("error"))
    details = _object(inner.get("details"))
    listed = [_object(each) for each in whole.get("errors") or () if isinstance(whole.get("errors"), list)]
    codes = _texts(
        details.get("error_code"), inner.get("code"), inner.get("status"), inner.get("type"),
        *(each.get("code") for each in listed), whole.get("code"), whole.get("__type"),
    )  # fmt: skip
    words = _texts(inner.get("message"), whole.get("error"), whole.get("message"), whole.get("error_description"),
                   *(each.get("message") for each in listed))  # fmt: skip
    return Said(codes, "; ".join(words))


@dataclass(frozen=True)
class Meaning:
    """One interface's words. Looked at in this order: `codes` in the body; `phrases` in the message of a 4xx, or of a failure
    under a status of success; `statuses` that mean something else here than they do in HTTP; then HTTP itself. `done`: whether
    the body (JSON) of a 2xx says that it was done."""

    codes: Mapping[str, type[RemoteError]] = field(default_factory=dict)
    phrases: Sequence[tuple[re.Pattern[str], type[RemoteError]]] = ()
    statuses: Mapping[int, type[RemoteError]] = field(default_factory=dict)
    read: Callable[[Any], Said] = read_usual
    done: Callable[[Any], bool] = lambda _: True

    def of(self, complaint: Complaint) -> RemoteError:
        """The error to raise. The complaint's words are taken as they are: redact them first."""
        error = make(self._own(complaint) or usual(complaint), complaint)
        error.answered = complaint.status
        return error

    def _own(self, complaint: Complaint) -> type[RemoteError] | None:
        for code in complaint.said.codes:
            if code in self.codes:
                return self.codes[code]
        if complaint.succeeded or 400 <= complaint.status < 500:
            for pattern, kind in self.phrases:
                if pattern.search(complaint.said.words):
                    return kind
        return self.statuses.get(complaint.status)


def usual(complaint: Complaint) -> type[RemoteError]:
    """What a status means by HTTP alone. A failure under a status of success is about the one thing that was asked; without a
    word of why, it is an answer that nobody can read."""
    status = complaint.status
    if complaint.succeeded:
        return Rejected if complaint.said.words or complaint.said.codes else Transient
    if status == _LIMITED or (status == 403 and complaint.limited):
        return RateLimited
    if status in {_TIMEOUT, _CONFLICT, 425} or status >= 500:
        return Transient
    if status in {404, 410}:
        return NotFound
    return StopRun if status in {401, 402, 403} or status < 400 else Rejected


def make(kind: type[RemoteError], complaint: Complaint) -> RemoteError:
    """An error of this kind with what the complaint says. A conflict is refused work; every other fault of theirs may have come
    after the work was done."""
    if issubclass(kind, Transient):
        maybe = complaint.unsafe and (complaint.succeeded or complaint.status >= 500 or complaint.status == _TIMEOUT)
        return kind(complaint.message, maybe_done=maybe, request_id=complaint.request_id).about(complaint.party)
    if issubclass(kind, RateLimited):
        made = kind(complaint.message, retry_after=complaint.retry_after, request_id=complaint.request_id)
        return made.about(complaint.party)
    hint = _REDIRECTED[complaint.party] if 300 <= complaint.status < 400 else ""
    hint = hint or (_HINTS[complaint.party].get(complaint.status, "") if kind is StopRun else "")
    found = kind(complaint.message, hint=hint, request_id=complaint.request_id, remote_code=complaint.code)
    return found.about(complaint.party)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds to wait by `Retry-After` (a number or a date, RFC 9110 §10.2.3) or, where a budget is spent, by
    `X-RateLimit-Reset` (GitHub: seconds of the Unix clock); 0.0: not said. `now`: seconds of the Unix clock."""
    text = headers.get("retry-after", "").strip()
    if not text and headers.get("x-ratelimit-remaining", "").strip() == "0":
        reset = _number(headers.get("x-ratelimit-reset", ""))
        return _bounded(reset - now) if reset else 0.0
    return _bounded(_number(text) or _date(text, now))


def is_spent(headers: Mapping[str, str]) -> bool:
    """Whether the headers say that it was too much, whatever the status says (GitHub answers 403)."""
    return "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() == "0"


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\s*\d{1,12}(\.\d{1,9})?\s*", text, re.ASCII) else 0.0


def _date(text: str, now: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, OSError):
        return 0.0
