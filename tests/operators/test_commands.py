"""`stationmaster admin`, `operator` and `token`, as a person at the machine uses them."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from operators.people import every_byte

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `stationmaster` over a data folder of its own, and wait for its end."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STATIONMASTER")}
        environ |= {"STATIONMASTER_DATA": str(tmp_path / "data"), "LANG": "C.UTF-8", "COLUMNS": "120"}
        command = [sys.executable, "-m", "stationmaster", *words]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=55, check=False)

    return run


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
    assert events(tmp_path) == ["issue_admin_link", "issue_admin_link"]


def test_dry_run_changes_nothing_and_shows_no_secret(run: Run, tmp_path: Path) -> None:
    """Every command that changes something says with --dry-run what it would do, and does nothing."""
    told(run("operator", "add", "a@example.com", "--role", "admin", "--output", "json"))
    before = events(tmp_path)
    for words in (
        ("admin", "link"), ("operator", "add", "b@example.com"), ("operator", "role", "a@example.com", "admin"),
        ("token", "create", "ci"), ("token", "create", "gw", "--gateway"),
    ):  # fmt: skip
        done = run(*words, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert not re.search(r"sm-(api|gw)-[\w-]{20}|welcome/", done.stdout + done.stderr)
    assert events(tmp_path) == before
    assert len(told(run("operator", "list", "--output", "json"))["operators"]) == 1  # type: ignore[arg-type]


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


def test_help_needs_no_store(run: Run, tmp_path: Path) -> None:
    """Help is there without a data folder, and makes none."""
    for noun in ("admin", "operator", "token"):
        assert run(noun, "--help").returncode == 0
    assert not (tmp_path / "data").exists()
