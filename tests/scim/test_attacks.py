"""What whoever holds a directory's token cannot do with it."""

import pytest

from controlkit import ADMIN
from scim.kit import Directory, op
from stationmaster.operators import services as operators
from stationmaster.operators.models import Operator
from stationmaster.people.models import Person
from stationmaster.people.scim import services


def _active(email: str) -> bool:
    found: bool = Operator.objects.values_list("active", flat=True).get(email=email)
    return found


@pytest.mark.parametrize("deletes", [False, True])
def test_no_admin_is_locked_out(directory: Directory, deletes: bool) -> None:
    """A person made up with an admin's address, in whatever case, and taken away again, does not take the admin's way in; it
    is held, and an admin decides."""
    operators.create_operator(ADMIN, {"email": "boss@example.com", "role": "admin"})
    made = directory.made("x", emails=[{"value": "BOSS@Example.com", "primary": True}])
    path = f"/Users/{made['id']}"
    answer = directory.delete(path) if deletes else directory.changed(path, op("replace", "active", False))
    assert (answer.status_code, _active("boss@example.com")) == (429, True)
    assert "admin" in answer.json()["detail"]
    assert services.approve(ADMIN, [made["id"]]) == 1
    assert not _active("boss@example.com")


def test_operators_who_were_just_claimed_count_as_leavers(directory: Directory) -> None:
    """People made up with operators' addresses are no news that may be taken back without limit: beyond three they are held. One
    operator who left is out at once."""
    for number in range(6):
        operators.create_operator(ADMIN, {"email": f"op-{number}@example.com", "role": "operator"})
    made = [directory.made(f"x{n}", emails=[{"value": f"op-{n}@example.com", "primary": True}])["id"] for n in range(6)]
    answers = [directory.delete(f"/Users/{which}").status_code for which in made]
    assert answers == [204, 204, 204, 429, 429, 429]
    assert [_active(f"op-{number}@example.com") for number in range(6)] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_beyond_the_calendar_are_refused(directory: Directory, moment: str) -> None:
    """A moment that no database can compare is a bad filter, and no failure of ours."""
    answer = directory.get("/Users", params={"filter": f'meta.created gt "{moment}"'})
    assert (answer.status_code, answer.json().get("scimType")) == (400, "invalidFilter")


def test_a_patch_of_a_user_is_bounded(directory: Directory) -> None:
    """A PATCH with more changes than any directory makes is refused before it holds everybody else up; a hundred are done."""
    made = directory.made()
    changes = [op("replace", "title", f"title {number}") for number in range(101)]
    assert directory.changed(f"/Users/{made['id']}", *changes).status_code == 400
    assert directory.changed(f"/Users/{made['id']}", *changes[:100]).status_code in (200, 204)
    assert Person.objects.get(id=made["id"]).title == "title 99"
