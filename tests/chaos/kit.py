"""What storms share: a vendor and load as processes, a gateway before them, figures that `make chaos` collects."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rig
from gateway import kit, station

HERE = Path(__file__).parent
LONG = bool(os.environ.get("CHAOS"))      # where figures are collected: the long forms run
WRONG = ("refused", "reset", "status", "timeout", "stream reset", "stream cut", "stream status", "stream told")
SETTINGS = "workers = {workers}\ndrain_seconds = {drain}\nmetrics_port = 0"


@dataclass(frozen=True)
class Figure:
    """One row of docs/reliability.md: which fault, what was done to whom, what came of it, and what was to come of it."""

    fault: str
    done: str
    seen: str
    reach: str
    kept: bool
    seconds: float


@contextmanager
def figure(fault: str, done: str, reach: str) -> Iterator[Callable[[str, bool], None]]:
    """Tell what came of it, and whether that is what was to come of it. Written down where `make chaos` asks for it."""
    began, told = time.monotonic(), []

    def tell(seen: str, kept: bool) -> None:
        told.append(Figure(fault, done, seen, reach, kept, round(time.monotonic() - began, 1)))

    try:
        yield tell
    finally:
        if path := os.environ.get("CHAOS"):
            with Path(path).open("a") as file:
                file.writelines(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in told)


@contextmanager
def vendor() -> Iterator[str]:
    """The simulated vendor's URL."""
    port = station.free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "vendor.py"), str(port)])
    try:
        kit.wait_for(lambda: _answers(port), within=20)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        ledger(f"http://127.0.0.1:{port}")
    except OSError:
        return False
    return True


def ledger(url: str) -> dict[str, int]:
    """What the vendor was asked, and how often it came to an end."""
    with urllib.request.urlopen(f"{url}/ledger", timeout=10) as answer:  # noqa: S310  ours
        return dict(json.load(answer))


def gateway(url: str, *, workers: int = 2, drain: float = 60) -> Any:
    """A gateway before it, for the length of a with block."""
    return station.running(url, SETTINGS.format(workers=workers, drain=drain), "--events", "events.jsonl")


class Load:
    """Load that runs beside the test; `end()` waits for it and tells what came of it."""

    def __init__(self, port: int, **asked: float) -> None:
        options = [text for name, value in asked.items() for text in (f"--{name.replace('_', '-')}", f"{value:g}")]
        self._process = subprocess.Popen([sys.executable, str(HERE / "load.py"), str(port), rig.KEY, *options],
                                         stdout=subprocess.PIPE, text=True)  # fmt: skip

    @property
    def runs(self) -> bool:
        """Whether it still does."""
        return self._process.poll() is None

    def end(self, within: float = 300) -> dict[str, Any]:
        """Wait for its end."""
        out, _ = self._process.communicate(timeout=within)
        return dict(json.loads(out))

    def kill(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def load(port: int, **asked: float) -> Iterator[Load]:
    """Load for the length of a with block."""
    running = Load(port, **asked)
    try:
        yield running
    finally:
        if running.runs:
            running.kill()


def faults(seen: dict[str, Any], *kinds: str) -> dict[str, int]:
    """What of it begins with one of these words."""
    return {name: number for name, number in seen.items() if name.startswith(kinds)}
