"""Several gateways and the Redis that they share, as processes on private ports."""

import collections
import contextlib
import json
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rig
from gateway import kit, plain, station
from gateway.station import Station

RATED, POOR, OPEN = "sm-a-rated-key", "sm-a-poor-key", "sm-an-open-key"
SECRETS = {"SECRET_ONE": "cluster-one-secret", "SECRET_TWO": "cluster-two-secret"}
TOKEN = 10**6              # nanodollars for a token of output: a thousand dollars a million

CONFIG = """\
[gateway]
port = {port}
workers = {workers}
metrics_port = {metrics}
default_pool = "all"
drain_seconds = 1
state_file = "spent.json"
health_check_enabled = false

[[credential]]
id = "one"
vendor = "openai"
base_url = "{url}/v1"
secret = "env:SECRET_ONE"
prices = {{ "*" = {{ input = 0, output = 1000 }} }}

[[credential]]
id = "two"
vendor = "openai"
base_url = "{url}/v1"
secret = "env:SECRET_TWO"
prices = {{ "*" = {{ input = 0, output = 1000 }} }}

[[pool]]
id = "all"
members = [{{ credential = "one" }}, {{ credential = "two" }}]

[[route]]
models = ["*"]
pool = "all"

[[key]]
id = "open"
secret_sha256 = "{open}"

[[key]]
id = "rated"
secret_sha256 = "{rated}"
rpm = {rpm}

[[key]]
id = "poor"
secret_sha256 = "{poor}"
budget = {{ total_usd = {budget} }}
"""


class Store:
    """A Redis of its own. `options` go on its command line; `at` is the address it listens on."""

    def __init__(self, folder: Path, *options: str, at: str = "127.0.0.1", port: int = 0) -> None:
        self.folder, self.at, self.port, self._options = folder, at, port or station.free_port(), options
        self.url = f"redis://{at}:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        command = ["redis-server", "--port", str(self.port), "--bind", self.at, "--save", "", "--appendonly", "no",
                   "--dir", str(self.folder), *self._options]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        kit.wait_for(lambda: b"Ready to accept" in (self.folder / "redis.log").read_bytes())

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Keep its connections, and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self.process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        with socket.create_connection((self.at, self.port), 10) as line:
            line.sendall(b"FLUSHALL\r\n")
            assert line.recv(16) == b"+OK\r\n"


@contextmanager
def store(*options: str) -> Iterator[Store]:
    """A Redis for the length of a with block."""
    with tempfile.TemporaryDirectory() as folder:
        made = Store(Path(folder), *options)
        try:
            yield made
        finally:
            made.thaw()
            made.kill()


class Gateways:
    """Any number of gateways that share `valkey`. Each has a folder of its own, which stays when it ends."""

    def __init__(self, folder: Path, vendor: str, valkey: str, *, rpm: int = 60, budget: float = 1.0, workers: int = 2) -> None:
        self._folder, self._vendor, self._valkey = folder, vendor, valkey
        self._figures = {"rpm": rpm, "budget": budget, "workers": workers}
        self.all: dict[str, Station] = {}

    def start(self, name: str, environ: Mapping[str, str] | None = None, *, hears: bool = True) -> Station:
        """Start one, or start one again; with `hears`, wait until it hears the others."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        port, digests = station.free_port(), {"open": OPEN, "rated": RATED, "poor": POOR}
        (folder / "gateway.toml").write_text(CONFIG.format(
            port=port, metrics=station.free_port(), url=self._vendor, **self._figures,
            **{name: rig.sha256(key) for name, key in digests.items()},
        ))
        shared = {"STATIONMASTER_VALKEY_URL": self._valkey, **SECRETS, **(environ or {})}
        started = self.all[name] = Station(folder, port, shared, "--events", "events.jsonl")
        started.wait_ready()
        if hears:
            started.said("share limits and budgets")
        return started

    def agree(self, number: int) -> None:
        """Wait until each counts so many."""
        for each in self.all.values():
            kit.wait_for(lambda each=each: last_of(each) == number)  # type: ignore[misc]

    def end(self) -> None:
        """End all."""
        for each in self.all.values():
            each.end()


def last_of(gateway: Station) -> int:
    """How many gateways it last said there are; 0 when it says that it hears none."""
    told = [line for line in gateway.err.read_text().splitlines() if "cluster: " in line]
    return int(told[-1].split("cluster: ")[1].split()[0]) if told and "share limits" in told[-1] else 0


@contextmanager
def gateways(vendor: str, valkey: str, *names: str, rpm: int = 60, budget: float = 1.0, workers: int = 2) -> Iterator[Gateways]:
    """Gateways of these names for the length of a with block, which all know of each other."""
    with tempfile.TemporaryDirectory() as folder:
        made = Gateways(Path(folder), vendor, valkey, rpm=rpm, budget=budget, workers=workers)
        try:
            for name in names:
                made.start(name)
            made.agree(len(names))
            yield made
        finally:
            made.end()


class Load:
    """Clients that ask on and on, some for each port, each over connections of its own. `counts`: how often each status came;
    None is a call that got no answer."""

    def __init__(self, ports: list[int], key: str, *, clients: int = 2, said: str = "say OK", tokens: int = 0,
                 pause: float = 0.005) -> None:
        self.counts: collections.Counter[int | None] = collections.Counter()
        self.fields = [("authorization", f"Bearer {key}"), plain.JSON]
        value = plain.chat(said=said)
        self._body = plain.dump(value | {"max_tokens": tokens} if tokens else value)
        self._ending, self._pause = threading.Event(), pause
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for port in ports for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, port: int) -> None:
        while not self._ending.wait(self._pause):
            try:
                answer = plain.ask(port, "POST", "/v1/chat/completions", self._body, self.fields)
                self.counts[answer.status] += 1
            except OSError:
                self.counts[None] += 1

    def wait(self, calls: int) -> None:
        """Wait until so many more were answered."""
        until = self.counts.total() + calls
        kit.wait_for(lambda: self.counts.total() >= until, within=60)

    def end(self) -> None:
        """Ask no more."""
        self._ending.set()
        for thread in self._threads:
            thread.join(60)


@contextmanager
def load(ports: list[int], key: str, **more: Any) -> Iterator[Load]:
    """Clients for the length of a with block."""
    made = Load(ports, key, **more)
    try:
        yield made
    finally:
        made.end()


def spent(*stations: Station) -> int:
    """Nanodollars that the poor key's calls cost, by their events."""
    total = 0
    for each in stations:
        for line in each.events.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                total += (event.get("cost") or 0) if event.get("key") == "poor" else 0
    return total


def kept(station: Station) -> int:
    """The same by its state file."""
    found = json.loads((station.folder / "spent.json").read_text())
    return int(found.get("poor", {}).get("total", 0))


def metric(gateway: Station, name: str) -> float:
    """A gauge without labels of its metrics page."""
    port = int(gateway.config.read_text().split("metrics_port = ")[1].split()[0])
    page = plain.ask(port, "GET", "/metrics").body.decode()
    return float(next(line.split()[1] for line in page.splitlines() if line.startswith(f"{name} ")))


def asking(port: int, key: str, *fields: tuple[str, str]) -> int:
    """The status that one call with `key` gets, of one token."""
    given = [("authorization", f"Bearer {key}"), plain.JSON, *fields]
    return plain.ask(port, "POST", "/v1/chat/completions", plain.dump(plain.chat(max_tokens=1)), given).status

