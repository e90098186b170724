"""Processes: started on one core, measured as a tree, ended by pid. Linux only (reads /proc)."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")


class ChildDiedError(Exception):
    """A process we need ended by itself; carries the end of what it printed."""


@dataclass(frozen=True)
class Cpu:
    """Nanoseconds on a core per process of a tree, at one moment."""

    by_pid: Mapping[int, int]

    def since(self, before: "Cpu") -> int:
        """Nanoseconds the same processes used since `before`; a changed tree cannot be compared."""
        if self.by_pid.keys() != before.by_pid.keys():
            raise ChildDiedError("a process came or went while its CPU time was being measured")
        return sum(self.by_pid.values()) - sum(before.by_pid.values())


@dataclass(frozen=True)
class Spent:
    """What a stretch of time cost."""

    gateway_ns: int
    seconds: float
    core_share: float
    others_share: float


class Meter:
    """Reads a program's CPU from here until `read`, and how busy anybody else kept its core meanwhile."""

    def __init__(self, child: "Child") -> None:
        self.child = child
        self.before = child.cpu()
        self.busy = _core_busy_seconds(child.core)
        self.began = time.monotonic()

    def read(self) -> Spent:
        """What was spent since the meter was made."""
        used = self.child.cpu().since(self.before)
        seconds = time.monotonic() - self.began
        busy = _core_busy_seconds(self.child.core) - self.busy
        return Spent(used, seconds, used / 1e9 / seconds, max(0.0, busy - used / 1e9) / seconds)


class Child:
    """One program and its descendants, on one core; leaving the block ends them all."""

    def __init__(
        self, command: Sequence[str], *, core: int, log: Path, env: Mapping[str, str] | None = None, cwd: Path
    ) -> None:
        self.core = core
        self.command = ["taskset", "-c", str(core), *command]
        self.log = log
        self.env = timed_environment() | dict(env or {})
        self.cwd = cwd
        self.popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as sink:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=self.env, cwd=self.cwd
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.popen is not None
        end(self.popen)

    @property
    def pid(self) -> int:
        """The first process's id."""
        assert self.popen is not None
        return self.popen.pid

    def check(self) -> None:
        """Raise when the program has ended."""
        if self.popen is None or self.popen.poll() is not None:
            code = self.popen.returncode if self.popen else None
            raise ChildDiedError(f"{Path(self.command[3]).name} ended with status {code}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what it printed, on one line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " | ".join(line.strip() for line in text.splitlines()[-6:] if line.strip())[-700:]

    def cpu(self) -> Cpu:
        """CPU time of the whole tree, now."""
        return Cpu({pid: _cpu_ns(pid) for pid in tree(self.pid)})

    def rss(self) -> dict[int, int]:
        """Resident bytes of every process of the tree."""
        return {pid: _rss(pid) for pid in tree(self.pid)}


def timed_environment(*, proxies: bool = False) -> dict[str, str]:
    """Our environment for what is timed: Python may write bytecode, and no proxy is in the way."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept if proxies else {k: v for k, v in kept.items() if not k.lower().endswith("_proxy")}


def tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    found = [pid]
    for one in found:
        for task in _tasks(one):
            found += [int(child) for child in _read(task / "children").split()]
    return found


def end(popen: "subprocess.Popen[bytes]", grace: float = 3.0) -> None:
    """SIGTERM to the first process, then, after `grace` seconds, SIGKILL to all that is left."""
    members = tree(popen.pid) if popen.poll() is None else []
    if members:
        popen.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(_alive(pid) for pid in members) and time.monotonic() < deadline:
        popen.poll()
        time.sleep(0.02)
    for pid in members:
        if _alive(pid):
            _kill(pid)
    popen.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _alive(pid: int) -> bool:
    stat = _read(PROC / str(pid) / "stat")
    return bool(stat) and stat.rpartition(")")[2].split()[0] != "Z"


def _core_busy_seconds(core: int) -> float:
    """User, nice, system, interrupt and stolen time of one core."""
    lines = _read(PROC / "stat").splitlines()
    fields = next(line.split()[1:] for line in lines if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, irq, soft, stolen = (int(field) for field in fields[:8])
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _cpu_ns(pid: int) -> int:
    return sum(int((_read(task / "schedstat") or "0").split()[0]) for task in _tasks(pid))


def _rss(pid: int) -> int:
    fields = _read(PROC / str(pid) / "statm").split()
    return int(fields[1]) * PAGE if fields else 0


def _tasks(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
