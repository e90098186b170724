"""What the system says of processes: from /proc, and where there is none (macOS) from `ps`."""

import subprocess
from pathlib import Path

_PROC = Path("/proc/self/stat").exists()


def children(parent: int) -> list[int]:
    """The process ids of a process' children."""
    if _PROC:
        found = (path for path in Path("/proc").iterdir() if path.name.isdigit())
        return [int(path.name) for path in found if _stat(path)[1:2] == [str(parent)]]
    pairs = (line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines())
    return [int(pid) for pid, above in pairs if int(above) == parent]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody waited for does not."""
    state = _stat(Path(f"/proc/{pid}"))[:1] if _PROC else _ps("-o", "stat=", "-p", str(pid)).split()[:1]
    return state != [] and not state[0].startswith("Z")


def resident(pid: int) -> int:
    """A process' resident memory in bytes."""
    if _PROC:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024
    return int(_ps("-o", "rss=", "-p", str(pid))) * 1024


def arguments(pid: int) -> bytes:
    """A process' command line, or nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() if _PROC else _ps("-o", "args=", "-p", str(pid)).encode()
    except OSError:
        return b""


def _stat(folder: Path) -> list[str]:
    """State and parent of a process, or nothing when it is gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


def _ps(*options: str) -> str:
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout
