"""Every service of people asks who is asking, before anything else."""

from collections.abc import Callable

import pytest

from controlkit import ADMIN, AUDITOR, GATEWAY, MEMBER, NOBODY, OPERATOR, VIEWER
from people.kit import upload
from stationmaster.errors import Forbidden
from stationmaster.operators.access import allowed
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.people.models import Import
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.listing import Query

Q = Query()
ACTORS = {
    "admin": ADMIN, "operator": OPERATOR, "viewer": VIEWER, "auditor": AUDITOR, "member": MEMBER, "gateway": GATEWAY,
    "nobody": NOBODY,
}  # fmt: skip
LOGIN = ("github_copilot", "octo")


def an_import(state: str = "open") -> str:
    """One that can be worked on."""
    which = upload("mail\na@example.com\n")
    Import.objects.filter(id=which).update(state=state, full=True)
    return which


# Every service function, the action that it takes, and a call of it that would work.
SERVICES: list[tuple[str, Callable[[Actor], object]]] = [
    ("people:read", lambda a: people.list_people(a, Q)),
    ("people:export", lambda a: people.export_people(a, Q, "csv")),
    ("people:create", lambda a: people.create_person(a, {"user_name": "new"})),
    ("people:update", lambda a: people.update_person(a, "ada", {"title": "T"})),
    ("people:update", lambda a: people.deactivate_person(a, "ada")),
    ("people:update", lambda a: people.reactivate_person(a, "ada")),
    ("people:update", lambda a: people.link_login(a, "ada", *LOGIN)),
    ("people:update", lambda a: people.unlink_login(a, "bob", "github_copilot", "bob")),
    ("people:export", people.conflicts),
    ("people:export", lambda a: people.list_conflicts(a, Q)),
    ("people:delete", lambda a: people.delete_person(a, "cid")),
    ("people:erase", lambda a: people.erase_person(a, "dan")),
    ("groups:read", lambda a: people.list_groups(a, Q)),
    ("groups:export", lambda a: people.export_groups(a, Q, "csv")),
    ("groups:read", lambda a: people.get_group(a, "poets")),
    ("groups:read", lambda a: people.list_members(a, "poets", Q)),
    ("people:export", lambda a: people.export_members(a, "poets", Q, "csv")),
    ("groups:create", lambda a: people.create_group(a, {"name": "new"})),
    ("groups:update", lambda a: people.update_group(a, "poets", {"external_id": "x"})),
    ("groups:update", lambda a: people.change_members(a, "poets", ["ada"])),
    ("groups:delete", lambda a: people.delete_group(a, "empty")),
    ("people:import", lambda a: imports.list_imports(a, Q)),
    ("people:import", lambda a: imports.get_import(a, an_import())),
    ("people:import", lambda a: imports.begin_import(a, {})),
    ("people:import", lambda a: imports.add_part(a, an_import(), 19, b"b@example.com\n")),
    ("people:import", lambda a: imports.preview(a, an_import(), {})),
    ("people:import", lambda a: imports.start(a, an_import())),
    ("people:import", lambda a: imports.approve(a, an_import("waiting"), 0)),
    ("people:import", lambda a: imports.list_leavers(a, an_import())),
    ("people:import", lambda a: imports.list_problems(a, an_import(), Q)),
    ("people:import", lambda a: imports.export_problems(a, an_import(), Q, "csv")),
    ("people:import", lambda a: imports.delete_import(a, an_import())),
]


@pytest.mark.parametrize("who", ACTORS)
def test_every_service_asks(database: str, who: str) -> None:
    """Each service lets in exactly those whose role may do its action; whom it refuses changes nothing."""
    for name in ("ada", "bob", "cid", "dan"):
        people.create_person(ADMIN, {"user_name": name})
    people.link_login(ADMIN, "bob", "github_copilot", "bob")
    for name in ("poets", "empty"):
        people.create_group(ADMIN, {"name": name})
    actor = ACTORS[who]
    for action, call in SERVICES:
        if allowed(actor, action):
            call(actor)
        else:
            with pytest.raises(Forbidden):
                call(actor)
    if who != "admin":
        assert people.get_person(ADMIN, "dan")["erased_at"] is None


@pytest.mark.parametrize("who", ["viewer", "member", "nobody"])
def test_refused_changes_leave_nothing(database: str, who: str) -> None:
    """No event and no revision."""
    people.create_person(ADMIN, {"user_name": "ada"})
    before = revision()
    for given in ({"title": "T"}, {"active": False}):
        with pytest.raises(Forbidden):
            people.update_person(ACTORS[who], "ada", given)
    assert revision() == before


def test_no_service_is_forgotten() -> None:
    """The table above has every function that these modules offer and that takes an actor."""
    plain = {"called_before", "names_of", "on_leaving", "on_returning", "person_of", "get_person", "conflicts"}
    offered = {name for module in (people, imports) for name in module.__all__ if name.islower()} - plain
    assert offered <= {word for _, call in SERVICES for word in call.__code__.co_names}
