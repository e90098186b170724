"""What Okta and Microsoft Entra ID send, in their spellings, and what comes of it."""

from typing import Any

from controlkit import ADMIN
from scim.kit import ENTERPRISE, USER, Directory, a_user, op
from stationmaster.audit.models import AuditEvent
from stationmaster.people import services as people
from stationmaster.people.models import Person, PersonEmail
from stationmaster.store.changes import change
from stationmaster.workspaces import seats
from workspaces.kit import attached

MANAGER = f"{ENTERPRISE}:manager"

ENTRA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (op("Replace", "active", "False"), {"active": False}),
    (op("Replace", "active", False), {"active": False}),
    (op("replace", None, {"active": False}), {"active": False}),
    (op("Add", "displayName", "Ada L."), {"displayName": "Ada L."}),
    (op("Replace", "name.familyName", "Byron"), {"name": {"familyName": "Byron", "givenName": "Ada"}}),
    (op("Add", 'emails[type eq "work"].value', "ada@work.test"),
     {"emails": [{"value": "ada@work.test", "type": "work", "primary": True}]}),
    (op("Replace", 'emails[type eq "work" and primary eq true].value', "ada@work.test"),
     {"emails": [{"value": "ada@work.test", "type": "work", "primary": True}]}),
    (op("Add", MANAGER, "per_0000000000000000000000000a"),
     {ENTERPRISE: {"manager": {"value": "per_0000000000000000000000000a"}}}),
    (op("Add", MANAGER, [{"value": "per_0000000000000000000000000a", "$ref": "x"}]),
     {ENTERPRISE: {"manager": {"value": "per_0000000000000000000000000a"}}}),
    (op("Add", f"{ENTERPRISE}:department", "Engines"), {ENTERPRISE: {"department": "Engines"}}),
    (op("replace", None, {"name.givenName": "Augusta", f"{ENTERPRISE}:employeeNumber": "7"}),
     {"name": {"familyName": "Lovelace", "givenName": "Augusta"}, ENTERPRISE: {"employeeNumber": "7"}}),
    (op("Add", 'phoneNumbers[type eq "work"].value', "+1"), {}),
    (op("Remove", "title"), {}),
]  # fmt: skip
_ADA: dict[str, Any] = {
    "title": "Countess", "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@example.test", "type": "work", "primary": True}], "phoneNumbers": [{"value": "1", "type": "work"}],
    "password": "never-to-be-kept", "urn:example:params:1.0:User": {"badge": 1},
}  # fmt: skip


def test_entras_patches(directory: Directory) -> None:
    """Each changes what it names and nothing else, whatever its spelling; what is not kept is borne with."""
    for number, (operation, expected) in enumerate(ENTRA):
        made = directory.made(f"ada{number}", **{**_ADA, "emails": [{**_ADA["emails"][0], "value": f"a{number}@example.test"}]})
        asked = {**operation}
        if "emails" in expected:
            asked["value"] = f"new{number}@work.test"
            expected = {"emails": [{**expected["emails"][0], "value": f"new{number}@work.test"}]}
        answer = directory.changed(f"/Users/{made['id']}", asked)
        assert answer.status_code == 204, (operation, answer.text)
        shown = directory.get(f"/Users/{made['id']}").json()
        if ENTERPRISE in shown:
            shown[ENTERPRISE].get("manager", {}).pop("$ref", None)
        gone = {"title"} if operation["op"] == "Remove" else set()
        kept = {name: value for name, value in made.items() if name not in {*expected, "meta", "schemas", *gone}}
        assert {name: shown.get(name) for name in expected} == expected, operation
        assert {name: value for name, value in shown.items() if name not in {*expected, "meta", "schemas"}} == kept, operation


def test_entras_cycle(directory: Directory, database: str) -> None:
    """Look for somebody, create, put into a group, take out, make inactive, delete: as its provisioning does it."""
    assert directory.found("/Users", filter='userName eq "ada@example.test"') == []
    ada, group = directory.made(externalId="11-22", **_ADA), directory.grouped("Engineers")
    assert [each["id"] for each in directory.found("/Users", filter='externalId eq "11-22"')] == [ada["id"]]
    assert directory.get(f"/Groups/{group['id']}", params={"excludedAttributes": "members"}).json()["displayName"] == "Engineers"
    member = op("Add", "members", [{"value": ada["id"]}])
    assert directory.changed(f"/Groups/{group['id']}", member).status_code == 204
    wanted = f'id eq "{group["id"]}" and members eq "{ada["id"]}"'
    assert len(directory.found("/Groups", filter=wanted, excludedAttributes="members")) == 1
    assert [each["display"] for each in directory.get(f"/Users/{ada['id']}").json()["groups"]] == ["Engineers"]
    gone = op("Remove", "members", [{"value": ada["id"]}])
    assert directory.changed(f"/Groups/{group['id']}", gone).status_code == 204
    assert directory.found("/Groups", filter=wanted) == []
    assert directory.changed(f"/Users/{ada['id']}", op("Replace", "active", "False")).status_code == 204
    assert not Person.objects.get(id=ada["id"]).active
    assert directory.delete(f"/Users/{ada['id']}").status_code == 204
    assert directory.get(f"/Users/{ada['id']}").status_code == 404
    assert not Person.objects.filter(id=ada["id"]).exists()
    actors = set(AuditEvent.objects.filter(subject=ada["id"]).values_list("actor_kind", flat=True))
    assert actors == {"token"}


def test_oktas_cycle(directory: Directory) -> None:
    """Look, create with a password, PUT the profile, push a group, rename it, replace its members, deactivate."""
    listed = directory.get("/Users", params={"filter": 'userName eq "ada@example.test"', "startIndex": 1, "count": 100}).json()
    assert listed["totalResults"] == 0
    ada, bob = directory.made(**_ADA), directory.made("bob")
    whole = {**directory.get(f"/Users/{ada['id']}").json(), "nickName": "Countess", "groups": [], "title": "Lady"}
    put = directory.put(f"/Users/{ada['id']}", json=whole)
    assert put.status_code == 200
    assert (put.json()["nickName"], put.json()["title"]) == ("Countess", "Lady")
    group = directory.grouped("Team", ada["id"])
    renamed = op("replace", None, {"id": group["id"], "displayName": "Team B"})
    assert directory.changed(f"/Groups/{group['id']}", renamed).status_code == 204
    swapped = [op("remove", f'members[value eq "{ada["id"]}"]'), op("add", "members", [{"value": bob["id"]}])]
    assert directory.changed(f"/Groups/{group['id']}", *swapped).status_code == 204
    shown = directory.get(f"/Groups/{group['id']}").json()
    assert (shown["displayName"], [each["value"] for each in shown["members"]]) == ("Team B", [bob["id"]])
    both = [{"value": each["id"]} for each in (ada, bob)]
    assert directory.changed(f"/Groups/{group['id']}", op("replace", "members", both)).status_code == 204
    assert len(directory.get(f"/Groups/{group['id']}").json()["members"]) == 2
    assert directory.changed(f"/Users/{ada['id']}", op("replace", None, {"active": False})).status_code == 204
    assert [each["id"] for each in directory.found("/Users", filter="active eq false")] == [ada["id"]]


def test_nothing_is_kept_that_is_not_needed(directory: Directory) -> None:
    """Passwords, telephone numbers and foreign extensions of a user are in no column and in no answer."""
    made = directory.made(**_ADA)
    row = Person.objects.get(id=made["id"])
    stored = repr([getattr(row, field.name) for field in row._meta.concrete_fields]) + repr(list(PersonEmail.objects.values()))
    for text in ("never-to-be-kept", "phoneNumbers", "badge"):
        assert text not in stored + directory.get(f"/Users/{made['id']}").text


def test_people_of_other_sources_are_seen(directory: Directory) -> None:
    """A directory finds whom a CSV or a person at the console entered, by name and by address, and takes them over."""
    made = people.create_person(ADMIN, {"user_name": "Grace", "email": "Grace@Example.test", "department": "Navy"})
    (found,) = directory.found("/Users", filter='emails[type eq "work"].value eq "grace@example.TEST"')
    assert (found["id"], found["schemas"]) == (made["id"], [USER, ENTERPRISE])
    assert directory.post("/Users", json=a_user("x", userName="GRACE")).status_code == 409


def test_a_deleted_user_may_be_created_again(directory: Directory) -> None:
    """The name is free; somebody to whom a seat refers stays as an inactive row, unseen by SCIM, and is that person again."""
    ada, group = directory.made(**_ADA), directory.grouped("Team")
    assert directory.changed(f"/Groups/{group['id']}", op("add", "members", [{"value": ada["id"]}])).status_code == 204
    with change(ADMIN) as edit:
        seats.seat_for(edit, ada["id"], attached().id)
    assert directory.delete(f"/Users/{ada['id']}").status_code == 204
    assert directory.get(f"/Users/{ada['id']}").status_code == 404
    assert directory.found("/Users") == []
    assert "members" not in directory.get(f"/Groups/{group['id']}").json()
    assert not Person.objects.get(id=ada["id"]).active
    assert directory.changed(f"/Groups/{group['id']}", op("add", "members", [{"value": ada["id"]}])).status_code == 400
    again = directory.made(displayName="Ada again")
    assert (again["id"], again["displayName"], again["active"]) == (ada["id"], "Ada again", True)
