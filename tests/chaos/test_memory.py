"""F27: workers that may have no more memory, and are asked for more than that."""

import os
import resource
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from chaos import kit
from chaos.kit import LONG
from gateway import kit as waiting
from gateway import plain, processes
from gateway.station import Station

ROUNDS, AT_ONCE = (30, 32) if LONG else (2, 8)
MIB = 1 << 20
BODY = 12 * MIB
ROOM = 24 * MIB          # beyond what a worker has: one or two such bodies
pytestmark = pytest.mark.timeout(600)


def capped(pid: int) -> None:
    """The process gets so much more memory than it has, and no more."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + ROOM
    resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def ask(port: int, said: str) -> str:
    """What came of one call."""
    fields = [plain.BEARER, plain.JSON]
    try:
        return str(plain.ask(port, "POST", "/v1/chat/completions", plain.dump(plain.chat("plain", said)), fields).status)
    except (OSError, HTTPException):
        return "broke off"


def pushed(gateway: Station, threads: ThreadPoolExecutor) -> Counter[str]:
    """Large bodies at once, at workers that have no room for them; what came of each."""
    for pid in gateway.workers():
        capped(pid)
    large = "x" * BODY
    return Counter(threads.map(lambda _: ask(gateway.port, large), range(AT_ONCE)))


def test_workers_without_memory() -> None:
    """Who has no room refuses, or ends and is replaced: two workers serve again each time, and whoever asks then is answered."""
    done = f"{ROUNDS} times {AT_ONCE} bodies of {BODY // MIB} MiB at two workers, each of which may have {ROOM // MIB} MiB more"
    with kit.figure("F27", done, "who dies is replaced; served as before afterwards; nothing half-written") as tell, \
            kit.vendor() as url, kit.gateway(url) as gateway, ThreadPoolExecutor(AT_ONCE) as threads:  # fmt: skip
        seen, ended, good = Counter[str](), 0, Counter[str]()
        for _ in range(ROUNDS):
            before = set(gateway.workers())
            seen += pushed(gateway, threads)
            waiting.wait_for(lambda: serving(gateway) == 2)
            ended += len(before - set(gateway.workers()))
            good += Counter(ask(gateway.port, "hi") for _ in range(20))
        told = ", ".join(f"{number} {name}" for name, number in sorted(seen.items()))
        tell(f"of {seen.total()}: {told}; {ended} workers ended and were replaced; {good['200']} of {good.total()} calls after "
             f"each time answered", good.keys() == {"200"})  # fmt: skip
        assert gateway.process.poll() is None
        assert good.keys() == {"200"}
        assert seen.total() > seen["200"]


def serving(gateway: Station) -> int:
    """How many workers live."""
    return sum(processes.is_alive(pid) for pid in gateway.workers())
