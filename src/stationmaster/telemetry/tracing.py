"""W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/): what a caller says of its trace, whether ours joins.
Pure: chance is handed in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_PARENT = re.compile(r"\A(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SAMPLED = 1
_ALL = 1 << 56      # of the trace id's last seven bytes, which are random (level 2, section 3.2.2.3, takes them so)


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a span hangs: trace id (32 hex digits), the parent's span id (16; empty: none), and whether it is to be recorded."""

    trace: str
    span: str
    sampled: bool


def read(header: str) -> Parent | None:
    """What a `traceparent` says; None for none and for one that is not valid, which counts as none (section 3.2.2.3)."""
    found = _PARENT.match(header.strip())
    if found is None or found[2] == _NO_TRACE or found[3] == _NO_SPAN:
        return None
    if found[1] == "00" and len(header.strip()) != 55:      # what follows is for versions to come
        return None
    return Parent(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))


def begin(header: str, ratio: float, random_hex: Callable[[int], str]) -> Parent:
    """The place of a span: the caller's trace and its decision, else a trace of its own, of which a share of `ratio` is recorded.
    `random_hex(n)` gives n random bytes as hex digits."""
    caller = read(header) if header else None
    if caller is not None:
        return caller
    trace = random_hex(16)
    return Parent(trace, "", int(trace[-14:], 16) < ratio * _ALL)
