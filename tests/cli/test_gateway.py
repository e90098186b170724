"""`stationmaster gateway`: what it hands to the supervisor, and what `--check` says."""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from stationmaster.cli.app import app
from stationmaster.gateway.config import ConfigError
from stationmaster.gateway.core.snapshot import Snapshot

Run = Callable[..., subprocess.CompletedProcess[str]]


class Supervisor:
    """Stands in for the real one: remembers what it was given, and serves nothing."""

    def __init__(self) -> None:
        self.options: dict[str, object] = {}

    def run(self, load: Callable[[], Snapshot], **options: object) -> int:
        """Keep the options, and answer with an exit code of our own."""
        self.load = load
        self.options = options
        return 7


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch, config: Path) -> Supervisor:
    """Put the stand-in where the command imports the supervisor from."""
    import stationmaster.gateway.server

    monkeypatch.setenv("STATIONMASTER_TEST_KEY", "sk-proj-a")
    stand_in = Supervisor()
    module = SimpleNamespace(run=stand_in.run)
    monkeypatch.setitem(sys.modules, "stationmaster.gateway.server.supervisor", module)
    monkeypatch.setattr(stationmaster.gateway.server, "supervisor", module, raising=False)
    monkeypatch.chdir(config.parent)
    return stand_in


def test_it_works(supervisor: Supervisor, config: Path) -> None:
    """The supervisor is given the file, the options and a way to read it; its exit code is the command's."""
    result = CliRunner().invoke(app, ["gateway", "--config", str(config), "--events", "e.jsonl"])
    assert result.exit_code == 7
    watching = supervisor.options.pop("watching")
    assert supervisor.options == {"config": config, "events": Path("e.jsonl"), "log_level": "info", "valkey": ""}
    assert callable(watching)
    assert supervisor.load().settings.port == 4100


def test_options_win_over_the_file(supervisor: Supervisor) -> None:
    """`--host`, `--port` and `--workers` replace what the file says, at every reading of it."""
    words = ["gateway", "--host", "::1", "--port", "5000", "--workers", "3", "--log-level", "debug"]
    assert CliRunner().invoke(app, words).exit_code == 7
    for _ in range(2):
        settings = supervisor.load().settings
        assert (settings.host, settings.port, settings.workers) == ("::1", 5000, 3)
    assert supervisor.options["log_level"] == "debug"


def test_load_reads_the_file_again(supervisor: Supervisor, config: Path) -> None:
    """Each call of `load` sees the file as it is then, and raises when it has become bad."""
    CliRunner().invoke(app, ["gateway"])
    assert supervisor.load().settings.workers == 1
    config.write_text(config.read_text().replace("port = 4100", "workers = 2"))
    assert supervisor.load().settings.workers == 2
    config.write_text("[gatway]\n")
    with pytest.raises(ConfigError):
        supervisor.load()


def test_check(run: Run, config: Path) -> None:
    """A good file is summed up on stdout, with exit code 0."""
    done = run("gateway", "--check")
    assert (done.returncode, done.stderr) == (0, "The file is good.\n")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows == {
        "file": "gateway.toml", "listen": "127.0.0.1:4100", "workers": "1",
        "credentials": "1", "pools": "1", "routes": "1", "keys": "1",
    }  # fmt: skip


def test_check_as_json(run: Run, config: Path) -> None:
    """The same as one object, with the options counted in."""
    done = run("gateway", "--check", "--output", "json", "--port", "4200", "--host", "::1")
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["ok"], summary["listen"]) == (0, True, "[::1]:4200")
    assert (summary["warnings"], done.stderr) == ([], "")


def test_check_warns(run: Run, config: Path) -> None:
    """What is odd but can be served is a line each on stderr, and the exit code stays 0."""
    config.write_text(config.read_text() + 'expires = "2020-01-01"\nmodels = ["gpt-*"]\n')
    done = run("gateway", "--check")
    assert done.returncode == 0
    assert done.stderr == 'warning: key "k": expires is in the past\nThe file can be used; 1 warning.\n'
    as_json = run("gateway", "--check", "--output", "json")
    assert json.loads(as_json.stdout)["warnings"] == ['key "k": expires is in the past']


def test_the_start_warns(supervisor: Supervisor, config: Path) -> None:
    """Starting, and reading the file again, says the same, and serves all the same."""
    config.write_text(config.read_text().replace("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "0" * 64))
    result = CliRunner().invoke(app, ["gateway"])
    assert result.exit_code == 7
    assert result.stderr == ""
    with contextlib.redirect_stderr(io.StringIO()) as told:
        supervisor.load()
    assert 'stationmaster: warning: key "k": its secret_sha256 is a placeholder' in told.getvalue()


def test_ports_that_options_bring_together(run: Run, config: Path) -> None:
    """`--port` may not be where the metrics are, though the file keeps them apart."""
    done = run("gateway", "--check", "--port", "4002")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the gateway and its metrics cannot both listen on 4002\nhint: choose another")


@pytest.mark.parametrize("check", [True, False])
def test_a_bad_file(run: Run, config: Path, check: bool) -> None:
    """Every problem is a line on stderr, and the exit code is 2, with and without --check."""
    config.write_text(config.read_text().replace("port", "prot").replace('pool = "main"', 'pool = "mian"'))
    done = run("gateway", *(["--check"] if check else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        'gateway.toml:2: gateway.prot: unknown key — did you mean "port"?',
        'gateway.toml:15: route[0].pool: no pool has the id "mian" — did you mean "main"?',
        "error: 2 problems in the config file",
    ]


def test_a_bad_file_as_json(run: Run, config: Path) -> None:
    """With --output json the problems are data on stdout too."""
    config.write_text("[gatway]\n")
    done = run("gateway", "--check", "--output", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (2, False)
    assert found["problems"][0] == {
        "file": "gateway.toml", "line": 1, "key": "gatway", "message": "unknown table",
        "hint": 'did you mean "gateway"?', "code": "error.config.unknown_key",
    }  # fmt: skip


def test_no_file(run: Run) -> None:
    """A file that is not there is said so, and exits 2."""
    done = run("gateway", "--check", "--config", "nowhere.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("nowhere.toml: cannot be read: No such file or directory — name yours with --config")


def test_no_file_at_all(run: Run) -> None:
    """Started in a folder without gateway.toml, the command says what to do next."""
    done = run("gateway")
    assert done.returncode == 2
    assert "name yours with --config" in done.stderr
    assert "`stationmaster demo` needs none" in done.stderr


def test_literal_secrets_need_the_option(run: Run, config: Path) -> None:
    """A secret in the file exits 2 without repeating it, and is accepted with the option."""
    config.write_text(config.read_text().replace("env:STATIONMASTER_TEST_KEY", "sk-proj-sentinel"))
    refused = run("gateway", "--check")
    assert refused.returncode == 2
    assert "--allow-literal-secrets" in refused.stderr
    allowed = run("gateway", "--check", "--allow-literal-secrets")
    assert allowed.returncode == 0
    assert "sentinel" not in refused.stdout + refused.stderr + allowed.stdout + allowed.stderr
