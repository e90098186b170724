"""`stationmaster demo`: what it makes, what it starts, that nothing of it is left running, and that it goes when told."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.processes import is_alive
from stationmaster.cli.demo import setting, visitor
from stationmaster.cli.demo.folder import folder_of
from stationmaster.errors import StationmasterError
from up.kit import Up, free_ports, link_in, running, until

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.timeout(300)      # seconds: everything is started anew each time
NOUNS = ("key", "route", "pool", "credential", "workspace")


@pytest.fixture
def sandbox() -> str:
    """A port for the simulated vendors."""
    return str(free_ports(1)[0])


def names(up: Up, noun: str) -> set[str]:
    """What there is of a noun, by name; of routes the pools that they lead to."""
    rows = json.loads(up.command(noun, "list", "--all", "--output", "json"))
    return {row["pool"] if noun == "route" else row["name"] for row in rows[f"{noun}s"]}


def key_in(said: str) -> str:
    """The virtual key in what was said."""
    found = re.search(r"^virtual key: (sm-[A-Za-z0-9_-]{43})$", said, re.MULTILINE)
    assert found, said
    return found[1]


def test_once(run: Run) -> None:
    """`--once --temporary` prints a key and a curl, streams an answer, exits 0, and leaves nothing."""
    ports = dict(zip(("--port", "--console-port", "--metrics-port", "--sandbox-port"), map(str, free_ports(4)), strict=True))
    done = run("demo", "--once", "--temporary", *(word for pair in ports.items() for word in pair))
    assert done.returncode == 0, done.stderr
    key_in(done.stdout)
    assert f"curl -N http://127.0.0.1:{ports['--port']}/v1/chat/completions" in done.stdout
    assert re.search(r"\(\d+ pieces through the gateway in \d+ ms\)", done.stderr)
    assert "The demo keeps nothing." in done.stderr
    assert f"http://127.0.0.1:{ports['--sandbox-port']} (simulated)" in done.stderr
    assert "stationmaster workspace list --data /" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stays_until_told_to_stop(tmp_path: Path, sandbox: str, number: int) -> None:
    """Without `--once` everything keeps serving; Ctrl-C, SIGTERM and a closed terminal end all of it with 0."""
    with running(tmp_path, "--sandbox-port", sandbox, noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        assert link_in(up.said)
        assert up.ask(key_in(up.said)) == 200
        everybody = up.everybody()
        assert up.end(number) == 0
        assert not any(map(is_alive, everybody))


def test_a_later_start(tmp_path: Path, sandbox: str) -> None:
    """What is there stays, the simulated vendors may be at another port, and the key of the start before is still let in."""
    with running(tmp_path, "--sandbox-port", sandbox, noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        before = key_in(up.said)
        up.end()
    with running(tmp_path, "--sandbox-port", str(free_ports(1)[0]), noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        assert up.ask(key_in(up.said)) == 200
        assert up.ask(before) == 200
        assert len(names(up, "credential")) == 4


def test_remove(tmp_path: Path, sandbox: str) -> None:
    """What the demo made is shown by a dry run and goes, all of it; what somebody else made stays."""
    with running(tmp_path, "--sandbox-port", sandbox, noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        up.command("key", "create", "mine")
        assert all("demo" in min(names(up, noun)) for noun in NOUNS)
        dry = _remove(up, "--dry-run")
        assert (dry.returncode, len(json.loads(dry.stdout)["removed"])) == (10, 18)
        assert len(names(up, "credential")) == 4
        assert _remove(up, "--yes").returncode == 0
        assert [names(up, noun) for noun in NOUNS] == [{"mine"}, set(), set(), set(), set()]
        until(lambda: up.ask(key_in(up.said)) == 401, "the gateway's word of it")
        assert _remove(up, "--yes").stderr == (
            f"There is nothing of the demo in the folder {up.data}. A demo that was started with --data DIR is in DIR: name that "
            "with --data.\n"
        )


def test_remove_leaves_alone_what_is_needed(tmp_path: Path, sandbox: str) -> None:
    """Something else that needs one of the demo's things keeps all of them: it is named, and nothing goes."""
    with running(tmp_path, "--sandbox-port", sandbox, noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        up.command("pool", "create", "mine", "--member", "demo-openai-a")
        refused = _remove(up, "--yes")
        assert refused.returncode == 1
        assert "demo-openai-a is still used by pool mine" in refused.stderr
        assert "demo" in names(up, "key")
        assert len(names(up, "credential")) == 4


def test_a_demo_elsewhere_is_asked_for(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no demo, the error names the folder that was looked in and how to name another. A control plane elsewhere
    that the environment names is asked, whatever folders are here."""
    monkeypatch.setenv("LANG", "C")
    monkeypatch.setenv("STATIONMASTER_DATA", str(tmp_path / "control"))
    done = run("demo", "remove")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: there is no demo in the folder {tmp_path}/control-demo\n"
        "hint: a demo that was started with --data DIR is in DIR: name that with --data\n"
    )
    monkeypatch.setenv("STATIONMASTER_URL", "http://127.0.0.1:1")
    assert "there is no API token" in run("demo", "remove").stderr


def _remove(up: Up, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stationmaster", "demo", "remove", "--data", str(up.data), "--output", "json", *words],
        capture_output=True, text=True, timeout=50, check=False, env={"LANG": "C"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("named", "meant"), [("control", "control-demo"), ("control-demo", "control-demo"), ("demo", "demo-demo")]
)
def test_the_demo_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str, meant: str) -> None:
    """It lies beside the data folder, and is found from a shell in which STATIONMASTER_DATA names the demo's folder itself."""
    monkeypatch.setenv("STATIONMASTER_DATA", str(tmp_path / named))
    assert folder_of(None, None) == tmp_path / meant
    assert folder_of(None, tmp_path / "named") == tmp_path / "named"


def test_everything_is_marked() -> None:
    """Each name that the demo gives says that it is the demo's, and every address leads to this machine."""
    made = [*setting.workspaces(4010), *setting.credentials(4010)]
    assert all(row["name"].startswith("demo") and row["organisation"] == "demo" for row in made)
    assert {row["base_url"].removesuffix("/v1") for row in made} == {"http://127.0.0.1:4010"}
    for row in setting.targets(4010):
        assert row["name"].startswith("demo")
        assert row["base_url"].startswith("http://127.0.0.1:4010/targets/")
    assert all(name.startswith("demo") for name in (setting.KEY, setting.DEFAULT_POOL, *setting.POOLS))
    assert {name for pool in setting.POOLS.values() for name in pool} == {row["name"] for row in setting.credentials(4010)}


def test_the_curl_is_one_shell_command() -> None:
    """What is printed to be pasted survives a shell: one command, with the key and the question whole."""
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {setting.curl('127.0.0.1:4000', 'sm-x')}"], capture_output=True, text=True, check=True
    )
    words = shown.stdout.splitlines()
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:4000/v1/chat/completions"]
    assert "Authorization: Bearer sm-x" in words
    assert words[-1].startswith('{"model": "gpt-4o-mini"')


def test_no_answer_is_an_error() -> None:
    """A gateway that is not there is told in one sentence."""
    with pytest.raises(StationmasterError, match="no answer came through"):
        visitor.stream_answer(f"127.0.0.1:{free_ports(1)[0]}", "sm-x")
