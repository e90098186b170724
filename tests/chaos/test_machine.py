"""F5, F16: the machine plays tricks. A disk that is full, a clock that jumps."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import rig
from chaos import kit
from gateway import kit as waiting
from gateway import plain, station

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
WAIT = 6      # seconds that the vendor asks to be left alone
JUMPS = ("+1d", "-1d", "+1h", "-1h")


class Asked:
    """How many calls a test made."""

    total = 0


ASKED = Asked()


def told(events: Path) -> int:
    """How many calls a file of events tells of, with those of which it says that they are lost. Each line is whole."""
    rows = [json.loads(line) for line in events.read_text().splitlines()]
    return sum(row["count"] if row["event"] == "events_dropped" else row["event"] == "request" for row in rows)


def ask(port: int, model: str = "plain") -> int:
    """One call's status."""
    ASKED.total += 1
    fields = [("authorization", f"Bearer {rig.KEY}"), plain.JSON]
    return plain.ask(port, "POST", "/v1/chat/completions", plain.dump(plain.chat(model)), fields).status


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("jump", JUMPS)
def test_the_clock_jumps(jump: str, tmp_path: Path) -> None:
    """The wall clock jumps while a credential rests: it is left alone exactly as long as its vendor asked, and then serves."""
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    environ = {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
               "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    reach = "nobody asks before the time that the vendor named, the credential serves within a second after it"
    with kit.figure("F16", f"the clock jumps by {jump} while a credential rests", reach) as tell, kit.vendor() as url, \
            station.running(url, kit.SETTINGS.format(workers=1, drain=5), environ=environ) as gateway:  # fmt: skip
        assert ask(gateway.port, f"limited-{WAIT}") == 429
        began = time.monotonic()
        clock.write_text(jump + "\n")
        answers = set()
        while time.monotonic() - began < WAIT - 0.5:
            answers.add(ask(gateway.port, f"limited-{WAIT}"))
            time.sleep(0.1)
        waiting.wait_for(lambda: ask(gateway.port, f"limited-{WAIT}") == 200, within=20)
        late, early = time.monotonic() - began - WAIT, kit.ledger(url).get("early", 0)
        tell(f"{early} came early; it served {late:+.1f} s after the time", early == 0 and late < 1)
        assert (answers, early) == ({429}, 0)
        assert late < 2


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size, in memory."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_the_disk_is_full(tmp_path: Path) -> None:
    """Where events and state can no longer be written, requests are served as before; what was not written is counted and said,
    and once there is room it is written again, without a restart."""
    reach = "every call served; events again once there is room; what is lost is counted"
    with small_disk(tmp_path / "disk", "256k") as disk, kit.figure("F5", "the disk of events and state is full", reach) as tell, \
            kit.vendor() as url, station.running(
                url, f"workers = 1\ndrain_seconds = 5\nstate_file = '{disk}/state.json'", "--events", f"{disk}/events.jsonl"
            ) as gateway:  # fmt: skip
        ASKED.total = 0
        assert ask(gateway.port) == 200
        ballast = disk / "ballast"
        with ballast.open("wb") as file, suppress(OSError):
            file.write(b"x" * 512 * 1024)
        during = [ask(gateway.port) for _ in range(300)]
        time.sleep(1)      # for the writer to meet it
        before = (disk / "events.jsonl").stat().st_size
        ballast.unlink()
        waiting.wait_for(lambda: ask(gateway.port) == 200 and (disk / "events.jsonl").stat().st_size > before, within=20)
        after = [ask(gateway.port) for _ in range(50)]
        tell(f"{during.count(200)} of 300 calls served while it was full, {after.count(200)} of 50 after; events go on",
             {*during, *after} == {200})  # fmt: skip
        assert {*during, *after} == {200}
        waiting.wait_for(lambda: 0 <= told(disk / "events.jsonl") - ASKED.total <= 1, within=20)     # 1: that of the credential
        assert gateway.process.poll() is None
