"""Gateways serve on while the token that they send is replaced: thousands of requests over four workers, and none fails; one that
is refused is replaced once, and serving goes on by itself."""

import itertools
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections

import rig
from controlkit import ADMIN
from credentials.traffic import Traffic
from gateway import station
from gateway.link.conftest import Joined
from internal.kit import Control, serving
from jobs.harness import until
from sources.sourcekit import client_credentials, made, provider, secret, source
from stationmaster.credentials.models import TokenSource
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.tokens import Provider
from stationmaster.usage.models import Gateway
from stationmaster.workspaces import addresses

pytestmark = pytest.mark.timeout(300)
REQUESTS = 5000


@pytest.fixture
def control(database: str) -> Iterator[Control]:
    """A control plane, which refreshes as it does."""
    with serving() as running:
        yield running
    connections.close_all()


@pytest.fixture
def issuer(control: Control, sandbox: SandboxServer) -> Provider:
    """The issuer of the one credential that there is, whose tokens live for 25 seconds."""
    found = provider(sandbox, lasts=25)
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the sandbox"})
    made(sandbox, client_credentials(sandbox, found))
    until(lambda: source().state == "ok", "the first token")
    routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": "models"}]})
    routing.create_route(ADMIN, {"models": ["*"], "pool": "main"})
    routing.create_key(ADMIN, {"name": "rig", "secret_sha256": rig.sha256(rig.KEY)})
    return found


@pytest.fixture
def gateways(control: Control, issuer: Provider, tmp_path: Path) -> Iterator[list[Joined]]:
    """Two gateways, of two workers each."""
    started = []
    for name in ("gw-a", "gw-b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "token").write_text(control.token + "\n")
        started.append(Joined(folder, station.free_port(), control.url, "--name", name, "--workers", "2"))
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


def test_tokens_are_replaced_under_traffic(issuer: Provider, gateways: list[Joined], sandbox: SandboxServer) -> None:
    """At least 5,000 requests while tokens come and go: no request fails, and each token was asked for once, ahead of its end."""
    assert sum(len(each.workers()) for each in gateways) == 4
    with Traffic([each.port for each in gateways], sandbox, 250.0) as traffic:
        for number in range(500, REQUESTS + 1, 500):
            until(lambda number=number: traffic.answered + len(traffic.failures) >= number, f"{number} requests")  # type: ignore[misc]
        until(lambda: len(issuer.asked()) >= 3, "another token")
    assert traffic.failures == []
    calls = issuer.asked()
    apart = [late.at - early.at for early, late in itertools.pairwise(calls)]
    assert min(apart) >= 19            # four fifths of 25 seconds, and not one more call


def test_a_refused_token_is_replaced_once(issuer: Provider, gateways: list[Joined], sandbox: SandboxServer) -> None:
    """The issuer ends the token early, and requests run into it on four workers all the time: one refresh follows, by what the
    gateways told, and the pool serves again."""
    issuer.lasts = 3600
    until(lambda: len(issuer.given()) == 2 and secret() == issuer.given()[1], "a token of an hour")
    until(lambda: all(each.status() == 200 for each in gateways), "the first answers")
    # A refresh that was a moment ago is not repeated for a refusal: as if it had been a while ago.
    before, refreshed_at = secret(), source().refreshed_at
    assert refreshed_at is not None
    TokenSource.objects.all().observe(refreshed_at=refreshed_at - timedelta(minutes=5))
    issuer.expire()
    with Traffic([each.port for each in gateways], sandbox, 100.0) as traffic:
        until(lambda: secret() != before, "another token")
        answered = traffic.answered
        until(lambda: traffic.answered > answered + 500, "answers")
        late = len(traffic.failures)
        until(lambda: traffic.answered > answered + 1000, "more of them")
    assert len(issuer.asked()) == 3
    assert len(traffic.failures) == late > 0
