"""Gateway and simulated vendors as a user starts them: two processes, a config file, an event log."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from stationmaster.gateway.config import NewKey, new_key

VENDORS = ("openai", "anthropic", "gemini", "bedrock", "vertex")
SECRETS = {vendor: f"secret-of-{vendor}-that-clients-never-see" for vendor in VENDORS}
PLACE = "/v1/projects/acme/locations/europe-west1"
T = TypeVar("T")
SLOW = 60.0  # seconds that a start or an event may take on a busy machine

_CONFIG = """\
[gateway]
port = {port}
default_pool = "openai"
drain_seconds = 1
"""
_CREDENTIAL = """
[[credential]]
id = "{vendor}"
vendor = "{vendor}"
base_url = "{base}"
secret = "env:SECRET_{vendor}"
"""
_POOL = """
[[pool]]
id = "{vendor}"
members = {members}

[[route]]
models = {models}
pool = "{vendor}"
"""
_MODELS = {"anthropic": ["claude-*"], "gemini": ["gemini-*"], "bedrock": ["*.anthropic.*"], "openai": ["*"]}
_BESIDE = {"anthropic": ("vertex",)}     # who serves the same models in another dialect


class Entry:
    """One request as a vendor saw it: the sandbox's ledger entry."""

    def __init__(self, plain: dict[str, Any]) -> None:
        self.method: str = plain["method"]
        self.path: str = plain["path"]
        self.credential: str = plain["credential"]
        self.nonce: str = plain["nonce"]
        self.body_length: int = plain["body_length"]
        self.headers: dict[str, str] = {name.lower(): value for name, value in plain["headers"]}


class Station:
    """The two, running. Each client has a virtual key of its own, whose id is the client's."""

    def __init__(self, folder: Path, clients: list[str]) -> None:
        self.folder = folder
        self.keys: dict[str, NewKey] = {client: new_key(client) for client in clients}
        self.sandbox_url = self.url = ""
        self._events = folder / "events.jsonl"
        self._since = 0.0
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both and wait until they serve."""
        self._spawn("sandbox", "--port", "0")
        self.sandbox_url = _wait("the sandbox", self._sandbox_address)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = self.folder / "gateway.toml"
        config.write_text(self._config(port))
        self._spawn("gateway", "--config", str(config), "--events", str(self._events))
        try:
            _wait("the gateway", self._is_ready)
        except AssertionError as error:
            error.add_note((self.folder / "gateway.log").read_text()[-2000:])
            raise

    def close(self) -> None:
        """End both and wait for them."""
        for child in reversed(self._children):
            child.terminate()
        for child in self._children:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def forget(self) -> None:
        """Empty the ledger, and let `events` begin here."""
        httpx2.delete(f"{self.sandbox_url}/sandbox/ledger")
        self._since = time.time()

    def ledger(self) -> list[Entry]:
        """What the vendors were asked by clients, oldest first; the gateway's own look at model lists left out."""
        entries = httpx2.get(f"{self.sandbox_url}/sandbox/ledger", timeout=SLOW).json()
        return [Entry(plain) for plain in entries if plain["method"] == "POST"]

    def events(self, client: str, count: int) -> list[dict[str, Any]]:
        """The events of a client's calls in the order of their beginning, once there are `count` at least."""

        def written() -> list[dict[str, Any]]:
            lines = self._events.read_text().splitlines(keepends=True)
            events = [json.loads(line) for line in lines if line.endswith("\n")]     # the last may be under way
            own = [event for event in events if event.get("key") == client and event["time"] >= self._since]
            return own if len(own) >= count else []

        return sorted(_wait(f"{count} events of {client}", written), key=lambda event: float(event["time"]))

    def spoken(self) -> str:
        """Everything that gateway and sandbox wrote down or would show: logs, events, ledger."""
        kept = "".join(path.read_text() for path in (*self.folder.glob("*.log"), self._events))
        return kept + httpx2.get(f"{self.sandbox_url}/sandbox/ledger", timeout=SLOW).text

    def _config(self, port: int) -> str:
        tails = {"openai": "/v1", "vertex": PLACE}
        credentials = [_CREDENTIAL.format(vendor=vendor, base=self.sandbox_url + tails.get(vendor, "")) for vendor in VENDORS]
        pools = [
            _POOL.format(vendor=vendor, members=_members(vendor, *_BESIDE.get(vendor, ())), models=json.dumps(models))
            for vendor, models in _MODELS.items()
        ]
        return "\n".join([_CONFIG.format(port=port), *credentials, *pools, *(key.block() for key in self.keys.values())])

    def _spawn(self, noun: str, *options: str) -> None:
        environ = os.environ | {f"SECRET_{vendor}": secret for vendor, secret in SECRETS.items()}
        command = [sys.executable, "-m", "stationmaster", noun, *options]
        with (self.folder / f"{noun}.log").open("wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
        self._children.append(child)

    def _sandbox_address(self) -> str:
        return (self.folder / "sandbox.log").read_text().partition("Sandbox on ")[2].strip()

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False


def _members(*credentials: str) -> str:
    return "[" + ", ".join(f'{{ credential = "{name}" }}' for name in credentials) + "]"


@contextmanager
def running_station(folder: Path, clients: list[str]) -> Iterator[Station]:
    """A station for the length of a with block."""
    station = Station(folder, clients)
    try:
        station.start()
        yield station
    finally:
        station.close()


def fingerprint(secret: str) -> str:
    """A credential as the ledger shows it."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait(what: str, look: Callable[[], T]) -> T:
    deadline = time.monotonic() + SLOW
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {SLOW:.0f} seconds"
        time.sleep(0.05)
    return found
