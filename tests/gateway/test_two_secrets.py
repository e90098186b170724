"""A credential that is being rotated has two secrets in the gateway: by sessions, one instead of the other, and as one member."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain
from gateway.test_stickiness import client
from stationmaster.gateway.core.snapshot import Credential, Incoming, Member, Pool, Route, Settings, Snapshot, VirtualKey
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

OLD, NEW, OTHER = "two-secrets-old", "two-secrets-new", "two-secrets-other-member"
NAMES = {fingerprint(OLD): "old", fingerprint(NEW): "new", fingerprint(OTHER): "other"}
SESSIONS = [f"two-secrets-{at}" for at in range(200)]


def snapshot(url: str, share: int | None = None, secret: str = OLD, number: int = 1, version: int = 1, **more: Any) -> Snapshot:
    """Two members of equal weight, of which `slot` is rotated."""
    incoming = None if share is None else Incoming(NEW, 2, share)
    slot = Credential("slot", "openai", secret, f"{url}/v1", generation=number, incoming=incoming, **more)
    return Snapshot(
        Settings(default_pool="main", health_check_enabled=False),
        (slot, Credential("other", "openai", OTHER, f"{url}/v1")), (Pool("main", (Member("slot"), Member("other"))),),
        (Route(("*",), "main"),), (VirtualKey("main", rig.sha256(rig.KEY)),), version,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def mended(vendor: SandboxServer) -> Iterator[None]:
    """Both secrets work at first, and afterwards."""
    yield
    for secret in (OLD, NEW, OTHER):
        vendor.mend(secret)


def homes(vendor: SandboxServer, port: int) -> dict[str, str]:
    """With which secret each session was answered."""
    vendor.forget()
    with client(port) as ask:
        for session in SESSIONS:
            ask(session)
    return {entry.nonce: NAMES[entry.credential] for entry in vendor.asked() if entry.nonce and not entry.fault}


def test_sessions_move_only_from_the_rotated_secret(vendor: SandboxServer) -> None:
    """As the share grows, sessions of this member go over to the new secret, each once and none back, about as many as the share
    says; those of other members stay where they are, and in the end nobody is left with the old one."""
    with rig.running_gateway(snapshot(vendor.url)) as gateway:
        seen = [homes(vendor, gateway.port)]
        for version, share in enumerate((10, 50, 100), 2):
            gateway.apply(snapshot(vendor.url, share, version=version))
            seen.append(homes(vendor, gateway.port))
        gateway.apply(snapshot(vendor.url, None, NEW, 2, version=9))
        seen.append(homes(vendor, gateway.port))
    mine = [session for session, who in seen[0].items() if who == "old"]
    assert 50 < len(mine) < 150
    for before, after in itertools.pairwise(seen):
        assert {s for s, who in before.items() if who == "other"} == {s for s, who in after.items() if who == "other"}
        assert {s for s, who in before.items() if who == "new"} <= {s for s, who in after.items() if who == "new"}
    shares = [sum(who == "new" for who in each.values()) / len(mine) for each in seen]
    assert shares[0] == 0
    assert 0 < shares[1] < 0.3
    assert 0.3 < shares[2] < 0.7
    assert shares[3:] == [1.0, 1.0]


@pytest.mark.parametrize("fault", ["sandbox-401", "sandbox-403", "sandbox-echo-secret-401"])
def test_a_refused_new_secret_costs_nobody_anything(vendor: SandboxServer, fault: str) -> None:
    """The vendor refuses the new secret: every request is answered with the old one, by the same member; after the threshold
    the new one is not tried any more. The control plane is told, with the secret's number."""
    vendor.spoil(NEW, fault)
    with rig.running_gateway(snapshot(vendor.url, 100), calm=False) as gateway:
        served = homes(vendor, gateway.port)
        assert set(served.values()) == {"old", "other"}
        tries = [entry for entry in vendor.asked() if entry.credential == fingerprint(NEW)]
        assert len(tries) == 5
        told = kit.wait_for(lambda: [one for one in gateway.all_events() if one["event"] == "credential" and
                                     one["state"] == "disabled"])  # fmt: skip
        assert [(one["credential"], one["generation"]) for one in told] == [("slot", 2)]
        request = next(one for one in gateway.events() if one["tried"])
        assert request["tried"][0]["credential"] == "slot"
        assert request["credential"] == "slot"
        assert request["status"] == 200


def test_the_old_secret_dies_first(vendor: SandboxServer) -> None:
    """Somebody revoked the old secret at the vendor in the middle of it: the new one serves all of the member's sessions."""
    vendor.spoil(OLD, "sandbox-401")
    with rig.running_gateway(snapshot(vendor.url, 10), calm=False) as gateway:
        assert set(homes(vendor, gateway.port).values()) == {"new", "other"}


def test_both_are_refused(vendor: SandboxServer) -> None:
    """Then others of the pool serve, and each secret was tried at most until its threshold."""
    vendor.spoil(OLD, "sandbox-401")
    vendor.spoil(NEW, "sandbox-401")
    with rig.running_gateway(snapshot(vendor.url, 50), calm=False) as gateway:
        assert set(homes(vendor, gateway.port).values()) == {"other"}
        for secret in (OLD, NEW):
            assert len([one for one in vendor.asked() if one.credential == fingerprint(secret)]) <= 5


def test_what_was_learned_goes_with_the_secret(vendor: SandboxServer) -> None:
    """A new secret that was found bad is bad when it becomes the credential's own, too: it does not begin as unknown."""
    vendor.spoil(NEW, "sandbox-401")
    with rig.running_gateway(snapshot(vendor.url, 100), calm=False) as gateway:
        homes(vendor, gateway.port)
        gateway.apply(snapshot(vendor.url, None, NEW, 2, version=2))
        standing = gateway.worker.memory.standings["slot"]
        assert (standing.life.state, standing.generation) == ("disabled", 2)
        assert not gateway.worker.memory.incoming


def test_a_person_took_it_out(vendor: SandboxServer) -> None:
    """A credential that is switched off serves with neither secret."""
    with rig.running_gateway(snapshot(vendor.url, 50, disabled=True), calm=False) as gateway:
        assert set(homes(vendor, gateway.port).values()) == {"other"}


def test_a_person_says_that_it_works(vendor: SandboxServer) -> None:
    """One that is held in service is not taken out by faults of its own; pauses that a vendor asks for still count."""
    vendor.spoil(OLD, "sandbox-401")
    with rig.running_gateway(snapshot(vendor.url, forced=True), calm=False) as gateway:
        homes(vendor, gateway.port)
        standing = gateway.worker.memory.standings["slot"]
        assert standing.rank == 0
        vendor.spoil(OLD, "sandbox-429")
        with client(gateway.port) as ask:      # other sessions: those that were displaced stay where they moved
            for session in SESSIONS:
                ask(f"{session}-again")
        kit.wait_for(lambda: any(one["event"] == "credential" and one["state"] == "cooling" for one in gateway.all_events()))


def test_streams_go_on_with_the_old_secret(vendor: SandboxServer) -> None:
    """What runs when the new secret takes over runs to its end."""
    with rig.running_gateway(snapshot(vendor.url)) as gateway:
        body = plain.dump(plain.chat("gpt-4o-mini", "say it words:200", stream=True))
        fields = [plain.BEARER, plain.JSON, ("x-sandbox-fault", "sandbox-slow")]
        answers: list[plain.Answer] = []
        thread = kit.in_background(lambda: answers.append(plain.ask(gateway.port, "POST", "/v1/chat/completions", body, fields)))
        kit.wait_for(lambda: any(one.outcome == "open" for one in vendor.asked()) or answers)
        gateway.apply(snapshot(vendor.url, None, NEW, 2, version=2))
        thread.join(30)
        assert answers[0].status == 200
        assert b"[DONE]" in answers[0].body


def test_a_gateway_that_knows_no_second_secret() -> None:
    """What a gateway of an earlier version reads of such a credential is the credential with its own secret."""

    class Before(msgspec.Struct, frozen=True):
        id: str
        vendor: str
        secret: str

    sent = msgspec.msgpack.encode(snapshot("http://x.test", 50).credentials[0])
    assert msgspec.msgpack.decode(sent, type=Before).secret == OLD


def test_no_secret_shows(vendor: SandboxServer) -> None:
    """Neither secret is in what a credential says of itself."""
    shown = repr(snapshot(vendor.url, 50).credentials[0].incoming) + repr(snapshot(vendor.url, 50).credentials[0])
    assert OLD not in shown
    assert NEW not in shown


