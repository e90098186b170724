"""F10: slow clients of slowhttptest's kinds, hundreds of them, and good ones beside them who notice nothing."""

import re
import subprocess
from pathlib import Path

import pytest

import rig
from chaos import kit
from chaos.kit import LONG
from gateway import station

WRONG = ("refused", "reset", "status", "timeout")
CONNECTIONS, RATE, SECONDS, RPS = (5_000, 500, 120, 100) if LONG else (300, 150, 8, 30)
# Good clients keep connections; one that was idle for long would be closed at the moment at which it is used again.
SETTINGS = f"{kit.SETTINGS.format(workers=2, drain=60)}\nkeepalive_timeout_seconds = 600"
SENT = f"application/json\r\nAuthorization: Bearer {rig.KEY}"     # behind a value that slowhttptest writes as it is given
KINDS: dict[str, tuple[str, list[str]]] = {
    "heads": ("heads that do not end", ["-H", "-i", "1", "-u", "{url}/v1/chat/completions"]),
    "bodies": ("bodies that do not end, of a caller with a key",
               ["-B", "-i", "1", "-s", "60000", "-x", "10", "-f", SENT, "-u", "{url}/v1/chat/completions"]),
    "strangers": ("bodies that do not end, of callers without a key",
                  ["-B", "-i", "1", "-s", "60000", "-u", "{url}/v1/chat/completions"]),
    "readers": ("answers read five bytes a second", ["-X", "-k", "10", "-n", "1", "-z", "5", "-w", "10", "-y", "20", "-m", SENT,
                                                     "-u", "{url}/v1/models"]),
    "ranges": ("a thousand ranges in one field", ["-R", "-a", "1", "-b", "1000", "-m", SENT, "-u", "{url}/v1/models"]),
}  # fmt: skip


@pytest.mark.needs("slowhttptest")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_good_clients_beside_slow_ones(kind: str, tmp_path: Path) -> None:
    """While slow clients hold connections open, not one good call fails, and the gateway has let all of them go at the end."""
    what, options = KINDS[kind]
    done = f"{CONNECTIONS:,} connections: {what}; {RPS} good calls/s beside them for {SECONDS} s"
    with kit.figure("F10", done, "0 good calls failed") as tell, kit.vendor() as url, \
            station.running(url, SETTINGS) as gateway:
        with kit.load(gateway.port, rps=RPS, seconds=3) as before:
            calm = before.end()
        with kit.load(gateway.port, rps=RPS, seconds=SECONDS) as load:
            said = slow(f"http://127.0.0.1:{gateway.port}", options, tmp_path)
            seen = load.end()
        wrong = kit.faults(seen, *WRONG)
        tell(f"{seen['ok']:,} good calls answered, else {wrong or 'nothing'}; 99 of 100 in {seen['p99_ms']} ms, "
             f"{calm['p99_ms']} ms before; slow ones at the end: {said}", not wrong)  # fmt: skip
        assert wrong == {}, gateway.err.read_text()[-2000:]
        assert seen["ok"] == seen["sent"]
        assert calm["ok"] == calm["sent"]


def slow(url: str, options: list[str], folder: Path) -> str:
    """Run slowhttptest; what it says of its connections at the end. Raises AssertionError when it made none."""
    command = ["slowhttptest", "-c", f"{CONNECTIONS}", "-r", f"{RATE}", "-l", f"{SECONDS}", "-p", "20",
               *(each.replace("{url}", url) for each in options)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=SECONDS + 120)
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", done.stdout)
    counts = dict(re.findall(r"^(\w+): +(\d+)$", plain, re.MULTILINE))
    made = "No open connections left" in plain or any(map(int, counts.values()))
    assert made, plain[-2000:]
    assert "service available:   NO" not in plain, plain[-2000:]
    return ", ".join(f"{name} {number}" for name, number in counts.items() if name in ("connected", "closed", "error", "pending"))
