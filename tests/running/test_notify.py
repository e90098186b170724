"""What a service manager hears: the protocol of sd_notify(3), over a real socket, of the processes that we run."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import kit, station
from stationmaster.notify import Notifier
from stationmaster.sandbox.server import SandboxServer


class Manager:
    """The manager's end."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.environ = {"NOTIFY_SOCKET": str(path)}
        self.heard: list[str] = []

    def hears(self, line: str) -> bool:
        """Whether that was said since the last time it was asked for."""
        try:
            while True:
                self.heard += self._socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            pass
        if line not in self.heard:
            return False
        del self.heard[: self.heard.index(line) + 1]
        return True

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that listens."""
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


def test_the_protocol(manager: Manager) -> None:
    """Each is one datagram of lines; a reload has the moment at which it began (systemd's notify-reload asks for it)."""
    notifier = Notifier({**manager.environ})
    notifier.ready("listening")
    assert manager.hears("READY=1")
    assert manager.hears("STATUS=listening")
    notifier.reloading()
    assert manager.hears("RELOADING=1")
    assert manager.heard[0].removeprefix("MONOTONIC_USEC=").isdigit()
    notifier.stopping()
    assert manager.hears("STOPPING=1")


def test_the_watchdog(manager: Manager) -> None:
    """It is fed at half the time that systemd waits, no more often, and by the process that it watches alone."""
    watched = Notifier({**manager.environ, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())})
    assert watched.every == 30.0
    watched.alive()
    watched.alive()
    assert manager.hears("WATCHDOG=1")
    assert not manager.hears("WATCHDOG=1")
    assert Notifier({**manager.environ, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}).every == 0
    assert Notifier({**manager.environ}).every == 0


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")
def test_an_abstract_name() -> None:
    """A name that begins with @ is no file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0stationmaster-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@stationmaster-test-{os.getpid()}"}).ready()
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"NOTIFY_SOCKET": ""}])
def test_nobody_listens(environ: dict[str, str]) -> None:
    """Without a manager, or with one that is gone, nothing happens; children never inherit the way to it."""
    given = {**environ, "WATCHDOG_USEC": "x", "OTHER": "1"}
    notifier = Notifier(given)
    notifier.ready()
    notifier.alive()
    assert given == {"OTHER": "1"}


def test_a_gateway(manager: Manager, vendor: SandboxServer) -> None:
    """It says when all workers serve, lives, reloads at SIGHUP and says so, as it does when it begins anew, and begins to end."""
    environ = {**manager.environ, "WATCHDOG_USEC": "400000"}
    with station.running(vendor.url, "workers = 2", environ=environ) as gateway:
        kit.wait_for(lambda: manager.hears("READY=1"))
        kit.wait_for(lambda: manager.hears("WATCHDOG=1"))
        kit.wait_for(lambda: manager.hears("WATCHDOG=1"))
        gateway.signal(signal.SIGHUP)
        kit.wait_for(lambda: manager.hears("RELOADING=1"))
        kit.wait_for(lambda: manager.hears("READY=1"))
        gateway.signal(signal.SIGUSR2)      # the same process, begun anew
        kit.wait_for(lambda: manager.hears("RELOADING=1"))
        kit.wait_for(lambda: manager.hears("READY=1"))
        kit.wait_for(lambda: manager.hears("WATCHDOG=1"))
        gateway.signal(signal.SIGTERM)
        kit.wait_for(lambda: manager.hears("STOPPING=1"))


@pytest.mark.parametrize(("words", "reloads"), [
    (("control", "--port"), True), (("worker",), False), (("up", "--metrics-port", "0", "--port", "", "--console-port"), True),
])  # fmt: skip
def test_the_other_processes(manager: Manager, tmp_path: Path, words: tuple[str, ...], reloads: bool) -> None:
    """So do control, worker, and everything on one machine."""
    filled = [word or str(station.free_port()) for word in words]
    ports = [str(station.free_port())] if words[-1].endswith("port") else []
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C", **manager.environ, "WATCHDOG_USEC": "400000"}
    command = [sys.executable, "-m", "stationmaster", *filled, *ports, "--data", str(tmp_path / "data")]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=said, stderr=said)
    try:
        kit.wait_for(lambda: manager.hears("READY=1") or _runs(process, tmp_path), within=90)
        for _ in range(2):
            kit.wait_for(lambda: manager.hears("WATCHDOG=1"))
        if reloads:
            process.send_signal(signal.SIGHUP)
            kit.wait_for(lambda: manager.hears("RELOADING=1"))
            kit.wait_for(lambda: manager.hears("READY=1"))
        process.send_signal(signal.SIGTERM)
        kit.wait_for(lambda: manager.hears("STOPPING=1"))
        assert process.wait(60) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()


def _runs(process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    assert process.poll() is None, (folder / "said").read_text()
    return False
