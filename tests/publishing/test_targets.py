"""Targets: attached, tested, changed; what an operator can and cannot do with a stored credential."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest

from controlkit import ADMIN, AUDITOR, MEMBER, OPERATOR, VIEWER
from credentials.kit import run
from publishing.kit import a_gateway, attach, elsewhere, fields, held, planned, published, some
from stationmaster.errors import Conflict, Forbidden, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Schedule
from stationmaster.operators.access import allowed
from stationmaster.publishing import kinds, services
from stationmaster.publishing.models import Target
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change
from stationmaster.store.listing import Filter, Query
from stationmaster.targets.registry import KINDS

OTHER = "sk-another-admin-key-0123456789"


def test_the_first_is_the_default(database: str, sandbox: SandboxServer) -> None:
    """There is exactly one default, whatever is attached, changed and detached: the first, the one that is made it, an heir."""
    one, two, three = (attach(sandbox, a_gateway(sandbox, "s2a")) for _ in range(3))
    assert _defaults() == [one.name]
    services.update_target(ADMIN, two.name, {"default": True})
    assert _defaults() == [two.name]
    with pytest.raises(Invalid, match="another target"):
        services.update_target(ADMIN, two.name, {"default": False})
    services.delete_target(ADMIN, two.name)
    assert _defaults() == [one.name]
    services.delete_target(ADMIN, three.name)
    services.delete_target(ADMIN, one.name)
    assert _defaults() == []


def _defaults() -> list[str]:
    return list(Target.objects.filter(default=True).values_list("name", flat=True))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_test_changes_nothing(database: str, sandbox: SandboxServer, kind: str) -> None:
    """Fields that nobody saved are tested with what they say: the right credential is taken, another is not; no write reaches
    the target, and nothing is stored here."""
    gateway = a_gateway(sandbox, kind)
    given = fields(sandbox, gateway)
    told = services.test_target(ADMIN, given)
    assert (told["ok"], told["stored"], told["words"]) == (True, False, "")
    wrong = services.test_target(ADMIN, {**given, "secret": f"{gateway.secret[:-2]}zz"})
    assert not wrong["ok"]
    assert gateway.secret not in str(wrong)
    logins = ("log", "session")
    assert [each for each in gateway.writes() if each.done and not any(word in each.operation for word in logins)] == []
    assert not Target.objects.exists()


def test_a_change_asks_for_another_test(database: str, sandbox: SandboxServer) -> None:
    """Nothing runs at a target that was never tested, nor after its address or credential changed; another label changes
    nothing of that."""
    gateway = a_gateway(sandbox, "s2a")
    names = some(1)
    row = services.create_target(ADMIN, fields(sandbox, gateway))
    with pytest.raises(Conflict, match="not tested"):
        services.make_plan(ADMIN, {"credentials": names})
    assert services.test_target(ADMIN, {}, row["name"])["stored"]
    assert services.get_target(ADMIN, row["name"])["state"] == "ready"
    services.update_target(ADMIN, row["name"], {"label": "the other one"})
    assert services.get_target(ADMIN, row["name"])["state"] == "ready"
    plan = planned(Target.objects.get(), names)
    services.update_target(ADMIN, row["name"], {"secret": OTHER})
    assert services.get_target(ADMIN, row["name"])["state"] == "untested"
    with pytest.raises(Conflict, match="not tested"):
        services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    with pytest.raises(Conflict, match="not tested"):
        services.read_back(ADMIN, row["name"])


def test_a_test_of_other_fields_is_not_the_rows(database: str, sandbox: SandboxServer) -> None:
    """What is tested beside the stored row does not make the row tested."""
    gateway = a_gateway(sandbox, "s2a")
    row = services.create_target(ADMIN, {**fields(sandbox, gateway), "secret": OTHER})
    told = services.test_target(ADMIN, {"secret": gateway.secret}, row["name"])
    assert (told["ok"], told["stored"]) == (True, False)
    assert services.get_target(ADMIN, row["name"])["state"] == "untested"


@pytest.mark.parametrize("more", [
    {"base_url": "https://elsewhere.example"}, {"kind": "crs"}, {"user": "2"},
])  # fmt: skip
def test_a_stored_secret_goes_nowhere_else(database: str, sandbox: SandboxServer, more: Mapping[str, Any]) -> None:
    """Who may edit a target and never saw its credential cannot have it sent to an address, in a form, or as a user, of their
    own: neither by a test nor by saving."""
    row = attach(sandbox, a_gateway(sandbox, "new_api"))
    calls: tuple[Callable[[], object], ...] = (
        lambda: services.test_target(ADMIN, more, row.name), lambda: services.update_target(ADMIN, row.name, more),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(Invalid) as refused:
            call()
        assert refused.value.code == "error.secret.needed"


@pytest.mark.parametrize(("more", "field"), [
    ({"kind": "nothing"}, "kind"), ({"base_url": "http://10.0.0.9:3000"}, "base_url"), ({"base_url": "ftp://x"}, "base_url"),
    ({"base_url": "http://169.254.169.254/"}, "base_url"), ({"secret": ""}, "secret"), ({"secret": "••••••••"}, "secret"),
    ({"priority": 0}, "priority"), ({"user": "root"}, "user"), ({"kind": "crs", "user": ""}, "user"),
    ({"kind": "new_api", "user": "root"}, "user"), ({"secret": "sk-ant-oat01-abcdefghijklmnop"}, "secret"),
    ({"read_minutes": -1}, "read_minutes"), ({"surprise": 1}, "surprise"),
])  # fmt: skip
def test_what_cannot_be_is_refused(database: str, sandbox: SandboxServer, more: Mapping[str, Any], field: str) -> None:
    """Wrong kinds, addresses inside, masked secrets, numbers beyond their range, and what people log in to a website with: each
    is told under its field, and nothing is stored."""
    with pytest.raises(Invalid) as refused:
        services.create_target(ADMIN, {**fields(sandbox, a_gateway(sandbox, "s2a")), **more})
    assert field in refused.value.fields
    assert not Target.objects.exists()


def test_a_wrong_key_stops_the_run(database: str, sandbox: SandboxServer) -> None:
    """A target that turns us away is asked once: the run stops, every publication says why, and neither a scheduled reading nor
    another run asks again until somebody tested the connection. That ends five tries before a ban."""
    gateway = a_gateway(sandbox, "cpa")
    target, names = attach(sandbox, gateway, read_minutes=5), some(20)
    plan = planned(target, names)
    job = str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"])
    right, gateway.secret = gateway.secret, "changed-behind-our-back-0123456789"
    gateway.forget()
    assert run(job)["state"] == "failed"
    assert len(gateway.heard()) == 1
    assert {row["state"] for row in _publications()} == {"failed"}
    assert services.get_target(ADMIN, target.name)["state"] == "refused"
    for kind in (kinds.READ_BACK, kinds.PUBLISH, kinds.WITHDRAW):
        run(str(jobs.submit(SYSTEM, kind, workspace=target.id)["id"]))
    with pytest.raises(Conflict, match="refused us"):
        planned(target, names)
    assert len(gateway.heard()) == 1
    gateway.secret = right
    assert services.test_target(ADMIN, {}, target.name)["ok"]
    assert published(target, names)["state"] == "succeeded"
    assert len(held(gateway)) == 20


def _publications() -> list[Mapping[str, Any]]:
    return list(services.list_publications(ADMIN, Query(limit=500)).items)


def test_it_is_read_back_on_schedule(database: str, sandbox: SandboxServer) -> None:
    """As often as the target says, and not while it is out of use."""
    row = attach(sandbox, a_gateway(sandbox, "one_api"), read_minutes=30)
    assert list(Schedule.objects.values_list("kind", "workspace", "every")) == [(kinds.READ_BACK, row.id, 1800)]
    services.update_target(ADMIN, row.name, {"disabled": True})
    assert not Schedule.objects.exists()
    services.update_target(ADMIN, row.name, {"disabled": False})
    services.delete_target(ADMIN, row.name)
    assert not Schedule.objects.exists()


def test_it_is_not_detached_with_entries(database: str, sandbox: SandboxServer) -> None:
    """A target with our entries stays, so that nobody forgets them by accident; whoever wants to says so. A credential that is
    published somewhere is not deleted either."""
    from stationmaster.credentials import services as credentials

    gateway = a_gateway(sandbox, "bifrost")
    target, names = attach(sandbox, gateway), some(1)
    published(target, names)
    with pytest.raises(Conflict, match=names[0]):
        services.delete_target(ADMIN, target.name)
    with pytest.raises(Conflict, match=f"target {target.name}"):
        credentials.delete_credential(ADMIN, names[0])
    services.delete_target(ADMIN, target.name, forget=True)
    assert _publications() == []
    assert len(held(gateway)) == 1
    credentials.delete_credential(ADMIN, names[0])


SERVICES: list[tuple[str, Callable[[Actor, str, list[str]], object]]] = [
    ("targets:read", lambda who, target, names: services.list_targets(who, Query())),
    ("targets:export", lambda who, target, names: services.export_targets(who, Query(), "csv")),
    ("targets:read", lambda who, target, names: services.get_target(who, target)),
    ("targets:read", lambda who, target, names: services.list_kinds(who)),
    ("targets:test", lambda who, target, names: services.list_groups(who, target)),
    ("targets:test", lambda who, target, names: services.test_target(who, {}, target)),
    ("targets:create", lambda who, target, names: services.create_target(who, {
        "name": f"t-{who.id}", "kind": "s2a", "base_url": "https://t.example", "secret": OTHER})),
    ("targets:update", lambda who, target, names: services.update_target(who, target, {"label": who.id})),
    ("targets:delete", lambda who, target, names: services.delete_target(who, f"t-{who.id}")),
    ("publications:read", lambda who, target, names: services.list_publications(who, Query())),
    ("publications:export", lambda who, target, names: services.export_publications(who, Query(), "json")),
    ("publications:read", lambda who, target, names: services.get_publication(who, _publications()[0]["id"])),
    ("publications:read", lambda who, target, names: services.copies_of(who, names[0])),
    ("publications:read", lambda who, target, names: services.list_plans(who, Query())),
    ("publications:read", lambda who, target, names: services.get_plan(who, _plan())),
    ("publications:read", lambda who, target, names: services.list_steps(who, _plan(), Query())),
    ("publications:plan", lambda who, target, names: services.make_plan(who, {"target": target, "credentials": names})),
    ("publications:apply", lambda who, target, names: services.apply_plan(who, _plan(), {
        "hash": services.get_plan(ADMIN, _plan())["hash"], "dry_run": True})),
    ("publications:check", lambda who, target, names: _once(services.read_back, who, target)),
    ("publications:remove", lambda who, target, names: services.withdraw(who, {"target": target, "credentials": names})),
]  # fmt: skip


def _plan() -> str:
    return str(services.list_plans(ADMIN, Query()).items[0]["id"])


def _once(call: Callable[[Actor, str], object], who: Actor, target: str) -> None:
    """Whoever may ask is told that it waits already."""
    with suppress(Conflict):
        call(who, target)


def test_who_may_what(database: str, sandbox: SandboxServer) -> None:
    """Every service takes the right that the table of rights has for it, from everybody, before anything else; viewers look,
    auditors export too, operators publish at targets that an admin attached, members do nothing."""
    target, names = attach(sandbox, a_gateway(sandbox, "s2a")), some(1)
    published(target, names)
    planned(target, names)
    for who in (VIEWER, AUDITOR, MEMBER, OPERATOR, ADMIN):
        for action, call in SERVICES:
            if allowed(who, action):
                call(who, target.name, names)
                continue
            with pytest.raises(Forbidden):
                call(who, target.name, names)
    assert [allowed(MEMBER, action) for action, _ in SERVICES] == [False] * len(SERVICES)
    assert {action for action, _ in SERVICES if allowed(VIEWER, action)} == {"targets:read", "publications:read"}
    refused = {action for action, _ in SERVICES if not allowed(OPERATOR, action)}
    assert refused == {"targets:create", "targets:update", "targets:delete"}


def test_no_service_is_forgotten() -> None:
    """The table above has every function that is offered."""
    offered = {name for name in services.__all__ if name.islower()} - {"tend"}      # which nobody asks for
    called = {word for _, call in SERVICES for word in call.__code__.co_names}
    assert offered <= called


def test_lists_take_filters(database: str, sandbox: SandboxServer) -> None:
    """Targets and publications are searched, filtered, sorted and paged like every list; no answer holds a secret or its hash."""
    target, names = attach(sandbox, a_gateway(sandbox, "s2a")), some(5)
    published(target, names)
    assert [row["name"] for row in services.list_targets(ADMIN, Query(search=target.name)).items] == [target.name]
    first = services.list_publications(ADMIN, Query(sort="credential_name", limit=3))
    rest = services.list_publications(ADMIN, Query(sort="credential_name", limit=3, cursor=first.next))
    assert [row["credential_name"] for row in [*first.items, *rest.items]] == sorted(names)
    states = (Filter("state", "eq", "published"), Filter("target", "eq", target.id))
    assert services.list_publications(ADMIN, Query(filters=states)).total == 5
    assert services.list_publications(ADMIN, Query(search=names[0])).total >= 1
    shown = str(services.list_publications(ADMIN, Query()).items) + str(services.list_targets(ADMIN, Query()).items)
    assert "digest" not in shown
    assert "hmac" not in shown


def test_what_another_editor_saved_is_not_noted_as_tested(database: str, sandbox: SandboxServer) -> None:
    """A test that took long says nothing of what was saved while it ran."""
    gateway = a_gateway(sandbox, "s2a")
    row = attach(sandbox, gateway)

    def other_editor() -> None:
        with change(ADMIN) as edit:
            now = Target.objects.get(id=row.id)
            with edit.updating(now):
                now.secret = OTHER

    gateway.meanwhile("*", elsewhere(other_editor))
    services.test_target(ADMIN, {}, row.name)
    assert services.get_target(ADMIN, row.name)["state"] == "untested"


def test_one_may_wait_for_its_credential(database: str, sandbox: SandboxServer) -> None:
    """A target whose credential is not at hand is attached out of use, and put into use only with it."""
    given = {**fields(sandbox, a_gateway(sandbox, "crs")), "disabled": True}
    secret, user = given.pop("secret"), given.pop("user")
    row = services.create_target(ADMIN, given)
    assert (row["secret_set"], row["state"]) == (False, "disabled")
    with pytest.raises(Invalid) as refused:
        services.update_target(ADMIN, row["name"], {"disabled": False})
    assert set(refused.value.fields) == {"secret", "user"}
    services.update_target(ADMIN, row["name"], {"disabled": False, "secret": secret, "user": user})
    assert services.test_target(ADMIN, {}, row["name"])["ok"]
