"""A directory that empties itself: nobody leaves beyond the limit until an operator said so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlkit import ADMIN, OPERATOR, VIEWER
from scim.kit import Directory, op
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Forbidden, NotFound
from stationmaster.operators import services as operators
from stationmaster.people import limits
from stationmaster.people import services as people
from stationmaster.people.models import Leaver, Person
from stationmaster.people.scim import leaving, services
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change
from stationmaster.store.listing import Query

LIMITS = [
    (0, 1, False), (2, 1, False), (3, 4, True),           # up to three pass, however few there are
    (3, 40, False), (4, 36, True),                        # ten per cent of forty
    (19, 1000, False), (20, 1000, True),                  # twenty people
]  # fmt: skip


@pytest.mark.parametrize(("left", "active", "held"), LIMITS)
def test_the_limit(left: int, active: int, held: bool) -> None:
    """One more is too many beyond twenty people or ten per cent, but three always pass."""
    limits.limits.use(limits.Limits)
    assert leaving.beyond(left, active) is held


def _staff(count: int) -> list[str]:
    """People who have been there for a day."""
    with change(SYSTEM) as edit:
        rows = [Person(user_name=f"old-{number}@example.test", source="scim") for number in range(count)]
        for row in rows:
            edit.create(row)
    ids = [str(row.id) for row in rows]
    with change(SYSTEM) as edit:
        for row in Person.objects.filter(id__in=ids):
            row.created_at = timezone.now() - timedelta(days=1)
            row.save()
            edit.record(f"test:{row.id}:age")
    return ids


def _deactivate(directory: Directory, which: str) -> httpx.Response:
    return directory.changed(f"/Users/{which}", op("Replace", "active", "False"))


def _delete(directory: Directory, which: str) -> httpx.Response:
    return directory.delete(f"/Users/{which}")


def _put(directory: Directory, which: str) -> httpx.Response:
    return directory.put(f"/Users/{which}", json={**directory.get(f"/Users/{which}").json(), "active": False})


@pytest.mark.parametrize("leave", [_deactivate, _delete, _put])
def test_an_empty_sync_removes_nobody(directory: Directory, leave: Callable[[Directory, str], httpx.Response]) -> None:
    """Of thirty, three leave; the others are told to come again, stay active, and stand on a list, once each."""
    ids = _staff(30)
    answers = [leave(directory, which) for which in ids]
    assert [answer.status_code for answer in answers[:3]] in ([204] * 3, [200] * 3)
    assert {answer.status_code for answer in answers[3:]} == {429}
    assert answers[3].headers["retry-after"] == "3600"
    assert "approval" in answers[3].json()["detail"]
    assert {leave(directory, which).status_code for which in ids[3:6]} == {429}
    assert Person.objects.filter(id__in=ids[3:], active=True).count() == 27
    assert services.list_held(ADMIN, Query(limit=100)).total == 27
    assert AuditEvent.objects.filter(subject=ids[3], action="hold_leaving").count() == 1


def test_what_an_operator_approves_happens(directory: Directory) -> None:
    """Those approved leave at once, and are not counted; SCIM is answered as if it had done so; the others stay."""
    ids = _staff(30)
    for which in ids[:8]:
        _deactivate(directory, which)
    _delete(directory, ids[8])
    with pytest.raises(Forbidden):
        services.approve(VIEWER, ids[3:4])
    with pytest.raises(NotFound):
        services.approve(ADMIN, ids[:1])
    assert services.approve(ADMIN, ids[3:5]) == 2
    assert services.approve(ADMIN, [ids[8]]) == 1
    assert not Person.objects.filter(id__in=ids[3:5], active=True).exists()
    assert not Person.objects.filter(id=ids[8]).exists()
    assert _deactivate(directory, ids[3]).status_code == 204
    assert _deactivate(directory, ids[5]).status_code == 429
    assert services.refuse(ADMIN, ["all"]) == 3
    assert Person.objects.get(id=ids[5]).active
    assert services.list_held(ADMIN, Query()).total == 0


def test_a_directory_that_changes_its_mind(directory: Directory) -> None:
    """Whom it makes active again waits for no approval any more."""
    ids = _staff(10)
    for which in ids[:5]:
        _deactivate(directory, which)
    assert directory.changed(f"/Users/{ids[4]}", op("Replace", "active", "True")).status_code == 204
    assert [row.person for row in Leaver.objects.filter(state="held")] == [ids[3]]


def test_an_hour_later_more_may_leave(directory: Directory) -> None:
    """What happened more than an hour ago is not counted; whom SCIM itself made within the hour is not either."""
    ids = _staff(10)
    for which in ids[:4]:
        _deactivate(directory, which)
    Leaver.objects.filter(state="left").update(at=timezone.now() - timedelta(minutes=61))
    assert _deactivate(directory, ids[3]).status_code == 204
    new = [directory.made(f"new-{number}")["id"] for number in range(5)]
    assert {_delete(directory, which).status_code for which in new} == {204}


def test_whoever_approves_ends_no_access_above_their_own(database: str) -> None:
    """An admin whom the directory wants to leave is let go by an admin's word, and by no operator's, not among all either."""
    boss, ada = (str(people.create_person(ADMIN, {"user_name": f"{name}@example.com", "email": f"{name}@example.com"})["id"])
                 for name in ("boss", "ada"))  # fmt: skip
    operators.create_operator(ADMIN, {"email": "boss@example.com", "role": "admin"})
    for each in (boss, ada):
        Leaver.objects.create(person=each, state="held", at=timezone.now(), asked_at=timezone.now())
    for asked in ([boss], ["all"]):
        with pytest.raises(Forbidden):
            services.approve(OPERATOR, asked)
    assert Person.objects.filter(active=True).count() == 2
    assert services.approve(OPERATOR, [ada]) == 1
    assert services.approve(ADMIN, ["all"]) == 1
    assert not Person.objects.filter(active=True).exists()


def test_who_is_held_is_shown_to_whom_it_is_for(database: str) -> None:
    """With their names, of whom is gone meanwhile without; a member, who sees themselves alone, is shown nobody. However many
    they are, the database is asked the same."""
    made = people.create_person(ADMIN, {"user_name": "ada", "display_name": "Ada"})
    asked = []
    for number in range(3):
        for each in (str(made["id"]), "per_gone", *(f"per_{n}" for n in range(number * 10))):
            if not Leaver.objects.filter(person=each).exists():
                Leaver.objects.create(person=each, state="held", at=timezone.now(), asked_at=timezone.now())
        with CaptureQueriesContext(connection) as questions:
            rows = {row["person"]: row for row in services.list_held(VIEWER, Query()).items}
        asked.append(len(questions))
    assert (rows[made["id"]]["user_name"], rows[made["id"]]["display_name"]) == ("ada", "Ada")
    assert rows["per_gone"]["user_name"] == ""
    assert len(set(asked)) == 1
    assert services.list_held(replace(VIEWER, role="member"), Query()).total == 0
