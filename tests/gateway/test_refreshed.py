"""A short-lived token is refreshed while the gateway serves with it."""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import rig
from gateway import kit, plain
from gateway.test_stickiness import client
from line.scripted import answer, scripted
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, Vendor, VirtualKey
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

FIRST, SECOND, OTHER = "refreshed-token-1", "refreshed-token-2", "refreshed-other-member"
MODELS = answer({"object": "list", "data": []})     # asked for when a gateway begins, and with every new secret
DONE = answer({"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "choices": []})


def snapshot(url: str, secret: str, version: int, *others: Credential, vendor: Vendor = "openai") -> Snapshot:
    """`slot` holds a token; `others` stand beside it."""
    credentials = (Credential("slot", vendor, secret, url, generation=1), *others)
    return Snapshot(
        Settings(default_pool="main", health_check_enabled=False), credentials,
        (Pool("main", tuple(Member(each.id) for each in credentials)),), (Route(("*",), "main"),),
        (VirtualKey("main", rig.sha256(rig.KEY)),), version,
    )  # fmt: skip


def _more_than(requests: Sequence[object], number: int) -> bool:
    return len(requests) > number


def ask(port: int, **more: Any) -> plain.Answer:
    """One request, whatever comes of it."""
    return plain.post(port, "/v1/chat/completions", plain.chat(**more))


def test_sessions_stay_and_nothing_is_told(vendor: SandboxServer) -> None:
    """A refresh moves no session, and a credential that was healthy is not unknown again: no event says anything."""
    sessions = [f"refreshed-{at}" for at in range(60)]
    other = Credential("other", "openai", OTHER, f"{vendor.url}/v1")
    seen: list[dict[str, bool]] = []
    with rig.running_gateway(snapshot(f"{vendor.url}/v1", FIRST, 1, other), calm=False) as gateway:
        for version, secret in enumerate((FIRST, SECOND), 1):
            gateway.apply(snapshot(f"{vendor.url}/v1", secret, version, other))
            vendor.forget()
            with client(gateway.port) as send:
                for session in sessions:
                    send(session)
            seen.append({one.nonce: one.credential == fingerprint(secret) for one in vendor.asked() if one.nonce})
        standing = gateway.worker.memory.standings["slot"]
        kit.wait_for(lambda: len(gateway.events()) == 120)
        told = [(one["credential"], one["state"]) for one in gateway.all_events() if one["event"] == "credential"]
    assert seen[0] == seen[1]
    assert 10 < sum(seen[0].values()) < 50
    assert standing.life.state == "healthy"
    assert sorted(told) == [("other", "healthy"), ("slot", "healthy")]


def test_a_request_refused_with_the_former_token_is_sent_with_the_fresh_one() -> None:
    """The token expires under way, and was refreshed before the refusal arrives: the client gets its answer from the only
    credential that there is, which stays in service."""
    held = threading.Event()

    def late(peer: Any) -> None:
        assert held.wait(20)
        peer.sendall(answer({"error": {"code": "token_expired", "message": "expired"}}, 401))

    with scripted(MODELS, late, MODELS, DONE) as peer, rig.running_gateway(snapshot(peer.url, FIRST, 1), calm=False) as gateway:
        answers: list[plain.Answer] = []
        kit.wait_for(lambda: len(peer.requests) == 1)
        thread = kit.in_background(lambda: answers.append(ask(gateway.port)))
        kit.wait_for(lambda: len(peer.requests) == 2)
        gateway.apply(snapshot(peer.url, SECOND, 2))
        kit.wait_for(lambda: len(peer.requests) == 3)
        held.set()
        thread.join(20)
        assert [one.status for one in answers] == [200]
        assert [peer.header("authorization", at) for at in (1, 3)] == [f"Bearer {FIRST}", f"Bearer {SECOND}"]
        standing = gateway.worker.memory.standings["slot"]
        assert (standing.life.state, standing.life.faults) == ("healthy", 0)


def test_a_refusal_of_the_fresh_token_counts() -> None:
    """Once: a request that failed with both tokens is not sent a third time, and the fresh one is suspect for it."""
    held = threading.Event()

    def late(peer: Any) -> None:
        assert held.wait(20)
        peer.sendall(answer({"error": {"code": "token_expired"}}, 401))

    no = answer({"error": {"code": "invalid_api_key"}}, 401)
    script = (MODELS, late, MODELS, no, DONE)
    with scripted(*script) as peer, rig.running_gateway(snapshot(peer.url, FIRST, 1), calm=False) as gateway:
        answers: list[plain.Answer] = []
        kit.wait_for(lambda: len(peer.requests) == 1)
        thread = kit.in_background(lambda: answers.append(ask(gateway.port)))
        kit.wait_for(lambda: len(peer.requests) == 2)
        gateway.apply(snapshot(peer.url, SECOND, 2))
        kit.wait_for(lambda: len(peer.requests) == 3)
        held.set()
        thread.join(20)
        assert [one.status == 200 for one in answers] == [False]
        assert len(peer.requests) == 4
        assert gateway.worker.memory.standings["slot"].life.state == "suspect"


def test_a_workloads_token_at_anthropic() -> None:
    """A token that a federation rule gave is sent as a bearer's, with the flag that Anthropic takes it with, beside the caller's
    own; a key is sent as a key, without the flag."""
    told = answer({"type": "message", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}})
    with scripted(MODELS, told, MODELS, told) as peer:
        for count, secret in enumerate(("sk-ant-oat01-of-a-workload", "sk-ant-api03-of-a-workspace")):
            with rig.running_gateway(snapshot(peer.url, secret, 1, vendor="anthropic")) as gateway:
                kit.wait_for(partial(_more_than, peer.requests, 2 * count))
                beta = ("anthropic-beta", "context-1m-2025-08-07")
                assert plain.post(gateway.port, "/v1/messages", plain.messages(), beta).status == 200
        heads = [head.lower() for head, _ in peer.requests[1::2]]
    assert "authorization: bearer sk-ant-oat01-of-a-workload\r\n" in heads[0]
    assert ["x-api-key: " in head for head in heads] == [False, True]
    assert ["anthropic-beta: oauth-2025-04-20\r\n" in head for head in heads] == [True, False]
    assert all("anthropic-beta: context-1m-2025-08-07" in head for head in heads)
