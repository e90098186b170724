"""A database that cannot take a change just now: REST says so, and that the call may come again."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from cli.nouns.kit import Cli


@pytest.fixture
def impatient(there: Cli) -> Cli:
    """The command line over REST, at a database that is not waited for."""
    there("key", "create", "first")
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    return there


def create() -> Any:
    """Make a key over REST; the answer."""
    client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1:4001")
    headers = {"authorization": f"Bearer {os.environ['STATIONMASTER_TOKEN']}"}
    return client.post("/api/v1/keys", {"name": "second"}, content_type="application/json", headers=headers)


def test_locked(impatient: Cli, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else writes for longer than is waited: 503, retryable, with a hint and a time; nothing happened, then it works."""
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = create()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (503, "error.store.busy", True)
    assert error["hint"]
    assert int(answer["Retry-After"]) > 0
    assert "busy" in impatient("key", "create", "third", code=1).err
    other.execute("ROLLBACK")
    other.close()
    assert create().status_code == 201
    assert "SQLITE_BUSY" in caplog.text


def test_no_room(impatient: Cli) -> None:
    """A disk that is full says so; reading goes on, and once there is room writing does."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_count")
    cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
    answer = create()
    while answer.status_code == 201:      # what was free in its last pages
        impatient("key", "revoke", "second", "--yes")
        answer = create()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (503, "error.store.full", True)
    assert impatient.json("key", "list")["total"] == 1
    connection.cursor().execute("PRAGMA max_page_count = 1000000")
    assert create().status_code == 201


def test_a_database_that_is_gone(impatient: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that cannot be opened is no mistake of ours."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "no" / "folder" / "db"))
    answer = create()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "error.store.unreachable")
    assert str(tmp_path) not in answer.content.decode()
    connection.close()
