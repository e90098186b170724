"""The audit trail: whoever edits, takes out, adds or moves an event without the keys is found out."""

import json
from collections.abc import Iterator

import pytest
from django.db import connection

from controlkit import ADMIN, AUDITOR, CLI, MEMBER, NOBODY, OPERATOR, SECRET, VIEWER, a_credential, a_workspace
from databases import RING
from stationmaster.audit import trail
from stationmaster.audit.models import AuditEvent, AuditHead
from stationmaster.audit.services import Head, export_events, list_events, verify
from stationmaster.credentials.services import create_credential, delete_credential, update_credential
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.store import keyholder
from stationmaster.store.changes import change, revision
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.vault.digests import Digests
from stationmaster.workspaces.services import create_workspace


def sql(words: str, *values: str | int) -> None:
    """Do to the database what somebody with its password could do."""
    with connection.cursor() as cursor:
        cursor.execute(words, values)


@pytest.fixture
def ten(database: str) -> None:
    """A trail of ten events."""
    for number in range(5):
        create_credential(ADMIN, a_credential(f"trail-{number}"))
        update_credential(CLI, f"trail-{number}", {"organisation": "acme", "secret": f"{SECRET}{number}"})


def test_an_empty_trail_holds(database: str) -> None:
    """Nothing written is a whole trail of nothing."""
    assert verify(ADMIN).ok
    assert verify(ADMIN).head == Head(0, "")


def test_a_whole_trail_holds(ten: None) -> None:
    """Ten events in order, without gaps, hold; the head names the last."""
    verdict = verify(AUDITOR)
    last = AuditEvent.objects.get(seq=10)
    assert verdict.ok
    assert verdict.head == Head(10, last.hash)
    assert list(AuditEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 11))


COLUMNS: dict[str, str | int] = {
    "at": "2020-01-01 00:00:00+00:00", "source": "other", "subject": "cred_other", "action": "delete", "actor_kind": "system",
    "actor": "op_other", "role": "viewer", "request_id": "req-other", "revision": 99, "before": "{}", "after": "{}", "about": "x",
    "hash": "0" * 64,
}


def test_every_column_is_covered(ten: None) -> None:
    """There is no column that the table above leaves out but the place itself."""
    assert {field.name for field in AuditEvent._meta.concrete_fields} == {*COLUMNS, "seq"}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edited_event_shows(ten: None, column: str) -> None:
    """Whichever column of an event is edited, the check names that event."""
    sql(f"UPDATE audit_auditevent SET {column} = %s WHERE seq = 4", COLUMNS[column])  # noqa: S608
    verdict = verify(ADMIN)
    assert not verdict.ok
    assert verdict.faults[0].seq == 4
    assert "edited" in verdict.faults[0].what


_COPIED = ", ".join(name for name in COLUMNS if name != "seq")
FORGERIES: dict[str, list[str]] = {
    "the first is taken out": ["DELETE FROM audit_auditevent WHERE seq = 1"],
    "one is taken out": ["DELETE FROM audit_auditevent WHERE seq = 5"],
    "the last is taken out": ["DELETE FROM audit_auditevent WHERE seq = 10"],
    "the tail is taken out": ["DELETE FROM audit_auditevent WHERE seq > 3"],
    "all are taken out": ["DELETE FROM audit_auditevent"],
    "the head is taken out": ["DELETE FROM audit_audithead"],
    "all and the head are taken out": ["DELETE FROM audit_auditevent", "DELETE FROM audit_audithead"],
    "the tail is taken out and the head told so": [
        "DELETE FROM audit_auditevent WHERE seq > 3",
        "UPDATE audit_audithead SET count = 3, hash = (SELECT hash FROM audit_auditevent WHERE seq = 3)",
    ],
    "two change places": [
        f"UPDATE audit_auditevent SET seq = {new} WHERE seq = {old}" for old, new in ((4, 99), (5, 4), (99, 5))  # noqa: S608
    ],
    "one comes twice": [
        f"INSERT INTO audit_auditevent (seq, {_COPIED}) SELECT 11, {_COPIED} FROM audit_auditevent WHERE seq = 10"  # noqa: S608
    ],
    "one is put before the first": ["UPDATE audit_auditevent SET seq = 0 WHERE seq = 10"],
    "one is taken out and the rest move up": [
        "DELETE FROM audit_auditevent WHERE seq = 5",
        *(f"UPDATE audit_auditevent SET seq = {seq - 1} WHERE seq = {seq}" for seq in range(6, 11)),  # noqa: S608
    ],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgeries_show(ten: None, forgery: str) -> None:
    """Events that are taken out, added, repeated or moved show, with the head told so or not."""
    for words in FORGERIES[forgery]:
        sql(words)
    assert not verify(ADMIN).ok


def test_changes_may_go_on_meanwhile(ten: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is written while the trail is checked is no fault, and is checked too."""
    monkeypatch.setattr(trail, "_BATCH", 3)
    written: list[str] = []

    def events(after: int) -> Iterator[AuditEvent]:
        for event in real(after):
            if len(written) < 4:
                written.append(f"late-{len(written)}")
                create_credential(ADMIN, a_credential(written[-1]))
            yield event

    real = trail._events
    monkeypatch.setattr(trail, "_events", events)
    verdict = verify(ADMIN)
    assert verdict.ok
    assert verdict.head.count == 14


def test_an_earlier_state_shows_against_a_kept_head(ten: None) -> None:
    """A database that was put back to an earlier state holds in itself, and fails against a later head."""
    earlier = verify(ADMIN).head
    create_credential(ADMIN, a_credential("late"))
    later = verify(ADMIN).head
    assert verify(ADMIN, since=earlier).ok
    assert verify(ADMIN, since=later).ok
    sealed = AuditHead.objects.get()
    delete_credential(ADMIN, "late")
    sql("DELETE FROM audit_auditevent WHERE seq > 11")
    sql("UPDATE audit_audithead SET count = %s, hash = %s, mac = %s", sealed.count, sealed.hash, sealed.mac)
    assert verify(ADMIN).ok
    assert not verify(ADMIN, since=Head(12, "0" * 64)).ok
    assert not verify(ADMIN, since=Head(earlier.count, "0" * 64)).ok


def test_another_key_makes_no_chain(ten: None) -> None:
    """Somebody who knows how the chain is made, but not its key, makes none that holds."""
    keyholder._Keys.digests = Digests(bytes(32))
    assert not verify(ADMIN).ok
    keyholder.use(RING)
    assert verify(ADMIN).ok


@pytest.mark.parametrize(
    "forgery",
    [["UPDATE audit_audithead SET count = 3"], ["DELETE FROM audit_audithead"],
     ["DELETE FROM audit_auditevent", "DELETE FROM audit_audithead"]],
    ids=["head edited", "head gone", "all gone"],
)
def test_nothing_is_changed_behind_a_forged_head(ten: None, forgery: list[str]) -> None:
    """While the head is not ours, or the whole trail is gone, no event can follow it, so nothing is changed, and it goes on
    to show."""
    for words in forgery:
        sql(words)
    before = revision()
    with pytest.raises(StationmasterError) as caught:
        create_credential(ADMIN, a_credential("late"))
    assert caught.value.code == "error.audit.head"
    assert revision() == before
    assert not verify(ADMIN).ok


def test_faults_are_not_endless(database: str) -> None:
    """A check of a trail that is wrong everywhere stops after a hundred faults."""
    with change(ADMIN) as edit:
        for number in range(150):
            edit.record(f"test:{number}:do")
    sql("UPDATE audit_auditevent SET actor = 'op_other'")
    assert len(verify(ADMIN).faults) == 100


def test_who_may_read_it(ten: None) -> None:
    """Admins and auditors read and check the trail, nobody else does."""
    for actor in (ADMIN, AUDITOR):
        assert list_events(actor, Query(limit=3)).total == 10
        assert len(list(export_events(actor, Query(), "jsonl"))) == 10
    for actor in (OPERATOR, VIEWER, MEMBER, NOBODY):
        for attempt in (lambda a: list_events(a, Query()), verify, lambda a: export_events(a, Query(), "csv")):
            with pytest.raises(Forbidden):
                attempt(actor)


def test_events_are_found(ten: None) -> None:
    """Events are found by actor, subject, action and by the name that their subject had."""
    assert list_events(ADMIN, Query(filters=(Filter("actor", "eq", "root"),))).total == 5
    assert list_events(ADMIN, Query(filters=(Filter("action", "eq", "create"), Filter("source", "eq", "credentials")))).total == 5
    assert list_events(ADMIN, Query(search="TRAIL-3")).total == 2
    newest = list_events(ADMIN, Query(limit=1)).items[0]
    assert (newest["seq"], newest["after"]["organisation"], newest["before"]["organisation"]) == (10, "acme", "")


@pytest.mark.parametrize("text", ["a\nseq=99", 'a","actor":"op_other', "\u202eevil", "<script>", "a\x1b[2K"[:1]])
def test_texts_do_not_break_out(database: str, text: str) -> None:
    """What people write stays within its value: an event is one JSON line, whatever is in it."""
    create_credential(ADMIN, a_credential(disabled_reason=text))
    (line,) = export_events(ADMIN, Query(), "jsonl")
    assert line.count("\n") == 1
    assert json.loads(line)["after"]["disabled_reason"] == text


def test_no_secret_is_in_it(database: str) -> None:
    """No event holds a secret, nor an unkeyed hash of one."""
    create_credential(ADMIN, a_credential())
    create_workspace(ADMIN, a_workspace())
    update_credential(ADMIN, "openai-a", {"secret": SECRET + "2", "base_url": "https://api.openai.com/v1"})
    delete_credential(ADMIN, "openai-a")
    everything = "".join(export_events(ADMIN, Query(), "json"))
    assert "sk-" not in everything
    assert everything.count("hmac:") >= 5
