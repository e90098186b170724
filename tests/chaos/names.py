"""A name server that plays tricks, and what a gateway's dialer makes of it: a process of its own, in a network and a file tree of
its own (`unshare --net --mount`), so that the machine's real resolver asks it over port 53. Prints what came of each as JSON.

    unshare --net --mount python names.py
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import uvloop

from stationmaster.gateway.server import dial
from stationmaster.gateway.server.proxies import Proxies

PUBLIC, PRIVATE, PORT = "1.2.3.4", "127.0.0.1", 8080      # both lead to this network's own loopback
SLOW = 5.0
NXDOMAIN, SERVFAIL = 3, 2                                 # RFC 1035 section 4.1.1
dial._ADDRESS_LIFE = 0.2                                  # so that every trick is met, not the answer before it


class Names(threading.Thread):
    """Answers every question after an IPv4 address with `address`, or as `trick` says."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.trick, self.address, self.asked = "", PUBLIC, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self) -> None:
        """Answer on and on, each question in a time of its own."""
        while True:
            question, client = self._socket.recvfrom(512)
            self.asked += 1
            threading.Timer(SLOW if self.trick == "slow" else 0, self._answer, (question, client)).start()

    def _answer(self, question: bytes, client: Any) -> None:
        end = question.index(b"\0", 12) + 5
        (kind,) = struct.unpack("!H", question[end - 4 : end - 2])
        code = {"nxdomain": NXDOMAIN, "servfail": SERVFAIL}.get(self.trick, 0)
        has = kind == 1 and not code and self.trick != "empty"
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, int(has), 0, 0)
        row = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(self.address) if has else b""
        self._socket.sendto(head + question[12:end] + row, client)


class Vendor(threading.Thread):
    """Counts who comes, by the address they came to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.came: dict[str, int] = {}
        self._socket = socket.create_server(("0.0.0.0", PORT), backlog=200)

    def run(self) -> None:
        """Take everybody in, and hang up."""
        while True:
            connection, _ = self._socket.accept()
            at = connection.getsockname()[0]
            self.came[at] = self.came.get(at, 0) + 1
            connection.close()


class Pulse:
    """The longest that the loop did not come round, in seconds."""

    worst = 0.0

    async def beat(self) -> None:
        """Look a hundred times a second."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            self.worst = max(self.worst, time.monotonic() - before - 0.01)


async def main() -> dict[str, Any]:
    """Every trick at a name that is known, then at one that is not; then rebinding."""
    names, vendor, pulse = Names(), Vendor(), Pulse()
    names.start()
    vendor.start()
    dialer = dial.Dialer(dial.tls_context(), Proxies(), 2.0, ())
    beating = asyncio.create_task(pulse.beat())
    seen: dict[str, Any] = {"": await _tried(dialer, "known.example.test")}
    for names.trick in ("nxdomain", "servfail", "empty", "slow"):
        await asyncio.sleep(0.3)
        seen[names.trick] = await _tried(dialer, "known.example.test", times=20)
        seen[f"{names.trick}, unknown"] = await _tried(dialer, f"{names.trick}.example.test")
    before = names.asked
    seen["one question"] = [await _tried(dialer, "crowd.example.test", times=50), names.asked - before]
    names.trick, names.address = "", PRIVATE
    await asyncio.sleep(SLOW + 0.5)      # what was asked while it was slow has been answered
    await _tried(dialer, "known.example.test")
    await asyncio.sleep(0.3)
    seen["rebinding"] = await _tried(dialer, "known.example.test", times=5)
    beating.cancel()
    return {"seen": seen, "came": vendor.came, "worst": round(pulse.worst, 3)}


async def _tried(dialer: dial.Dialer, host: str, times: int = 1) -> dict[str, int]:
    """So many connections at once; how often each outcome came."""
    found: dict[str, int] = {}
    for outcome in await asyncio.gather(*(_once(dialer, host) for _ in range(times))):
        found[outcome] = found.get(outcome, 0) + 1
    return found


async def _once(dialer: dial.Dialer, host: str) -> str:
    try:
        protocol = await dialer.connect((False, host, PORT), _Closing)
    except OSError as error:
        return type(error).__name__
    return "connected" if protocol else ""


class _Closing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def prepare() -> None:
    """This network's loopback, and a resolver that asks it. Raises CalledProcessError where that is not allowed."""
    folder = Path(tempfile.mkdtemp())
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:10 attempts:1\n")
    mount = f"mount --bind {folder}/resolv.conf /etc/resolv.conf"
    for command in ("ip link set lo up", f"ip addr add {PUBLIC}/32 dev lo", mount):
        subprocess.run(command.split(), check=True)


if __name__ == "__main__":
    prepare()
    print(json.dumps(uvloop.run(main())))
    sys.stdout.flush()
