"""Backups that are made by themselves: when they are due, which stay, and that one that failed is seen."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from backup import kit
from credentials.kit import run, run_once
from stationmaster.backup import finding, policy, reading, scheduled, shelf
from stationmaster.backup.locking import Keys
from stationmaster.backup.policy import BackupPolicy
from stationmaster.jobs.ceasing import Interrupted
from stationmaster.jobs.models import Job
from stationmaster.store import keyholder

DAY = timedelta(hours=24)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where they go, two of which stay."""
    place = tmp_path / "shelf"
    place.mkdir()
    policy.use(lambda: BackupPolicy(place, DAY, 2, kit.PASSPHRASE, tmp_path))
    yield place
    policy.use(BackupPolicy)


def waiting() -> str:
    """The job that waits."""
    return str(Job.objects.get(kind=scheduled.MAKE, state="queued").id)


def a_day_later() -> None:
    """All that was begun so far was begun a day before."""
    for row in Job.objects.filter(kind=scheduled.MAKE):
        Job.objects.filter(id=row.id).update(created_at=row.created_at - DAY)


def aged(folder: Path, *hours: int) -> None:
    """Files of so long ago."""
    for ago in hours:
        (folder / shelf.name_at(timezone.now() - timedelta(hours=ago))).write_bytes(b"old")


def test_once_in_its_time(database: str, folder: Path) -> None:
    """One is queued, and no other while it waits, runs, or is young; then the next."""
    kit.stocked()
    assert scheduled.tend()
    assert not scheduled.tend()
    done = run(waiting())
    assert done["state"] == "succeeded"
    assert not scheduled.tend()
    a_day_later()
    assert scheduled.tend()


def test_what_comes_of_it(database: str, folder: Path) -> None:
    """A file that opens with the passphrase and has everything; its result says what is in it, with no secret; what was begun
    before and never ended is gone, and other people's files are not."""
    kit.stocked()
    (folder / ".stationmaster-scheduled-20260101T000000Z.backup.x").write_bytes(b"half")
    (folder / "mine.backup").write_bytes(b"mine")
    scheduled.tend()
    done = run(waiting())
    (one,) = shelf.kept(folder)
    inside = reading.check(one.file, Keys(kit.PASSPHRASE))
    told = done["result"]
    assert (told["file"], told["rows"], told["bytes"]) == (str(one.file), sum(inside.counts.values()), one.file.stat().st_size)
    assert told["audit"] == inside.begin["audit"]
    assert one.shown()["key"] == "passphrase"
    assert one.file.stat().st_mode & 0o777 == 0o600
    assert kit.PASSPHRASE not in json.dumps(done, default=str)
    assert sorted(each.name for each in folder.iterdir()) == sorted(["mine.backup", one.file.name])


def test_only_the_newest_stay(database: str, folder: Path) -> None:
    """Older ones go when a new one is whole, and not before."""
    aged(folder, 24, 48, 72)
    old = shelf.kept(folder)
    scheduled.tend()
    done = run(waiting())
    assert done["result"]["removed"] == 2
    assert shelf.kept(folder)[1:] == old[:1]


def test_one_that_fails_is_seen_and_tried_again(database: str, folder: Path) -> None:
    """A folder that is not there is not made: the job fails and says so, nothing is deleted, and the next look tries again."""
    moved = folder.rename(folder.with_name("elsewhere"))
    scheduled.tend()
    done = run(waiting())
    assert done["state"] == "failed"
    assert not folder.exists()
    moved.rename(folder)
    assert scheduled.tend()
    assert run(waiting())["state"] == "succeeded"


def test_a_run_that_broke_off_goes_on_with_its_file(database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that ends behind the file and before the outcome: the same file, read back by the next, is the outcome."""
    def interrupted(*_: object) -> None:
        raise Interrupted

    scheduled.tend()
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "too_many", interrupted)
        assert run_once(waiting()) is not None
    (one,) = shelf.kept(folder)
    before = one.file.read_bytes()
    assert run(waiting())["result"]["file"] == str(one.file)
    assert one.file.read_bytes() == before
    assert shelf.kept(folder) == [one]


def test_none_without_a_folder(database: str) -> None:
    """Nothing is queued where nothing is set."""
    assert not scheduled.tend()


def test_the_ring_locks_them_without_a_passphrase(database: str, folder: Path, tmp_path: Path) -> None:
    """Then the file names its master key."""
    policy.use(lambda: BackupPolicy(folder, DAY, 2, "", tmp_path))
    scheduled.tend()
    run(waiting())
    assert shelf.kept(folder)[0].shown()["key"] == keyholder.ring().active


def test_doctor_says_how_old_the_last_is(tmp_path: Path) -> None:
    """Fine while it is young; a warning when it is older than twice the time, when there is none, or the folder is gone."""
    rules, now = BackupPolicy(tmp_path, DAY, 2), datetime.now(UTC)
    assert finding.check(BackupPolicy(), now).severity == "ok"
    assert finding.check(rules, now).severity == "warning"
    aged(tmp_path, 3)
    assert finding.check(rules, now).severity == "ok"
    assert finding.check(rules, now + 2 * DAY).severity == "warning"
    (tmp_path / shelf.name_at(now + 90 * DAY)).touch()      # of a clock that was wrong
    assert finding.check(rules, now + 2 * DAY).severity == "warning"
    assert finding.check(BackupPolicy(tmp_path / "gone", DAY, 2), now).severity == "warning"
