"""F30: a backup while jobs run and others write, put back on a new machine that has nothing but file and passphrase."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, connections
from django.utils import timezone

from backup.kit import PASSPHRASE, keys
from backup.test_drill import new_place, put_back
from chaos import kit
from chaos.kit import LONG
from controlkit import ADMIN, CLI, SECRET, a_credential
from jobs.harness import until
from stationmaster.audit.services import verify
from stationmaster.backup import reading
from stationmaster.backup.locking import Keys
from stationmaster.backup.making import Sources, make
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job, JobItem
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import Seat, Workspace
from work.kit import (
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    invited_once,
    persons,
    planned,
    run,
    run_all,
    run_kind,
    states,
    steps_of,
    workspace,
)

ROWS, PEOPLE, MINUTES = (100_000, 40, 10) if LONG else (2_000, 8, 10)
INVITE = "POST *invites*"
pytestmark = pytest.mark.timeout(3600)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """`work` goes on in a thread meanwhile; what it raised is raised at the end."""
    failed: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised below
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failed, failed


def half_invited(sandbox: SandboxServer, file: Path, folder: Path) -> tuple[Organisation, Workspace, str]:
    """A backup of a moment in which some were invited, and one was at the vendor and not in our rows; then everybody is."""
    org = an_organisation(sandbox)
    row = attach(sandbox, org)
    run_all()
    assign(a_group(persons(PEOPLE)), row)
    (job,) = (str(each) for each in applied(row)["jobs"].values())
    org.faults.set("slow", on=INVITE, times=PEOPLE // 2, seconds=0.01)
    org.faults.set("hold-after", on=INVITE, times=1)
    with beside(run_all):
        try:
            until(lambda: bool(org.faults.held), "a held answer")
            make(file, keys(), Sources(folder))
        finally:
            org.faults.clear()
            org.release()
    assert invited_once(org, *range(1, PEOPLE + 1))
    return org, row, job


@pytest.mark.parametrize("again", ["retried", "planned anew"])
def test_nobody_is_invited_again(database: str, sandbox: SandboxServer, tmp_path: Path, again: str) -> None:
    """From a state older than what the vendor has: what was under way is held, and when people have it tried again, or plan anew,
    the vendor is asked first. Nobody who was invited since is invited a second time."""
    done = f"backup amid {PEOPLE} invitations, one unanswered; all are sent; put back; the rest {again}; {database}"
    with kit.figure("F30", done, "0 sent twice, everybody invited once") as tell:
        org, row, job = half_invited(sandbox, tmp_path / "b", tmp_path)
        sent = sum(org.invitations(address(number)) for number in range(1, PEOPLE + 1))
        restored = put_back(tmp_path / "b", new_place(database, tmp_path), tmp_path)
        assert restored.good
        assert Job.objects.get(id=job).state == "cancelled"
        assert {"planned", "invited"} & set(Seat.objects.filter(workspace=row).values_list("state", flat=True))
        if again == "retried":
            assert run(str(jobs.retry_failed(ADMIN, job)["id"]))["state"] == "succeeded"
        run_kind(workspace(row.id), kinds.RECONCILE)
        if steps_of(planned(row)):
            applied(row)
            run_all()
        twice = sum(org.invitations(address(number)) for number in range(1, PEOPLE + 1)) - sent
        tell(f"{twice} sent twice, of {PEOPLE}; jobs held: {restored.held}", twice == 0)
        assert invited_once(org, *range(1, PEOPLE + 1))
        assert set(states(row).values()) == {"invited"}
        assert not Seat.objects.filter(workspace=row).exclude(intent="").exists()


def test_under_load(database: str, tmp_path: Path) -> None:
    """Of one moment, while others write without a pause: all of it is there on the new machine within minutes, each secret opens,
    and the audit trail is whole and grew from the backup's head."""
    long_ago = timezone.now()
    job = Job.objects.create(kind="a.kind.of.then", state="succeeded", run_after=long_ago, created_at=long_ago)
    JobItem.objects.bulk_create((
        JobItem(job=job, position=number, key=f"item-{number}", subject="per_someone", data={"number": number}, state="ok")
        for number in range(ROWS)
    ), batch_size=1000)  # fmt: skip
    stop, written = threading.Event(), list[str]()

    def write() -> None:
        while not stop.is_set():
            written.append(str(create_credential(ADMIN, a_credential(f"w-{len(written)}"))["name"]))

    done = f"{ROWS:,} rows, others write without a pause, backup and restore on a new machine; {database}"
    with kit.figure("F30", done, f"within {MINUTES} min, all secrets open, trail whole, no writer kept out") as tell:
        with beside(write):
            try:
                until(lambda: len(written) > 3, "writers")
                before, began = len(written), time.monotonic()
                made = make(tmp_path / "b", keys(), Sources(tmp_path))
                took, meanwhile = time.monotonic() - began, len(written) - before
            finally:
                stop.set()
        began = time.monotonic()
        restored = put_back(tmp_path / "b", new_place(database, tmp_path), tmp_path)
        back = time.monotonic() - began
        contents = reading.check(tmp_path / "b", Keys(PASSPHRASE))
        assert contents.counts["jobs.jobitem"] == JobItem.objects.count() == ROWS
        assert contents.counts["credentials.credential"] == Credential.objects.count()
        assert {row.secret.reveal("snapshot") for row in Credential.objects.all()} == {SECRET}
        whole = verify(CLI).ok and restored.good
        tell(f"backup {took:.1f} s, {made['bytes'] / 1e6:.1f} MB, {meanwhile} changes by others meanwhile; restore and checks "
             f"{back:.1f} s; {'all opens, trail whole' if whole else 'not whole'}",
             whole and meanwhile > 0 and took + back < MINUTES * 60)  # fmt: skip
        assert whole
        connection.close()
