"""What an error answer means. Owns: from a status, headers and a body to one of `errors`, by the code in the body first.

An adapter gives its vendor's own codes and phrases (`Meaning`); what is common to HTTP stands here (RFC 9110 §15, RFC 6585).
Pure: the clock that an HTTP date in `Retry-After` is measured against is passed in.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from stationmaster.vendors.errors import NotFound, RateLimited, Rejected, StopRun, Transient, VendorError

LONGEST_WAIT = 86_400.0       # seconds of a Retry-After that are believed
REQUEST_IDS = ("x-request-id", "request-id", "x-github-request-id", "x-amzn-requestid")

_LIMITED, _CONFLICT, _TIMEOUT = 429, 409, 408
_HINTS = {
    401: "replace the workspace's credential",
    402: "the vendor wants to be paid first",
    403: "give the credential the right that the vendor names, or attach one that has it",
}


@dataclass(frozen=True)
class Said:
    """What a body says: its codes, the most telling first, and its message."""

    codes: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True)
class Complaint:
    """An error answer, read. `retry_after`: seconds, 0.0 when the vendor did not say; `unsafe`: it answers a write."""

    status: int
    said: Said = field(default_factory=Said)
    request_id: str = ""
    retry_after: float = 0.0
    limited: bool = False
    unsafe: bool = False

    @property
    def message(self) -> str:
        """The vendor's words, or its status where it has none."""
        return self.said.words or f"the vendor answered with HTTP status {self.status}"

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
    """One vendor's words. Looked at in this order: `codes` in the body; `phrases` in the message of a 4xx; `statuses` that
    mean something else here than they do in HTTP; then HTTP itself."""

    codes: Mapping[str, type[VendorError]] = field(default_factory=dict)
    phrases: Sequence[tuple[re.Pattern[str], type[VendorError]]] = ()
    statuses: Mapping[int, type[VendorError]] = field(default_factory=dict)
    read: Callable[[Any], Said] = read_usual

    def of(self, complaint: Complaint) -> VendorError:
        """The error to raise. The complaint's words are taken as they are: redact them first."""
        error = make(self._own(complaint) or usual(complaint), complaint)
        error.answered = complaint.status
        return error

    def _own(self, complaint: Complaint) -> type[VendorError] | None:
        for code in complaint.said.codes:
            if code in self.codes:
                return self.codes[code]
        if 400 <= complaint.status < 500:
            for pattern, kind in self.phrases:
                if pattern.search(complaint.said.words):
                    return kind
        return self.statuses.get(complaint.status)


def usual(complaint: Complaint) -> type[VendorError]:
    """What a status means by HTTP alone."""
    status = complaint.status
    if status == _LIMITED or (status == 403 and complaint.limited):
        return RateLimited
    if status in {_TIMEOUT, _CONFLICT, 425} or status >= 500:
        return Transient
    if status in {404, 410}:
        return NotFound
    return StopRun if status in {401, 402, 403} or status < 400 else Rejected


def make(kind: type[VendorError], complaint: Complaint) -> VendorError:
    """An error of this kind with what the complaint says. A conflict is refused work; every other fault of a vendor's may have
    come after the work was done."""
    if issubclass(kind, Transient):
        maybe = complaint.unsafe and (complaint.status >= 500 or complaint.status == _TIMEOUT)
        return kind(complaint.message, maybe_done=maybe, request_id=complaint.request_id)
    if issubclass(kind, RateLimited):
        return kind(complaint.message, retry_after=complaint.retry_after, request_id=complaint.request_id)
    hint = "" if complaint.status >= 400 else "the address answers with a redirect: attach the workspace under its own address"
    hint = hint or (_HINTS.get(complaint.status, "") if kind is StopRun else "")
    return kind(complaint.message, hint=hint, request_id=complaint.request_id, vendor_code=complaint.code)


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
