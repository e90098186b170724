"""One secret follows another: proved, shared out, promoted, and the one before revoked; or taken back, while both are valid."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlkit import ADMIN, a_credential
from credentials.kit import QUICK, an_organisation, minted, ours, run, run_once, slot, states, told_of
from stationmaster.credentials import hooks, policy
from stationmaster.credentials import services as credentials
from stationmaster.credentials.health import HealthReport, report_health
from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.credentials.records import credentials as records
from stationmaster.errors import Conflict
from stationmaster.jobs import services as jobs
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.usage.models import Gateway

GATEWAY = Actor("gateway", "gwt_1", "gateway")


def rotate(**given: Any) -> str:
    """Begin; its job."""
    return str(credentials.rotate_credential(ADMIN, "slot", given)["id"])


def a_gateway(serves: int, name: str = "gw-1") -> None:
    """One that was heard of just now."""
    now = timezone.now()
    Gateway.objects.update_or_create(name=name, defaults={
        "token": "gwt_1", "version": "0", "revision": serves, "workers": 1, "first_seen": now, "last_seen": now,
    })  # fmt: skip


def test_a_whole_rotation(database: str, sandbox: SandboxServer) -> None:
    """The new key serves, the old one is gone at the vendor and here, and the slot keeps name and place."""
    org = an_organisation(sandbox)
    before = minted(sandbox, org)
    old = dict(records())["slot"].secret
    job = rotate()
    assert run(job)["state"] == "succeeded", told_of(job)
    assert states() == {1: "revoked", 2: "live"}
    assert slot().id == before.id
    assert dict(records())["slot"].secret != old
    live = slot().generations.get(state="live")
    assert ours(org) == [live.name, live.name]
    assert not any(row.secret for row in slot().generations.all()), "a secret is kept that nobody needs"


def test_gateways_are_waited_for(database: str, sandbox: SandboxServer) -> None:
    """No step is taken before every connected gateway goes by the one before; the share grows with each."""
    minted(sandbox, an_organisation(sandbox))
    a_gateway(revision())
    job, seen = rotate(), []
    for _ in range(20):
        if run_once(job) is None:
            break
        record = dict(records())["slot"]
        seen.append((record.generation, record.incoming.share if record.incoming else 0))
        again = run_once(job)
        record = dict(records())["slot"]
        assert again is not None
        assert (record.generation, record.incoming.share if record.incoming else 0) == seen[-1], "it did not wait"
        a_gateway(revision())
    assert seen == [(1, 50), (1, 100), (2, 0)]
    assert states() == {1: "revoked", 2: "live"}


def test_a_gateway_that_is_away_keeps_the_old_key_alive(database: str, sandbox: SandboxServer) -> None:
    """One that was heard of lately and serves from what it kept may still use the old key: it is not revoked."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    a_gateway(revision())
    Gateway.objects.update(last_seen=timezone.now() - QUICK.connected - timedelta(seconds=1))
    policy.use(lambda: replace(QUICK, absent=timedelta(hours=1)))
    job = rotate()
    run_once(job)
    assert states() == {1: "kept", 2: "live"}
    assert "gw-1" in told_of(job)[0][2]
    a_gateway(revision())
    assert run(job)["state"] == "succeeded"
    assert states() == {1: "revoked", 2: "live"}


def test_a_key_that_does_not_work(database: str, sandbox: SandboxServer) -> None:
    """The vendor refuses the new key: it never serves, it is deleted there, and the old one serves on."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    a_gateway(0)
    job = rotate()
    run_once(job)
    assert states() == {1: "live", 2: "probed"}
    credentials.roll_back(ADMIN, "slot", {})
    run(jobs_waiting(job)[0])
    assert states() == {1: "live", 2: "failed"}
    live = slot().generations.get(state="live")
    assert ours(org) == [live.name, live.name]


def jobs_waiting(but: str) -> list[str]:
    """Queued jobs, without one."""
    from stationmaster.jobs.models import QUEUED, Job

    return list(Job.objects.filter(state=QUEUED).exclude(id=but).order_by("id").values_list("id", flat=True))


def test_faults_end_it(database: str, sandbox: SandboxServer) -> None:
    """A gateway takes the new key out of service for a fault of its own: the rotation goes back, and the new key is deleted."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    a_gateway(0)
    job = rotate()
    run_once(job)
    report_health(GATEWAY, [HealthReport("gw-1", "slot", "disabled", "invalid_key", "", 0.0, timezone.now().timestamp(), 2)])
    assert slot().health == "unknown", "what befell the new secret is no news of the credential"
    assert run(job)["state"] == "failed"
    assert states() == {1: "live", 2: "failed"}
    assert slot().incoming == 0
    live = slot().generations.get(state="live")
    assert ours(org) == [live.name, live.name]


def test_going_back(database: str, sandbox: SandboxServer) -> None:
    """While the old key is kept, one call serves with it again, and the newer one is kept in its place."""
    minted(sandbox, an_organisation(sandbox), keep_hours=1)
    old = dict(records())["slot"].secret
    job = rotate()
    run_once(job)
    assert states() == {1: "kept", 2: "live"}
    credentials.roll_back(ADMIN, "slot", {})
    assert states() == {1: "live", 2: "kept"}
    assert dict(records())["slot"].secret == old
    assert run(job)["state"] == "succeeded"


def test_a_pasted_key_follows(database: str, sandbox: SandboxServer) -> None:
    """Where nobody mints, a person brings the next secret; the old one is theirs to revoke, and stays on the list until they
    did."""
    credentials.create_credential(ADMIN, a_credential(
        "slot", vendor="openai_compatible", base_url=f"{sandbox.url}/v1", allow_insecure_http=True, keep_hours=0,
    ))
    with pytest.raises(Conflict) as caught:
        rotate()
    assert caught.value.code == "error.credential.paste_needed"
    job = rotate(secret="local-key-number-two")
    assert run(job)["state"] == "succeeded", told_of(job)
    assert dict(records())["slot"].secret == "local-key-number-two"
    old = CredentialSecret.objects.get(credential__name="slot", number=1)
    assert (old.state, old.cause, bool(old.secret)) == ("kept", "by_hand", False)
    credentials.mark_revoked(ADMIN, "slot", {"generation": 1})
    assert states() == {1: "revoked", 2: "live"}


def test_one_at_a_time(database: str, sandbox: SandboxServer) -> None:
    """While a job rotates it, no other begins."""
    minted(sandbox, an_organisation(sandbox))
    rotate()
    with pytest.raises(Conflict) as caught:
        rotate()
    assert caught.value.code == "error.credential.rotating"


def test_what_a_cancelled_job_left(database: str, sandbox: SandboxServer) -> None:
    """A job is cancelled half-way; the next one goes on with the key that is there, and makes no other."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    a_gateway(0)
    job = rotate()
    run_once(job)
    jobs.cancel(ADMIN, job)
    Gateway.objects.all().delete()
    again = rotate()
    assert run(again)["state"] == "succeeded", told_of(again)
    assert states() == {1: "revoked", 2: "live"}


def test_those_of_a_workspace(database: str, sandbox: SandboxServer) -> None:
    """One job rotates every credential that is minted in a workspace."""
    org = an_organisation(sandbox)
    for name in ("slot-a", "slot-b", "slot-c"):
        minted(sandbox, org, name)
    job = str(credentials.rotate_workspace(ADMIN, org.name, {})["id"])
    assert run(job)["state"] == "succeeded", told_of(job)
    for name in ("slot-a", "slot-b", "slot-c"):
        assert states(name) == {1: "revoked", 2: "live"}


def test_by_schedule(database: str, sandbox: SandboxServer) -> None:
    """What is due is queued, once; what is not, is not."""
    minted(sandbox, an_organisation(sandbox), rotate_days=30)
    assert credentials.tend() == 0
    with change(ADMIN) as edit:
        row = slot()
        with edit.updating(row):
            row.secret_since = timezone.now() - timedelta(days=31)
    assert credentials.tend() == 1
    assert credentials.tend() == 0


def test_who_publishes_hears_of_it(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners are told, inside the change, of each secret that goes live and of each that may not be used any more."""
    heard: list[tuple[str, int]] = []

    def listener(word: str) -> hooks.Listener:
        return lambda edit, row, one: heard.append((word, one.number))

    monkeypatch.setattr(hooks, "_promoted", [listener("live")])
    monkeypatch.setattr(hooks, "_revoked", [listener("gone")])
    minted(sandbox, an_organisation(sandbox))
    run(rotate())
    assert heard == [("live", 1), ("live", 2), ("gone", 1)]


def test_a_slot_with_keys_at_the_vendor_is_not_deleted(database: str, sandbox: SandboxServer) -> None:
    """Deleting it here would leave a key there that nobody knows of."""
    minted(sandbox, an_organisation(sandbox))
    with pytest.raises(Conflict) as caught:
        credentials.delete_credential(ADMIN, "slot")
    assert caught.value.code == "error.credential.keys_left"
    job = credentials.revoke_credential(ADMIN, "slot", {"reason": "over"})["id"]
    run(str(job))
    credentials.delete_credential(ADMIN, "slot")
    assert not Credential.objects.exists()


def test_revoking_at_once(database: str, sandbox: SandboxServer) -> None:
    """In the moment of the call no gateway is told of any of its secrets any more, whatever rotation is under way; then all
    of them are revoked at the vendor, and listeners have withdrawn every copy."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    a_gateway(0)
    rotating = rotate()
    run_once(rotating)
    job = str(credentials.revoke_credential(ADMIN, "slot", {"reason": "it leaked"})["id"])
    record = dict(records())["slot"]
    assert record.disabled
    assert not record.secret
    assert record.incoming is None
    assert jobs.get(ADMIN, rotating)["state"] == "cancelled"
    assert run(job)["state"] == "succeeded", told_of(job)
    assert ours(org) == []
    assert set(states().values()) == {"revoked"}
    again = credentials.mint_credential(ADMIN, "slot", {})["id"]
    assert run(str(again))["state"] == "succeeded"
    assert not dict(records())["slot"].disabled


