"""Probes: what each vendor is asked, when, and what an answer moves; nothing of a caller's ever does."""

import itertools
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core import probes
from stationmaster.gateway.core.life import HEALTHY, STATES, UNKNOWN, Happening, Life, Rules, advance
from stationmaster.gateway.core.memory import Standing
from stationmaster.gateway.core.models import request as list_request
from stationmaster.gateway.core.probes import PROBES, Answer, Finding, due, finding, verdict_of
from stationmaster.gateway.core.snapshot import Credential, Vendor
from stationmaster.gateway.core.upstreams import Upstream

NOW, WALL = 10_000.0, 1_790_000_000.0
INTERVAL = 300.0
LIST = Answer(200, body=b'{"object":"list","data":[]}')
REFUSED = Answer(401, body=b'{"error":{"message":"no","type":"invalid_request_error","code":"invalid_api_key"}}')
CLOSED = Answer(401, body=b'{"error":{"message":"no","code":"account_deactivated"}}')
SLOW = Answer(429, [(b"retry-after", b"7")], b'{"error":{"code":"rate_limit_exceeded"}}')
FAILING = Answer(503, body=b"{}")
SILENT = Answer(fault="upstream_timeout")
RESTRICTED = Answer(403, body=b'{"error":{"message":"Missing scopes","code":"insufficient_permissions"}}')
NO_LIST = Answer(404, body=b'{"detail":"Not Found"}')
NO_GET = Answer(405)
PAGE = Answer(200, body=b"<html>sign in</html>")
MOVED = Answer(302, [(b"location", b"https://elsewhere.example/")])

PROBING = Life("probing", "invalid_key", "invalid_api_key", faults=5)
UNPAID = Life("probing", "billing", "insufficient_quota")

OK = Happening("probe_ok")
AGAIN = Happening("probe_failed")


def verdict(answer: Answer, life: Life, vendor: Vendor = "openai") -> Happening | None:
    """What an answer does at NOW."""
    return verdict_of(vendor, answer, life, now=NOW, wall=WALL)


# What is asked.

TARGETS: list[tuple[Vendor, str, bytes]] = [
    ("openai", "", b"GET /v1/models HTTP/1.1"),
    ("openai_compatible", "http://127.0.0.1:9/api/v1", b"GET /api/v1/models HTTP/1.1"),
    ("azure_openai", "https://x.openai.azure.com", b"GET /openai/v1/models HTTP/1.1"),
    ("anthropic", "", b"GET /v1/models?limit=1 HTTP/1.1"),
    ("gemini", "", b"GET /v1beta/models?pageSize=1 HTTP/1.1"),
    ("bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com", b"GET /async-invoke?maxResults=1 HTTP/1.1"),
    ("vertex", "https://x-aiplatform.googleapis.com/v1/projects/p/locations/x",
     b"GET /v1beta1/publishers/google/models?pageSize=1 HTTP/1.1"),
]


@pytest.mark.parametrize(("vendor", "base", "line"), TARGETS)
def test_the_question(vendor: Vendor, base: str, line: bytes) -> None:
    """A vendor's cheapest question: one GET of its model list, as short as it offers, with our credential."""
    raw = probes.request(Upstream(Credential("a", vendor, "the-secret", base)), 0.0)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], body) == (line, b"")
    assert head.count(b"the-secret") == 1
    assert (b"anthropic-version: 2023-06-01" in head) == (vendor == "anthropic")


def test_every_vendor_has_a_question() -> None:
    """No vendor is forgotten, and a probe's fields are those of the list that callers are shown."""
    assert set(PROBES) == {row[0] for row in TARGETS}
    for vendor, base, _ in TARGETS:
        upstream = Upstream(Credential("a", vendor, "the-secret", base))
        assert probes.request(upstream, 0.0).split(b"\r\n")[1:] == list_request(upstream).split(b"\r\n")[1:]


# When.


def standing(name: str, life: Life) -> Standing:
    """A credential that stands as `life` says."""
    made = Standing(name)
    made.become(life, NOW)
    return made


CALENDAR: list[tuple[str, Life, float, bool]] = [
    ("disabled, before its time", Life("disabled", "billing", next_probe=NOW + 1), NOW - INTERVAL, False),
    ("disabled, at its time", Life("disabled", "billing", next_probe=NOW), NOW, True),
    ("by an operator", Life("disabled", "operator"), NOW - 9 * INTERVAL, False),
    ("by an operator, while it was probed", Life("disabled", "operator", next_probe=NOW - 1), 0.0, False),
    ("its answer was lost", PROBING, NOW, True),
    ("healthy, just probed", HEALTHY, NOW, False),
    ("healthy, an interval ago", HEALTHY, NOW - INTERVAL, True),
    ("suspect, an interval ago", Life("suspect", "denied", faults=1), NOW - INTERVAL, True),
    ("never heard of", UNKNOWN, NOW - INTERVAL, True),
]


@pytest.mark.parametrize(("life", "last", "expected"), [row[1:] for row in CALENDAR], ids=[row[0] for row in CALENDAR])
def test_due(life: Life, last: float, expected: bool) -> None:
    """A disabled one by its own time, never an operator's; all others once an interval."""
    assert due([standing("a", life)], NOW, INTERVAL, {"a": last}) == (["a"] if expected else [])


def test_nobody_is_asked_when_first_seen() -> None:
    """A start, or a reload with new credentials, asks nobody at once."""
    assert due([standing("a", HEALTHY)], NOW, INTERVAL, {}) == []


def rounds(names: Iterable[str], step: float = 1.0) -> dict[str, list[float]]:
    """When each is probed in four intervals, looked at every `step` seconds."""
    everybody = [standing(name, HEALTHY) for name in names]
    last = {each.id: NOW for each in everybody}
    times: dict[str, list[float]] = {each.id: [] for each in everybody}
    for tick in range(int(4 * INTERVAL / step)):
        now = NOW + tick * step
        for name in due(everybody, now, INTERVAL, last):
            last[name] = now
            times[name].append(now)
    return times


@FEW
@given(st.text(min_size=1, max_size=20))
def test_once_an_interval(name: str) -> None:
    """Whatever the id, its probes are an interval apart, up to the coarseness of the look."""
    times = rounds([name], step=10.0)[name]
    assert len(times) in (3, 4)
    assert all(abs(later - before - INTERVAL) <= 10 for before, later in itertools.pairwise(times))


def test_not_all_at_once() -> None:
    """A thousand credentials are spread over the interval: no tenth of it holds a fifth of them."""
    firsts = [times[0] for times in rounds((f"credential-{number}" for number in range(1000)), step=30.0).values()]
    assert len(firsts) == 1000
    assert max(map(firsts.count, set(firsts))) < 200


# What it means.

IN_SERVICE: list[tuple[str, Answer, Happening | None]] = [
    ("a list", LIST, OK),
    ("a refused key", REFUSED, Happening("probe_failed", "invalid_key", "invalid_api_key")),
    ("a closed account", CLOSED, Happening("terminal", "terminated", "account_deactivated")),
    ("a limit", SLOW, Happening("limited", "rate_limited", "rate_limit_exceeded", NOW + 7)),
    ("a failing vendor", FAILING, Happening("upstream_fault", "upstream")),
    ("no answer", SILENT, Happening("upstream_fault", "upstream", "upstream_timeout")),
    ("a key that may not list", RESTRICTED, None),
    ("no list there", NO_LIST, None),
    ("no GET there", NO_GET, None),
    ("a page for people", PAGE, None),
    ("a redirection", MOVED, None),
]


@pytest.mark.parametrize("life", [UNKNOWN, HEALTHY, Life("suspect", "denied", faults=1), Life("cooling", "rate_limited")])
@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in IN_SERVICE], ids=[row[0] for row in IN_SERVICE])
def test_in_service(life: Life, answer: Answer, expected: Happening | None) -> None:
    """Of a credential in service: what says nothing of the key moves nothing, and is never counted against it."""
    assert verdict(answer, life) == expected


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in IN_SERVICE], ids=[row[0] for row in IN_SERVICE])
def test_out_of_service(answer: Answer, expected: Happening | None) -> None:
    """Of a disabled one the same, but what says nothing does not bring it back: the next probe is further away."""
    assert verdict(answer, PROBING) == (expected or AGAIN)


@pytest.mark.parametrize("answer", [LIST, SLOW, NO_LIST, RESTRICTED])
def test_a_list_is_no_proof_of_money(answer: Answer) -> None:
    """Disabled for billing: a list, which costs nothing, leaves it disabled."""
    after = advance(UNPAID, verdict(answer, UNPAID) or OK, NOW, Rules())
    assert (after.state, after.cause, after.probes) == ("disabled", "billing", 1)
    assert after.next_probe > NOW


def test_money_refused_again() -> None:
    """A vendor that refuses even the list for money is believed, with the date that it names."""
    date = b'{"error":{"type":"billing_error","message":"You will regain access on 2026-12-01 at 00:00 UTC."}}'
    said = verdict(Answer(402, body=date), UNPAID, "anthropic")
    assert said is not None
    assert (said.signal, said.cause) == ("terminal", "billing")
    assert said.until > NOW


TRIALS: list[tuple[str, Life, Answer]] = [
    ("money, after an hour", msgspec.structs.replace(UNPAID, probes=probes.TRIAL_AFTER), LIST),
    ("money, at the vendor's date", msgspec.structs.replace(UNPAID, until=NOW), LIST),
    ("no list there, after an hour", msgspec.structs.replace(PROBING, probes=probes.TRIAL_AFTER), NO_LIST),
    ("may not list, after an hour", msgspec.structs.replace(PROBING, probes=probes.TRIAL_AFTER), RESTRICTED),
]


@pytest.mark.parametrize(("life", "answer"), [row[1:] for row in TRIALS], ids=[row[0] for row in TRIALS])
def test_real_requests_show_it_at_last(life: Life, answer: Answer) -> None:
    """Where a list shows nothing, the credential is let in after a while, without being called healthy: its next
    request decides."""
    said = verdict(answer, life)
    assert said is not None
    cooled = advance(life, said, NOW, Rules())
    freed = advance(cooled, Happening("elapsed"), NOW, Rules())
    assert (cooled.state, cooled.until) == ("cooling", NOW)
    assert freed.state == "unknown"
    again = advance(freed, Happening("terminal", "billing"), NOW, Rules())
    assert (again.state, again.probes) == ("disabled", 0)


def test_an_hour_of_patience() -> None:
    """From the first refusal for money to a real request it takes about an hour of lists, then as long again."""
    life = advance(HEALTHY, Happening("terminal", "billing"), 0.0, Rules())
    asked = []
    while life.state == "disabled":
        asked.append(life.next_probe)
        life = advance(life, Happening("probe_started"), life.next_probe, Rules())
        said = verdict_of("openai", LIST, life, now=asked[-1], wall=WALL)
        assert said is not None
        life = advance(life, said, asked[-1], Rules())
    assert life.state == "cooling"
    assert asked == [30, 90, 210, 450, 930, 1890, 3810]


BYTES = st.one_of(st.binary(max_size=200), st.sampled_from([each.body for each in (LIST, REFUSED, CLOSED, SLOW)]))


@FEW
@given(
    st.sampled_from(list(PROBES)), st.one_of(st.just(0), st.integers(100, 599)), BYTES, st.sampled_from(STATES),
    st.sampled_from(["invalid_key", "denied", "billing", "terminated", "operator"]), st.integers(0, 9),
)
def test_any_answer_of_any_vendor(
    vendor: Vendor, status: int, body: bytes, state: str, cause: str, failed: int
) -> None:
    """Nothing that a vendor may say raises, revives what an operator disabled, or leaves a probe without a result."""
    life = msgspec.structs.replace(Life(cause=cause, probes=failed), state=state)
    said = verdict_of(vendor, Answer(status, body=body), life, now=NOW, wall=WALL)
    if state in ("disabled", "probing"):
        assert said is not None
        after = advance(life, said, NOW, Rules())
        assert after.state != "probing" or cause == "operator"
        if state == "disabled" and cause == "operator":
            assert after == life
    found = finding(vendor, Answer(status, body=body), now=NOW, wall=WALL)
    assert found.state in STATES


# What the command line shows.

FINDINGS: list[tuple[Answer, Finding]] = [
    (LIST, Finding("healthy", "", "", failed=False)),
    (REFUSED, Finding("suspect", "invalid_key", "invalid_api_key", failed=True)),
    (CLOSED, Finding("disabled", "terminated", "account_deactivated", failed=True)),
    (SLOW, Finding("cooling", "rate_limited", "rate_limit_exceeded", failed=False)),
    (FAILING, Finding("cooling", "upstream", "503", failed=True)),
    (SILENT, Finding("cooling", "upstream", "upstream_timeout", failed=True)),
    (RESTRICTED, Finding("suspect", "denied", "insufficient_permissions", failed=True)),
    (NO_LIST, Finding("unknown", "", "404", failed=False)),
    (PAGE, Finding("unknown", "", "", failed=False)),
]


@pytest.mark.parametrize(("answer", "expected"), FINDINGS)
def test_findings(answer: Answer, expected: Finding) -> None:
    """One answer by itself: refusals and a failing vendor are failures, a limit and no list are not."""
    assert finding("openai", answer, now=NOW, wall=WALL) == expected
