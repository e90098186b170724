"""Storms of errors: rate limits in every spelling cool and never disable, nobody is asked before its time, everybody comes
back; a credential's own errors in a row take it out; who says that little is left is passed over.
"""

import email.utils
import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core import pauses, verdict
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, Vendor, VirtualKey
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

MEMBERS = 20
ROUNDS = 6 if os.environ.get("SOAK") else 1
FINE = b'{"id":"resp_x","object":"response","status":"completed","output":[],"usage":{"input_tokens":3,"output_tokens":2}}'
Pause = Callable[[], tuple[tuple[str, ...], float]]      # makes header lines, and until when (since 1970) they ask for peace
LIMITED = b'{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}'


def members(url: str, count: int, vendor: Vendor = "openai", secret: str = "", **settings: Any) -> Snapshot:
    """A pool of `count` members `m0`, `m1`, … of equal weight; nobody is probed."""
    secret = secret or "secret-of-a-member"
    base = f"{url}/v1" if vendor == "openai" else url
    credentials = tuple(Credential(f"m{at}", vendor, f"{secret}-{at}", base) for at in range(count))
    given = Settings(default_pool="main", **{"health_check_enabled": False, **settings})
    pool = Pool("main", tuple(Member(each.id) for each in credentials))
    return Snapshot(given, credentials, (pool,), (Route(("*",), "main"),), (VirtualKey("rig", rig.sha256(rig.KEY)),))


def who(request: Request) -> int:
    """The number of the member that asks."""
    return int((request.header("authorization") or request.header("x-api-key") or "").rpartition("-")[2])


def life(gateway: rig.Gateway, at: int) -> Any:
    """What is known of a member just now."""
    return gateway.worker.memory.standings[f"m{at}"].life


def states(gateway: rig.Gateway) -> set[str]:
    """How the members stand just now."""
    return {standing.life.state for standing in gateway.worker.memory.standings.values()}


def credential_events(gateway: rig.Gateway) -> list[dict[str, Any]]:
    """What befell credentials."""
    return [event for event in gateway.all_events() if event["event"] == "credential"]


_numbers = itertools.count()


def ask(port: int, said: str = "") -> plain.Answer:
    """One request, unlike all before unless `said` is given."""
    return plain.post(port, "/v1/responses", plain.responses(said=f"say {said or next(_numbers)}"))


# Rate limits.


class Storm:
    """Members that refuse now and then: `rage` makes everybody's (or some members') next request a 429, after which they
    must be left alone. `early` holds who was not, by how many seconds."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._angry: set[int] = set()
        self._until: dict[int, float] = {}
        self.refused = 0
        self.served: set[int] = set()
        self.early: list[tuple[int, float]] = []

    def rage(self, *who_rages: int) -> None:
        """Let these refuse once more."""
        with self._lock:
            self._angry.update(who_rages)
            self.served.clear()

    def __call__(self, request: Request) -> None:
        """Answer one request."""
        at = who(request)
        with self._lock:
            missing = self._until.get(at, 0.0) - time.time()
            if missing > 0.1:        # what two clocks may differ by, and an event loop's that reads its own seldom
                self.early.append((at, missing))
            angry = at in self._angry
            if angry:
                lines, self._until[at] = self._pause()
                self._angry.discard(at)
                self.refused += 1
            else:
                self.served.add(at)
        if angry:
            request.answer(LIMITED, "application/json", 429, *lines)
        else:
            request.answer(FINE)


def _stated(*lines: str, wait: float) -> Pause:
    return lambda: (lines, time.time() + wait)


def _dated() -> tuple[tuple[str, ...], float]:
    until = math.ceil(time.time()) + 1
    return (f"retry-after: {email.utils.formatdate(until, usegmt=True)}",), float(until)


def _reset() -> tuple[tuple[str, ...], float]:
    lines = ("x-ratelimit-limit-requests: 60", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 700ms")
    return lines, time.time() + 0.7


USUAL, LONGEST = 0.8, 0.9      # seconds, instead of five and of an hour
FORMS: dict[str, Pause] = {
    "seconds": _stated("retry-after: 1", wait=1.0),
    "parts of seconds": _stated("retry-after: 0.5", wait=0.5),
    "date": _dated,
    "milliseconds": _stated("retry-after-ms: 600", wait=0.6),
    "milliseconds beside seconds": _stated("retry-after: 1", "retry-after-ms: 600", wait=0.6),
    "a limit's reset": _reset,
    "none": _stated(wait=USUAL),
    "negative": _stated("retry-after: -5", wait=USUAL),
    "garbage": _stated("retry-after: soon", wait=USUAL),
    "a date that is over": _stated("retry-after: Wed, 21 Oct 2015 07:28:00 GMT", wait=USUAL),
    "huge": _stated("retry-after: 1000000000", wait=LONGEST),
    "too long to read": _stated(f"retry-after: {'9' * 300}", wait=LONGEST),
}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual pause and the longest one are short enough to wait for."""
    monkeypatch.setattr(verdict, "DEFAULT_PAUSE", USUAL)
    monkeypatch.setattr(pauses, "MAX_PAUSE", LONGEST)
    monkeypatch.setattr(verdict, "MAX_PAUSE", LONGEST)


@pytest.mark.parametrize("form", FORMS)
def test_all_are_limited(form: str, short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of twenty say 429, whatever their Retry-After looks like: callers get an honest 429, nobody is asked before its
    time and each is refused once, none is disabled; then all serve again."""
    if form in ("seconds", "date"):      # longer than that
        monkeypatch.setattr(pauses, "MAX_PAUSE", 5.0)
    storm = Storm(FORMS[form])
    with (
        Upstream(storm) as upstream,
        rig.running_gateway(members(upstream.url, MEMBERS), calm=False) as gateway,
        ThreadPoolExecutor(4) as clients,
    ):
        for _ in range(ROUNDS):
            storm.rage(*range(MEMBERS))
            refused = ask(gateway.port)
            assert (refused.status, refused.json()["error"]["code"]) == (429, "pool_rate_limited")
            assert 1 <= int(refused.header("retry-after") or 0) <= 6
            assert refused.header("x-should-retry") is None

            def until_all_serve() -> bool:
                answers = list(clients.map(lambda _: ask(gateway.port), range(24)))
                assert {answer.status for answer in answers} <= {200, 429}
                return storm.served == set(range(MEMBERS))

            kit.wait_for(until_all_serve, within=20)
        assert storm.early == []
        assert storm.refused == ROUNDS * MEMBERS, "each once a storm"
        assert states(gateway) == {"healthy"}
        told = credential_events(gateway)
    assert {event["state"] for event in told} <= {"cooling", "unknown", "healthy"}
    assert {event["cause"] for event in told if event["state"] == "cooling"} == {"rate_limited"}


@pytest.mark.parametrize("form", ["seconds", "milliseconds", "negative"])
def test_half_are_limited(form: str, short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """While ten of twenty are limited the others serve everybody: not one caller hears of it."""
    if form in ("seconds", "date"):      # longer than that
        monkeypatch.setattr(pauses, "MAX_PAUSE", 5.0)
    storm = Storm(FORMS[form])
    half = range(0, MEMBERS, 2)
    with Upstream(storm) as upstream, rig.running_gateway(members(upstream.url, MEMBERS), calm=False) as gateway:
        for _ in range(ROUNDS):
            storm.rage(*half)
            answers = [ask(gateway.port) for _ in range(200)]    # one by one: what is under way together cannot know
            assert {answer.status for answer in answers} == {200}
            kit.wait_for(lambda: ask(gateway.port).status == 200 and storm.served == set(range(MEMBERS)), within=20)
        assert storm.early == []
        assert storm.refused == ROUNDS * len(half)
        assert "disabled" not in {event["state"] for event in credential_events(gateway)}


@pytest.mark.parametrize("line", ["retry-after: 1000000000", "retry-after-ms: 1000000000000", "retry-after: 7200"])
def test_no_pause_is_longer_than_an_hour(line: str) -> None:
    """A vendor may ask for thirty years: it gets an hour, and callers are told so, with the advice not to wait."""
    storm = Storm(_stated(line, wait=pauses.MAX_PAUSE))
    with Upstream(storm) as upstream, rig.running_gateway(members(upstream.url, 3), calm=False) as gateway:
        storm.rage(0, 1, 2)
        for _ in range(2):
            answer = ask(gateway.port)
            assert answer.status == 429
            assert 3500 <= int(answer.header("retry-after") or 0) <= 3601
            assert answer.header("x-should-retry") == "false"
        assert storm.refused == upstream.requests == 3
        until = [event["until"] - event["time"] for event in credential_events(gateway)]
        assert all(3599 <= pause <= 3601 for pause in until)


def test_a_limit_of_the_sandboxes(vendor: SandboxServer) -> None:
    """The same against the sandbox: its ledger shows no request to a member within the second it asked for."""
    secrets = [f"ledger-{at}" for at in range(4)]
    with rig.running_gateway(members(vendor.url, 4, secret="ledger"), calm=False) as gateway:
        vendor.spoil(secrets[0], "sandbox-429")
        kit.wait_for(lambda: ask(gateway.port).status == 200 and len(_fault_times(vendor, secrets[0])) >= 3, within=30)
        vendor.mend(secrets[0])
        kit.wait_for(lambda: ask(gateway.port).status == 200 and life(gateway, 0).state == "healthy", within=20)
        times = _fault_times(vendor, secrets[0])
    assert all(after - before >= 0.9 for before, after in itertools.pairwise(times))


def _fault_times(vendor: SandboxServer, secret: str) -> list[float]:
    mine = fingerprint(secret)
    return [entry.at for entry in vendor.asked() if entry.credential == mine and entry.method == "POST" and entry.fault]


# A credential's own errors.


@pytest.mark.parametrize(
    ("fault", "status", "cause", "code"),
    [
        ("sandbox-401", 401, "invalid_key", "invalid_api_key"),
        ("sandbox-403", 403, "denied", "insufficient_permissions"),
    ],
)
@pytest.mark.parametrize("threshold", [1, 3, 5])
def test_errors_in_a_row(vendor: SandboxServer, threshold: int, fault: str, status: int, cause: str, code: str) -> None:
    """`error_threshold` errors in a row, each of another request, disable the credential: an event says why, what showed
    it and when it is tried next, and nobody asks with it any more."""
    secret = f"row-{threshold}-{cause}"
    vendor.spoil(f"{secret}-0", fault)
    with rig.running_gateway(members(vendor.url, 1, secret=secret, error_threshold=threshold), calm=False) as gateway:
        for number in range(1, threshold):
            assert ask(gateway.port).status == 502
            assert (life(gateway, 0).state, life(gateway, 0).faults) == ("suspect", number)
        last = ask(gateway.port)
        assert (last.status, last.json()["error"]["code"]) == (502, "upstream_credential")
        kit.wait_for(lambda: "disabled" in {event["state"] for event in credential_events(gateway)})
        told = credential_events(gateway)
        before = len(_fault_times(vendor, f"{secret}-0"))
        refused = [ask(gateway.port) for _ in range(5)]
        assert {(answer.status, answer.header("x-should-retry")) for answer in refused} == {(503, "false")}
        assert len(_fault_times(vendor, f"{secret}-0")) == before == threshold
    assert [event["state"] for event in told] == (["disabled"] if threshold == 1 else ["suspect", "disabled"])
    out = told[-1]
    assert (out["credential"], out["cause"], out["code"], out["upstream_status"]) == ("m0", cause, code, status)
    assert (out["request_id"], out["until"]) == (last.request_id, 0.0)
    assert out["next_probe"] > out["time"]


def test_a_success_in_between(vendor: SandboxServer) -> None:
    """What counts is in a row: one success, and the count begins anew. A failing vendor's 5xx neither counts nor resets."""
    secret = "between-0"
    with rig.running_gateway(members(vendor.url, 1, secret="between", error_threshold=3), calm=False) as gateway:
        for fault, faults in (
            ("sandbox-401", 1), ("sandbox-403", 2), ("", 0), ("sandbox-401", 1), ("sandbox-500", 1), ("sandbox-401", 2),
            ("", 0), ("sandbox-401", 1), ("sandbox-401", 2),
        ):  # fmt: skip
            vendor.spoil(secret, fault) if fault else vendor.mend(secret)
            ask(gateway.port)
            assert life(gateway, 0).faults == faults
            assert life(gateway, 0).state == ("suspect" if faults else "healthy")
        assert ask(gateway.port).status == 502
        assert life(gateway, 0).state == "disabled"


def test_the_suspect_come_last(vendor: SandboxServer) -> None:
    """One error of its own, and a credential serves only when no other can: nobody else meets its error."""
    bad = "suspect-0"
    vendor.spoil(bad, "sandbox-401")
    with rig.running_gateway(members(vendor.url, 3, secret="suspect"), calm=False) as gateway:
        answers = [ask(gateway.port) for _ in range(60)]
        assert {answer.status for answer in answers} == {200}
        assert len(_fault_times(vendor, bad)) == 1
        event = gateway.event(answers[-1].request_id)
        assert event["credential"] != "m0"
        assert life(gateway, 0).state == "suspect"
        vendor.mend(bad)
        for other in ("suspect-1", "suspect-2"):
            vendor.spoil(other, "sandbox-429-long")
        kit.wait_for(lambda: ask(gateway.port).status == 200 and life(gateway, 0).state == "healthy")


def test_a_dead_account_is_out_at_once(vendor: SandboxServer) -> None:
    """What no waiting mends takes one error: of twenty members that are all dead but one, each is asked once."""
    faults = itertools.cycle(("sandbox-402", "sandbox-deactivated", "sandbox-quota"))
    for at, fault in zip(range(1, MEMBERS), faults, strict=False):
        vendor.spoil(f"dead-{at}", fault)
    with rig.running_gateway(members(vendor.url, MEMBERS, secret="dead"), calm=False) as gateway:
        for number in range(300):
            assert ask(gateway.port, f"dead {number}").status == 200
        asked = [len(_fault_times(vendor, f"dead-{at}")) for at in range(1, MEMBERS)]
        kit.wait_for(lambda: len(credential_events(gateway)) >= sum(asked))
        assert asked == [1] * (MEMBERS - 1)
        out = [event for event in credential_events(gateway) if event["state"] == "disabled"]
        assert sorted(event["credential"] for event in out) == sorted(f"m{at}" for at in range(1, MEMBERS))
        assert {event["cause"] for event in out} == {"billing", "terminated"}


# What vendors say is left.


class Left(NamedTuple):
    """A vendor's way to state its limits."""

    vendor: Vendor
    lines: Callable[[int, float], tuple[str, ...]]     # of a hundred left, until when (seconds from now)


def _openai_left(remaining: int, reset: float) -> tuple[str, ...]:
    return (
        "x-ratelimit-limit-tokens: 100", f"x-ratelimit-remaining-tokens: {remaining}",
        f"x-ratelimit-reset-tokens: {int(reset * 1000)}ms", "x-ratelimit-limit-requests: 100",
        "x-ratelimit-remaining-requests: 99", "x-ratelimit-reset-requests: 1s",
    )  # fmt: skip


def _anthropic_left(remaining: int, reset: float) -> tuple[str, ...]:
    until = datetime.fromtimestamp(time.time() + reset, UTC).isoformat()
    return (
        "anthropic-ratelimit-input-tokens-limit: 100", f"anthropic-ratelimit-input-tokens-remaining: {remaining}",
        f"anthropic-ratelimit-input-tokens-reset: {until}",
    )  # fmt: skip


WAYS = [Left("openai", _openai_left), Left("anthropic", _anthropic_left)]


def ask_any(gateway: rig.Gateway, vendor: Vendor) -> plain.Answer:
    """A request of the vendor's own dialect, unlike all before."""
    if vendor == "openai":
        return ask(gateway.port)
    return plain.post(gateway.port, "/v1/messages", plain.messages(said=f"say {next(_numbers)}"))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.vendor)
@pytest.mark.parametrize("left", [0, 4])
def test_little_is_left(way: Left, left: int) -> None:
    """A member whose good answers say that next to nothing of a limit is left is passed over until others are no better;
    the events say why. It is not unwell for that."""
    heard: list[int] = []

    def handle(request: Request) -> None:
        at = who(request)
        heard.append(at)
        request.answer(FINE, "application/json", 200, *way.lines(left if at == 0 else 90, 50.0))

    with Upstream(handle) as upstream, rig.running_gateway(members(upstream.url, 4, way.vendor), calm=False) as gateway:
        kit.wait_for(lambda: ask_any(gateway, way.vendor).status == 200 and 0 in heard, within=20)
        heard.clear()
        answers = [ask_any(gateway, way.vendor) for _ in range(60)]
        assert {answer.status for answer in answers} == {200}
        assert set(heard) == {1, 2, 3}
        kit.wait_for(lambda: len(gateway.events()) >= 60)
        mine = [event for event in gateway.events() if event["request_id"] in {each.request_id for each in answers}]
        whys = {reason for event in mine for reason in (event["skipped"] or {}).items()}
        assert whys == {("m0", "low_quota")}
        assert life(gateway, 0).state == "healthy"
        assert credential_events(gateway) == [] or {each["state"] for each in credential_events(gateway)} == {"healthy"}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.vendor)
def test_it_serves_again_after_its_reset(way: Left) -> None:
    """Once the limit is said to be whole again, so is the member; and when little is left everywhere, all serve."""
    heard: list[int] = []
    spare = {0: 0, 1: 90}

    def handle(request: Request) -> None:
        at = who(request)
        heard.append(at)
        request.answer(FINE, "application/json", 200, *way.lines(spare[at], 0.5))

    with Upstream(handle) as upstream, rig.running_gateway(members(upstream.url, 2, way.vendor), calm=False) as gateway:
        for _ in range(2):
            heard.clear()
            kit.wait_for(lambda: ask_any(gateway, way.vendor).status == 200 and 0 in heard, within=20)
        spare[1] = 0
        for _ in range(40):
            assert ask_any(gateway, way.vendor).status == 200
