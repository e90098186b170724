"""Everything on one machine, as `stationmaster up` runs it: started as a command, looked at from outside."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from asking import PLAIN
from gateway.processes import arguments, children, is_alive
from gateway.station import free_port

PATIENCE = 600.0 if os.environ.get("SOAK") else 60.0
KEY = "sm-a-key-that-the-file-knows"
SECRET = "sk-proj-what-the-vendor-is-told"

ROUTING = """\
[gateway]
default_pool = "main"

[[credential]]
id = "openai-a"
vendor = "openai"
base_url = "{vendor}/v1"
secret = "env:VENDOR_KEY"

[[pool]]
id = "main"
members = [{{ credential = "openai-a" }}]

[[route]]
models = ["*"]
pool = "main"

[[key]]
id = "file-key"
secret_sha256 = "{sha256}"
"""


def free_ports(number: int) -> list[int]:
    """Ports that are free just now, and that no connection is given by itself meanwhile."""
    return [free_port() for _ in range(number)]


def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait for `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.05)


class Up:
    """A running `stationmaster up` (or another command that runs everything)."""

    def __init__(self, folder: Path, *words: str, noun: str = "up", environ: Mapping[str, str] | None = None) -> None:
        self.folder, self.data = folder, folder / "data"
        self.gateway_port, self.console_port, self.metrics_port = free_ports(3)
        self._output = folder / f"output-{time.monotonic_ns()}"
        self._start([
            noun, "--data", str(self.data), "--port", str(self.gateway_port), "--console-port", str(self.console_port),
            "--metrics-port", str(self.metrics_port), *words,
        ], environ or {})  # fmt: skip

    def _start(self, words: list[str], environ: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STATIONMASTER")}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stationmaster", *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**kept, "LANG": "C", "VENDOR_KEY": SECRET, "NO_PROXY": "127.0.0.1", **environ}, cwd=self.folder,
            )

    @property
    def said(self) -> str:
        """All it printed so far."""
        return self._output.read_text()

    @property
    def gateway(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def console(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.console_port}"

    def wait(self) -> "Up":
        """Wait until it has said where everything is."""
        until(lambda: "Gateway  http" in self.said or self.process.poll() is not None, "the start")
        assert self.process.poll() is None, self.said
        return self

    def plane(self, name: str) -> int:
        """The process id of a plane; 0 when it does not run."""
        found = (pid for pid in children(self.process.pid) if f"stationmaster.cli.planes.{name}".encode() in arguments(pid))
        return next(found, 0)

    def everybody(self) -> list[int]:
        """The process ids of it and all below it."""
        found = [self.process.pid]
        for pid in found:
            found += children(pid)
        return found

    def command(self, *words: str) -> str:
        """Run a `stationmaster` command over the same data folder; what it printed as data."""
        done = subprocess.run(
            [sys.executable, "-m", "stationmaster", *words, "--data", str(self.data)],
            capture_output=True, text=True, timeout=50, check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rest(self) -> httpx.Client:
        """REST, as an admin."""
        made = json.loads(self.command("token", "create", "tests", "--role", "admin", "--output", "json"))
        return httpx.Client(base_url=f"{self.console}/api/v1", headers={"Authorization": f"Bearer {made['token']}"},
                            trust_env=False, verify=PLAIN, timeout=PATIENCE)  # fmt: skip

    def ask(self, key: str = KEY, words: str = "hello", model: str = "gpt-4o-mini") -> int:
        """One call through the gateway; its status, 0 when there was none."""
        body = {"model": model, "messages": [{"role": "user", "content": words}]}
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway_port, timeout=PATIENCE)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            return answer.status
        finally:
            connection.close()

    def healthy(self) -> bool:
        """Whether the console's process answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.console_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stream(self, words: int = 150, key: str = KEY) -> "Stream":
        """Begin an answer that comes slowly, word by word."""
        return Stream(self.gateway_port, key, words)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def clear(self) -> None:
        """Leave nothing of it behind."""
        left = self.everybody()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with contextlib.suppress(AssertionError):
            until(lambda: not any(map(is_alive, left)))
        for pid in filter(is_alive, left):
            os.kill(pid, signal.SIGKILL)


class Stream:
    """An answer under way."""

    def __init__(self, port: int, key: str, words: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        body = {"model": "sandbox-slow", "stream": True, "messages": [{"role": "user", "content": "word " * words}]}
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        self._answer = self._connection.getresponse()
        self.first = self._answer.readline()

    def rest(self) -> bytes:
        """The rest of it, however it ends."""
        try:
            return self.first + self._answer.read()
        except (OSError, http.client.HTTPException):
            return self.first
        finally:
            self._connection.close()


class Traffic:
    """Calls, one after another, for as long as the `with` lasts. `statuses` of all of them."""

    def __init__(self, up: Up, threads: int = 3) -> None:
        self.statuses: list[int] = []
        self._up, self._over = up, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]

    def _call(self) -> None:
        while not self._over.wait(0.02):
            self.statuses.append(self._up.ask())

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def requests_counted(rest: httpx.Client) -> int:
    """How many requests the rollups of the last two days hold."""
    now = datetime.now(UTC)
    asked = {"since": (now - timedelta(days=1)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    answer = rest.get("/usage/totals", params=asked)
    assert answer.status_code == 200, answer.text
    total: Mapping[str, Any] = answer.json()["total"]
    return int(total["requests"])


def link_in(said: str) -> str:
    """The admin link in what was said; empty when there is none."""
    found = re.search(r"^  (http://\S+/welcome/\S+)$", said, re.MULTILINE)
    return found[1] if found else ""


@contextlib.contextmanager
def running(folder: Path, *words: str, noun: str = "up", environ: Mapping[str, str] | None = None) -> Iterator[Up]:
    """Everything, for the length of a with block."""
    up = Up(folder, *words, noun=noun, environ=environ)
    try:
        yield up.wait()
    finally:
        up.clear()
