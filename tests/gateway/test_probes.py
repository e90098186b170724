"""Active probes on the wire: a credential that broke is found and comes back by itself, for the price of model lists."""

import functools
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain, processes, station
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core import health
from stationmaster.gateway.core.life import Rules
from stationmaster.gateway.core.probes import Finding
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, VirtualKey
from stationmaster.gateway.server import probes
from stationmaster.gateway.server.proxies import Proxies
from stationmaster.sandbox.ledger import Entry, fingerprint
from stationmaster.sandbox.server import SandboxServer

OFTEN = 0.2
A_LIST = b'{"object":"list","data":[]}'


def answered(status: int, body: bytes) -> bytes:
    """A whole answer."""
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disabled credentials are probed soon: first after 20 ms, then after twice as long."""
    monkeypatch.setattr(health, "Rules", functools.partial(Rules, probe_base=0.02))


def watched(url: str, name: str, **settings: Any) -> Snapshot:
    """The rig's snapshot, probed often, with secrets that nobody else uses."""
    made = rig.snapshot_for(url, **{"health_check_enabled": True, "health_check_interval": OFTEN, **settings})
    own = [msgspec.structs.replace(each, secret=f"{name}-{each.vendor}") for each in made.credentials]
    return msgspec.structs.replace(made, credentials=tuple(own))


def asked(vendor: SandboxServer, secret: str) -> list[Entry]:
    """What a credential asked the sandbox."""
    return [entry for entry in vendor.asked() if entry.credential == fingerprint(secret)]


def short_lists(vendor: SandboxServer, secret: str) -> int:
    """Anthropic's probes: the lists that callers are shown are asked for by the thousand."""
    return sum(entry.query == "limit=1" for entry in asked(vendor, secret))


def moves(gateway: rig.Gateway, credential: str) -> list[dict[str, Any]]:
    """What befell a credential."""
    return [event for event in gateway.all_events() if event["event"] == "credential" and event["credential"] == credential]


def state(gateway: rig.Gateway, credential: str) -> str:
    """How it stands just now."""
    return gateway.worker.memory.standings[credential].life.state


@pytest.mark.parametrize(
    ("credential", "fault", "cause"),
    [
        ("openai", "sandbox-deactivated", "terminated"),
        ("azure_openai", "sandbox-deactivated", "terminated"),
        ("anthropic", "sandbox-deactivated", "suspended"),
        ("gemini", "sandbox-deactivated", "invalid_key"),
        ("openai_compatible", "sandbox-401", "invalid_key"),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_out_and_back(vendor: SandboxServer, credential: str, fault: str, cause: str) -> None:
    """Without a single request: a credential that the vendor refuses is disabled, and healthy again once mended. The
    events say when it is tried next. All that was asked are lists of models."""
    name = f"out-{credential}"
    secret = f"{name}-{credential}"
    vendor.spoil(secret, fault)
    try:
        with rig.running_gateway(watched(vendor.url, name), calm=False) as gateway:
            kit.wait_for(lambda: [move for move in moves(gateway, credential) if move["state"] == "disabled"])
            vendor.mend(secret)
            kit.wait_for(lambda: state(gateway, credential) == "healthy")
            kit.wait_for(lambda: moves(gateway, credential)[-1]["state"] == "healthy")
            told = moves(gateway, credential)
    finally:
        vendor.mend(secret)
    out = next(move for move in told if move["state"] == "disabled")
    assert (out["cause"], out["upstream_status"]) == (cause, 401)
    assert out["next_probe"] > out["time"]
    assert (told[-1]["before"], told[-1]["upstream_status"]) == ("probing", 200)
    entries = asked(vendor, secret)
    assert {entry.method for entry in entries} == {"GET"}
    assert {entry.path.rpartition("/")[2] for entry in entries} == {"models"}


@pytest.mark.usefixtures("hasty")
def test_what_an_operator_disabled_is_left_alone(vendor: SandboxServer) -> None:
    """A credential with disabled=true is never probed and stays out while others are, until the file says otherwise."""
    made = watched(vendor.url, "operator")
    twin = Credential("twin", "anthropic", "operator-twin", vendor.url)
    out = msgspec.structs.replace(made, credentials=(*made.credentials, msgspec.structs.replace(twin, disabled=True)))
    with rig.running_gateway(out, calm=False) as gateway:
        kit.wait_for(lambda: short_lists(vendor, "operator-anthropic") >= 4)
        assert short_lists(vendor, "operator-twin") == 0
        assert state(gateway, "twin") == "disabled"
        gateway.apply(msgspec.structs.replace(made, credentials=(*made.credentials, twin)))
        kit.wait_for(lambda: short_lists(vendor, "operator-twin") >= 1)
        kit.wait_for(lambda: state(gateway, "twin") == "healthy")


def test_switched_off(vendor: SandboxServer) -> None:
    """Nobody is probed with `health_check_enabled` off; a reload switches it on."""
    with rig.running_gateway(watched(vendor.url, "off", health_check_enabled=False), calm=False) as gateway:
        time.sleep(3 * OFTEN)
        assert short_lists(vendor, "off-anthropic") == 0
        gateway.apply(watched(vendor.url, "off"))
        kit.wait_for(lambda: short_lists(vendor, "off-anthropic") >= 2)


@pytest.mark.usefixtures("hasty")
def test_money_is_shown_by_requests_only(vendor: SandboxServer) -> None:
    """Out of money: lists go on working and do not bring it back as healthy; after a while one request may try."""
    with rig.running_gateway(watched(vendor.url, "money"), calm=False) as gateway:
        kit.wait_for(lambda: state(gateway, "openai") == "healthy")
        for _ in range(2):
            refused = plain.post(gateway.port, "/v1/responses", plain.responses("sandbox-quota"))
            assert refused.status >= 400
            kit.wait_for(lambda: state(gateway, "openai") in ("unknown", "healthy"))
        kit.wait_for(lambda: [move["before"] for move in moves(gateway, "openai")].count("cooling") == 2)
        states = [(move["before"], move["state"]) for move in moves(gateway, "openai")]
        assert {before for before, after in states if after == "healthy"} == {"unknown"}
        assert states.count(("probing", "disabled")) == 2 * 6, "six lists each time said nothing"
        assert states.count(("cooling", "unknown")) == 2
        fine = plain.post(gateway.port, "/v1/responses", plain.responses("gpt-4o"))
        assert fine.status == 200


def test_a_vendor_that_does_not_answer(vendor: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe ends by itself after its time, as an upstream's fault, which never disables."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.1)
    vendor.spoil("hang-anthropic", "sandbox-hang")
    try:
        with rig.running_gateway(watched(vendor.url, "hang"), calm=False) as gateway:
            kit.wait_for(lambda: any(move["state"] == "cooling" for move in moves(gateway, "anthropic")))
            told = moves(gateway, "anthropic")
    finally:
        vendor.mend("hang-anthropic")
    assert (told[0]["cause"], told[0]["code"], told[0]["upstream_status"]) == ("upstream", "upstream_timeout", 0)
    assert "disabled" not in {move["state"] for move in told}


def test_a_list_is_older_news_than_a_refusal() -> None:
    """A request disables the credential while its probe is under way: the probe's good answer does not undo that."""

    def refuse(request: Request) -> None:
        request.answer(b'{"error":{"message":"no","code":"account_deactivated"}}', status=401)

    with Upstream(refuse, lists=answered(200, A_LIST), lists_after=3.0) as upstream:
        snapshot = Snapshot(
            Settings(default_pool="main", health_check_interval=OFTEN),
            (Credential("a", "openai", "secret", f"{upstream.url}/v1"),),
            (Pool("main", (Member("a"),)),),
            (Route(("*",), "main"),),
            (VirtualKey("k", rig.sha256(rig.KEY)),),
        )
        with rig.running_gateway(snapshot, calm=False) as gateway:
            kit.wait_for(lambda: upstream.connections >= 2)
            plain.post(gateway.port, "/v1/responses", plain.responses())
            kit.wait_for(lambda: state(gateway, "a") == "disabled")
            running = gateway.worker._prober._running if gateway.worker._prober else {}
            assert running, "the probe is still under way"
            kit.wait_for(lambda: not running)
            assert state(gateway, "a") == "disabled"


def test_one_worker_probes() -> None:
    """Of three workers exactly one is told to probe; when it dies, the one in its place is."""

    def probing(running: station.Station) -> list[int]:
        return [pid for pid in running.workers() if b"probes" in processes.arguments(pid).replace(b"\0", b" ").split()]

    with Upstream(lambda request: request.answer(b"{}")) as upstream, station.running(upstream.url, "workers = 3") as running:
        first = probing(running)
        assert (len(running.workers()), len(first)) == (3, 1)
        os.kill(first[0], signal.SIGKILL)
        kit.wait_for(lambda: len(probing(running)) == 1 and probing(running) != first and len(running.workers()) == 3)
        other = next(pid for pid in running.workers() if pid not in probing(running))
        heir = probing(running)
        os.kill(other, signal.SIGKILL)
        kit.wait_for(lambda: len(running.workers()) == 3 and other not in running.workers())
        assert probing(running) == heir


# At once, for the command line.


def check(*credentials: Credential) -> dict[str, Finding]:
    """What `probes.check` finds."""
    heard: list[probes.Checked] = []
    found = probes.check(credentials, Settings(), Proxies(), heard.append)
    assert [each.credential for each in found] == [each.id for each in credentials]
    assert sorted(each.credential for each in heard) == sorted(each.id for each in credentials)
    return {each.credential: each.finding for each in found}


WIRES: list[tuple[str, bytes, Finding]] = [
    ("a list", answered(200, A_LIST), Finding("healthy", "", "", failed=False)),
    ("a list without end", answered(200, b'{"data":[' + b" " * 3_000_000), Finding("healthy", "", "", failed=False)),
    ("half a head", b"HTTP/1.1 20", Finding("cooling", "upstream", "upstream_timeout", failed=True)),
    ("half a list", answered(200, A_LIST)[:-5], Finding("cooling", "upstream", "upstream_timeout", failed=True)),
    ("no HTTP", b"220 smtp.example ESMTP\r\n", Finding("cooling", "upstream", "upstream_garbage", failed=True)),
    ("no list", answered(404, b"{}"), Finding("unknown", "", "404", failed=False)),
]


@pytest.mark.parametrize(("wire", "expected"), [row[1:] for row in WIRES], ids=[row[0] for row in WIRES])
def test_whatever_comes_back(wire: bytes, expected: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer, whole or not, ends in a finding, and a long one is not read to its end."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.5 if expected.code == "upstream_timeout" else 20.0)
    with Upstream(lambda _: None, lists=wire) as upstream:
        assert check(Credential("a", "openai_compatible", "secret", upstream.url)) == {"a": expected}


def test_nobody_there() -> None:
    """An address where nobody listens is an upstream's fault, and says nothing of the key."""
    with station.deaf_port() as port:
        found = check(Credential("a", "openai_compatible", "secret", f"http://127.0.0.1:{port}"))
    assert found == {"a": Finding("cooling", "upstream", "upstream_unreachable", failed=True)}


def test_many_at_once() -> None:
    """Forty credentials are asked over connections of their own, each once, sixteen together at most."""
    under_way, most = 0, 0
    inner: Callable[..., Any] = probes._check

    async def counted(*arguments: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await inner(*arguments)
        finally:
            under_way -= 1

    with (
        pytest.MonkeyPatch.context() as patch,
        Upstream(lambda _: None, lists=answered(200, A_LIST), lists_after=0.05) as upstream,
    ):
        patch.setattr(probes, "_check", counted)
        found = check(*(Credential(f"c{at}", "openai_compatible", "secret", upstream.url) for at in range(40)))
        assert upstream.connections == 40
    assert {each.state for each in found.values()} == {"healthy"}
    assert most == probes.AT_ONCE
