"""Backups of versions before this one are put back and brought up to date; those of a later one are refused, with a way out."""

from pathlib import Path
from typing import Any

import pytest

from backup import kit
from backup.test_drill import put_back
from controlkit import ADMIN, CLI, SECRET, a_credential
from stationmaster.audit.services import verify
from stationmaster.backup import reading, restoring, rows
from stationmaster.backup.locking import Keys, Writer
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.errors import Invalid
from stationmaster.jobs.models import Job
from stationmaster.store import migrating
from upgrade import freezing


@pytest.mark.parametrize("file", freezing.backups(), ids=lambda file: str(file.stem))
def test_an_older_one_becomes_the_present(empty_database: str, file: Path, tmp_path: Path) -> None:
    """Into either database: the tables of then, filled, brought up to date; secrets open, the trail is whole, it goes on."""
    assert kit.PASSPHRASE == freezing.PASSPHRASE
    done = put_back(file, empty_database, tmp_path)
    assert done.good
    assert done.held == 3      # two of a kind that nobody knows, and the workspace's first look
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled", "succeeded"}
    assert migrating.pending() == []
    assert {row.name: row.secret.reveal("snapshot") for row in Credential.objects.all()} == {
        f"openai-{number}": f"{SECRET}{number}" for number in range(3)}  # fmt: skip
    create_credential(ADMIN, a_credential("later"))
    assert verify(CLI).ok


def test_one_of_them_is_older() -> None:
    """What the test above is about is there: a backup whose migrations are not all of today's."""
    with_all = len(freezing.sums())
    ours = {path.split("/migrations/")[0].rpartition("/")[2] for path in freezing.sums()}
    begun = [reading.check(file, Keys(freezing.PASSPHRASE)).begin["migrations"] for file in freezing.backups()]
    assert any(len([name for app, name in each if app in ours]) < with_all for each in begun)


def a_newer(file: Path) -> Any:
    """A backup of a version that has a migration more."""
    writer_keys = Keys(kit.PASSPHRASE)
    with file.open("wb") as stream:
        writer = Writer(stream, writer_keys)
        begin = {"format": reading.FORMAT, "migrations": [*rows.migrations(), ["store", "9999_later"]], "audit": None,
                 "made_at": "2027-01-31T12:00:00+00:00", "revision": 1}  # fmt: skip
        writer.write(rows.line({"begin": begin}) + rows.line({"end": {}}))
        writer.close()
    return reading.check(file, writer_keys)


def test_a_newer_one_is_refused(database: str, tmp_path: Path) -> None:
    """It says which version can, and names what this one does not know."""
    with pytest.raises(Invalid, match=r"newer Stationmaster \(store.9999_later\)") as refused:
        restoring.refuse_unknown(a_newer(tmp_path / "b"))
    assert refused.value.hint == "restore it with that version"
