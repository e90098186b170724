"""Requests: as fast as they go, at a pace, or one at a time; of one session from h2load, of many from
`sessions_client.py`. Owns reading what they print.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import gateways, machine, proc, wire

CONNECTIONS = 64
LEAST_SUCCESS = 0.5  # of requests of many sessions; below it there is nothing to measure
PER_CONNECTION = 20  # a slow gateway gets fewer connections, each with about this many requests a second


class LoadError(Exception):
    """The load could not run, or too many of its requests failed."""


@dataclass(frozen=True)
class Outcome:
    """One run of h2load, or of the client of many sessions."""

    succeeded: int
    failed: int
    seconds: float
    sessions: int = 1

    @property
    def per_second(self) -> float:
        """Successful requests per second."""
        return self.succeeded / self.seconds if self.seconds else 0.0

    @property
    def success_share(self) -> float:
        """Of all requests, those that were answered 2xx."""
        return self.succeeded / max(1, self.succeeded + self.failed)


@dataclass(frozen=True)
class Target:
    """Where requests go, and what they look like."""

    port: int
    headers: Mapping[str, str]
    body: Path
    core: int

    def command(self, *options: str) -> list[str]:
        """An h2load command line; Host and Content-Length are its own doing."""
        given = [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        url = f"http://127.0.0.1:{self.port}{wire.CHAT_PATH}"
        pinned = ["taskset", "-c", str(self.core), machine.tool("h2load"), "--h1", "-t", "1"]
        return [*pinned, *options, "-d", str(self.body), *given, url]


def saturate(target: Target, seconds: float) -> Outcome:
    """Every connection sends its next request when the last is answered."""
    return _run(target.command("-c", str(CONNECTIONS), "-D", f"{max(1, round(seconds))}"), seconds + 60)


def paced(target: Target, per_second: float, seconds: float) -> Outcome:
    """`per_second` requests on connections opened a moment apart, so that their clocks do not agree."""
    connections = _connections(per_second)
    each = max(1, round(per_second * seconds / connections))
    pace = ["--rps", f"{per_second / connections:.3f}", "-r", "1", "--rate-period", "3ms"]
    options = ["-c", str(connections), "-n", str(each * connections), *pace]
    return _run(target.command(*options), seconds * 4 + 60)


@dataclass(frozen=True)
class Sessions:
    """The same requests, but from many sessions that come and go: each names its own in a header more."""

    target: Target

    def saturate(self, seconds: float) -> Outcome:
        """Every connection sends its next request when the last is answered."""
        return self._run(CONNECTIONS, 0.0, seconds)

    def paced(self, per_second: float, seconds: float) -> Outcome:
        """`per_second` requests, each connection by a clock of its own."""
        return self._run(_connections(per_second), per_second, seconds)

    def _run(self, connections: int, per_second: float, seconds: float) -> Outcome:
        target = self.target
        parts = wire.any_session(target.port, target.headers, target.body.read_bytes())
        files = [target.body.with_suffix(f".{name}") for name in ("before", "after")]
        for file, part in zip(files, parts, strict=True):
            file.write_bytes(part)
        given = [str(target.port), str(connections), f"{per_second:.3f}", f"{seconds:.3f}", *map(str, files)]
        program = [sys.executable, "-m", "bench.sessions_client", *given]
        return _run_sessions(["taskset", "-c", str(target.core), *program], seconds + 60)


def _connections(per_second: float) -> int:
    return max(4, min(CONNECTIONS, int(per_second / PER_CONNECTION)))


def one_at_a_time(target: Target, count: int, log: Path) -> list[int]:
    """Microseconds each of `count` successful requests took on one connection, in order of length."""
    log.unlink(missing_ok=True)
    _run(target.command("-c", "1", "-n", str(count), "--log-file", str(log)), 120)
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    return sorted(int(row[2]) for row in rows if row[1] == "200")


def parse(text: str) -> Outcome:
    """Read h2load's summary."""
    finished = re.search(r"finished in ([\d.]+)(us|ms|s),", text)
    counts = re.search(r"(\d+) succeeded, (\d+) failed", text)
    codes = re.search(r"status codes: (\d+) 2xx", text)
    if not (finished and counts and codes):
        raise LoadError(f"h2load said nothing that can be read: {text[-300:]!r}")
    seconds = float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[finished[2]]
    good = min(int(counts[1]), int(codes[1]))
    return Outcome(succeeded=good, failed=int(counts[2]) + int(counts[1]) - good, seconds=seconds)


def _run(command: Sequence[str], timeout: float) -> Outcome:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        raise LoadError(f"h2load did not come to an end in {timeout:.0f} s") from late
    outcome = parse(done.stdout + done.stderr)
    if outcome.succeeded < 1 or outcome.failed > outcome.succeeded * 0.01:
        raise LoadError(f"{outcome.failed} of {outcome.failed + outcome.succeeded} requests failed")
    return outcome


def _run_sessions(command: Sequence[str], timeout: float) -> Outcome:
    """What fails is a part of the result, as long as it is the lesser part."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=proc.timed_environment(),
            cwd=gateways.ROOT,
        )
    except subprocess.TimeoutExpired as late:
        raise LoadError(f"the client of many sessions did not come to an end in {timeout:.0f} s") from late
    if done.returncode:
        raise LoadError(f"the client of many sessions ended by itself: {done.stderr.strip()[-300:]}")
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.success_share < LEAST_SUCCESS:
        raise LoadError(f"{outcome.failed} of {outcome.failed + outcome.succeeded} requests failed")
    return outcome
