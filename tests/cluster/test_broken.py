"""Valkey away, slow, emptied, locked or behind TLS: requests never notice, limits and budgets go on by an even share, and all is
as before when it is back. What the gateway says of it holds no password."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from cluster import kit
from gateway.kit import wait_for
from gateway.station import Station, free_port
from stationmaster.diagnosis.valkey import check
from stationmaster.gateway.server.valkey import look
from stationmaster.sandbox.server import SandboxServer

pytestmark = pytest.mark.needs("redis-server")

PASSWORD = "a-password-of-valkey"


@pytest.fixture
def store() -> Iterator[kit.Store]:
    """A Redis of the test's own."""
    with kit.store() as made:
        yield made


BREAKS: dict[str, tuple[Callable[[kit.Store], None], Callable[[kit.Store], None], str]] = {
    "gone": (kit.Store.kill, kit.Store.start, "nobody answers there"),
    "slow": (kit.Store.freeze, kit.Store.thaw, "does not answer within"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_requests_never_notice(vendor: SandboxServer, store: kit.Store, how: str) -> None:
    """While Valkey is killed or stopped, and when it is back, every request is answered; the gateways say that they are apart, in
    log and metrics, and that they are together again."""
    broken, mended, why = BREAKS[how]
    with kit.gateways(vendor.url, store.url, "a", "b") as gateways:
        ports = [each.port for each in gateways.all.values()]
        with kit.load(ports, kit.OPEN) as load:
            load.wait(100)
            broken(store)
            gateways.agree(0)
            for each in gateways.all.values():
                assert why in each.said("Valkey is lost")
                wait_for(lambda each=each: kit.metric(each, "stationmaster_cluster_connected") == 0)  # type: ignore[misc]
                assert kit.metric(each, "stationmaster_cluster_gateways") == 2
            load.wait(300)
            mended(store)
            gateways.agree(2)
            load.wait(100)
        assert load.counts.keys() == {200}


@pytest.mark.parametrize("how", BREAKS)
def test_limits_are_local_meanwhile(vendor: SandboxServer, store: kit.Store, how: str) -> None:
    """A key that asks two gateways which do not hear of each other gets half of its limit from each."""
    broken, _, _ = BREAKS[how]
    with kit.gateways(vendor.url, store.url, "a", "b", rpm=60) as gateways:
        broken(store)
        gateways.agree(0)
        began = time.monotonic()
        with kit.load([each.port for each in gateways.all.values()], kit.RATED) as load:
            load.wait(3000)
        assert load.counts[200] <= 60 + (time.monotonic() - began) + 3


@pytest.mark.parametrize("how", [*BREAKS, "emptied"])
def test_a_budget_stays_one(vendor: SandboxServer, store: kit.Store, how: str) -> None:
    """Whatever happens to Valkey while a budget is spent, it is not spent twice: cut off, each gateway spends its part of what
    was left; and what an emptied one forgot is there again."""
    budget = 250
    with kit.gateways(vendor.url, store.url, "a", "b", budget=budget / 1000) as gateways:
        ports = [each.port for each in gateways.all.values()]
        with kit.load(ports, kit.POOR, clients=1, tokens=1, pause=0.02) as load:
            wait_for(lambda: load.counts[200] > 100, within=60)
            if how == "emptied":
                for _ in range(4):
                    store.flush()
                    load.wait(30)
            else:
                BREAKS[how][0](store)
                gateways.agree(0)
            wait_for(lambda: load.counts[402] > 100, within=90)
            if how != "emptied":
                BREAKS[how][1](store)
                gateways.agree(2)
            store.flush()
            load.wait(100)
        assert load.counts[200] <= budget * 1.05
        late = gateways.start("late")
        more = sum(kit.asking(late.port, kit.POOR) == 200 for _ in range(60))
        assert load.counts[200] + more <= budget * 1.05
        assert load.counts[200] >= budget * 0.5, "and it is spent"


def kept_of(gateway: Station, key: str) -> set[int]:
    """What of a key others spent, as far as this gateway has written it down."""
    known = json.loads(Path(gateway.folder, "spent.json.cluster").read_text())
    return {spent[key]["total"] for spent in known["spent"].values() if key in spent}


def test_a_restart_without_it(vendor: SandboxServer, store: kit.Store) -> None:
    """A gateway that starts while Valkey is away serves, goes by as many gateways as it knew and by what all had spent, and joins
    when Valkey is there."""
    with kit.gateways(vendor.url, store.url, "a", "b", rpm=60, budget=0.02) as gateways:
        a, b = gateways.all["a"], gateways.all["b"]
        wait_for(lambda: [kit.asking(each.port, kit.POOR) for each in (a, b) for _ in range(4)] == [402] * 8)
        a.end()
        spent = json.loads(Path(a.folder, "spent.json").read_text())["poor"]["total"]
        wait_for(lambda: spent in kept_of(b, "poor"))
        b.end()
        store.kill()
        again = gateways.start("b", hears=False)
        assert "an even share of" in again.said("cluster: no answer from Valkey (nobody answers there)")
        assert kit.asking(again.port, kit.POOR) == 402
        assert kit.asking(again.port, kit.OPEN) == 200
        store.start()
        again.said("gateway(s) share limits")
        assert kit.asking(again.port, kit.POOR) == 402


def test_a_wrong_password(vendor: SandboxServer) -> None:
    """With a password that Valkey does not take the gateway serves, alone, and says why without it; with the right one it
    joins."""
    with kit.store("--requirepass", PASSWORD) as store:
        wrong = store.url.replace("redis://", "valkey://:not-that-one@")
        with kit.gateways(vendor.url, wrong) as gateways:
            alone = gateways.start("a", hears=False)
            said = alone.said("it refuses the user name or password")
            assert kit.asking(alone.port, kit.OPEN) == 200
            assert "not-that-one" not in said
            right = {"STATIONMASTER_VALKEY_URL": store.url.replace("redis://", f"valkey://:{PASSWORD}@")}
            assert PASSWORD not in gateways.start("b", right).err.read_text()


def test_over_tls(vendor: SandboxServer, tmp_path: Path) -> None:
    """valkeys:// speaks TLS, with an authority that the URL names; a certificate of nobody's is refused, and that is said, by
    gateways and by `doctor`."""
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    port = free_port()
    files = {"cert": "chain.pem", "key": "key.pem", "ca-cert": "ca.pem"}
    options = [word for what, name in files.items() for word in (f"--tls-{what}-file", str(tmp_path / name))]
    options += ["--tls-port", str(port), "--tls-auth-clients", "no"]
    with kit.store(*options) as store:
        url = f"valkeys://127.0.0.1:{port}"
        assert store.port != port
        with kit.gateways(vendor.url, url) as gateways:
            gateways.start("a", {"STATIONMASTER_VALKEY_URL": f"{url}?ssl_ca_certs={tmp_path}/ca.pem"})
            distrusts = gateways.start("b", hears=False)
            distrusts.said("no TLS connection is made")
            assert kit.asking(distrusts.port, kit.OPEN) == 200
            assert "no TLS connection is made" in check(look(url)).what


def test_a_url_in_a_file(vendor: SandboxServer, store: kit.Store, tmp_path: Path) -> None:
    """The URL may stand in a file; one that is no Valkey's is refused at the start, and not shown."""
    (tmp_path / "url").write_text(store.url + "\n")
    with kit.gateways(vendor.url, "") as gateways:
        gateways.start("a", {"STATIONMASTER_VALKEY_URL_FILE": str(tmp_path / "url")})
        (tmp_path / "url").write_text("http://secret@example.test")
        with pytest.raises(AssertionError, match="cannot use the URL of Valkey") as refused:
            gateways.start("b", {"STATIONMASTER_VALKEY_URL_FILE": str(tmp_path / "url")})
        assert "secret" not in str(refused.value)


def test_no_worker_loads_its_client(vendor: SandboxServer, store: kit.Store) -> None:
    """Only the supervisor talks to Valkey: no worker has a connection to it, so that no request can wait for one."""
    with kit.gateways(vendor.url, store.url, "a") as gateways:
        gateway = gateways.all["a"]
        assert kit.asking(gateway.port, kit.OPEN) == 200
        maps = [Path(f"/proc/{pid}/net/tcp").exists() and _sockets_to(pid, store.port) for pid in gateway.workers()]
        assert maps == [0] * len(maps)
        assert _sockets_to(gateway.process.pid, store.port) > 0


def _sockets_to(pid: int, port: int) -> int:
    """How many of a process' descriptors are connections to this port."""
    table = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in table if row[2].endswith(f":{port:04X}")}
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    return sum(link == f"socket:[{inode}]" for link in links for inode in inodes)


def test_the_very_first_start_without_it(vendor: SandboxServer, store: kit.Store) -> None:
    """A gateway that never heard of others, since Valkey was away from the first, goes by its part of as many as the URL says
    there are; and by how many there are once it is there."""
    store.kill()
    with kit.gateways(vendor.url, f"{store.url}?gateways=3", rpm=60, budget=0.03) as gateways:
        alone = gateways.start("a", hears=False)
        assert "an even share of 3 gateway(s)" in alone.said("cluster: no answer from Valkey")
        began = time.monotonic()
        served = sum(kit.asking(alone.port, kit.RATED) == 200 for _ in range(60))
        assert 1 <= served <= 20 + (time.monotonic() - began) / 3 + 1
        assert 1 <= sum(kit.asking(alone.port, kit.POOR) == 200 for _ in range(30)) <= 11
        store.start()
        alone.said("1 gateway(s) share limits")


@pytest.mark.parametrize("number", ["0", "-1", "1001", "many", "", "2&gateways=3"])
def test_a_number_that_none_can_be(vendor: SandboxServer, number: str) -> None:
    """How many gateways there are is a number from 1 to 1,000, said once; anything else is refused at the start."""
    with kit.gateways(vendor.url, f"redis://127.0.0.1:1?gateways={number}") as gateways, \
            pytest.raises(AssertionError, match="gateways= is a number from 1 to 1000"):  # fmt: skip
        gateways.start("a")
