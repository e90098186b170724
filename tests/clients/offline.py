"""Runs a command where no way leads out of the machine: `python offline.py COMMAND...`.

On Linux the command gets a network of its own with nothing but loopback in it, and a name server that refuses
every question and writes it down (the file is in $STATIONMASTER_NAMES_ASKED). Where that cannot be had, the
command runs as it is, and this says so.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

NAMES_ASKED = "STATIONMASTER_NAMES_ASKED"
_INSIDE = "--inside"
_OWN_NETWORK = ("unshare", "--user", "--map-root-user", "--net", "--mount")
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
_RESOLVER = Path("/etc/resolv.conf")


def main(words: list[str]) -> int:
    """Run the command of `words`, offline where that can be had; its exit code."""
    if words[:1] == [_INSIDE]:
        return _inside(words[1:])
    if _can_be_had():
        here = (sys.executable, str(Path(__file__).resolve()), _INSIDE)
        return subprocess.run([*_OWN_NETWORK, *here, *words], check=False).returncode
    print("offline: no network of its own can be had here; outside access is not seen", file=sys.stderr)
    return subprocess.run(words, check=False).returncode


def _can_be_had() -> bool:
    if not sys.platform.startswith("linux") or not shutil.which("unshare") or not _RESOLVER.exists():
        return False
    trial = [*_OWN_NETWORK, "mount", "--bind", "/dev/null", str(_RESOLVER.resolve())]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def _inside(words: list[str]) -> int:
    _raise_loopback()
    with tempfile.TemporaryDirectory(prefix="stationmaster-offline-") as folder:
        resolver, asked = Path(folder, "resolv.conf"), Path(folder, "names")
        resolver.write_text("nameserver 127.0.0.1\noptions attempts:1\n")
        asked.touch()
        subprocess.run(["mount", "--bind", str(resolver), str(_RESOLVER.resolve())], check=True)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.bind(("127.0.0.1", 53))
                threading.Thread(target=_refuse_names, args=(server, asked), daemon=True).start()
                return subprocess.run(words, env=os.environ | {NAMES_ASKED: str(asked)}, check=False).returncode
        finally:
            subprocess.run(["umount", str(_RESOLVER.resolve())], check=True)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", flags | _UP))


def _refuse_names(server: socket.socket, asked: Path) -> None:
    """Answer REFUSED to all (RFC 1035 section 4.1) and note the name."""
    while True:
        question, peer = server.recvfrom(4096)
        with asked.open("a") as file:
            file.write(_name(question) + "\n")
        server.sendto(question[:2] + b"\x81\x85" + question[4:6] + bytes(6) + question[12:], peer)


def _name(question: bytes) -> str:
    labels, at = [], 12
    while at < len(question) and question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("latin-1"))
        at += 1 + question[at]
    return ".".join(labels)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
