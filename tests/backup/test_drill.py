"""The drill: a backup under load becomes a control plane on a new machine, over either database."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

import databases
from backup import kit
from controlkit import ADMIN, CLI, SECRET, a_credential
from stationmaster.audit.models import AuditHead
from stationmaster.audit.services import verify
from stationmaster.backup import reading, restoring
from stationmaster.backup.locking import Keys
from stationmaster.backup.making import Sources, make
from stationmaster.backup.reading import RING, SETTINGS
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.errors import Conflict
from stationmaster.jobs.models import Job
from stationmaster.routing.services import create_key
from stationmaster.store import keyholder, migrating
from stationmaster.store.changes import revision
from stationmaster.store.models import Head
from stationmaster.vault import keyring

# Tables that a restore itself writes to.
TOUCHED = {"audit.auditevent", "audit.audithead", "store.head", "jobs.job", "jobs.jobitem", "jobs.worker", "jobs.joblog"}


def put_back(file: Path, url: str, folder: Path) -> restoring.Restored:
    """As on a new machine: nothing is known but file and passphrase."""
    databases.open_database(url, folder)
    keys = Keys(kit.PASSPHRASE)
    contents = reading.check(file, keys)
    keyholder.use(keyring.parse(contents.files[RING], "backup"))
    restoring.refuse_unknown(contents)
    restoring.refuse_filled()
    restoring.fill(file, keys, contents)
    return restoring.finish(CLI, contents)


def saved(file: Path, folder: Path) -> dict[str, Any]:
    """Make a backup of what is open."""
    (folder / SETTINGS).write_text("[ui]\nlanguage = 'en'\n")
    return make(file, kit.keys(), Sources(folder, folder / SETTINGS))


def new_place(kind: str, folder: Path) -> str:
    """An empty database."""
    return f"sqlite:///{folder}/new.sqlite3" if kind == "sqlite" else databases._new_postgresql("template0")


@pytest.mark.parametrize("other", databases.KINDS)
def test_a_new_machine_has_all_of_it(database: str, other: str, tmp_path: Path) -> None:
    """From each database to each: rows, secrets, the audit trail, numbers that go on; what was under way is held."""
    kit.stocked()
    before, at, head = kit.everything(), revision(), AuditHead.objects.get()
    under_way = Job.objects.filter(state__in=("queued", "running")).count()
    saved(tmp_path / "b", tmp_path)
    create_credential(ADMIN, a_credential("later"))
    done = put_back(tmp_path / "b", new_place(other, tmp_path), tmp_path)
    assert done.good
    assert done.broken == ()
    assert done.held == under_way >= 2
    after = kit.everything()
    for name in before.keys() - TOUCHED - {"contenttypes.contenttype", "auth.permission"}:
        assert after[name] == before[name], name
    assert {row.name: row.secret.reveal("snapshot") for row in Credential.objects.all()} == {
        f"openai-{number}": f"{SECRET}{number}" for number in range(3)}
    assert verify(CLI, verify(CLI).head).ok
    assert AuditHead.objects.get().count > head.count
    assert sorted(Job.objects.values_list("state", flat=True)) == ["cancelled"] * under_way + ["succeeded"]
    assert done.revision == revision() > at
    create_key(ADMIN, {"name": "new"})
    create_credential(ADMIN, a_credential("new"))
    assert migrating.pending() == []


def test_it_is_of_one_moment(database: str, tmp_path: Path) -> None:
    """While others write, the file has a state that there was: its trail ends at its own head, and its revision is that
    head's; the writers are not kept out."""
    kit.stocked()
    stop, failed, written = threading.Event(), [], []

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                create_credential(ADMIN, a_credential(f"w-{number}"))
            except BaseException as error:  # noqa: BLE001  shown below
                failed.append(error)
                break
            written.append(number)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written:
            time.sleep(0.01)
        for number in range(3):
            had = len(written)
            make(tmp_path / f"b{number}", kit.keys(), Sources(tmp_path))
            while len(written) == had:
                time.sleep(0.01)
    finally:
        stop.set()
        writer.join()
    assert not failed
    for number in range(3):
        file = tmp_path / f"b{number}"
        contents = reading.check(file, kit.keys())
        assert contents.counts["audit.auditevent"] == contents.begin["audit"]["count"]
        done = put_back(file, f"sqlite:///{tmp_path}/{number}.sqlite3", tmp_path)
        assert done.good


def test_a_gateway_that_saw_more_gets_everything(database: str, tmp_path: Path) -> None:
    """A revision after a restore is none that was there before, nor after another restore of the same file: a gateway that was
    away is never taken for one that is up to date."""
    kit.stocked()
    saved(tmp_path / "b", tmp_path)
    old = revision()
    first = put_back(tmp_path / "b", f"sqlite:///{tmp_path}/1.sqlite3", tmp_path)
    create_key(ADMIN, {"name": "only-in-the-first"})
    seen = revision()
    second = put_back(tmp_path / "b", f"sqlite:///{tmp_path}/2.sqlite3", tmp_path)
    assert old < first.revision < seen < second.revision


def test_only_into_an_empty_place(database: str, tmp_path: Path) -> None:
    """A database with tables is refused, and stays as it is."""
    kit.stocked()
    before = kit.everything()
    saved(tmp_path / "b", tmp_path)
    with pytest.raises(Conflict, match="not empty"):
        restoring.refuse_filled()
    assert kit.everything() == before
    with pytest.raises(Conflict, match="already"):
        saved(tmp_path / "b", tmp_path)


def test_the_root_opens_with_the_ring_of_the_backup_alone(database: str, tmp_path: Path) -> None:
    """What a new machine needs is in the file: the ring that opens the root of keyed hashes."""
    kit.stocked()
    saved(tmp_path / "b", tmp_path)
    put_back(tmp_path / "b", f"sqlite:///{tmp_path}/1.sqlite3", tmp_path)
    assert Head.objects.get().master_key in keyholder.ring().ids
