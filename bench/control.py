"""`python -m bench.control`: what the control plane costs at size, beside what it may cost. Writes results/control.{json,md}.

    snapshot     10,000 credentials and 50,000 virtual keys compiled, and taken over by a worker
    lists        100,000 virtual keys: pages, search, filter, deep cursor
    plans        10,000 people x 5 workspaces
    SCIM         10,000 users, all of them in one group: what a directory asks
    events       what gateways report, stored with its sums
    changes      a virtual key made and deleted, until both workers of a gateway go by it
    start        `stationmaster up` in an empty data folder until console and gateway answer; memory after that

On SQLite, in a folder of its own. Absolute times: they are this machine's, and say how busy it was.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import control_changes, control_revoke, scim
from bench.control_changes import within
from bench.control_events import events
from bench.control_plan import plans
from bench.machine import free_port
from bench.plan import say
from bench.proc import PAGE, PROC, tree

RESULTS = Path(__file__).resolve().parent / "results"
CREDENTIALS, KEYS, ROWS, POOL, CHANGES = 10_000, 50_000, 100_000, 100, 200
REVOCATIONS = 50
MIB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One figure, and what it may be at most."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its target."""
        return self.target is None or self.value <= self.target


def main() -> int:
    """Measure, write, print; 1 when a figure is beyond its target."""
    parser = argparse.ArgumentParser(prog="python -m bench.control", description="What the control plane costs at size.")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the rows, for a quick look (1)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (bench/results)")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    found = [*_start(), *_changes(asked.scale), *_revocations(asked.scale)]
    with tempfile.TemporaryDirectory() as folder:
        _open(Path(folder))
        found += _snapshot(asked.scale)
        found += _lists(asked.scale)
        found += [Figure(*each) for each in plans(asked.scale)]
        found += [Figure(*each) for each in scim.figures(asked.scale)]
        found += [Figure(*each) for each in events(asked.scale)]
    _write(asked.out, found, asked.scale, load)
    return 0 if all(figure.kept for figure in found) else 1


# The store.


def _open(folder: Path) -> None:
    from stationmaster.settings import Settings
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault.keyring import generate

    configure(StoreConfig(folder, generate()))
    from stationmaster.entrances import live
    from stationmaster.store.migrating import migrate

    migrate()
    live.use(Settings())


def _fill(model: Any, rows: list[Any]) -> None:
    """Save rows as they are. Their events are left out: what is measured does not read them."""
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    with change(SYSTEM) as edit:
        model.objects.bulk_create(rows, batch_size=500)
        edit.saved.clear()
        edit.record(f"bench:{model.KIND}:fill", None, {"rows": len(rows)})


def _keys(first: int, count: int) -> list[Any]:
    import hashlib

    from stationmaster.routing.models import VirtualKey
    from stationmaster.store.keyholder import digests

    made, digest = [], digests()
    for number in range(first, first + count):
        sha256 = hashlib.sha256(b"%d" % number).hexdigest()
        made.append(VirtualKey(name=f"key-{number:06}", owner=f"owner-{number % 997}", tenant=f"team-{number % 31}",
                               key_hash=digest.virtual_key(sha256), key_sha256=sha256))  # fmt: skip
    return made


# Snapshot.


def _snapshot(scale: float) -> Iterator[Figure]:
    from stationmaster.credentials.models import Credential
    from stationmaster.entrances import live
    from stationmaster.entrances.internal.compiler import Compiler
    from stationmaster.gateway.core.records import Records, apply
    from stationmaster.gateway.link.frames import pack, unpack
    from stationmaster.gateway.link.verify import verify
    from stationmaster.routing.models import Pool, PoolMember, VirtualKey

    say("filling the store")
    # An address that is not on the list of private ones: a worker that asks for its models connects to nobody.
    nowhere = "http://127.0.0.1:9"
    credentials = [Credential(name=f"cred-{number:05}", vendor="openai", secret=f"sk-bench-{number:040}", base_url=nowhere)
                   for number in range(int(CREDENTIALS * scale))]  # fmt: skip
    _fill(Credential, credentials)
    pools = [Pool(name=f"pool-{number:03}") for number in range(len(credentials) // POOL)]
    _fill_pools(Pool, PoolMember, pools, credentials)
    _fill(VirtualKey, _keys(0, int(KEYS * scale)))
    compiler = Compiler(live.of_gateways)
    compiled, seconds = _timed(compiler.refresh)
    yield Figure("snapshot compiled, from rows", seconds, "s", 2.0)
    body, packing = _timed(lambda: b"".join(pack(compiled.update(0))))
    yield Figure("… packed for the wire", packing, "s")
    yield Figure("… its size", len(body) / MIB, "MiB")
    _, reading = _timed(lambda: verify(apply(Records(), unpack(body))))
    yield Figure("… unpacked and checked by a gateway", reading, "s")
    yield from _swapped(body)


def _fill_pools(pool: Any, member: Any, pools: list[Any], credentials: list[Any]) -> None:
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    with change(SYSTEM) as edit:
        pool.objects.bulk_create(pools)
        members = [member(pool=each, credential=credentials[at * POOL + place], position=place)
                   for at, each in enumerate(pools) for place in range(POOL)]  # fmt: skip
        member.objects.bulk_create(members, batch_size=500)
        edit.saved.clear()
        edit.record("bench:pool:fill", None, {"rows": len(members)})


def _swapped(body: bytes) -> list[Figure]:
    """Let a worker take the configuration over, in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        command = [sys.executable, "-m", "bench.control_swap", file.name]
        told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [
        Figure("… taken over by a worker, requests in between", told["seconds"], "s"),
        Figure("… longest pause of its requests, by the clock", told["pause"] * 1000, "ms", 10.0),
        Figure("… the same, time on the processor", told["own_pause"] * 1000, "ms", 10.0),
    ]


# Lists.


def _lists(scale: float) -> Iterator[Figure]:
    from stationmaster.routing.models import VirtualKey
    from stationmaster.routing.services import list_keys
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.filters import Filter
    from stationmaster.store.listing import Query

    there = int(KEYS * scale)
    _fill(VirtualKey, _keys(there, int(ROWS * scale) - there))
    deep = ""
    for _ in range(20):
        deep = list_keys(SYSTEM, Query(sort="name", cursor=deep, limit=500)).next or deep
    asked = {
        "first page": Query(), "by name": Query(sort="name"), "by owner": Query(sort="-owner"),
        "search": Query(search="key-0420"), "search, no hit": Query(search="nobody"),
        "filter": Query(filters=(Filter("tenant", "eq", "team-7"),)), "after 10,000": Query(sort="name", cursor=deep),
    }  # fmt: skip
    for name, query in asked.items():
        times = sorted(_timed(lambda query=query: list_keys(SYSTEM, query))[1] for _ in range(5))  # type: ignore[misc]
        yield Figure(f"list of {int(ROWS * scale):,} keys, {name}, slowest of five", times[-1] * 1000, "ms", 300.0)


# Start.


def _start() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        gateway, console = free_port(), free_port()
        words = ["up", "--data", folder, "--port", str(gateway), "--console-port", str(console), "--metrics-port", "0"]
        with _running(words) as (process, began):
            _until_answers(process, f"http://127.0.0.1:{console}/healthz")
            _until_answers(process, f"http://127.0.0.1:{gateway}/healthz")
            yield Figure("`stationmaster up` serves, first start", time.perf_counter() - began, "s", 5.0)
            time.sleep(3)
            for pid in tree(process.pid):
                if b"planes.control" in (PROC / str(pid) / "cmdline").read_bytes():
                    pages = int((PROC / str(pid) / "statm").read_text().split()[1])
                    yield Figure("resident memory of control, idle", pages * PAGE / MIB, "MiB", 250.0)
        with _running(words) as (process, began):
            _until_answers(process, f"http://127.0.0.1:{console}/healthz")
            _until_answers(process, f"http://127.0.0.1:{gateway}/healthz")
            yield Figure("`stationmaster up` serves, started again", time.perf_counter() - began, "s", 5.0)


@contextmanager
def _running(words: list[str], more: Mapping[str, str] | None = None) -> Iterator[tuple["subprocess.Popen[bytes]", float]]:
    began = time.perf_counter()
    command = [sys.executable, "-m", "stationmaster", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               env={**os.environ, **(more or {})})  # fmt: skip
    try:
        yield process, began
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_answers(process: "subprocess.Popen[bytes]", url: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with opener.open(url, timeout=2):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"bench: nobody answers at {url}")


# Changes.


def _changes(scale: float) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        gateway, console = free_port(), free_port()
        words = ["up", "--data", folder, "--port", str(gateway), "--console-port", str(console), "--metrics-port", "0"]
        with _running(words, control_changes.ENVIRONMENT) as (process, _):
            _until_answers(process, f"http://127.0.0.1:{console}/healthz")
            _until_answers(process, f"http://127.0.0.1:{gateway}/healthz")
            times = control_changes.seconds_until_known(folder, gateway, console, max(int(CHANGES * scale), 2))
    yield Figure(f"a change until every worker goes by it, median of {len(times)}", within(times, 0.5), "s")
    yield Figure("… 99 in 100", within(times, 0.99), "s", 1.0)


def _revocations(scale: float) -> Iterator[Figure]:
    from stationmaster.sandbox.server import SandboxServer

    with tempfile.TemporaryDirectory() as folder, SandboxServer() as vendor:
        gateway, console = free_port(), free_port()
        words = ["up", "--data", folder, "--port", str(gateway), "--console-port", str(console), "--metrics-port", "0"]
        with _running(words, control_changes.ENVIRONMENT) as (process, _):
            _until_answers(process, f"http://127.0.0.1:{console}/healthz")
            _until_answers(process, f"http://127.0.0.1:{gateway}/healthz")
            rounds = max(int(REVOCATIONS * scale), 2)
            times = control_revoke.seconds_until_unused(folder, gateway, console, vendor.url, rounds)
    yield Figure(f"a leaked credential until no worker uses it, median of {len(times)}", within(times, 0.5), "s")
    yield Figure("… the longest", times[-1], "s", 1.0)


# Writing.


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    made = work()
    return made, time.perf_counter() - began


def _write(folder: Path, found: list[Figure], scale: float, load: float) -> None:
    about = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "cores": len(os.sched_getaffinity(0)), "scale": scale,
             "load_before": round(load, 2), "python": platform.python_version(), "database": "sqlite"}  # fmt: skip
    lines = [f"| {each.name} | {each.value:.3g} {each.unit} | {_target(each)} |" for each in found]
    page = "\n".join(["# What the control plane costs", "",
                      ", ".join(f"{name} {value}" for name, value in about.items()), "",
                      "| what | here | target |", "|---|---|---|", *lines, ""])  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"about": about, "figures": [{**asdict(each), "kept": each.kept} for each in found]}
    (folder / "control.json").write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    (folder / "control.md").write_text(page)
    sys.stdout.write(page)


def _target(figure: Figure) -> str:
    return "" if figure.target is None else f"≤ {figure.target:g} {figure.unit}{'' if figure.kept else ', missed'}"


if __name__ == "__main__":
    sys.exit(main())
