"""F9: a route that loses packets after a connection was taken, and nobody says so. A host of its own holds the vendor."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chaos import kit, pools
from chaos.kit import HERE, LONG
from chaos.pools import Member
from cluster.hosts import Hosts, address, allowed, hosts
from gateway import kit as waiting
from gateway import plain, processes, station

NET = "10.213.78"
FAR = address(0, NET)
MANY, CONNECT, ANSWER, IDLE = (200, 5, 10, 15) if LONG else (20, 2, 3, 3)      # seconds
RPS, BEFORE = (200, 20.0) if LONG else (50, 1.0)
READ = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"


@contextmanager
def far_vendor(net: Hosts) -> Iterator[None]:
    """The simulated vendor on the host `far`."""
    process = subprocess.Popen([*net.on("far"), sys.executable, str(HERE / "vendor.py"), "8000", FAR])
    try:
        waiting.wait_for(lambda: ledger(net) is not None)
        net.remember("far")
        yield
    finally:
        process.kill()
        process.wait()


def ledger(net: Hosts) -> dict[str, int] | None:
    """What that one was asked; it is read on its own host, which a cut link does not keep from it. None: it is not up yet."""
    command = [*net.on("far"), sys.executable, "-c", READ, f"http://{FAR}:8000/ledger"]
    done = subprocess.run(command, capture_output=True, check=False)
    return dict(json.loads(done.stdout)) if done.returncode == 0 else None


def held(supervisor: int) -> int:
    """How many sockets towards the far host the gateway's workers have open."""
    mine = f"{''.join(f'{int(part):02X}' for part in reversed(FAR.split('.')))}:"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    far = {row[9] for row in rows if row[2].startswith(mine)}
    return sum(_inode(file) in far for pid in processes.children(supervisor) for file in Path(f"/proc/{pid}/fd").iterdir())


def _inode(file: Path) -> str:
    try:
        return str(file.readlink()).removeprefix("socket:[").rstrip("]")
    except OSError:
        return ""


class Callers:
    """Calls under way, by kind."""

    def __init__(self, port: int, threads: ThreadPoolExecutor) -> None:
        self._port, self._threads = port, threads
        self.under_way: dict[str, list[Future[tuple[plain.Answer, float]]]] = {}

    def begin(self, kind: str, model: str, *, stream: bool = False) -> None:
        """So many at once."""
        self.under_way[kind] = [self._threads.submit(self._ask, model, stream) for _ in range(MANY)]

    def _ask(self, model: str, stream: bool) -> tuple[plain.Answer, float]:
        began = time.monotonic()
        answer = plain.post(self._port, "/v1/chat/completions", plain.chat(model, stream=stream), timeout=120)
        return answer, time.monotonic() - began

    def end(self, kind: str) -> tuple[list[plain.Answer], float]:
        """Their answers, and how long the slowest took."""
        found = [each.result() for each in self.under_way[kind]]
        return [answer for answer, _ in found], max(took for _, took in found)


def beside(gateway: station.Station, seconds: float) -> dict[str, Any]:
    """Calls to somebody else meanwhile."""
    return kit.Load(gateway.port, rps=RPS, seconds=seconds).end()


def where(url: str) -> dict[str, tuple[Member, ...]]:
    """Pools of a far one and a near one; on the far host's port 8001 nobody was ever connected to."""
    near = Member("near", f"{url}/v1", 1)
    far = {"kept": 8000, "stream": 8000, "fresh": 8001}
    pairs = {f"{name}*": (Member(f"far-{name}", f"http://{FAR}:{port}/v1"), near) for name, port in far.items()}
    return {"plain": (near,), **pairs}


DONE = (f"packets lost to a vendor's host with connections open: {MANY} calls over new connections, {MANY} over kept ones, "
        f"{MANY} streams amid; connect {CONNECT} s, answer {ANSWER} s, idle {IDLE} s; {RPS} calls/s elsewhere")  # fmt: skip
REACH = "calls answered by the other credential, streams told, sockets freed 100 %, others' median not slowed by over 5 %"
SETTINGS = f"""\
workers = 1
drain_seconds = 5
connect_timeout_seconds = {CONNECT}
answer_timeout_seconds = {ANSWER}
idle_timeout_seconds = {IDLE}
"""


@pytest.mark.needs("ip")
@pytest.mark.needs("unshare")
@pytest.mark.timeout(600)
def test_a_route_loses_packets() -> None:
    """Packets to a vendor are lost from one moment on. Who had no connection yet, and who was sent over one that stood, is
    answered by the other credential when the time is up; streams are told, and not asked for again; no socket stays open."""
    if not allowed():
        pytest.skip("this user may not make networks")
    with kit.figure("F9", DONE, REACH) as tell, hosts("far", net=NET) as net, far_vendor(net), kit.vendor() as url, \
            pools.running(where(url), SETTINGS) as gateway, ThreadPoolExecutor(4 * MANY) as threads:  # fmt: skip
        callers = Callers(gateway.port, threads)
        callers.begin("warm", "kept-1", stream=True)
        callers.begin("warm too", "stream-1", stream=True)
        assert {each.whole for kind in ("warm", "warm too") for each in callers.end(kind)[0]} == {True}
        callers.begin("stream", "stream-120", stream=True)
        before = beside(gateway, BEFORE)
        net.cut("far")
        callers.begin("kept", "kept")
        callers.begin("fresh", "fresh")
        time.sleep(0.5)
        open_then = held(gateway.process.pid)
        during = beside(gateway, max(CONNECT, ANSWER, IDLE))
        (kept, kept_took), (fresh, fresh_took), (streams, _) = (callers.end(kind) for kind in ("kept", "fresh", "stream"))
        waiting.wait_for(lambda: held(gateway.process.pid) == 0)
        served = sum(each.status == 200 for each in (*kept, *fresh))
        told = sum(b"did not answer in time" in each.body and b"[DONE]" not in each.body for each in streams)
        tell(f"{served} of {2 * MANY} calls answered by the other, the slowest after {kept_took:.1f} s (kept) and "
             f"{fresh_took:.1f} s (new); {told} of {MANY} streams told; {open_then} sockets open, then 0; elsewhere "
             f"{during['ok']:,} of {during['sent']:,} calls, median {before['p50_ms']} then {during['p50_ms']} ms, 99 of 100 in "
             f"{before['p99_ms']} then {during['p99_ms']} ms",
             served == 2 * MANY and told == MANY and during["p50_ms"] <= 1.05 * before["p50_ms"])  # fmt: skip
        assert (served, told, during["ok"]) == (2 * MANY, MANY, during["sent"])
        assert open_then >= 3 * MANY
        far, good = ledger(net), kit.ledger(url)
        assert far is not None
        assert (far["stream"], good.get("stream", 0)) == (3 * MANY, 0), "a stream that had begun is not asked for again"
        assert good["plain"] == before["ok"] + during["ok"] + 2 * MANY
