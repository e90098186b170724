"""`stationmaster admin`, `operator` and `token`, as a person at the machine uses them."""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.nouns.installation import Installation
from operators.people import every_byte
from stationmaster.running import places

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def nowhere(tmp_path: Path) -> Run:
    """Run `stationmaster` over a data folder that is not there, and wait for its end."""
    installed = Installation(tmp_path)
    return lambda *words, **more: installed(*words, code=None, **more)


@pytest.fixture
def run(tmp_path: Path, nowhere: Run) -> Run:
    """The same over a control plane that was started once."""
    Installation(tmp_path).begin()
    return nowhere


def told(done: "subprocess.CompletedProcess[str]") -> dict[str, object]:
    """What a command printed as JSON."""
    assert done.returncode == 0, done.stderr
    data: dict[str, object] = json.loads(done.stdout)
    return data


def events(folder: Path) -> list[str]:
    """What the audit trail of a data folder tells."""
    with sqlite3.connect(folder / "data" / "stationmaster.sqlite3") as database:
        return [action for (action,) in database.execute("SELECT action FROM audit_auditevent ORDER BY seq")]


def test_link_is_printed_once_and_kept_nowhere(run: Run, tmp_path: Path) -> None:
    """The link is data on stdout; neither stderr nor any file of the data folder holds its secret. A second one voids it."""
    first, second = told(run("admin", "link", "--output", "json")), run("admin", "link")
    assert re.fullmatch(r"http://127\.0\.0\.1:4001/welcome/[\w-]{43}", str(first["link"]))
    secret = str(first["link"]).rpartition("/")[2]
    assert "expires_at" in first
    other = second.stdout.split()[1].rpartition("/")[2]
    assert other != secret
    assert other not in second.stderr
    assert not [each for each in (secret, other) if each.encode() in every_byte(tmp_path / "data")]
    assert [each for each in events(tmp_path) if each != "take_effect"] == ["issue_admin_link", "issue_admin_link"]


def test_link_leads_to_the_console_that_runs(run: Run, tmp_path: Path) -> None:
    """Its port may have come by a flag, of which only what runs over the folder can tell; when that has ended, the settings
    count again."""
    held = places.leave(tmp_path / "data", {"console": "http://127.0.0.1:4521"})
    assert held is not None
    assert str(told(run("admin", "link", "--output", "json"))["link"]).startswith("http://127.0.0.1:4521/welcome/")
    os.close(held)
    assert str(told(run("admin", "link", "--output", "json"))["link"]).startswith("http://127.0.0.1:4001/welcome/")


@pytest.mark.parametrize("words", [
    ("admin", "link"), ("operator", "list"), ("operator", "add", "a@example.com"), ("token", "list"), ("token", "create", "ci"),
    ("address", "list"), ("gateway", "list"),
])  # fmt: skip
def test_where_no_control_plane_is_none_is_made(nowhere: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A folder that is misspelt or not begun is named, with what to do; nothing is made in it."""
    done = nowhere(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no control plane in the data folder {tmp_path / 'data'} yet" in done.stderr
    assert "stationmaster up" in done.stderr
    assert "--data" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("admin", "link"), ("doctor",), ("config", "show"), ("master-key", "status")])
def test_what_works_here_alone_refuses_a_control_plane_elsewhere(nowhere: Run, words: tuple[str, ...]) -> None:
    """Rather than to tell of this machine what was asked of another."""
    done = nowhere(*words, environ={"STATIONMASTER_URL": "https://x.example.com", "STATIONMASTER_TOKEN": "sm-api-x"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "only on the control plane's own machine" in done.stderr


def test_dry_run_changes_nothing_and_shows_no_secret(run: Run, tmp_path: Path) -> None:
    """Every command that changes something says with --dry-run what it would do, exits with 10, and does nothing."""
    told(run("operator", "add", "a@example.com", "--role", "admin", "--output", "json"))
    told(run("operator", "add", "b@example.com", "--role", "operator", "--no-invite", "--output", "json"))
    before = events(tmp_path)
    for words in (
        ("admin", "link"), ("operator", "add", "c@example.com"), ("operator", "role", "b@example.com", "viewer"),
        ("operator", "invite", "a@example.com"), ("token", "create", "ci"), ("token", "create", "gw", "--gateway"),
    ):  # fmt: skip
        done = run(*words, "--dry-run")
        assert done.returncode == 10, done.stderr
        assert not re.search(r"sm-(api|gw)-[\w-]{20}|welcome/", done.stdout + done.stderr)
    assert events(tmp_path) == before
    assert told(run("operator", "list", "--output", "json"))["total"] == 2


def test_operators_are_added_changed_and_let_in_no_more(run: Run) -> None:
    """add, role, disable and list; the last admin stays one, and what is wrong ends with exit code 1 and a hint."""
    told(run("operator", "add", "Boss@Example.com", "--role", "admin", "--name", "The Boss", "--output", "json"))
    told(run("operator", "add", "v@example.com", "--output", "json"))
    assert told(run("operator", "role", "v@example.com", "operator", "--output", "json"))["role"] == "operator"
    assert told(run("operator", "disable", "v@example.com", "--output", "json"))["active"] is False
    last = run("operator", "disable", "boss@example.com")
    assert (last.returncode, last.stdout) == (1, "")
    assert "hint: make somebody else an admin first" in last.stderr
    assert run("operator", "add", "boss@example.com").returncode == 1
    assert run("operator", "role", "nobody@example.com", "viewer").returncode == 1
    listed = run("operator", "list", "--output", "csv").stdout
    assert "boss@example.com,The Boss,admin,true" in listed
    assert "v@example.com,,operator,false" in listed


def test_tokens_are_shown_once_listed_without_and_revoked(run: Run, tmp_path: Path) -> None:
    """The token is on stdout at its making, and nowhere after that."""
    made = told(run("token", "create", "ci", "--role", "operator", "--scope", "keys:*", "--output", "json"))
    gateway = told(run("token", "create", "edge-1", "--gateway", "--output", "json"))
    rotated = told(run("token", "rotate", "edge-1", "--output", "json"))
    secrets = [str(each["token"]) for each in (made, gateway, rotated)]
    assert len(set(secrets)) == 3
    listed = run("token", "list")
    assert ("ci" in listed.stdout, "edge-1" in listed.stdout) == (True, True)
    assert not [each for each in secrets if each in listed.stdout or each.encode() in every_byte(tmp_path / "data")]
    assert run("token", "revoke", str(made["id"])).returncode == 0
    assert run("token", "revoke", "edge-1").returncode == 0
    assert told(run("token", "list", "--output", "json"))["tokens"] == []
    assert run("token", "revoke", "edge-1").returncode == 1


def test_help_needs_no_store(nowhere: Run, tmp_path: Path) -> None:
    """Help is there without a data folder, and makes none."""
    for noun in ("admin", "operator", "token"):
        assert nowhere(noun, "--help").returncode == 0
    assert not (tmp_path / "data").exists()
