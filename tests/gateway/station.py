"""A gateway as people run it: the command, a config file, processes; what it prints is kept."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import rig
from gateway import kit, processes

CONFIG = """\
[gateway]
port = {port}
default_pool = "all"
{settings}

[[credential]]
id = "openai"
vendor = "openai"
base_url = "{url}/v1"
secret = "env:SECRET_OPENAI"

[[credential]]
id = "anthropic"
vendor = "anthropic"
base_url = "{url}"
secret = "env:SECRET_ANTHROPIC"

[[credential]]
id = "gemini"
vendor = "gemini"
base_url = "{url}"
secret = "env:SECRET_GEMINI"

[[credential]]
id = "azure"
vendor = "azure_openai"
base_url = "{url}"
secret = "file:azure.key"

[[pool]]
id = "all"
members = [{{ credential = "openai" }}, {{ credential = "anthropic" }}, {{ credential = "gemini" }}]

[[pool]]
id = "azure"
members = [{{ credential = "azure" }}]

[[route]]
models = ["azure-*"]
pool = "azure"

[[route]]
models = ["*"]
pool = "all"

[[key]]
id = "main"
secret_sha256 = "{digest}"
shared_resources = true
"""


# Of several processes that test at once each takes from a range of its own, below what systems give out by themselves.
_FIRST = 20_000 + 3_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_candidates = itertools.cycle(range(_FIRST, _FIRST + 3_000))


def free_port() -> int:
    """A port that nobody listens on just now, and that was not given to another caller lately."""
    while True:
        port = next(_candidates)
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens as long as the block lasts: it is bound, so that nobody else can have it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


class Station:
    """A running `stationmaster gateway`."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, str], *options: str) -> None:
        self.folder = folder
        self.port = port
        self.config = folder / "gateway.toml"
        self.events = folder / "events.jsonl"
        self.out = folder / "stdout"
        self.err = folder / "stderr"
        command = [sys.executable, "-m", "stationmaster", "gateway", "--config", str(self.config), *options]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env={**os.environ, **environ}
            )

    def wait_ready(self) -> None:
        """Wait until all of its workers serve."""

        def ready() -> bool:
            said = self.err.read_text()
            assert self.process.poll() is None, said
            return "gateway listens on" in said

        kit.wait_for(ready, within=40)

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def said(self, words: str) -> str:
        """Wait until stderr holds `words`; all of it."""
        kit.wait_for(lambda: words in self.err.read_text())
        return self.err.read_text()

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return processes.children(self.process.pid)

    def end(self) -> int:
        """End it now; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(1.5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def write_config(folder: Path, url: str, settings: str = "", key: str = rig.KEY, port: int = 0) -> int:
    """Write `gateway.toml`; the port it names."""
    port = port or free_port()
    text = CONFIG.format(port=port, url=url, settings=settings, digest=rig.sha256(key))
    (folder / "gateway.toml").write_text(text)
    return port


@contextmanager
def running(
    url: str, settings: str = "", *options: str, secrets: Mapping[str, str] | None = None, key: str = rig.KEY,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Station]:
    """A gateway for the length of a with block, in front of `url`."""
    secrets = secrets or kit.SECRETS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = write_config(folder, url, settings, key)
        (folder / "azure.key").write_text(secrets["azure_openai"] + "\n")
        named = {f"SECRET_{vendor.upper()}": secrets[vendor] for vendor in ("openai", "anthropic", "gemini")}
        station = Station(folder, port, {**named, **(environ or {})}, *options)
        try:
            station.wait_ready()
            yield station
        finally:
            station.end()
