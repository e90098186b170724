"""W3C Trace Context: what counts as a caller's trace, and who is recorded."""

import os

import pytest

from stationmaster.telemetry.tracing import begin, read

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"
BAD = [
    "", "00", GOOD[:-1], GOOD + "0", GOOD + "-", GOOD + "-what-comes", GOOD.upper(), f"ff-{TRACE}-{SPAN}-01",
    f"0-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}-0g", f"00 {TRACE} {SPAN} 01", f"{GOOD},{GOOD}", f"00-{TRACE}-{SPAN}-01\x00",
    "\uff10\uff10-" + GOOD[3:], f"00_{TRACE}_{SPAN}_01", "<script>", "00-" + "é" * 32 + f"-{SPAN}-01", "1" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("header", BAD, ids=lambda text: ascii(text[:60]))
def test_what_is_not_valid_is_none(header: str) -> None:
    """A header that breaks the rules counts as none: a trace of our own begins (section 3.2.2.3)."""
    assert read(header) is None
    assert len(begin(header, 1, lambda size: os.urandom(size).hex()).trace) == 32


@pytest.mark.parametrize(("header", "sampled"), [
    (GOOD, True), (f"00-{TRACE}-{SPAN}-00", False), (f"00-{TRACE}-{SPAN}-03", True), (f"00-{TRACE}-{SPAN}-02", False),
    (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True), (f"01-{TRACE}-{SPAN}-01", True),
])  # fmt: skip
def test_a_callers_trace_goes_on(header: str, sampled: bool) -> None:
    """Its ids are taken, and its decision, whatever our share; a version to come is read as far as it is known."""
    for ratio in (0.0, 1.0):
        found = begin(header, ratio, lambda size: os.urandom(size).hex())
        assert (found.trace, found.span, found.sampled) == (TRACE, SPAN, sampled)


def test_the_share() -> None:
    """Of 20,000 traces of our own the share that was asked for is recorded; none and all are exact."""
    def recorded(ratio: float) -> int:
        return sum(begin("", ratio, lambda size: os.urandom(size).hex()).sampled for _ in range(20_000))

    assert recorded(0) == 0
    assert recorded(1) == 20_000
    assert 1_600 < recorded(0.1) < 2_400
