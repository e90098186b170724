"""The master key changes while everything runs, and nothing is lost at any step."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from controlkit import ADMIN, ADMIN_SECRET, CLI, SECRET, VIEWER, a_credential, a_workspace
from databases import RING
from stationmaster.audit.models import AuditEvent
from stationmaster.audit.services import verify
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential, update_credential
from stationmaster.errors import Conflict, Forbidden, StationmasterError
from stationmaster.operators.masterkey import key_users, retire_master_key, rewrap_all, rotate_master_key
from stationmaster.routing.models import VirtualKey
from stationmaster.routing.services import create_key, find_by_secret, rotate_key
from stationmaster.store import keyholder, masterkey
from stationmaster.store.changes import change, rehearsal, revision
from stationmaster.store.models import Head
from stationmaster.vault import keyring
from stationmaster.vault.keyring import KeyRing, KeyRingError, UnknownKey
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.services import create_workspace


@pytest.fixture
def ring_file(database: str, tmp_path: Path) -> Path:
    """A database whose ring is a file, with something of every kind sealed in it."""
    path = tmp_path / keyring.FILE_NAME
    keyring.write(RING, path)
    keyholder.use(keyring.read(path))
    for number in range(3):
        create_credential(ADMIN, a_credential(f"openai-{number}", secret=f"{SECRET}{number}"))
    create_workspace(ADMIN, a_workspace())
    create_key(ADMIN, {"name": "k"})
    rotate_key(ADMIN, "k", grace=3600)
    return path


def all_open() -> bool:
    """Whether every stored secret still opens, and is what it was."""
    secrets = {row.name: row.secret.reveal("snapshot") for row in Credential.objects.all()}
    key = VirtualKey.objects.get()
    return (
        secrets == {f"openai-{number}": f"{SECRET}{number}" for number in range(3)}
        and Workspace.objects.get().secret.reveal("vendor admin") == ADMIN_SECRET
        and len(key.key_sha256.reveal("snapshot")) == len(key.previous_sha256.reveal("snapshot")) == 64
    )


def test_rotation_seals_everything_anew(ring_file: Path) -> None:
    """After a rotation every secret opens with the new key alone, and the old one can go."""
    old = keyholder.ring().active
    new, pass_ = rotate_master_key(ADMIN)
    assert pass_ == masterkey.Rewrapped(6, ())
    assert key_users(ADMIN) == (new, {old: 0, new: 7})
    retire_master_key(ADMIN, old)
    keyholder.use(keyring.read(ring_file))
    assert keyholder.ring().ids == (new,)
    assert all_open()


def test_hashes_outlive_the_key(ring_file: Path) -> None:
    """Keys are found by their hash and the audit trail holds after the old master key is gone."""
    made = create_key(ADMIN, {"name": "mine"}).key
    assert made is not None
    old = keyholder.ring().active
    rotate_master_key(ADMIN)
    retire_master_key(ADMIN, old)
    keyholder.use(keyring.read(ring_file))
    assert (find_by_secret(ADMIN, made.key) or {})["name"] == "mine"
    assert verify(ADMIN).ok
    assert [str(event).rpartition(":")[2] for event in AuditEvent.objects.order_by("seq")][-2:] == ["rotate", "retire"]


def test_rewrapping_is_no_change_of_the_rows(ring_file: Path) -> None:
    """Sealing anew leaves every row's version alone: who edits meanwhile is not told that somebody else did."""
    before = dict(Credential.objects.values_list("name", "revision"))
    rotate_master_key(ADMIN)
    assert dict(Credential.objects.values_list("name", "revision")) == before


def test_a_key_in_use_is_kept(ring_file: Path) -> None:
    """A key that anything still needs, or that is active, or that does not exist, is not retired."""
    old = masterkey.rotate(ADMIN) and keyholder.ring().ids[1]
    with pytest.raises(Conflict, match="6 sealed texts still need"):
        retire_master_key(ADMIN, old)
    with pytest.raises(KeyRingError, match="active"):
        retire_master_key(ADMIN, keyholder.ring().active)
    with pytest.raises(UnknownKey):
        retire_master_key(ADMIN, "mk_000000000000")
    assert old in keyring.read(ring_file).ids
    assert all_open()


def test_a_retirement_that_cannot_be_written_down(ring_file: Path) -> None:
    """Where the audit event cannot be written the key stays in the ring's file."""
    rotate_master_key(ADMIN)
    old = keyholder.ring().ids[1]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_audithead SET count = 3")
    with pytest.raises(StationmasterError, match="head of the audit trail"):
        retire_master_key(ADMIN, old)
    assert old in keyring.read(ring_file).ids


# A process that rotates the master key and is killed at a step of it.
DYING = """
import os, signal, sys
from pathlib import Path
from controlkit import ADMIN
from stationmaster.store.config import StoreConfig, configure
from stationmaster.vault import keyring

data, step = Path(sys.argv[1]), sys.argv[2]
configure(StoreConfig(data, keyring.load(data, {}), os.environ["STATIONMASTER_TEST_DATABASE"]))

from django.db import connection, transaction
from stationmaster.operators.masterkey import rotate_master_key
from stationmaster.store import masterkey

connection.ensure_connection()
places = {
    "write": (os, "fsync"), "written": (masterkey.seal, "seal"), "recorded": (transaction, "on_commit"),
    "commit": (connection, "_commit"), "committed": (masterkey, "rewrap"), "batch": (masterkey, "_rewrapped"),
}
setattr(*places[step], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
rotate_master_key(ADMIN)
"""


@pytest.mark.parametrize("step", ["write", "written", "recorded", "commit", "committed", "batch"])
def test_killed_at_any_step_nothing_is_lost(ring_file: Path, step: str) -> None:
    """Whatever step of a rotation a process is killed at (kill -9), the next one opens everything, goes on changing
    things, and rotates to the end; no key piles up."""
    killed = subprocess.run(
        [sys.executable, "-c", DYING, str(ring_file.parent), step], capture_output=True, text=True, timeout=50, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    keyholder.use(keyring.read(ring_file))
    assert all_open()
    update_credential(ADMIN, "openai-0", {"organisation": "after the crash"})
    new, _ = rotate_master_key(ADMIN)
    users = key_users(ADMIN)[1]
    assert (users[new], sum(users.values())) == (7, 7)
    assert len(keyring.read(ring_file).ids) == (3 if step in {"committed", "batch"} else 2)
    assert all_open()


def test_another_process_learns_of_the_key(ring_file: Path) -> None:
    """A process that still has the old ring reads what the new key sealed, and seals with the new key itself."""
    stale = keyholder.ring()
    new, _ = rotate_master_key(ADMIN)
    keyholder.use(stale)
    assert all_open()
    keyholder.use(stale)
    create_credential(ADMIN, a_credential("later"))
    assert Credential.objects.get(name="later").secret.key_id == new


def test_what_was_sealed_before_the_rotation_is_saved_with_the_new_key(ring_file: Path) -> None:
    """A text that was sealed with the old key in memory reaches the database under the active one."""
    stale = keyholder.ring()
    row = Credential(name="slow", vendor="openai", secret=SECRET)
    assert row.secret.key_id == stale.active
    new = masterkey.rotate(ADMIN)
    keyholder.use(stale)
    with change(ADMIN) as edit:
        edit.create(row)
    assert Credential.objects.get(name="slow").secret.key_id == new


def test_a_broken_text_is_named_and_passed_over(ring_file: Path) -> None:
    """A text that does not open stops nobody; it is named, and keeps its key from being retired."""
    row = Credential.objects.get(name="openai-1")
    with connection.cursor() as cursor:
        damaged = row.secret.sealed[:-8] + "AAAAAAAA"
        cursor.execute("UPDATE credentials_credential SET secret = %s WHERE id = %s", [damaged, row.id])
    old = keyholder.ring().active
    _, pass_ = rotate_master_key(ADMIN)
    assert pass_ == masterkey.Rewrapped(5, (f"credentials_credential.secret {row.id}",))
    with pytest.raises(Conflict, match="1 sealed"):
        retire_master_key(ADMIN, old)


def test_a_ring_from_the_environment(database: str) -> None:
    """A ring that others keep is rotated once they put a new key in front, and is not written by us."""
    create_credential(ADMIN, a_credential())
    with pytest.raises(StationmasterError) as caught:
        rotate_master_key(ADMIN)
    assert caught.value.code == "error.vault.ring_not_ours"
    keyholder.use(KeyRing((bytes(range(32)), *RING.keys), "environment"))
    new, pass_ = rotate_master_key(ADMIN)
    assert (new, pass_.done) == (keyring.id_of(bytes(range(32))), 1)
    with pytest.raises(Conflict, match="kept by somebody else"):
        retire_master_key(ADMIN, RING.active)
    assert Credential.objects.get().secret.reveal("snapshot") == SECRET


def test_a_rotation_is_a_change_of_its_own(ring_file: Path) -> None:
    """Inside a rehearsal nothing is rotated: a file cannot be rolled back."""
    before = keyring.read(ring_file).ids
    with pytest.raises(StationmasterError, match="its own"), rehearsal(CLI):
        rotate_master_key(ADMIN)
    assert keyring.read(ring_file).ids == before


def test_changes_go_on_meanwhile(ring_file: Path) -> None:
    """While keys rotate, others keep storing secrets: every one of them opens afterwards, all with the active key."""
    failed: list[BaseException] = []
    ended = threading.Event()

    def write(part: int) -> None:
        try:
            number = 0
            while not ended.is_set() or number < 3:
                create_credential(ADMIN, a_credential(f"w{part}-{number}", secret=f"{SECRET}-{part}-{number}"))
                number += 1
        except BaseException as error:  # noqa: BLE001  shown below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(part,)) for part in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        rotate_master_key(ADMIN)
    ended.set()
    for thread in threads:
        thread.join()
    rewrap_all(ADMIN)
    assert failed == []
    rows = {row.name: row.secret for row in Credential.objects.filter(name__startswith="w")}
    assert all(secret.reveal("snapshot") == f"{SECRET}-{name[1:]}" for name, secret in rows.items())
    assert {secret.key_id for secret in rows.values()} == {Head.objects.get().master_key}
    assert len(rows) >= 9


def test_admins_only(ring_file: Path) -> None:
    """Nobody but an admin touches the master key."""
    for attempt in (
        lambda: rotate_master_key(VIEWER), lambda: retire_master_key(VIEWER, "x"), lambda: rewrap_all(VIEWER),
        lambda: key_users(VIEWER),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_the_revision_goes_up(ring_file: Path) -> None:
    """A rotation is one change, with one event."""
    before, events = revision(), AuditEvent.objects.count()
    masterkey.rotate(ADMIN)
    assert (revision(), AuditEvent.objects.count()) == (before + 1, events + 1)
