"""The systemd units: that systemd reads them, what they allow, that what they name exists."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy.reading import DEPLOY, read_command, secret_variables, unknown_variables
from stationmaster.settings import FIELDS

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def entries(unit: Path) -> list[tuple[str, str]]:
    """The keys of a unit and what they say, in order."""
    lines = (line for line in unit.read_text().splitlines() if line and line[0] not in "#[")
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def every(unit: Path, key: str) -> list[str]:
    """All that a key says."""
    return [value for name, value in entries(unit) if name == key]


def test_which_there_are() -> None:
    """One for each of the processes that run apart."""
    assert [unit.stem for unit in UNITS] == [f"stationmaster-{name}" for name in ("control", "gateway", "worker")]


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_systemd_reads_them(unit: Path) -> None:
    """`systemd-analyze verify` finds nothing, but that the program is not installed here; `security` calls the exposure small."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "stationmaster is not executable" not in line]
    assert told == []
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_what_they_run(unit: Path) -> None:
    """A command of the program, by an absolute path; it tells when it is ready, and is watched."""
    (start,) = every(unit, "ExecStart")
    words = start.replace("${CONTROL}", "https://a.example.test:4001").replace("%d", "/run/credentials").split()
    assert words[0] == "/opt/stationmaster/bin/stationmaster"
    read_command(words[1:])
    assert every(unit, "Type") == ["notify"]
    assert float(every(unit, "WatchdogSec")[0]) >= 30
    assert every(unit, "User") == ["stationmaster"]
    reload = every(unit, "ExecReload")
    assert reload == ([] if unit.stem.endswith("worker") else ["/bin/kill -HUP $MAINPID"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_secrets_are_credentials(unit: Path) -> None:
    """Each secret is a credential of systemd's, named by a file: no variable and no argument holds one."""
    environ = dict(value.partition("=")[::2] for value in every(unit, "Environment"))
    assert list(unknown_variables(environ)) == []
    assert not secret_variables() & environ.keys()
    loaded = {value.partition(":")[0] for value in every(unit, "LoadCredential")}
    text = " ".join([*environ.values(), *every(unit, "ExecStart")])
    assert set(re.findall(r"%d/(\S+)", text)) == loaded != set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.stem))
def test_folders(unit: Path) -> None:
    """Each has a folder of its own, which systemd makes; the rest of the system cannot be written to."""
    (folder,) = every(unit, "StateDirectory")
    assert f"/var/lib/{folder}" in " ".join([*every(unit, "Environment"), *every(unit, "ExecStart")]).replace("=", " ").split()
    assert len({every(each, "StateDirectory")[0] for each in UNITS}) == len(UNITS)
    assert every(unit, "ProtectSystem") == ["strict"]


def test_streams_may_end() -> None:
    """A gateway is given longer to end than its drain takes by default, and may open as many files as it raises its limit to."""
    gateway = next(unit for unit in UNITS if unit.stem.endswith("gateway"))
    assert float(every(gateway, "TimeoutStopSec")[0]) > FIELDS["gateway.drain_seconds"].default
    assert every(gateway, "LimitNOFILE") == ["1048576"]
    assert "@resources" not in " ".join(every(gateway, "SystemCallFilter")), "its workers set their limit of open files"
