"""F5: writes and fsyncs of a gateway's own files fail with EIO while it serves: its events, and what its keys spent."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos import kit
from chaos.kit import LONG
from chaos.test_machine import told
from gateway import kit as waiting
from gateway import processes, station
from gateway.station import Station

RPS, SECONDS = (300, 60.0) if LONG else (80, 3.0)
COST = 11_000                # nanodollars: ten tokens in and one out, at a dollar a million
EVERY = 3                    # so many calls, one of which fails
pytestmark = [pytest.mark.timeout(300), pytest.mark.needs("strace")]


@contextmanager
def failing(pids: list[int], files: list[Path], trace: Path) -> Iterator[None]:
    """Have every third write, fsync and rename of these files fail in these processes."""
    calls = "write,fsync,ftruncate"
    command = ["strace", "-f", "-qq", "-o", str(trace), *(word for each in files for word in ("-P", str(each))),
               *(word for pid in pids for word in ("-p", str(pid))), "-e", f"trace={calls}",
               "-e", f"inject={calls}:error=EIO:when=1+{EVERY}"]  # fmt: skip
    strace = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        waiting.wait_for(lambda: all(_traced(pid) for pid in pids))
        yield
    finally:
        strace.terminate()
        strace.wait()


def priced(gateway: Station) -> None:
    """Every call costs something from now on, so that what keys spent is written each second."""
    price = 'prices = { "*" = { input = 1, output = 1 } }\n\n[[credential]]\nid = "anthropic"'
    text = gateway.config.read_text().replace('[[credential]]\nid = "anthropic"', price, 1)
    gateway.config.write_text(text + "budget = { total_usd = 1000 }\n")
    gateway.signal(signal.SIGHUP)
    gateway.said("configuration")


def _traced(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return not next(line for line in lines if line.startswith("TracerPid")).endswith("\t0")


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    """No call fails for it; what could not be written is counted and said; it is written again without a restart, each line and
    each file whole."""
    what = f"every {EVERY}rd write, fsync and truncation of a gateway's events and state"
    done = f"{what} fails (EIO) for {SECONDS:g} s, {RPS} calls/s"
    state, events, trace = tmp_path / "state.json", tmp_path / "events.jsonl", tmp_path / "trace"
    settings = f"workers = 1\ndrain_seconds = 5\nstate_file = '{state}'"
    with kit.figure("F5", done, "every call served; what is lost is counted; goes on without a restart") as tell, \
            kit.vendor() as url, station.running(url, settings, "--events", str(events)) as gateway:  # fmt: skip
        priced(gateway)
        pids = [gateway.process.pid, *processes.children(gateway.process.pid)]
        with kit.load(gateway.port, rps=RPS, seconds=SECONDS + 3) as load:
            time.sleep(1)
            with failing(pids, [state, state.with_name("state.json.new"), events], trace):
                time.sleep(SECONDS)
            seen = load.end()
        with kit.load(gateway.port, rps=20, seconds=1) as load:
            after = load.end()
        asked, wrong = seen["sent"] + after["sent"], {**kit.faults(seen, *kit.WRONG), **kit.faults(after, *kit.WRONG)}
        waiting.wait_for(lambda: told(events) >= asked)
        lost = sum(row["count"] for row in map(json.loads, events.read_text().splitlines()) if row["event"] == "events_dropped")
        waiting.wait_for(lambda: json.loads(state.read_text()).get("main", {}).get("total") == asked * COST)
        text = trace.read_text()
        failed = text.count("(INJECTED)")
        tell(f"{failed} system calls failed; {seen['ok']:,} of {seen['sent']:,} served meanwhile, else {wrong or 'nothing'}; "
             f"{lost:,} events lost and counted, {asked - lost:,} written", not wrong and failed > 0)  # fmt: skip
        assert wrong == {}
        assert "Cannot write the state file" in gateway.err.read_text()
        assert failed > 0
        assert told(events) == asked
        assert gateway.process.poll() is None
