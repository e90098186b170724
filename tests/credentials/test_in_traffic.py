"""Keys are rotated under traffic, and the job's worker is killed (kill -9) at each step in turn: no request fails, sessions
move only away from the rotated key, and the vendor is left with no key that nobody holds.

Real gateways, joined to a real control plane; the short form kills a few times, `make chaos` goes on for a minute at 200 requests
a second, `SOAK=1` for ten.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

import rig
from chaos import kit
from chaos.kit import LONG
from controlkit import ADMIN
from credentials.kit import an_organisation, minted, ours, slot
from credentials.traffic import Traffic
from gateway import station
from gateway.link.conftest import Joined
from internal.kit import Control, serving
from jobs.harness import WorkerProcess, ended, until
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import OVER, CredentialSecret
from stationmaster.jobs.models import QUEUED, RUNNING, Job
from stationmaster.routing import services as routing
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer
from stationmaster.usage.models import Gateway
from stationmaster.workspaces import addresses

SOAK = bool(os.environ.get("SOAK"))
SECONDS = float(os.environ.get("SOAK_SECONDS", "600")) if SOAK else 60.0 if LONG else 0.0
RATE = 200.0 if SOAK or LONG else 60.0
MODULES = ("credentials.workerside",)
MAKING, DELETING = "POST *service_accounts*", "DELETE *service_accounts*"
pytestmark = pytest.mark.timeout(SECONDS + 300)


@pytest.fixture
def control(database: str) -> Iterator[Control]:
    """A control plane."""
    with serving() as running:
        yield running


@pytest.fixture
def gateways(control: Control, sandbox: SandboxServer, tmp_path: Path) -> Iterator[list[Joined]]:
    """Two gateways that serve a pool of two credentials: `slot`, whose key the vendor made, and `still`."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the sandbox"})
    org = an_organisation(sandbox)
    minted(sandbox, org)
    credentials.create_credential(ADMIN, {
        "name": "still", "vendor": "openai", "secret": "sk-proj-that-stays", "base_url": f"{sandbox.url}/v1",
        "allow_insecure_http": True,
    })  # fmt: skip
    routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": "slot"}, {"credential": "still"}]})
    routing.create_route(ADMIN, {"models": ["*"], "pool": "main"})
    routing.create_key(ADMIN, {"name": "rig", "secret_sha256": rig.sha256(rig.KEY)})
    started = []
    for name in ("gw-a", "gw-b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "token").write_text(control.token + "\n")
        started.append(Joined(folder, station.free_port(), control.url, "--name", name))
    try:
        for each in started:
            each.wait_ready()
        until(lambda: Gateway.objects.filter(revision__gt=0).count() == 2, "both gateways")
        yield started
    finally:
        for each in started:
            each.process.send_signal(signal.SIGTERM)
        for each in started:
            each.process.kill()
            each.process.wait()


def newest() -> tuple[int, str, int]:
    """Number and state of the newest generation, and its share."""
    row = CredentialSecret.objects.filter(credential__name="slot").order_by("-number").first()
    return (row.number, row.state, slot().share) if row is not None else (0, "", 0)


def old_state() -> str:
    """The state of the one before the newest that was live."""
    rows = CredentialSecret.objects.filter(credential__name="slot", state__in=("draining", "kept"))
    return str(rows.order_by("-number").values_list("state", flat=True).first() or "")


def moments(org: Organisation) -> list[tuple[str, Callable[[], bool]]]:
    """When to kill: each step of a rotation, and in the two that write at the vendor while its answer is on its way."""
    return [
        ("minting", lambda: bool(org.faults.held)),
        ("probed", lambda: newest()[1] == "probed"),
        ("revoking", lambda: bool(org.faults.held)),
        ("shared", lambda: newest()[1:] == ("probed", 100)),
        ("draining", lambda: old_state() == "draining"),
        ("minted", lambda: newest()[1] in ("minted", "probed")),
        ("half", lambda: newest()[1:] == ("probed", 50)),
        ("live", lambda: newest()[1] == "live"),
    ]


class Rotations:
    """One rotation after the other, each killed at a step."""

    def __init__(self, org: Organisation) -> None:
        self._org = org
        self._worker: WorkerProcess | None = None
        self.kills: list[str] = []
        self.most = 0      # keys of ours that were valid at once

    def one(self, name: str, reached: Callable[[], bool]) -> None:
        """Begin one, kill its worker when `reached`, and have another finish it."""
        held = {"minting": MAKING, "revoking": DELETING}.get(name)
        if held:
            self._org.faults.set("hold-after", on=held, times=1)
        job = str(credentials.rotate_credential(ADMIN, "slot", {})["id"])
        self._work()
        until(lambda: self._look() and (reached() or ended(job)), name)
        if not ended(job):
            self.kills.append(name)
            self._stop()
        self._org.faults.clear()
        self._org.release()
        self._work()
        until(lambda: self._look() and ended(job), f"the rotation that was killed when {name}")
        assert Job.objects.get(id=job).state == "succeeded", Job.objects.filter(id=job).values()

    def _look(self) -> bool:
        with self._org.lock:
            self.most = max(self.most, sum(name.startswith("stationmaster ") for name in ours(self._org)) // 2)
        return True

    def _work(self) -> None:
        if self._worker is None:
            self._worker = WorkerProcess(MODULES).wait_ready()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def close(self) -> None:
        """No worker is left."""
        self._stop()
        connections.close_all()


def test_rotation_in_traffic(gateways: list[Joined], sandbox: SandboxServer, database: str) -> None:
    """0 failed requests, 0 orphans at the vendor, at most two valid keys at a time; sessions of the other credential never move,
    those of the rotated one go over to each new key once and never back."""
    org = sandbox.admin.find("openai", credentials.get_credential(ADMIN, "slot")["organisation"])
    before = fingerprint("sk-proj-that-stays")
    rotations, until_ = Rotations(org), time.monotonic() + SECONDS
    steps = moments(org)
    few = steps[:3:2] if database == "sqlite" else steps[3:5]      # CI: the two that write, two between
    first = steps if SOAK or LONG else few
    done = f"a key rotated on and on for {SECONDS:g} s, its worker killed at each step in turn; {RATE:g} calls/s; {database}"
    with kit.figure("F21", done, "0 failed calls, at most 2 valid keys, none that nobody holds") as tell:
        with Traffic([each.port for each in gateways], sandbox, RATE) as traffic:
            try:
                while True:
                    for name, reached in first:
                        rotations.one(name, reached)
                    if time.monotonic() >= until_:
                        break
            finally:
                rotations.close()
        live = slot().generations.exclude(state__in=OVER)
        orphans = set(ours(org)) - {each.name for each in live}
        tell(f"{len(traffic.failures)} of {traffic.answered + len(traffic.failures):,} calls failed; {len(rotations.kills)} "
             f"workers killed; {rotations.most} valid keys at most, {len(orphans)} that nobody holds",
             not (traffic.failures or orphans) and rotations.most <= 2)  # fmt: skip
    assert traffic.failures == []
    assert traffic.answered > 100
    assert [row.state for row in live] == ["live"]
    assert ours(org) == [live[0].name] * 2, "the vendor has a key that nobody holds"
    assert rotations.most <= 2
    assert rotations.kills
    _sessions_moved_rightly(traffic, before)
    assert not Job.objects.filter(state__in=(QUEUED, RUNNING)).exists()


def _sessions_moved_rightly(traffic: Traffic, other: str) -> None:
    for session, who in traffic.served.items():
        if other in who:
            assert set(who) == {other}, f"{session} moved, and was never the rotated key's"
            continue
        runs = [key for at, key in enumerate(who) if at == 0 or who[at - 1] != key]
        # Two gateways hear of a change a moment apart: in between, a session may meet both secrets.
        assert len(set(runs)) >= 1
        order = list(dict.fromkeys(runs))
        for at in range(len(order) - 2):
            last = len(runs) - 1 - runs[::-1].index(order[at])
            assert last < runs.index(order[at + 2]), f"{session} went back to a key from before the last"
    assert len(traffic.served) > 10
