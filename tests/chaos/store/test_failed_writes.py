"""F5: writes and fsyncs of SQLite's files fail with EIO, at moments that are swept. Nothing that was acknowledged is lost, the
database is whole each time, and the same process goes on."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from chaos import kit
from chaos.kit import LONG
from controlkit import CLI
from databases import KINDS, RING
from stationmaster.audit.services import verify
from stationmaster.credentials.models import Credential
from stationmaster.vault import keyring

CALLS = {"fsync": "fsync,fdatasync", "write": "pwrite64"}
STEPS = {"fsync": 23, "write": 211}                    # every so-manieth call fails: of fsync a change makes one, of write dozens
SWEEP = range(1, 21) if LONG else (3,)                 # the first call that fails
CHANGES = 40 if LONG else 12                           # of one process
TESTS = Path(__file__).parents[2]
pytestmark = [pytest.mark.timeout(900), pytest.mark.needs("strace")]


def broken(what: str, first: int) -> Counter[str]:
    """Have a process make its changes while those calls fail; how often it was refused, by reason, and what was done."""
    data, calls = Path(settings.STATIONMASTER_DATA), CALLS[what]
    if not (data / "master.keys").exists():
        keyring.write(RING, data / "master.keys")
    command = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(data / "strace"), "-P", str(data / "stationmaster.sqlite3"),
               "-P", str(data / "stationmaster.sqlite3-wal"), "-e", f"trace={calls}",
               "-e", f"inject={calls}:error=EIO:when={first}+{STEPS[what]}"]  # fmt: skip
    program = [sys.executable, "-m", "chaos.store.changing", str(data), str(CHANGES), f"n{first}"]
    done = subprocess.run([*command, *program], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "PYTHONPATH": str(TESTS)})  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    injected = (data / "strace").read_text().count("(INJECTED)")
    return Counter(done.stdout.splitlines()) + Counter(injected=injected)


def whole() -> bool:
    """Whether SQLite and the audit trail say so."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        return cursor.fetchall() == [("ok",)] and bool(verify(CLI).ok)


@pytest.mark.parametrize("database", KINDS[:1], indirect=True)
@pytest.mark.parametrize("what", CALLS)
def test_input_output_errors(database: str, what: str) -> None:
    """At each moment of the sweep: what was said to be done is there, whole, and the same process did all of it in the end."""
    done = f"{what} of SQLite fails (EIO): the n-th, one in {STEPS[what]} after, n = {SWEEP[0]}..{SWEEP[-1]}; {CHANGES} changes"
    injected = lost = unsound = unfinished = refused = 0
    with kit.figure("F5", done, "integrity ok for every n; 0 acknowledged lost; goes on without a restart") as tell:
        for first in SWEEP:
            said = broken(what, first)
            names = {line.removeprefix("done ") for line in said if line.startswith("done ")}
            there = set(Credential.objects.values_list("name", flat=True))
            injected, refused = injected + said["injected"], refused + sum(n for w, n in said.items() if w.startswith("refused"))
            lost, unfinished, unsound = lost + len(names - there), unfinished + CHANGES - len(names), unsound + (not whole())
            connection.close()
        tell(f"{injected} system calls failed, {refused} changes refused; {lost} acknowledged lost, {unsound} of {len(SWEEP)} "
             f"not whole, {unfinished} never done", injected > 0 and not lost + unsound + unfinished)  # fmt: skip
    assert injected > 0
    assert (lost, unsound, unfinished) == (0, 0, 0)
