"""A session stays with its credential: over requests, faults, restarts and worker processes. Who served is read from
the sandbox's ledger, where every request is marked with its session's name.
"""

import contextlib
import http.client
import itertools
import os
import signal
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

import rig
from gateway import kit, plain, station
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, VirtualKey
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

MEMBERS = 20
SESSIONS = 3000 if os.environ.get("SOAK") else 1000
FEW = 120
BODY = plain.dump(plain.responses())

Homes = dict[str, str]          # session → credential


def secret(credential: str) -> str:
    """A member's secret."""
    return f"sticky-{credential}-secret"


NAMES = [f"m{at}" for at in range(MEMBERS)]
OWNERS = {fingerprint(secret(name)): name for name in NAMES}


def twenty(url: str, vendors: tuple[Any, ...] = ("openai",)) -> Snapshot:
    """Twenty members of equal weight, by turns of these vendors."""
    credentials = []
    for at, name in enumerate(NAMES):
        vendor = vendors[at % len(vendors)]
        credentials.append(Credential(name, vendor, secret(name), f"{url}/v1" if vendor == "openai" else url))
    return Snapshot(
        Settings(default_pool="main", health_check_enabled=False),
        tuple(credentials), (Pool("main", tuple(Member(name) for name in NAMES)),), (Route(("*",), "main"),),
        (VirtualKey("main", rig.sha256(rig.KEY)),),
    )  # fmt: skip


@contextmanager
def client(port: int) -> Iterator[Callable[[str], str]]:
    """One connection, kept: a function that sends a session's request and returns the gateway's id of it."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as wire:

        def ask(session: str) -> str:
            fields = dict((plain.BEARER, plain.JSON, ("x-stationmaster-session", session), ("x-sandbox-nonce", session)))
            wire.request("POST", "/v1/responses", BODY, fields)
            answer = wire.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
            return answer.getheader("x-stationmaster-request-id") or ""

        yield ask


def served(vendor: SandboxServer) -> dict[str, list[str]]:
    """Who answered each session, oldest first; what was refused is left out."""
    found: dict[str, list[str]] = {}
    for entry in vendor.asked():
        if entry.nonce and not entry.fault:
            found.setdefault(entry.nonce, []).append(OWNERS[entry.credential])
    return found


def mapping(vendor: SandboxServer, ask: Callable[[str], object], sessions: Iterable[str], times: int = 1) -> Homes:
    """Ask for every session `times` times; who serves each. Raises AssertionError when one was served by several."""
    vendor.forget()
    for _ in range(times):
        for session in sessions:
            ask(session)
    found = served(vendor)
    assert all(len(who) == times and len(set(who)) == 1 for who in found.values())
    return {session: who[0] for session, who in found.items()}


def state(gateway: rig.Gateway, credential: str) -> str:
    """How it stands just now."""
    return gateway.worker.memory.standings[credential].life.state


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["sandbox-503", "sandbox-429", "sandbox-close"])
def test_sessions_stay(vendor: SandboxServer, fault: str) -> None:
    """A thousand sessions over twenty credentials: each stays on one. When a credential fails, its sessions move, nobody
    else's; and they stay where they moved when it is back."""
    sessions = [f"session-{fault}-{at}" for at in range(SESSIONS if fault == "sandbox-503" else FEW)]
    with rig.running_gateway(twenty(vendor.url), calm=False) as gateway, client(gateway.port) as ask:
        before = mapping(vendor, ask, sessions, times=3)
        assert set(before) == set(sessions)
        assert set(before.values()) == set(NAMES), "everybody serves somebody"
        lost = before[sessions[0]]
        vendor.spoil(secret(lost), fault)
        try:
            during = mapping(vendor, ask, sessions)
        finally:
            vendor.mend(secret(lost))
        moved = {session for session in sessions if during[session] != before[session]}
        assert moved == {session for session in sessions if before[session] == lost}
        if len(moved) > 20:
            assert len({during[session] for session in moved}) > 5, "not all to one neighbour"
        kit.wait_for(lambda: state(gateway, lost) in ("unknown", "healthy"), within=90)
        after = mapping(vendor, ask, sessions, times=2)
        assert after == during
        fresh = mapping(vendor, ask, [f"{session}-later" for session in sessions[:FEW]])
        assert lost in fresh.values(), "it serves again, whom it never lost"


def test_the_same_after_a_restart(vendor: SandboxServer) -> None:
    """Which session belongs where follows from names alone: another gateway with the same file agrees, and one without a
    certain member disagrees about that member's sessions only."""
    sessions = [f"restart-{at}" for at in range(FEW)]
    found = []
    snapshot = twenty(vendor.url)
    fewer = Snapshot(
        snapshot.settings, snapshot.credentials, (Pool("main", snapshot.pools[0].members[1:]),), snapshot.routes, snapshot.keys
    )
    for each in (snapshot, snapshot, fewer):
        with rig.running_gateway(each, calm=False) as gateway, client(gateway.port) as ask:
            found.append(mapping(vendor, ask, sessions))
    assert found[0] == found[1]
    assert {session for session in sessions if found[2][session] != found[0][session]} == {
        session for session in sessions if found[0][session] == NAMES[0]
    }


# Several worker processes.


CONFIG = """\
[gateway]
port = {port}
workers = 2
default_pool = "main"
health_check_enabled = false
metrics_port = 0

{credentials}
[[pool]]
id = "main"
members = [{members}]

[[route]]
models = ["*"]
pool = "main"

[[key]]
id = "main"
secret_sha256 = "{digest}"
"""
_CREDENTIAL = '[[credential]]\nid = "{name}"\nvendor = "openai"\nbase_url = "{url}/v1"\nsecret = "env:SECRET_{upper}"\n'


@contextmanager
def two_workers(url: str) -> Iterator[station.Station]:
    """The same twenty members, from a file, served by two worker processes."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), station.free_port()
        credentials = "\n".join(_CREDENTIAL.format(name=each, url=url, upper=each.upper()) for each in NAMES)
        members = ", ".join(f'{{ credential = "{each}" }}' for each in NAMES)
        (folder / "gateway.toml").write_text(
            CONFIG.format(port=port, credentials=credentials, members=members, digest=rig.sha256(rig.KEY))
        )
        secrets = {f"SECRET_{each.upper()}": secret(each) for each in NAMES}
        running = station.Station(folder, port, secrets, "--events", "events.jsonl")
        try:
            running.wait_ready()
            yield running
        finally:
            running.end()


def meet(stack: contextlib.ExitStack, port: int, met: set[str]) -> Callable[[str], str]:
    """A kept connection to a worker that is not among those `met`, waited for. Ids begin with what is the worker's own."""

    def another() -> Callable[[str], str] | None:
        with contextlib.ExitStack() as mine:
            ask = mine.enter_context(client(port))
            worker = ask("who")[:16]
            if worker not in met:
                met.add(worker)
                stack.push(mine.pop_all())
                return ask
        return None

    return cast("Callable[[str], str]", kit.wait_for(another, within=20))


def replace(running: station.Station, victim: int) -> None:
    """Kill a worker; wait until another is in its place."""
    count = len(running.workers())
    os.kill(victim, signal.SIGKILL)
    kit.wait_for(lambda: victim not in (now := running.workers()) and len(now) == count, within=20)


def wait_for_homes(vendor: SandboxServer, ask: Callable[[str], str], homes: Homes) -> None:
    """Wait until a worker sends every session where it belongs."""
    kit.wait_for(lambda: mapping(vendor, ask, homes) == homes, within=20)


def test_worker_processes_agree(vendor: SandboxServer) -> None:
    """Two workers agree on every session, and with a worker of another gateway. Sessions that moved in one have moved in
    the other, though it never met the fault; and after kill -9, one worker after the other, in those that take their place."""
    sessions = [f"process-{at}" for at in range(FEW)]
    with rig.running_gateway(twenty(vendor.url), calm=False) as gateway, client(gateway.port) as ask:
        alone = mapping(vendor, ask, sessions)
    with two_workers(vendor.url) as running, contextlib.ExitStack() as stack:
        met: set[str] = set()
        first, second = meet(stack, running.port, met), meet(stack, running.port, met)
        for worker in (first, second):
            assert mapping(vendor, worker, sessions) == alone
        lost = alone[sessions[0]]
        vendor.spoil(secret(lost), "sandbox-429")
        try:
            moved = mapping(vendor, first, sessions)
        finally:
            vendor.mend(secret(lost))
        assert {session for session in sessions if moved[session] != alone[session]} == {
            session for session in sessions if alone[session] == lost
        }
        kit.wait_for(lambda: '"before":"cooling"' in running.events.read_text(), within=20)
        wait_for_homes(vendor, second, moved)
        old = running.workers()
        for victim in old:
            replace(running, victim)
            wait_for_homes(vendor, meet(stack, running.port, met), moved)
        assert not set(old) & set(running.workers())


# What names a session.

CLAUDE = "user_0af3_account__session_"
PHRASES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
Fields = list[tuple[str, str]]


def _talk(said: str, turn: int) -> list[dict[str, str]]:
    """A conversation that began with `said` and has gone on for some turns."""
    more = [{"role": role, "content": f"{role} {number}"} for number in range(turn) for role in ("assistant", "user")]
    return [{"role": "user", "content": f"say {said}"}, *more]


def _header(name: str) -> Callable[[str, int], tuple[str, object, Fields]]:
    def request(said: str, turn: int) -> tuple[str, object, Fields]:
        return "/v1/responses", plain.responses(said=f"say turn {turn}"), [(name, said)]

    return request


def _cache_key(said: str, turn: int) -> tuple[str, object, Fields]:
    return "/v1/responses", plain.responses(said=f"say turn {turn}", prompt_cache_key=said), []


def _chat_cache_key(said: str, turn: int) -> tuple[str, object, Fields]:
    return "/v1/chat/completions", plain.chat(said=f"say turn {turn}", prompt_cache_key=said), []


def _user_id(said: str, turn: int) -> tuple[str, object, Fields]:
    session = rig.sha256(said)[:32]
    return "/v1/messages", plain.messages(said=f"say turn {turn}", metadata={"user_id": CLAUDE + session}), []


def _chat_prompt(said: str, turn: int) -> tuple[str, object, Fields]:
    told = {"role": "system", "content": "Be brief."}
    return "/v1/chat/completions", {"model": "gpt-4o", "messages": [told, *_talk(said, turn)]}, []


def _responses_prompt(said: str, turn: int) -> tuple[str, object, Fields]:
    return "/v1/responses", {"model": "gpt-4o", "instructions": "Be brief.", "input": _talk(said, turn)}, []


def _messages_prompt(said: str, turn: int) -> tuple[str, object, Fields]:
    talk = _talk(said, turn)
    content = [{"type": "text", "text": talk[-1]["content"], "cache_control": {"type": "ephemeral"}}]
    first = [{"type": "text", "text": f"say {said}"}]
    marked = [{"role": "user", "content": first}, *talk[1:]]
    marked[-1] = {"role": "user", "content": content}
    return "/v1/messages", {"model": "claude-x", "max_tokens": 64, "system": "Be brief.", "messages": marked}, []


def _gemini_prompt(said: str, turn: int) -> tuple[str, object, Fields]:
    contents = [
        {"role": "user" if each["role"] == "user" else "model", "parts": [{"text": each["content"]}]}
        for each in _talk(said, turn)
    ]
    system = {"parts": [{"text": "Be brief."}]}
    return "/v1beta/models/gemini-x:generateContent", {"systemInstruction": system, "contents": contents}, []


def events_of(gateway: rig.Gateway, asked: Collection[str]) -> list[dict[str, Any]]:
    """The events of these requests, waited for."""

    def found() -> list[dict[str, Any]]:
        mine = [event for event in gateway.events() if event["request_id"] in asked]
        return mine if len(mine) == len(asked) else []

    return kit.wait_for(found)


SOURCES: list[tuple[str, Any, str]] = [
    ("header", _header("x-stationmaster-session"), "openai"),
    ("header", _header("session_id"), "openai"),
    ("header", _header("Session-Id"), "openai"),
    ("header", _header("x-claude-code-session-id"), "openai"),
    ("header", _header("x-session-affinity"), "openai"),
    ("cache_key", _cache_key, "openai"),
    ("cache_key", _chat_cache_key, "openai"),
    ("user_id", _user_id, "anthropic"),
    ("prompt", _chat_prompt, "openai"),
    ("prompt", _responses_prompt, "openai"),
    ("prompt", _messages_prompt, "anthropic"),
    ("prompt", _gemini_prompt, "gemini"),
]


@pytest.fixture(scope="module")
def mixed(vendor: SandboxServer) -> Iterator[dict[str, rig.Gateway]]:
    """A gateway for each vendor, with twenty credentials of it."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(rig.running_gateway(twenty(vendor.url, (name,)), calm=False))
            for name in ("openai", "anthropic", "gemini")
        }


@pytest.mark.parametrize(("source", "request_of", "name"), SOURCES, ids=lambda value: getattr(value, "__name__", value))
def test_what_names_a_session(mixed: dict[str, rig.Gateway], source: str, request_of: Any, name: str) -> None:
    """Each source works by itself: a session's turns go to one credential, the event says what named it, and other
    sessions go elsewhere."""
    gateway, asked = mixed[name], {}
    for said, turn in itertools.product(PHRASES, range(3)):
        target, value, fields = request_of(said, turn)
        answer = plain.post(gateway.port, target, value, *fields)
        assert answer.status == 200
        asked[answer.request_id] = said
    events = events_of(gateway, asked)
    assert {event["session"] for event in events} == {source}
    homes = {said: {event["credential"] for event in events if asked[event["request_id"]] == said} for said in PHRASES}
    assert all(len(where) == 1 for where in homes.values())
    assert len(set.union(*homes.values())) > 4, "twelve sessions are not all in one place"


def test_the_first_source_counts(mixed: dict[str, rig.Gateway]) -> None:
    """A header comes before `prompt_cache_key`, that before the prompt: what comes later changes nothing."""
    gateway, asked = mixed["openai"], []
    for said in PHRASES:
        for key, fields in ((said, [("session-id", "the same")]), ("the same", [])):
            value = plain.responses(said=f"say {said}", prompt_cache_key=key)
            asked.append(plain.post(gateway.port, "/v1/responses", value, *fields).request_id)
    used = events_of(gateway, asked)
    by = {source: {each["credential"] for each in used if each["session"] == source} for source in ("header", "cache_key")}
    assert [len(by["header"]), len(by["cache_key"])] == [1, 1]


def test_without_a_session(mixed: dict[str, rig.Gateway]) -> None:
    """Requests that belong to nothing are spread over all members evenly."""
    gateway = mixed["openai"]
    value = {"model": "text-embedding-3-small", "input": "the same text"}
    asked = [plain.post(gateway.port, "/v1/embeddings", value).request_id for _ in range(200)]
    events = events_of(gateway, asked)
    assert {event["session"] for event in events} == {""}
    assert {event["credential"] for event in events} == set(NAMES)
