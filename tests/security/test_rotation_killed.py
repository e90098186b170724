"""A process that changes a secret is killed (SIGKILL) before each of its statements, and after the last: what was valid stays
valid, nothing is half done, and the same change can be made at once. (For the master key: tests/store/test_masterkey.py.)"""

import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from controlkit import ADMIN, CLI, SECRET, a_credential
from stationmaster.audit.services import verify
from stationmaster.credentials.records import credentials
from stationmaster.credentials.services import create_credential, update_credential
from stationmaster.operators import services as operators
from stationmaster.routing.records import keys
from stationmaster.routing.services import create_key, find_by_secret, rotate_key
from stationmaster.store.changes import revision

MOST = 80          # statements of one change; it has far fewer
NEW = f"{SECRET}-anew"


def killed_before(number: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process of its own, which is killed before its statement `number`; False when it has fewer."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        _do_until(number, work)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the change failed by itself"
    return os.WIFSIGNALED(status)


def _do_until(number: int, work: Callable[[], object]) -> None:
    """In the child: never returns."""
    done = 0

    def count(execute: Any, *statement: Any) -> Any:
        nonlocal done
        done += 1
        if done == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*statement)

    code = 1
    try:
        with connection.execute_wrapper(count):
            work()
        code = 0
    finally:
        os._exit(code)


def at_every_step(work: Callable[[], object], whole: Callable[[], bool]) -> int:
    """Kill it before each statement; `whole` is asked after each and tells whether the change was made. How many steps."""
    for number in range(1, MOST):
        before = revision()
        killed = killed_before(number, work)
        made = whole()
        assert verify(CLI).ok, f"the trail is broken after step {number}"
        assert made is (revision() > before), f"half done at step {number}"
        if made or not killed:       # its transaction was over, whatever it still meant to read
            assert made
            return number
    raise AssertionError("it never ended")


@pytest.fixture
def rows(database: Path) -> str:
    """A credential, and a virtual key; the key."""
    create_credential(ADMIN, a_credential("a"))
    made = create_key(ADMIN, {"name": "k"}).key
    assert made is not None
    return made.key


def test_a_virtual_key(rows: str) -> None:
    """The key that applications hold is let in after every kill, by the database and by what gateways are sent."""
    first = dict(keys())["k"]
    assert first is not None

    def whole() -> bool:
        sent = dict(keys())["k"]
        assert sent is not None
        assert first.secret_sha256 in (sent.secret_sha256, sent.previous_sha256)
        assert find_by_secret(CLI, rows) is not None
        return sent.secret_sha256 != first.secret_sha256

    assert at_every_step(lambda: rotate_key(ADMIN, "k", 3600), whole) > 5


def test_a_credentials_secret(rows: str) -> None:
    """Gateways are sent the old secret or the new one, never none and nothing in between."""

    def whole() -> bool:
        sent = dict(credentials())["a"]
        assert sent is not None
        assert sent.secret in (SECRET, NEW)
        return sent.secret == NEW

    assert at_every_step(lambda: update_credential(ADMIN, "a", {"secret": NEW}), whole) > 5


def test_a_gateway_token(database: Path) -> None:
    """The token that gateways hold lets them in after every kill."""
    made = operators.create_gateway_token(ADMIN, {"name": "g"})
    told = made.row["previous_until"]

    def whole() -> bool:
        assert operators.gateway_actor(made.secret.text, "req_test").kind == "gateway"
        return bool(operators.get_gateway_token(CLI, "g")["previous_until"] != told)

    assert at_every_step(lambda: operators.rotate_gateway_token(ADMIN, "g", timedelta(hours=1)), whole) > 5


def test_under_load(rows: str) -> None:
    """While a key is rotated again and again, whoever holds the newest key is let in, though the next is stored already."""
    newest = [rows]
    refused: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            key = newest[-1]
            if find_by_secret(CLI, key) is None and key == newest[-1]:
                refused.append(key)
        connection.close()

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for _ in range(25):
        made = rotate_key(ADMIN, "k", 3600).key
        assert made is not None
        newest.append(made.key)
    over.set()
    for asker in askers:
        asker.join(60)
        assert not asker.is_alive()
    assert refused == []
    assert verify(CLI).ok
