"""F20: thousands need one expired token at once, over four processes."""

import time

import pytest

from chaos import kit
from chaos.kit import LONG
from sources.sourcekit import client_credentials, made, provider, refresh_token, secret
from sources.test_processes import Process
from stationmaster.sandbox.server import SandboxServer

PROCESSES, CALLS, ROUNDS = 4, 5000 if LONG else 1000, 3 if LONG else 1      # calls of all processes together
SLOW = 0.5                                                # seconds that the issuer takes
pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("kind", ["client credentials", "refresh token"])
def test_thousands_on_one_expired_token(database: str, sandbox: SandboxServer, kind: str) -> None:
    """Over four processes the issuer is asked once, though it takes its time, and everybody has the one token."""
    done = f"{CALLS:,} calls, {PROCESSES} processes, one expired token, {ROUNDS} times, slow issuer; {kind}, {database}"
    with kit.figure("F20", done, "1 refresh each time; no refresh token used twice") as tell:
        rounds = [_herd(sandbox, kind, f"models-{number}") for number in range(ROUNDS)]
        asked, got, took = (list(each) for each in zip(*rounds, strict=True))
        tell(f"{asked} refreshes at the issuer; {sum(got):,} of {CALLS * ROUNDS:,} calls have the one token, the last after "
             f"{max(took):.1f} s", set(asked) == {1} and sum(got) == CALLS * ROUNDS)  # fmt: skip
    assert set(asked) == {1}
    assert set(got) == {CALLS}


def _herd(sandbox: SandboxServer, kind: str, name: str) -> tuple[int, int, float]:
    """How often an issuer was asked, how many calls got what it gave, and after how many seconds the last one did."""
    issuer = provider(sandbox)
    given = client_credentials(sandbox, issuer) if kind == "client credentials" else refresh_token(sandbox, issuer)
    row = made(sandbox, given, name)
    issuer.faults.set("slow", on="POST *", seconds=SLOW)
    herd = [Process(row, CALLS // PROCESSES) for _ in range(PROCESSES)]
    began = time.monotonic()
    for each in herd:
        each.release()
    got = [token for each in herd for token in each.told()]
    assert not issuer.revoked      # which it does with a refresh token that comes a second time
    assert [secret(name)] == issuer.given()
    return len(issuer.asked()), got.count(secret(name)), time.monotonic() - began
