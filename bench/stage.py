"""What stands on the stage during a measurement: a vendor, a gateway in front of it, the streams' client."""

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench import gateways, machine, proc, wire

EVENT_BYTES = 200
VENDOR_START_SECONDS = 10.0


@dataclass(frozen=True)
class Stage:
    """A gateway that answers, and the vendor behind it."""

    gateway: gateways.Gateway
    child: proc.Child
    port: int
    vendor: int
    metrics: int               # port of its metrics; 0: it states none
    folder: Path
    here: machine.Machine

    def headers(self) -> dict[str, str]:
        """What the client sends."""
        return self.gateway.headers(self.vendor)


@contextmanager
def playing(gateway: gateways.Gateway, vendor: int, here: machine.Machine, *, stream: bool) -> Iterator[Stage]:
    """Start `gateway` on its core in front of the vendor at port `vendor`; end it on leaving."""
    with scratch() as folder:
        port = machine.free_port()
        command = gateway.command(folder, port, vendor)
        log = folder / "output.log"
        with proc.Child(command.words, core=here.gateway_core, log=log, env=command.env, cwd=folder) as child:
            await_answer(child, port, gateway.headers(vendor), gateway.start_seconds, stream=stream)
            yield Stage(gateway, child, port, vendor, command.metrics_port, folder, here)


@contextmanager
def answering_vendor(here: machine.Machine) -> Iterator[int]:
    """A vendor that answers half a kilobyte: nginx, which reads the whole body first (that is what
    `mirror` is for: a bare `return` answers before the body has come).
    """
    with scratch() as folder:
        port = machine.free_port()
        extra = "\n".join(f'        add_header {name} "{value}";' for name, value in wire.answer_headers().items())
        command = gateways.nginx_command(
            folder,
            f"""{wire.ANSWER_VARIABLES}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{extra}
        location /limited/ {{ add_header Retry-After 2; return 429 '{{"error":{{"code":"rate_limit_exceeded"}}}}'; }}
        location / {{ mirror /drain; try_files /none @answer; }}
        location = /drain {{ internal; return 204; }}
        location @answer {{ return 200 '{wire.answer_body()}'; }}
    }}""",
        )
        with proc.Child(command.words, core=here.load_core, log=folder / "output.log", cwd=folder) as child:
            await_answer(child, port, wire.headers(wire.UPSTREAM_KEY), VENDOR_START_SECONDS, stream=False)
            yield port


@contextmanager
def streaming_vendor(here: machine.Machine, per_second: float) -> Iterator[int]:
    """A vendor whose every answer is a stream of `per_second` events a second."""
    with scratch() as folder:
        port = machine.free_port()
        words = [sys.executable, "-m", "bench.streams_upstream", str(port), str(per_second), str(EVENT_BYTES)]
        log = folder / "output.log"
        with proc.Child(words, core=here.load_core, log=log, cwd=gateways.ROOT) as child:
            await_answer(child, port, wire.headers(wire.UPSTREAM_KEY), VENDOR_START_SECONDS, stream=False)
            yield port


@dataclass(frozen=True)
class Counts:
    """What the stream client has seen so far."""

    open: int
    failed: int
    lost: int
    events: int
    at: float


class StreamClient:
    """The program in `streams_client.py`, on the load's core."""

    def __init__(self, stage: Stage, streams: int) -> None:
        body = wire.chat_body(wire.SIZES["1k"], stream=True)
        files = [stage.folder / f"stream-request.{name}" for name in ("before", "after")]
        for file, part in zip(files, wire.any_session(stage.port, stage.headers(), body), strict=True):
            file.write_bytes(part)
        core = str(stage.here.load_core)
        program = [sys.executable, "-m", "bench.streams_client", str(stage.port), str(streams), *map(str, files)]
        self.command = ["taskset", "-c", core, *program]
        self.wanted = streams

    def __enter__(self) -> Self:
        self.popen = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=proc.timed_environment(),
            cwd=gateways.ROOT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()
        self.popen.terminate()
        self.popen.wait()

    def counts(self) -> Counts:
        """Ask for the counts."""
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        if not line:
            raise proc.ChildDiedError("the stream client ended by itself")
        return Counts(**json.loads(line), at=time.monotonic())

    def await_open(self, seconds: float) -> Counts:
        """Wait until all streams are open or have failed, or until time is up."""
        deadline = time.monotonic() + seconds
        while (now := self.counts()).open + now.failed < self.wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return now


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one process's files."""
    with tempfile.TemporaryDirectory(prefix="stationmaster-bench-") as name:
        yield Path(name)


def await_answer(child: proc.Child, port: int, headers: dict[str, str], seconds: float, *, stream: bool) -> None:
    """Ask until the program answers a chat call with 200."""
    deadline, seen = time.monotonic() + seconds, "nothing"
    while time.monotonic() < deadline:
        child.check()
        try:
            seen = ask(port, headers, stream=stream)
        except (OSError, http.client.HTTPException) as error:
            seen = type(error).__name__
        if seen == "200":
            return
        time.sleep(0.05)
    raise proc.ChildDiedError(f"no 200 within {seconds:.0f} s, only {seen}; it said: {child.last_words()}")


def ask(port: int, headers: dict[str, str], *, stream: bool = False) -> str:
    """One chat call; its status, with the body of a refusal. A stream is left after its head."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        send = headers | {"Connection": "close"}
        connection.request("POST", wire.CHAT_PATH, wire.chat_body(wire.SIZES["1k"], stream=stream), send)
        answer = connection.getresponse()
        return "200" if answer.status == 200 else f"{answer.status} {answer.read(300)!r}"
    finally:
        connection.close()


_COUNTED = re.compile(r'^stationmaster_upstream_attempts_total\{.*reason="(\w*)".*\} (\d+)$', re.MULTILINE)


def attempts(metrics: int) -> dict[str, float]:
    """How often a Stationmaster with metrics at that port (0: nowhere) has asked its vendor since it began, by what
    came of it: `attempts_ok` and `attempts_…`.
    """
    if not metrics:
        return {}
    found: dict[str, float] = {}
    for reason, count in _COUNTED.findall(_page(metrics)):
        name = f"attempts_{reason or 'ok'}"
        found[name] = found.get(name, 0.0) + float(count)
    return found


def _page(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
