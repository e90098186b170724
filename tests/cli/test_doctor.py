"""`stationmaster doctor`: every finding with one line on what to do, and exit code 1 when something is broken."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from databases import empty_database

__all__ = ["empty_database"]

Run = Callable[..., subprocess.CompletedProcess[str]]

CANARY = "sk-canary-5f0c1d2e3b4a"
MASTER_KEY = f"{'A' * 43}="


@pytest.fixture
def ports() -> dict[str, str]:
    """Ports that are free: what else runs on the machine must not decide a test."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        console, gateway = one.getsockname()[1], two.getsockname()[1]
    return {
        "STATIONMASTER__CONSOLE__PORT": str(console), "STATIONMASTER__GATEWAY__PORT": str(gateway),
        "STATIONMASTER__GATEWAY__METRICS_PORT": "0",
    }  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, ports: dict[str, str]) -> Run:
    """Run `stationmaster doctor` in an empty folder with a home of its own, and only the variables given."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "LANG": "C.UTF-8", **ports, **variables}
        command = [sys.executable, "-m", "stationmaster", "doctor", *words]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the right rights, and a database that has no tables yet."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    sqlite3.connect(folder / "stationmaster.sqlite3").close()
    (folder / "stationmaster.sqlite3").touch()
    (folder / "stationmaster.sqlite3").chmod(0o600)
    return folder


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """What `--output json` told, by id."""
    return {each["id"]: each for each in json.loads(done.stdout)["findings"]}


def test_a_machine_without_anything(run: Run, tmp_path: Path) -> None:
    """Before the first start nothing is broken, and looking made nothing."""
    done = run()
    assert done.returncode == 0, done.stdout
    states = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")}
    expected = {"python", "open_files", "ca_store", "proxies", "environment", "settings", "sign_in", "console_reach",
                "data_folder", "disk", "key_ring", "port.console", "port.gateway", "file_system", "database",
                    "backups"}  # fmt: skip
    assert set(states) == expected
    assert "broken" not in states.values()
    assert not (tmp_path / "home").exists()


def test_json(run: Run) -> None:
    """The same as data; the exit code says whether anything is broken."""
    done = run("--output", "json", STATIONMASTER__LOGIN__LOCAL="false")
    whole = json.loads(done.stdout)
    assert (done.returncode, whole["ok"], whole["schema_version"]) == (1, False, 1)
    told = findings(done)
    assert set(told["sign_in"]) == {"id", "severity", "what", "fix"}
    assert (told["sign_in"]["severity"], told["python"]["severity"]) == ("broken", "ok")
    assert all(bool(each["fix"]) == (each["severity"] != "ok") for each in told.values())
    assert done.stderr.startswith("1 thing is broken")


@pytest.mark.parametrize(("form", "first"), [("jsonl", '{"id": "python"'), ("csv", "id,severity,what,fix")])
def test_other_forms(run: Run, form: str, first: str) -> None:
    """A line a finding."""
    assert run("--output", form).stdout.startswith(first)


def test_settings_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    """Problems of file and variables are findings, each with its line; what needs settings is left out, the rest told."""
    (tmp_path / "stationmaster.toml").write_text("[console]\nprot = 1\n")
    done = run("--output", "json", STATIONMASTER__LOG__LEVEL="loud")
    every = json.loads(done.stdout)["findings"]
    told = [(each["what"], each["fix"]) for each in every if each["id"] == "settings"]
    assert told[0][0] == "environment: STATIONMASTER__LOG__LEVEL: expected one of debug, info, warning, error"
    assert told[1] == (f"{tmp_path}/stationmaster.toml:2: console.prot: unknown key", 'did you mean "port"?')
    assert {"python", "disk"} & {each["id"] for each in every} == {"python"}
    assert done.returncode == 1


def test_a_new_database(run: Run, data: Path) -> None:
    """Tables that are to be made are a warning; nothing was made, no key ring either."""
    told = findings(run("--output", "json", "--data", str(data)))
    assert (told["database"]["severity"], told["migrations"]["severity"]) == ("ok", "warning")
    assert told["clock"]["severity"] == "ok"
    assert not (data / "master.keys").exists()


def test_every_kind_of_database(run: Run, empty_database: str) -> None:
    """Either kind is asked for its tables and, where it has one of its own, its clock; its password is not shown."""
    done = run("--output", "json", STATIONMASTER_DATABASE_URL=empty_database, STATIONMASTER_MASTER_KEY=MASTER_KEY)
    told = findings(done)
    assert [told[name]["severity"] for name in ("database", "migrations", "clock")] == ["ok", "warning", "ok"]
    own_clock = empty_database.startswith("postgresql")
    assert ("s from ours" in told["clock"]["what"]) is own_clock
    assert ("file_system" in told) is not own_clock
    if own_clock:
        assert empty_database.partition(":")[2].split(":")[1].partition("@")[0] not in done.stdout + done.stderr


PREPARE = """
import os, sys
from pathlib import Path
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring
configure(StoreConfig(Path(sys.argv[1]), keyring.load(Path(sys.argv[1]), os.environ)))
from stationmaster.store import migrating, stored
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change
migrating.migrate()
with change(SYSTEM) as edit:
    for pair in sys.argv[2:]:
        name, _, value = pair.partition("=")
        stored.put(edit, name, int(value) if value.isdigit() else value)
"""


@pytest.fixture
def made(data: Path) -> Callable[..., Path]:
    """Bring the database of the data folder up to date, and save settings in it."""

    def made(*saved: str) -> Path:
        environ = {**os.environ, "STATIONMASTER_MASTER_KEY": MASTER_KEY}
        subprocess.run([sys.executable, "-c", PREPARE, str(data), *saved], env=environ, check=True, timeout=60)
        return data

    return made


def test_a_database_in_use(run: Run, made: Callable[..., Path]) -> None:
    """Up to date, and opened by its own key ring only: another one, or none, is broken."""
    data = made()
    good = findings(run("--output", "json", "--data", str(data), STATIONMASTER_MASTER_KEY=MASTER_KEY))
    assert {good[name]["severity"] for name in ("database", "migrations", "clock", "stored_secrets")} == {"ok"}
    for other in ({"STATIONMASTER_MASTER_KEY": f"{'B' * 42}A="}, {}):
        done = run("--output", "json", "--data", str(data), **other)
        assert (findings(done)["stored_secrets"]["severity"], done.returncode) == ("broken", 1)
    assert not (data / "master.keys").exists()


def test_saved_settings_without_effect(run: Run, made: Callable[..., Path]) -> None:
    """A saved setting that cannot be used is a warning; those that can be used count."""
    data = made("console.port=0", "ui.language=zh-CN")
    told = findings(run("--output", "json", "--data", str(data), STATIONMASTER_MASTER_KEY=MASTER_KEY))
    assert told["settings"]["severity"] == "warning"
    assert "console.port" in told["settings"]["what"]
    assert told["proxies"]["what"] == "没有设置代理"


def test_a_folder_that_cannot_be_looked_into(run: Run, tmp_path: Path) -> None:
    """What the system refuses is a finding, not a traceback."""
    done = run("--output", "json", "--data", str(tmp_path / ("x" * 300)))
    told = findings(done)
    assert (told["data_folder"]["severity"], told["database"]["severity"]) == ("broken", "broken")
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_database(run: Run, data: Path) -> None:
    """It is broken, in our own words: no driver's message, no traceback."""
    (data / "stationmaster.sqlite3").write_text(CANARY * 200)
    done = run("--output", "json", "--data", str(data), STATIONMASTER_MASTER_KEY=MASTER_KEY)
    assert findings(done)["database"]["what"] == "the database does not answer (DatabaseError)"
    assert (done.returncode, CANARY in done.stdout + done.stderr) == (1, False)


def test_a_database_that_is_not_there(run: Run) -> None:
    """A PostgreSQL that nobody runs is broken; its password and our key are shown nowhere."""
    url = f"postgresql://u:{CANARY}@127.0.0.1:9/x"
    done = run("--output", "json", STATIONMASTER_DATABASE_URL=url, STATIONMASTER_MASTER_KEY=MASTER_KEY)
    told = findings(done)
    assert told["database"]["severity"] == "broken"
    assert "file_system" not in told
    assert CANARY not in done.stdout + done.stderr
    assert MASTER_KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("url", [f"postgresql://u:{CANARY}@h:x/y", f"postgresql://u:{CANARY}@h/", f"postgresql://h/x?service={CANARY}"])
def test_an_address_that_cannot_be_used(run: Run, url: str) -> None:
    """A database address that is none is broken, and not repeated."""
    done = run("--output", "json", STATIONMASTER_DATABASE_URL=url)
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_others_may_read(run: Run, data: Path) -> None:
    """The line that puts it right is told below the finding."""
    data.chmod(0o755)
    done = run("--data", str(data))
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("broken   data_folder"))
    assert lines[at + 1].split("→ ")[1] == f"chmod 700 {data}"
    assert done.returncode == 1


def test_chinese(run: Run, ports: dict[str, str]) -> None:
    """It speaks the language that is set, before the terminal's; ids and grades stay."""
    by_terminal, by_setting = run(LANG="zh_CN.UTF-8"), run(STATIONMASTER__UI__LANGUAGE="zh-CN")
    for done in (by_terminal, by_setting):
        assert f"ok       port.gateway    127.0.0.1:{ports['STATIONMASTER__GATEWAY__PORT']} 空闲" in done.stdout
    assert "is free" in run(LANG="zh_CN.UTF-8", STATIONMASTER__UI__LANGUAGE="en").stdout


def test_it_says_nothing_is_wrong_only_then(run: Run) -> None:
    """The last line on stderr counts what the findings say."""
    assert "1 warning" in run(STATIONMASTER_DATABSE_URL="x").stderr


FLEET = """
import os, sys
from datetime import timedelta
from pathlib import Path
from django.utils import timezone
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring
configure(StoreConfig(Path(sys.argv[1]), keyring.load(Path(sys.argv[1]), os.environ)))
from stationmaster.store.changes import change
from stationmaster.store.actor import SYSTEM
from stationmaster.operators import services as operators
from stationmaster.operators.models import GatewayToken
from stationmaster.usage.gateways import touch
operators.create_gateway_token(SYSTEM, {"name": "edge"})
row = GatewayToken.objects.get()
with change(SYSTEM) as edit, edit.updating(row):
    row.expires_at = timezone.now() + timedelta(days=3, hours=1)
touch(SYSTEM, "frankfurt", timezone.now(), version="0.0.1", revision=1, workers=1)
"""


def test_what_it_knows_of_gateways(run: Run, data: Path) -> None:
    """A gateway token about to expire, and a running gateway of another version, are named from the real database."""
    environ = {"PATH": os.environ["PATH"], "STATIONMASTER_MASTER_KEY": MASTER_KEY}
    for script in (PREPARE, FLEET):
        subprocess.run([sys.executable, "-c", script, str(data)], env=environ, check=True, timeout=60)
    done = run("--output", "json", "--data", str(data), STATIONMASTER_MASTER_KEY=MASTER_KEY)
    told = findings(done)
    assert told["gateway_tokens"]["what"] == "the gateway token edge expires in 3 days"
    assert told["versions"]["what"].startswith("the gateway frankfurt runs version 0.0.1")
    assert {told[name]["severity"] for name in ("gateway_tokens", "versions")} == {"warning"}


QUEUE = """
import os, sys
from datetime import timedelta
from pathlib import Path
from django.utils import timezone
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring
configure(StoreConfig(Path(sys.argv[1]), keyring.load(Path(sys.argv[1]), os.environ)))
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Worker
from stationmaster.store.actor import SYSTEM, Actor
admin = Actor("operator", "op_admin", "admin")
from stationmaster.workspaces import services as workspaces
Worker.objects.create(id="old", engine="embedded", version="1", threads=1, started_at=timezone.now(),
                      beat_at=timezone.now() - timedelta(hours=int(sys.argv[2])))
workspaces.create_workspace(admin, {"name": "paper", "vendor": "manual"})
jobs.submit(admin, "reconcile", workspace="later", delay=3600)
"""


@pytest.mark.parametrize(("hours", "severity"), [("2", "warning"), ("0", "ok")])
def test_jobs_that_nobody_does(run: Run, data: Path, hours: str, severity: str) -> None:
    """A job that waits while no worker was heard of lately is told of, from the real database, with what to start; one that is
    for later does not count."""
    environ = {"PATH": os.environ["PATH"], "STATIONMASTER_MASTER_KEY": MASTER_KEY}
    for script in (PREPARE, QUEUE):
        words = [sys.executable, "-c", script, str(data), *([hours] if script is QUEUE else [])]
        subprocess.run(words, env=environ, check=True, timeout=60)
    told = findings(run("--output", "json", "--data", str(data), STATIONMASTER_MASTER_KEY=MASTER_KEY))["workers"]
    assert told["severity"] == severity
    if severity == "warning":
        assert told["what"] == "1 job waits, and no worker runs"
        assert "stationmaster worker" in told["fix"]
