"""One refresh among processes: many that look for what is due, and one that is killed (kill -9) while it refreshes. (Thousands
that need one expired token: `chaos/store/test_refreshes.py`.)"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from databases import RING
from jobs.harness import until
from sources.sourcekit import made, provider, refresh_token, secret, source
from stationmaster.credentials.models import TokenSource
from stationmaster.credentials.sources import leasing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vault import keyring

HERE = Path(__file__).parent
pytestmark = pytest.mark.timeout(180)


class Process:
    """One of the herd, ready and not yet released."""

    def __init__(self, row: TokenSource, calls: int, mode: str = "need") -> None:
        data = Path(settings.STATIONMASTER_DATA)
        if not (data / "master.keys").exists():
            keyring.write(RING, data / "master.keys")
        command = [sys.executable, "-m", "sources.herd", str(data), row.id, str(calls), mode]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()[1]

    def release(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def told(self) -> list[str]:
        """What it got, once it has ended."""
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err[-2000:]
        return out.split()

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self.process.kill()
        self.process.communicate()


def test_processes_that_look_for_what_is_due(database: str, sandbox: SandboxServer) -> None:
    """Four processes look again and again: each of twenty sources is refreshed once."""
    issuers = [provider(sandbox) for _ in range(20)]
    for number, issuer in enumerate(issuers):
        made(sandbox, refresh_token(sandbox, issuer), f"models-{number}")
    herd = [Process(source("models-0"), 30, "due") for _ in range(4)]
    for each in herd:
        each.release()
    assert sum(int(done) for each in herd for done in each.told()) == 20
    assert [len(issuer.asked()) for issuer in issuers] == [1] * 20


def test_the_winner_is_killed(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the issuer holds its answer: nobody asks again before its lease is over. Then the refresh token is tried once
    more, which this issuer refuses, since it was used: people are asked, and nothing is sent after that."""
    from datetime import timedelta

    from stationmaster.credentials.sources import clock, refreshing

    issuer = provider(sandbox)
    row = made(sandbox, refresh_token(sandbox, issuer))
    issuer.faults.set("hold-after", on="POST *", times=1)
    winner = Process(row, 1, "due")
    winner.release()
    until(lambda: bool(issuer.faults.held), "the call at the issuer")
    winner.kill()
    issuer.faults.release()
    assert refreshing.refresh_due() == 0
    assert [each.used for each in issuer.asked()] == [1]
    after = clock.now() + leasing.HELD + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: after)
    assert refreshing.refresh_due() == 1
    assert source().state == "needs_you"
    monkeypatch.setattr(clock, "now", lambda: after + timedelta(days=1))
    assert refreshing.refresh_due() == 0
    assert [each.used for each in issuer.asked()] == [1, 1]


def test_a_winner_killed_before_it_asked(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the issuer did anything: the one try that follows brings the secret."""
    from datetime import timedelta

    from stationmaster.credentials.sources import clock, refreshing

    issuer = provider(sandbox)
    row = made(sandbox, refresh_token(sandbox, issuer))
    issuer.faults.set("hold", on="POST *", times=1)
    winner = Process(row, 1, "due")
    winner.release()
    until(lambda: bool(issuer.faults.held), "the call at the issuer")
    winner.kill()
    until(lambda: not issuer.faults.held, "the issuer to notice")
    after = clock.now() + leasing.HELD + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: after)
    assert refreshing.refresh_due() == 1
    assert source().state == "ok"
    assert secret() == issuer.given()[-1]
    assert not issuer.revoked
