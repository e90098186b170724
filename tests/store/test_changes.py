"""A change is row, event and revision together, or nothing."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlkit import ADMIN, CLI, SECRET, a_credential
from stationmaster.audit.models import AuditEvent
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential, update_credential
from stationmaster.errors import Stale, StationmasterError
from stationmaster.store import changes
from stationmaster.store.changes import change, dropped_since, rehearsal, revision


def saved(name: str = "a") -> Credential:
    """A credential that is stored."""
    row = Credential(name=name, vendor="openai", secret=SECRET)
    with change(ADMIN) as edit:
        edit.create(row)
    return row


def fail_behind(name: str) -> None:
    """Store a credential and raise."""
    with change(ADMIN) as edit:
        edit.create(Credential(name=name, vendor="openai", secret=SECRET))
        raise ZeroDivisionError


def state() -> tuple[int, int, int]:
    """Rows, events, revision."""
    return Credential.objects.count(), AuditEvent.objects.count(), revision()


def test_row_event_and_revision_come_together(database: str) -> None:
    """One change makes one revision, which its rows and its events carry, under its actor and request."""
    row = saved()
    event = AuditEvent.objects.get()
    assert (row.revision, event.revision, revision()) == (1, 1, 1)
    assert str(event) == f"credentials:{row.id}:create"
    assert (event.actor_kind, event.actor, event.role, event.request_id) == ("operator", "op_admin", "admin", "req-1")


def test_nothing_stays_when_the_body_raises(database: str) -> None:
    """An exception undoes rows, events and revision."""
    before = state()
    with pytest.raises(ZeroDivisionError):
        fail_behind("a")
    assert state() == before


def test_no_event_no_change(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the trail cannot be written, or nobody writes one, the change does not happen."""
    before = state()

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    for recorders in ([fail], []):
        monkeypatch.setattr(changes, "_recorders", recorders)
        with pytest.raises((OSError, StationmasterError)):
            saved()
    monkeypatch.undo()
    assert state() == before


def test_an_unrecorded_save_fails_the_change(database: str) -> None:
    """A row that is saved without an event takes the whole change with it."""
    with pytest.raises(StationmasterError) as caught, change(ADMIN):
        Credential(name="a", vendor="openai").save()
    assert caught.value.code == "error.store.unrecorded"
    assert state() == (0, 0, 0)


OUTSIDE: list[Callable[[Credential], Any]] = [
    lambda row: row.save(),
    lambda row: row.delete(),
    lambda row: Credential(name="b", vendor="openai").save(),
    lambda _: Credential.objects.all().delete(),
    lambda _: Credential.objects.update(vendor="gemini"),
    lambda _: Credential.objects.create(name="b", vendor="openai"),
    lambda _: Credential.objects.get_or_create(name="b", defaults={"vendor": "openai"}),
    lambda _: Credential.objects.bulk_create([Credential(name="b", vendor="openai")]),
    lambda row: Credential.objects.bulk_update([row], ["vendor"]),
    lambda _: Credential.objects.filter(name="a").observe(vendor="gemini"),
]


@pytest.mark.parametrize("way", range(len(OUTSIDE)))
def test_no_way_round_a_change(database: str, way: int) -> None:
    """Outside of a change every way to save, change or delete a row raises and does nothing."""
    row = saved()
    row.vendor = "gemini"
    with pytest.raises(StationmasterError) as caught:
        OUTSIDE[way](row)
    assert caught.value.code == "error.store.outside_change"
    assert list(Credential.objects.values_list("name", "vendor")) == [("a", "openai")]


@pytest.mark.parametrize("refused", ["update", "bulk_update", "observe"])
def test_no_blind_updates_inside_a_change(database: str, refused: str) -> None:
    """Updates that know no single row would leave no event, so they are refused within a change too."""
    row = saved()
    ways: dict[str, Callable[[], Any]] = {
        "update": lambda: Credential.objects.update(vendor="gemini"),
        "bulk_update": lambda: Credential.objects.bulk_update([row], ["vendor"]),
        "observe": lambda: Credential.objects.all().observe(vendor="gemini"),
    }
    with pytest.raises(StationmasterError), change(ADMIN):
        ways[refused]()
    assert revision() == 1


def test_what_gateways_saw_needs_no_change(database: str) -> None:
    """Observed fields are written without a revision and without an event."""
    saved()
    assert Credential.objects.filter(name="a").observe(health="healthy") == 1
    assert state() == (1, 1, 1)
    assert Credential.objects.get().health == "healthy"


def test_joined_changes_are_one(database: str) -> None:
    """Services called inside a change are one change: one revision, all events."""
    with change(CLI):
        create_credential(ADMIN, a_credential("a"))
        create_credential(ADMIN, a_credential("b"))
    assert state() == (2, 2, 1)
    assert {event.actor for event in AuditEvent.objects.all()} == {"root"}


def test_a_failed_part_leaves_the_rest(database: str) -> None:
    """A joined change that raises, and is caught, undoes itself alone: its rows and its events."""
    with change(ADMIN):
        create_credential(ADMIN, a_credential("a"))
        with pytest.raises(ZeroDivisionError):
            fail_behind("b")
    assert [str(event).rpartition(":")[2] for event in AuditEvent.objects.all()] == ["create"]
    assert state() == (1, 1, 1)


def test_rehearsal_shows_and_leaves_nothing(database: str) -> None:
    """A rehearsal runs everything, tells its events, and nothing of it stays: no row, no event, no revision."""
    with rehearsal(ADMIN) as edit:
        create_credential(ADMIN, a_credential("a"))
        assert Credential.objects.count() == 1
    assert [event.after["name"] for event in edit.events if event.after] == ["a"]
    assert state() == (0, 0, 0)
    saved()
    assert state() == (1, 1, 1)


def test_saving_the_same_again_is_no_change(database: str) -> None:
    """An update that changes nothing makes no event and no revision."""
    create_credential(ADMIN, a_credential())
    update_credential(ADMIN, "openai-a", {"vendor": "openai", "organisation": ""})
    assert state() == (1, 1, 1)


def test_another_version_is_stale(database: str) -> None:
    """Who edits what they have not seen is told so, and nothing changes."""
    create_credential(ADMIN, a_credential())
    update_credential(ADMIN, "openai-a", {"organisation": "one"}, version=1)
    with pytest.raises(Stale):
        update_credential(ADMIN, "openai-a", {"organisation": "two"}, version=1)
    assert Credential.objects.get().organisation == "one"


def test_dropped_rows_are_remembered(database: str) -> None:
    """Who asks since a revision learns what was deleted after it."""
    row = saved()
    known = row.id
    with change(ADMIN) as edit:
        edit.delete(row)
    assert dropped_since(1) == [("credential", known, "a")]
    assert dropped_since(2) == []


def test_listeners_hear_of_commits_only(database: str) -> None:
    """A listener hears the new revision after the commit, and nothing of what was undone."""
    heard: list[int] = []
    changes.on_commit(heard.append)
    try:
        with rehearsal(ADMIN):
            create_credential(ADMIN, a_credential("a"))
        assert heard == []
        saved("b")
    finally:
        changes._listeners.remove(heard.append)
    assert heard == [1]


def test_changes_at_once_follow_one_another(database: str) -> None:
    """Eight writers at once: every change happens, each has a revision of its own, and the trail holds."""
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for step in range(5):
                saved(f"{number}-{step}")
        except BaseException as error:  # noqa: BLE001  shown below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert state() == (40, 40, 40)
    assert sorted(Credential.objects.values_list("revision", flat=True)) == list(range(1, 41))


def test_a_reader_that_writes_later_is_not_refused(database: str) -> None:
    """A transaction that read first may still write, although another one wanted to write meanwhile."""
    failed: list[BaseException] = []
    started = threading.Event()

    def write() -> None:
        try:
            started.set()
            saved("b")
        except BaseException as error:  # noqa: BLE001  shown below
            failed.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=write)
    with transaction.atomic():
        assert Credential.objects.count() == 0
        other.start()
        started.wait()
        saved("a")
    other.join()
    assert failed == []
    assert state() == (2, 2, 2)


def test_a_taken_name_undoes_the_change(database: str) -> None:
    """What the database itself refuses undoes the change as well."""
    saved("a")
    with pytest.raises(IntegrityError):
        saved("a")
    assert state() == (1, 1, 1)


def test_an_event_has_three_parts(database: str) -> None:
    """A badly named event is refused where it is made."""
    with pytest.raises(ValueError, match="source:subject:action"), change(ADMIN) as edit:
        edit.record("nonsense")
