"""Persons: what may be stored, who is who, what is written down, and who sees whom."""

from typing import Any

import pytest

from controlkit import ADMIN, VIEWER
from operators.people import as_actor, somebody
from stationmaster.audit.models import AuditEvent
from stationmaster.audit.services import verify
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from stationmaster.people import services as people
from stationmaster.people.models import Person, PersonEmail
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

OPERATOR = Actor("operator", "op_other", "operator")


def ada(**more: Any) -> dict[str, Any]:
    """Ada, as somebody types her in."""
    return {"email": "Ada@Example.com", "display_name": "Ada Lovelace", "department": "Engines", **more}


def names(*filters: Filter, **asked: Any) -> list[str]:
    """User names of a list, in its order."""
    return [row["user_name"] for row in people.list_people(ADMIN, Query(filters=filters, **asked)).items]


def test_a_person_comes_back_as_given(database: str) -> None:
    """Every field is kept in its own spelling; without a user name the address is one."""
    made = people.create_person(ADMIN, ada(
        given_name="Ada", family_name="Lovelace", title="Countess", manager="babbage", employee_number="007",
        external_id="hr-1", further_emails=["ada@engines.example"],
    ))  # fmt: skip
    assert made == people.get_person(ADMIN, made["id"])
    assert made["user_name"] == "Ada@Example.com"
    assert (made["active"], made["source"], made["left_at"]) == (True, "hand", None)
    assert made["further_emails"] == ["ada@engines.example"]
    assert [made[name] for name in ("given_name", "family_name", "title", "manager", "employee_number", "external_id")] == [
        "Ada", "Lovelace", "Countess", "babbage", "007", "hr-1",
    ]  # fmt: skip


BAD: list[tuple[dict[str, Any], str]] = [
    ({"email": ""}, "user_name"),
    ({"user_name": "\u200b"}, "user_name"),
    ({"user_name": "ad\u200da"}, "user_name"),
    ({"user_name": "x" * 255}, "user_name"),
    ({"display_name": "Ada\0"}, "display_name"),
    ({"display_name": "Ada\nBob"}, "display_name"),
    ({"display_name": "Ada\u202egpj.exe"}, "display_name"),
    ({"display_name": "Ada\u2066"}, "display_name"),
    ({"display_name": "\ud800"}, "display_name"),
    ({"display_name": "\u2028"}, "display_name"),
    ({"department": "\x1b[31m"}, "department"),
    ({"display_name": 7}, "display_name"),
    ({"email": "ada"}, "email"),
    ({"email": "ada@"}, "email"),
    ({"email": "a b@example.com"}, "email"),
    ({"email": "a@b@example.com"}, "email"),
    ({"email": "ada@example..com"}, "email"),
    ({"further_emails": "ada@example.com"}, "further_emails"),
    ({"further_emails": [""]}, "further_emails"),
    ({"further_emails": ["x@example.com"] * 21}, "further_emails"),
    ({"active": "yes"}, "active"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
def test_what_is_no_value_is_refused_under_its_field(database: str, given: dict[str, Any], field: str) -> None:
    """Control characters, bidirectional controls, half surrogates, overlong texts and odd addresses are not stored."""
    with pytest.raises(Invalid) as refused:
        people.create_person(ADMIN, {**ada(), **given})
    assert field in refused.value.fields
    assert not Person.objects.exists()


def test_names_of_all_scripts_are_taken(database: str) -> None:
    """Chinese, Persian with its joiner, and names that look like formulas are names."""
    for number, name in enumerate(("王小明", "می\u200cخو\u0627\u0647م", "=cmd|'/c calc'!A0", "O'Brien", "-", "Zoë")):
        made = people.create_person(ADMIN, {"user_name": f"p{number}", "display_name": name})
        assert made["display_name"] == name


@pytest.mark.parametrize("other", ["ADA@EXAMPLE.COM", "\uff41da@example.com", " ada@example.com "])
def test_one_address_is_one_active_person(database: str, other: str) -> None:
    """Case and Unicode make no second person; a leaver's address may be given on, and then they cannot come back by it."""
    first = people.create_person(ADMIN, ada(user_name="first"))
    with pytest.raises(Conflict) as refused:
        people.create_person(ADMIN, {"user_name": "second", "email": other})
    assert list(refused.value.fields) == ["email"]
    people.deactivate_person(ADMIN, first["id"])
    people.create_person(ADMIN, {"user_name": "second", "email": other})
    with pytest.raises(Conflict):
        people.reactivate_person(ADMIN, first["id"])
    assert people.get_person(ADMIN, "ada@example.com")["user_name"] == "second"


def test_a_user_name_is_for_good(database: str) -> None:
    """Not even a leaver's user name is somebody else's, in no spelling."""
    first = people.create_person(ADMIN, {"user_name": "Ada"})
    people.deactivate_person(ADMIN, first["id"])
    with pytest.raises(Conflict) as refused:
        people.create_person(ADMIN, {"user_name": "ADA"})
    assert list(refused.value.fields) == ["user_name"]


def test_an_edit_names_its_version_and_moves_it(database: str) -> None:
    """An edit of an older version is refused, and one that changes nothing makes no version."""
    made = people.create_person(ADMIN, ada())
    changed = people.update_person(ADMIN, made["id"], {"title": "Countess"}, made["revision"])
    assert changed["revision"] > made["revision"]
    with pytest.raises(Stale):
        people.update_person(ADMIN, made["id"], {"title": "Duchess"}, made["revision"])
    before = revision()
    assert people.update_person(ADMIN, made["id"], {"title": "Countess"})["revision"] == changed["revision"]
    assert revision() == before


def test_further_addresses_are_changed_as_a_whole(database: str) -> None:
    """Each is there once, the first address is not among them, and their change is a change of the person."""
    made = people.create_person(ADMIN, ada(further_emails=["b@example.com", "B@example.com", "ada@example.com"]))
    assert made["further_emails"] == ["B@example.com"]
    changed = people.update_person(ADMIN, made["id"], {"further_emails": ["c@example.com"]})
    assert (changed["further_emails"], changed["revision"] > made["revision"]) == (["c@example.com"], True)
    people.update_person(ADMIN, made["id"], {"email": "c@example.com"})
    assert not PersonEmail.objects.exists()


def test_events_know_persons_by_their_ids_only(database: str) -> None:
    """Nothing personal is in the audit trail, not even as a hash that the name alone gives."""
    first = people.create_person(ADMIN, ada(further_emails=["ada@engines.example"]))
    people.link_login(ADMIN, first["id"], "github_copilot", "ada-l")
    people.update_person(ADMIN, first["id"], {"display_name": "Countess"})
    people.deactivate_person(ADMIN, first["id"])
    twin = people.create_person(ADMIN, ada(user_name="twin"))
    told = " ".join(f"{event.subject} {event.before} {event.after} {event.about}" for event in AuditEvent.objects.all()).lower()
    for word in ("ada ", "ada@", "ada-l", "lovelace", "engines", "countess", "example"):
        assert word not in told
    hashes = [AuditEvent.objects.get(subject=each["id"], action="create").after for each in (first, twin)]
    assert hashes[0] != hashes[1]


def test_erasing_forgets_the_person_and_keeps_the_chain(database: str) -> None:
    """Nothing of them is left in any row, the events still hold together, and nobody can be made of the rest again."""
    made = people.create_person(ADMIN, ada(given_name="Ada", family_name="Lovelace", further_emails=["ada@engines.example"]))
    group = people.create_group(ADMIN, {"name": "poets"})
    people.change_members(ADMIN, group["id"], [made["id"]])
    people.link_login(ADMIN, made["id"], "github_copilot", "ada-l")
    salt = Person.objects.get().salt
    erased = people.erase_person(ADMIN, made["id"])
    assert (erased["active"], erased["user_name"], erased["logins"], erased["groups"]) == (False, made["id"], [], [])
    assert erased["erased_at"] is not None
    row = Person.objects.get()
    held = " ".join(map(str, Person.objects.values_list()[0])).lower().replace(row.salt, "").replace(row.id, "")      # random
    assert not [word for word in ("ada", "lovelace", "engines", salt) if word in held]
    assert verify(ADMIN).ok
    for again in (people.erase_person, people.reactivate_person):
        with pytest.raises(Conflict):
            again(ADMIN, made["id"])
    people.create_person(ADMIN, ada())


def test_deleting_takes_the_row(database: str) -> None:
    """With its addresses, log-ins and memberships; the group's version moves, since a member is gone."""
    made = people.create_person(ADMIN, ada())
    group = people.create_group(ADMIN, {"name": "poets"})
    group = people.change_members(ADMIN, group["id"], [made["id"]])
    people.delete_person(ADMIN, made["id"], made["revision"])
    with pytest.raises(NotFound):
        people.get_person(ADMIN, made["id"])
    after = people.get_group(ADMIN, "poets")
    assert (after["members"], after["revision"] > group["revision"]) == (0, True)


def test_lists_compare_as_people_do(database: str) -> None:
    """Search, filters and order take case and width as nothing."""
    for name in ("bob", "Ada", "\uff23id", "Émile"):
        people.create_person(ADMIN, {"user_name": name, "display_name": f"{name} X", "department": "D"})
    assert names(sort="user_name") == ["Ada", "bob", "\uff23id", "Émile"]
    assert names(Filter("user_name", "eq", "CID")) == ["\uff23id"]
    assert names(Filter("user_name", "in", "ADA,BOB"), sort="user_name") == ["Ada", "bob"]
    assert names(Filter("display_name", "prefix", "ÉM")) == ["Émile"]
    assert names(search="BOB x") == ["bob"]
    first = people.list_people(ADMIN, Query(sort="user_name", limit=3))
    second = people.list_people(ADMIN, Query(sort="user_name", limit=3, cursor=first.next))
    assert [row["user_name"] for row in second.items] == ["Émile"]


def test_an_ambiguous_name_finds_nobody(database: str) -> None:
    """What is one person's user name and another's address is not decided here."""
    people.create_person(ADMIN, {"user_name": "bob@example.com", "email": "alice@example.com"})
    people.create_person(ADMIN, {"user_name": "bob", "email": "bob@example.com"})
    with pytest.raises(Conflict):
        people.get_person(ADMIN, "Bob@example.com")
    assert people.get_person(ADMIN, "bob")["email"] == "bob@example.com"


def test_a_log_in_is_one_persons(database: str) -> None:
    """Another's log-in is moved only when that is said; versions of both move; an unknown vendor is refused."""
    one, two = (people.create_person(ADMIN, {"user_name": name}) for name in ("one", "two"))
    people.link_login(ADMIN, "one", "github_copilot", "Octo")
    with pytest.raises(Conflict):
        people.link_login(ADMIN, "two", "github_copilot", "octo")
    people.link_login(ADMIN, "two", "github_copilot", "octo", move=True)
    shown = [people.get_person(ADMIN, each["id"]) for each in (one, two)]
    assert [row["logins"] for row in shown] == [[], [{"vendor": "github_copilot", "login": "octo"}]]
    assert all(row["revision"] > each["revision"] for row, each in zip(shown, (one, two), strict=True))
    people.unlink_login(ADMIN, "two", "github_copilot", "OCTO")
    with pytest.raises(NotFound):
        people.unlink_login(ADMIN, "two", "github_copilot", "octo")
    with pytest.raises(Invalid):
        people.link_login(ADMIN, "two", "nowhere", "octo")


def test_a_member_sees_themselves_alone(database: str) -> None:
    """By the address of their operator; nobody else is there for them, nor may they change what they see."""
    people.create_person(ADMIN, {"user_name": "bob", "email": "bob@example.com"})
    mine = people.create_person(ADMIN, {"user_name": "me", "email": "Member@Example.com"})
    me = as_actor(somebody("member"))
    assert [row["id"] for row in people.list_people(me, Query()).items] == [mine["id"]]
    assert people.get_person(me, "me")["id"] == mine["id"]
    with pytest.raises(NotFound):
        people.get_person(me, "bob")
    for refused in (lambda: people.update_person(me, "me", {"title": "King"}), lambda: people.list_groups(me, Query())):
        with pytest.raises(Forbidden):
            refused()


def test_each_role_may_what_it_may(database: str) -> None:
    """A viewer reads, an operator changes, and only an admin deletes or erases."""
    people.create_person(OPERATOR, ada(user_name="ada"))
    people.update_person(OPERATOR, "ada", {"title": "Countess"})
    assert people.get_person(VIEWER, "ada")["title"] == "Countess"
    for refused in (
        lambda: people.create_person(VIEWER, {"user_name": "x"}), lambda: people.export_people(VIEWER, Query(), "csv"),
        lambda: people.delete_person(OPERATOR, "ada"), lambda: people.erase_person(OPERATOR, "ada"),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            refused()
