"""`stationmaster config`: what is set, where it comes from, and whether it is good."""

import csv
import io
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from stationmaster.settings import FIELDS, schema

Run = Callable[..., subprocess.CompletedProcess[str]]

CANARY = "sk-canary-5f0c1d2e3b4a"
FILE = '[console]\nport = 5003\n\n[oidc]\nclient_secret_file = "secret"\n'


SAVE = """
import os, sys
from pathlib import Path
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring
configure(StoreConfig(Path(sys.argv[1]), keyring.load(Path(sys.argv[1]), os.environ)))
from stationmaster.store import migrating, stored
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
migrating.migrate()
with change(Actor("operator", "op_7", "admin")) as edit:
    stored.put(edit, "console.port", 5004)
    stored.put(edit, "log.level", "error")
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `stationmaster` in an empty folder with a home of its own, and only the variables given."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "LANG": "C.UTF-8", **variables}
        command = [sys.executable, "-m", "stationmaster", *words]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a good file, and the secret that it names."""
    (tmp_path / "secret").write_text(CANARY)
    path = tmp_path / "stationmaster.toml"
    path.write_text(FILE)
    return path


def test_show(run: Run, file: Path) -> None:
    """The table has a line for every setting with its value and when a change counts; secrets are stars."""
    done = run("config", "show", STATIONMASTER_VALKEY_URL=f"rediss://u:{CANARY}@h/1")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert list(lines)[1:] == list(FIELDS)
    assert lines["console.port"] == ["5003", "restart"]
    assert lines["oidc.client_secret"] == ["********", "start"]
    assert lines["valkey.url"] == ["rediss://u:********@h/1", "start"]
    assert lines["console.public_url"] == ["-", "restart"]


def test_show_origin(run: Run, file: Path) -> None:
    """With --origin each value names the option, variable, or file and line that decided it."""
    done = run(
        "config", "show", "--origin", "--output", "json", "--data", "here", STATIONMASTER__CONSOLE__HOST="::1",
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)["settings"]}
    told = {name: (rows[name]["value"], rows[name]["origin"], rows[name]["where"]) for name in FIELDS}
    assert told["data.dir"] == (str(file.parent / "here"), "flag", "--data")
    assert told["console.host"] == ("::1", "env", "STATIONMASTER__CONSOLE__HOST")
    assert (told["console.port"][0], told["console.port"][2].endswith("stationmaster.toml:2")) == (5003, True)
    assert told["gateway.port"] == (4000, "default", "")


def test_show_of_a_database_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """The settings are shown without what is saved there, and that is said."""
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "stationmaster.sqlite3").write_text(CANARY * 200)
    done = run("config", "show", "--data", "data")
    assert done.returncode == 0
    assert "console.port" in done.stdout
    assert done.stderr == "What is saved in the database is left out: the database does not answer (DatabaseError)\n"


def test_show_what_is_saved(run: Run, tmp_path: Path) -> None:
    """A value that an admin saved is shown with who saved it; under a variable it is not."""
    key = f"{'A' * 43}="
    environ = {**os.environ, "STATIONMASTER_MASTER_KEY": key}
    subprocess.run([sys.executable, "-c", SAVE, str(tmp_path / "data")], env=environ, check=True, timeout=60)
    words = ("config", "show", "--origin", "--output", "json", "--data", "data")
    done = run(*words, STATIONMASTER_MASTER_KEY=key, STATIONMASTER__LOG__LEVEL="debug")
    rows = {row["name"]: row for row in json.loads(done.stdout)["settings"]}
    assert (rows["console.port"]["value"], rows["console.port"]["origin"]) == (5004, "stored")
    assert rows["console.port"]["where"].startswith("by op_7 at 2")
    assert (rows["log.level"]["value"], rows["log.level"]["origin"]) == ("debug", "env")


def test_a_gateway_loads_none_of_it() -> None:
    """The command line of a gateway holds no settings of the control plane, and no Django."""
    code = "import sys, stationmaster.cli.app; sys.exit(bool({'pydantic', 'django', 'cryptography'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_forms(run: Run, file: Path, form: str) -> None:
    """Every form has the same settings and the same values; none has a secret."""
    done = run("config", "show", "--output", form, STATIONMASTER_MASTER_KEY=CANARY)
    assert CANARY not in done.stdout + done.stderr
    if form == "json":
        whole = json.loads(done.stdout)
        assert whole["schema_version"] == 1
        rows = whole["settings"]
    elif form == "jsonl":
        rows = [json.loads(line) for line in done.stdout.splitlines()]
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
    else:
        rows = [{"name": line.split()[0], "value": line.split()[1]} for line in done.stdout.splitlines()[1:]]
    assert [row["name"] for row in rows] == list(FIELDS)
    assert {row["name"]: str(row["value"]) for row in rows}["console.port"] == "5003"


def test_validate(run: Run, file: Path) -> None:
    """A good file exits 0 and says so on stderr; as JSON it says so on stdout."""
    done = run("config", "validate")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"Good: 2 settings are given.\nThe file: {file}\n")
    done = run("config", "validate", str(file), "--output", "json")
    assert json.loads(done.stdout) == {"schema_version": 1, "ok": True, "problems": []}


def test_validate_another_file(run: Run, file: Path, tmp_path: Path) -> None:
    """The file that is named is checked, not the one that lies there; every problem is a line, and the exit code is 2."""
    (tmp_path / "other.toml").write_text("[console]\nprot = 1\nport = 0\n")
    done = run("config", "validate", "other.toml")
    assert (done.returncode, done.stdout) == (2, "")
    first, second, *_ = done.stderr.splitlines()
    assert first == 'other.toml:2: console.prot: unknown key — did you mean "port"?'
    assert second == "other.toml:3: console.port: expected a whole number from 1 to 65535"


def test_validate_as_data(run: Run) -> None:
    """Problems of the environment are found too; as JSON they are data, and the exit code is the same."""
    done = run("config", "validate", "--output", "json", STATIONMASTER__CONSOLE__PROT="1")
    told = json.loads(done.stdout)
    (problem,) = told["problems"]
    assert (done.returncode, told["ok"]) == (2, False)
    assert (problem["file"], problem["key"]) == ("environment", "STATIONMASTER__CONSOLE__PROT")
    assert problem["code"] == "error.config.unknown_key"


def test_schema(run: Run) -> None:
    """The schema is JSON on stdout, and nothing else."""
    done = run("config", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == schema()


def test_chinese(run: Run, file: Path) -> None:
    """Headings and talk follow the terminal's language; names of settings do not, nor does data for programs."""
    shown = run("config", "show", "--origin", LANG="zh_CN.UTF-8").stdout
    assert shown.split()[:5] == ["设置项", "值", "生效时机", "来源", "位置"]
    assert "console.port" in shown
    assert run("config", "validate", LANG="zh_CN.UTF-8").stderr.startswith("没有问题\uff1a共设置了 2 项。\n")
    plain, chinese = (run("config", "show", "--output", "csv", LANG=lang).stdout for lang in ("C", "zh_CN.UTF-8"))
    assert plain == chinese


@pytest.mark.parametrize(
    "words",
    [["config"], ["config", "shwo"], ["config", "show", "--output", "xml"], ["config", "show", "--config", "gone.toml"],
     ["config", "validate", "gone.toml"], ["config", "schema", "x"]],
)  # fmt: skip
def test_asked_wrongly(run: Run, words: list[str]) -> None:
    """Exit code 2, nothing on stdout, no traceback."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_shown_file_can_be_written(run: Run, tmp_path: Path) -> None:
    """What is shown of a section, written as TOML, is a file that is accepted and shows the same."""
    rows = json.loads(run("config", "show", "--output", "json").stdout)["settings"]
    given = [row for row in rows if row["value"] not in (None, "", [])]
    lines = [f"{row['name'].split('.')[0]}.{row['name'].split('.')[1]} = {json.dumps(row['value'])}" for row in given]
    text = "\n".join(lines) + "\n"
    assert tomllib.loads(text)["console"]["port"] == 4001
    (tmp_path / "stationmaster.toml").write_text(text)
    assert json.loads(run("config", "show", "--output", "json").stdout)["settings"] == rows
