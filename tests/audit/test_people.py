"""Names in the trail: by id in the events, by name in one table that can be emptied."""

import pytest

from controlkit import ADMIN, AUDITOR, VIEWER, a_credential
from stationmaster.audit.models import AuditEvent, Person
from stationmaster.audit.services import ERASED, erase_person, ids_of, name_person, people, verify
from stationmaster.credentials.services import create_credential
from stationmaster.errors import Forbidden, NotFound, StationmasterError
from stationmaster.store.changes import change


@pytest.fixture
def anna(database: str) -> str:
    """A person who is known by name and did something."""
    with change(ADMIN) as edit:
        name_person("op_admin", "Anna Schmidt", "anna@example.com")
        edit.record("operators:op_admin:create")
    create_credential(ADMIN, a_credential())
    return "op_admin"


def test_events_name_ids_only(anna: str) -> None:
    """No event holds a name or an e-mail address; the table says whom an id stands for."""
    assert "Anna" not in repr(list(AuditEvent.objects.values_list()))
    assert people(AUDITOR, [anna, "tok_unknown"]) == {anna: "Anna Schmidt"}


def test_erasure_leaves_the_chain_whole(anna: str) -> None:
    """A person who is erased is in no row any more by name; events, their order and the chain are as before."""
    before = list(AuditEvent.objects.order_by("seq").values_list("hash", flat=True))
    erase_person(ADMIN, anna)
    after = list(AuditEvent.objects.order_by("seq").values_list("hash", flat=True))
    assert after[:-1] == before
    assert verify(ADMIN).ok
    assert people(AUDITOR, [anna]) == {anna: ERASED}
    rows = repr(list(Person.objects.values_list())) + repr(list(AuditEvent.objects.values_list()))
    assert "Anna" not in rows
    assert "anna@" not in rows


def test_erasure_is_an_event_and_happens_once(anna: str) -> None:
    """The erasure is itself in the trail; a person who is erased or unknown is not found."""
    erase_person(ADMIN, anna)
    assert str(AuditEvent.objects.order_by("seq").last()) == f"audit:{anna}:erase"
    for person in (anna, "op_nobody"):
        with pytest.raises(NotFound):
            erase_person(ADMIN, person)


def test_admins_only(anna: str) -> None:
    """Only an admin erases, and who may not read the trail learns no names."""
    for attempt in (lambda: erase_person(AUDITOR, anna), lambda: people(VIEWER, [anna])):
        with pytest.raises(Forbidden):
            attempt()


def test_naming_is_part_of_a_change(database: str) -> None:
    """A name is written within the change that makes its person."""
    with pytest.raises(StationmasterError):
        name_person("op_1", "Anna", "anna@example.com")


def test_who_was_erased_stays_so(anna: str) -> None:
    """A later change that names them, whatever it is about, does not bring the name back."""
    erase_person(ADMIN, anna)
    with change(ADMIN) as edit:
        name_person(anna, "Anna Schmidt", "anna@example.com")
        edit.record("operators:op_admin:update")
    row = Person.objects.get(id=anna)
    assert (row.name, row.email) == ("", "")
    assert people(AUDITOR, [anna]) == {anna: ERASED}


def test_people_are_found_by_their_address(anna: str) -> None:
    """By all ids that stood for it, as long as they were not erased."""
    with change(ADMIN) as edit:
        name_person("op_second", "Anna", "anna@example.com")
        edit.record("operators:op_second:create")
    assert ids_of("anna@example.com") == [anna, "op_second"]
    erase_person(ADMIN, anna)
    assert ids_of("anna@example.com") == ["op_second"]
    assert ids_of("") == []
