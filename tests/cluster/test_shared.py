"""Several gateways over one Redis: limits, budgets and moved sessions are those of all together (docs/reference/limits.md states
by how much they can be exceeded)."""

import time
from collections.abc import Iterator

import pytest

from cluster import kit
from gateway.kit import wait_for
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

pytestmark = pytest.mark.needs("redis-server")

RPM, WORKERS = 60, 2


@pytest.fixture
def store() -> Iterator[kit.Store]:
    """A Redis of the test's own."""
    with kit.store() as made:
        yield made


@pytest.mark.parametrize("number", [2, 3])
def test_a_limit_is_one_limit(vendor: SandboxServer, store: kit.Store, number: int) -> None:
    """A key asks all gateways as fast as it can: together they let a full minute's worth in and what fills up meanwhile, and one
    more call for each further worker; and they do not keep it from what is its own."""
    with kit.gateways(vendor.url, store.url, *"abc"[:number], rpm=RPM, workers=WORKERS) as gateways:
        began = time.monotonic()
        with kit.load([each.port for each in gateways.all.values()], kit.RATED) as load:
            load.wait(3000)
        filled = (time.monotonic() - began) * RPM / 60
    assert load.counts.keys() == {200, 429}
    assert load.counts[200] <= RPM + filled + number * WORKERS - 1
    assert load.counts[200] >= RPM - number * WORKERS


def test_a_limit_follows_its_callers(vendor: SandboxServer, store: kit.Store) -> None:
    """A key that asks one gateway alone gets most of its limit there."""
    with kit.gateways(vendor.url, store.url, "a", "b", rpm=1200) as gateways:
        with kit.load([gateways.all["a"].port], kit.RATED, clients=1) as load:
            wait_for(lambda: load.counts[200] > 0.75 * 1200, within=90)
        assert kit.asking(gateways.all["b"].port, kit.RATED) == 200, "the others keep a part"


def test_a_budget_is_one_budget(vendor: SandboxServer, store: kit.Store) -> None:
    """Three gateways spend one budget: no more than it holds, but for what two workers of one gateway spend before they hear of
    each other; and no gateway that begins later finds any of it left."""
    budget = 300
    with kit.gateways(vendor.url, store.url, *"abc", budget=budget / 1000, workers=WORKERS) as gateways:
        with kit.load([each.port for each in gateways.all.values()], kit.POOR, clients=1, tokens=1, pause=0.02) as load:
            wait_for(lambda: load.counts[200] >= budget * 0.8, within=90)
            load.wait(200)
        wait_for(lambda: kit.spent(*gateways.all.values()) == load.counts[200] * kit.TOKEN)
        late = gateways.start("late")
        more = sum(kit.asking(late.port, kit.POOR) == 200 for _ in range(100))
        assert load.counts[200] + more <= budget * 1.05, "what is left is what all left"


def test_a_moved_session_stays_moved(vendor: SandboxServer, store: kit.Store) -> None:
    """Sessions that left a credential at one gateway are served by the other credential at the other gateway too, although that
    never saw the first one fail; and at one that begins later."""
    sessions = [f"moved-{at}" for at in range(8)]

    def home(gateway: str, session: str) -> str:
        vendor.forget()
        port = gateways.all[gateway].port
        assert kit.asking(port, kit.OPEN, ("x-stationmaster-session", session), ("x-sandbox-nonce", session)) == 200
        return [entry.credential for entry in vendor.asked() if entry.nonce == session and not entry.fault][-1]

    one = fingerprint(kit.SECRETS["SECRET_ONE"])
    with kit.gateways(vendor.url, store.url, "a", "b", workers=1) as gateways:
        displaced = [session for session in sessions if home("b", session) == one]
        assert displaced, "the ring gives the first credential some of them"
        vendor.spoil(kit.SECRETS["SECRET_ONE"], "sandbox-503")
        try:
            assert {home("a", session) for session in displaced} != {one}
        finally:
            vendor.mend(kit.SECRETS["SECRET_ONE"])
        wait_for(lambda: all(home("b", session) != one for session in displaced))
        gateways.start("late")
        wait_for(lambda: all(home("late", session) != one for session in displaced))
        assert {home("b", f"new-{at}") for at in range(20)} >= {one}, "there is nothing wrong with it"


def test_a_gateway_that_joins_and_leaves(vendor: SandboxServer, store: kit.Store) -> None:
    """A gateway that begins later is counted by all, one that ends is not any more, and one that is killed is not after a
    moment."""
    with kit.gateways(vendor.url, store.url, "a", "b") as gateways:
        gateways.start("late")
        gateways.agree(3)
        assert kit.metric(gateways.all["a"], "stationmaster_cluster_gateways") == 3
        gateways.all.pop("late").end()
        gateways.agree(2)
        killed = gateways.all.pop("b")
        killed.process.kill()
        killed.process.wait()
        gateways.agree(1)
        gateways.start("b")
        gateways.agree(2)
