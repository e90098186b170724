"""The machine: which cores, which tools, which versions, and what is missing."""

import os
import platform
import re
import resource
import shutil
import socket
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

APT_PACKAGES = "nginx-light nghttp2-client"
OPEN_FILES_WANTED = 12_000  # 5,000 streams through a proxy are 10,000 descriptors
SEARCH = os.environ.get("STATIONMASTER_BENCH_PATH") or os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"]
)


class NotReadyError(Exception):
    """This machine cannot run the benchmark; says what to do."""


@dataclass(frozen=True)
class Machine:
    """What the figures depend on."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    gateway_core: int
    load_core: int
    open_files: int

    def as_dict(self) -> dict[str, object]:
        """For the JSON file."""
        return asdict(self)


def inspect() -> Machine:
    """Read the machine, lift the limit of open files, or say why not."""
    if platform.system() != "Linux":
        raise NotReadyError("the benchmark reads /proc and pins processes to cores: it runs on Linux")
    missing = [name for name in ("nginx", "h2load") if which(name) is None]
    if missing:
        raise NotReadyError(f"missing: {', '.join(missing)}. Add with: apt-get install {APT_PACKAGES}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise NotReadyError("two cores are needed: one for the gateway, one for the load")
    return Machine(
        cpu=_cpu_model(),
        cores=len(cores),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=platform.release(),
        gateway_core=cores[0],
        load_core=cores[1],
        open_files=_lift_open_files(),
    )


def which(name: str) -> str | None:
    """Where a tool is; system folders are searched too."""
    return shutil.which(name, path=SEARCH)


def tool(name: str) -> str:
    """Where a tool that must exist is."""
    found = which(name)
    if found is None:
        raise NotReadyError(f"missing: {name}")
    return found


def tool_versions() -> dict[str, str]:
    """Versions of what loads and serves, the gateways apart."""
    return {
        "python": platform.python_version(),
        "uvloop": metadata.version("uvloop"),
        "httptools": metadata.version("httptools"),
        "nginx": first_version([tool("nginx"), "-v"]),
        "h2load": first_version([tool("h2load"), "--version"]),
        "node": first_version(["node", "--version"]),
    }


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_version(command: list[str]) -> str:
    """The first dotted number a command prints, or `-`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "-"
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else "-"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _lift_open_files() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
