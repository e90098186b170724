"""From options and environment to a desk: what is refused, and that looking makes nothing."""

import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from asking import PLAIN
from cli.nouns.installation import Installation
from cli.nouns.kit import SECRET, Cli
from stationmaster.cli import remote
from stationmaster.errors import StationmasterError


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """A data folder that is not there yet."""
    return Installation(tmp_path)


def test_looking_makes_nothing(installed: Installation) -> None:
    """Without an installation a command says what to start, and leaves no folder, ring or database behind."""
    done = installed("credential", "list", code=1)
    assert done.stderr.splitlines()[0] == f"error: there is no control plane in the data folder {installed.data} yet"
    assert "stationmaster control" in done.stderr
    assert not installed.data.exists()


def test_a_database_behind_is_refused(installed: Installation) -> None:
    """One with changes that are still to be applied is left as it is."""
    installed.begin()
    with sqlite3.connect(installed.data / "stationmaster.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'usage'")
    done = installed("credential", "list", code=1)
    assert done.stderr.splitlines()[0] == "error: the database is not up to date with this program"
    assert "hint: start `stationmaster up` or `stationmaster control` once" in done.stderr


def test_another_ring_is_refused(installed: Installation, tmp_path: Path) -> None:
    """A ring that does not open the database is no way in."""
    other = Installation(tmp_path / "other")
    other.folder.mkdir()
    for each in (installed, other):
        each.begin()
    (installed.data / "master.keys").write_bytes((other.data / "master.keys").read_bytes())
    assert "key" in installed("credential", "list", code=1).stderr


def test_the_actor_is_the_user(here: Cli) -> None:
    """The audit trail names who was at the terminal."""
    import os
    import pwd

    here("key", "create", "team")
    (event,) = here.json("audit", "list")["audit"]
    assert (event["actor_kind"], event["actor"], event["role"]) == ("cli", pwd.getpwuid(os.getuid()).pw_name, "admin")


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (["--url", "ftp://x"], {}, "no address of a control plane"),
        (["--url", "https://u:p@x"], {}, "no address of a control plane"),
        (["--url", "https://x:99999"], {}, "no address of a control plane"),
        (["--url", "http://stationmaster.example.com"], {}, "could be read on the way"),
        (["--url", "https://x.example.com"], {}, "there is no API token"),
        (["--url", "https://x.example.com", "--token-file", "missing"], {}, "cannot be read"),
        (["--url", "https://x.example.com", "--data", "d"], {}, "--data is about this machine"),
        (["--token-file", "x"], {}, "--token-file is for --url"),
        ([], {"STATIONMASTER_URL": "https://x.example.com", "STATIONMASTER_TOKEN": "two words"}, "there is no API token"),
    ],
)
def test_asked_for_wrongly(
    here: Cli, monkeypatch: pytest.MonkeyPatch, words: list[str], environ: dict[str, str], said: str
) -> None:
    """Neither a URL nor a token that cannot be used is tried out; no password of a URL is repeated."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    done = here("credential", "list", *words, code=2)
    assert said in done.err
    assert "u:p" not in done.err


def test_the_token_comes_from_a_file(there: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an option, or of a variable; one that is not valid is refused by the control plane."""
    import os

    (tmp_path / "good").write_text(os.environ["STATIONMASTER_TOKEN"] + "\n")
    (tmp_path / "bad").write_text("sm-api-x\n")
    monkeypatch.delenv("STATIONMASTER_TOKEN")
    there("key", "list", "--token-file", str(tmp_path / "good"))
    assert there("key", "list", "--token-file", str(tmp_path / "bad"), code=1).err.startswith("error: ")
    monkeypatch.setenv("STATIONMASTER_TOKEN_FILE", str(tmp_path / "good"))
    there("key", "list")


def answering(*answers: httpx.Response) -> remote.Remote:
    """A remote desk whose control plane gives these answers, one after another."""
    waiting = iter(answers)
    return remote.Remote("https://x.example.com", "sm-api-x", httpx.MockTransport(lambda _: next(waiting)))


def test_what_is_no_control_plane() -> None:
    """A page, a redirect or an error of something else is told as such, and not followed."""
    for answer in (
        httpx.Response(200, text="<html>"), httpx.Response(302, headers={"Location": "https://evil.example.com"}),
        httpx.Response(502, json={"error": "bad gateway"}), httpx.Response(200, json=[1]),
    ):  # fmt: skip
        with pytest.raises(StationmasterError) as caught:
            answering(answer).get("keys", "k")
        assert caught.value.code == "error.remote.strange"


def test_an_error_of_rest_is_one_of_ours() -> None:
    """With its code, message, hint and status."""
    error = {"code": "error.x.y", "message": "m", "hint": "h", "retryable": True, "fields": {"a": "b"}, "request_id": "r"}
    with pytest.raises(StationmasterError) as caught:
        answering(httpx.Response(409, json={"error": error})).create("keys", {})
    found = caught.value
    assert (found.code, found.message, found.hint, found.retryable, found.status, found.fields) == (
        "error.x.y", "m", "h", True, 409, {"a": "b"})  # fmt: skip


def test_a_call_that_comes_too_early_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that the control plane names."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    busy = httpx.Response(429, headers={"Retry-After": "2"}, json={})
    assert answering(busy, busy, httpx.Response(200, json={"name": "k"})).get("keys", "k") == {"name": "k"}
    assert slept == [2, 2]


def test_nobody_answers(here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is named, the token is not."""
    monkeypatch.setenv("STATIONMASTER_TOKEN", "sm-api-x")
    done = here("key", "list", "--url", f"http://127.0.0.1:{free_port()}", code=1)
    assert "does not answer" in done.err
    assert "sm-api-x" not in done.err


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def control(installed: Installation) -> Iterator[dict[str, str]]:
    """A real control plane on a free port, and the variables that lead to it."""
    installed.begin()
    token = installed.json("token", "create", "cli", "--role", "admin")["token"]
    port = free_port()
    command = [sys.executable, "-m", "stationmaster", "control", "--port", str(port)]
    with subprocess.Popen(command, cwd=installed.folder, env=installed.environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz", process)
            yield {"STATIONMASTER_URL": f"http://127.0.0.1:{port}", "STATIONMASTER_TOKEN": token}
        finally:
            process.terminate()
            process.communicate(timeout=30)


def wait_for(url: str, process: "subprocess.Popen[str]") -> None:
    """Return when `url` answers well."""
    for _ in range(600):
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            if httpx.get(url, trust_env=False, verify=PLAIN).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(url)


def test_a_real_control_plane(installed: Installation, control: dict[str, str], tmp_path: Path) -> None:
    """From a machine that has nothing but URL and token: the same objects, by REST and beside it; nobody sees a secret."""
    far = Installation(tmp_path / "far")
    far.folder.mkdir()
    file = far.folder / "routing.toml"
    file.write_text('[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n[[pool]]\nid = "main"\nmembers = '
                    '[{ credential = "a" }]\n[[route]]\nmodels = ["*"]\npool = "main"\n[[key]]\nid = "team"\n')  # fmt: skip
    around = {**control, "KEY_A": SECRET}
    assert far("apply", str(file), "--dry-run", code=10, environ=around).stdout.count("+++") == 4
    made: Any = far.json("apply", str(file), "--yes", environ=around)
    assert made["changes"][-1]["key"].startswith("sm-")
    far("credential", "disable", "a", "--reason", "tested", environ=around)
    there, here = (each("export", environ=where) for each, where in ((far, around), (installed, {})))
    assert there.stdout == here.stdout
    words = ("credential", "list", "--output", "jsonl")
    listed = [each(*words, environ=where).stdout for each, where in ((far, around), (installed, {}))]
    assert listed[0] == listed[1]
    assert json.loads(listed[0])["disabled_reason"] == "tested"
    assert far("audit", "verify", environ=around).stdout == installed("audit", "verify").stdout
    assert SECRET not in there.stdout + listed[0]
    assert not far.data.exists()


def test_a_first_start_that_was_broken_off(installed: Installation) -> None:
    """Tables without their first row: every command says so in two lines, with what to do, and the next start mends it."""
    installed.begin()
    with sqlite3.connect(installed.data / "stationmaster.sqlite3") as database:
        database.execute("DELETE FROM store_head")
    for words in (("audit", "verify"), ("credential", "list"), ("admin", "link")):
        done = installed(*words, code=1)
        assert done.stderr.splitlines()[0] == "error: the database was not made to its end"
        assert "hint: start `stationmaster up`" in done.stderr
    assert "the database was not made to its end" in installed("doctor", code=1).stdout
    installed.begin()
    installed("credential", "list")


def test_a_start_without_the_ring_makes_none(installed: Installation) -> None:
    """Beside a database that holds secrets a new ring opens nothing, and might be kept as if it did."""
    installed.begin()
    (installed.data / "master.keys").unlink()
    done = installed("control", "--port", str(free_port()), code=1)
    assert "there is no key ring that opens them" in done.stderr
    assert not (installed.data / "master.keys").exists()


def test_a_token_that_is_refused() -> None:
    """Whose it was and what takes one is said; the console's words, which are for browsers, are not."""
    error = {"code": "error.access.unauthenticated", "message": "who are you?", "hint": "log in", "retryable": False,
             "fields": {}, "request_id": "r"}  # fmt: skip
    with pytest.raises(StationmasterError, match=r"x\.example\.com does not take this token") as caught:
        answering(httpx.Response(401, json={"error": error})).get("keys", "k")
    assert "STATIONMASTER_TOKEN" in caught.value.hint


def test_a_gateway_is_no_control_plane(here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port, given for the console's, is told as such."""
    from rig import running_gateway, snapshot_for

    with running_gateway(snapshot_for("http://127.0.0.1:9")) as gateway:
        monkeypatch.setenv("STATIONMASTER_TOKEN", "sm-api-x")
        done = here("key", "list", "--url", f"http://127.0.0.1:{gateway.port}", code=1)
    assert "is a gateway, not a control plane" in done.err


def test_the_path_of_rest_is_no_mistake(there: Cli) -> None:
    """An address copied from REST's documentation works."""
    there("key", "list", "--url", "http://127.0.0.1:4001/api/v1/")


def test_a_file_to_begin_with_that_is_refused(installed: Installation, tmp_path: Path) -> None:
    """`up --config` says which file, which credential, and the two ways to allow a private address; the first of them works on
    what that start left."""
    (tmp_path / "gateway.toml").write_text(
        '[[credential]]\nid = "own"\nvendor = "openai"\nbase_url = "https://10.1.2.3/v1"\nsecret = "env:OWN_KEY"\n'
    )
    ports = ("--port", str(free_port()), "--console-port", str(free_port()), "--metrics-port", "0")
    done = installed("up", "--config", "gateway.toml", *ports, code=1, environ={"OWN_KEY": "own-secret-1"})
    assert "gateway.toml: credential own: base_url: an address in a private network" in done.stderr
    assert "`stationmaster address allow`" in done.stderr
    assert "outbound.allowed_private" in done.stderr
    installed("address", "allow", "10.1.2.3", "--reason", "our own")
