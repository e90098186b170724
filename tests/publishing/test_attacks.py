"""What somebody with a part of the rights, or with bad timing, tried to get out of publishing: no secret reaches an address that
no admin chose, and no copy is forgotten."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlkit import ADMIN, OPERATOR
from credentials.kit import run, run_all
from importing.kit import CONFIG, imported, problems
from publishing.kit import (
    a_gateway,
    attach,
    begun,
    elsewhere,
    fields,
    held,
    planned,
    published,
    revoke,
    secrets,
    some,
    states,
)
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound, StationmasterError
from stationmaster.jobs import claims
from stationmaster.jobs import services as jobs
from stationmaster.jobs.engine import Working
from stationmaster.jobs.models import Job
from stationmaster.jobs.run import Run
from stationmaster.line.errors import RemoteError
from stationmaster.publishing import kinds, reaching, services
from stationmaster.publishing.models import Publication, Target
from stationmaster.publishing.policy import BATCH
from stationmaster.publishing.work.publish import Publishing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.store.listing import Query

RUNS = frozenset({"targets:*", "publications:*", "jobs:*", "credentials:read"})
TOKEN = Actor("token", "tok_1", "operator", "req-9", RUNS, "op_operator")
STALE = replace(ADMIN, fresh=False)
CONSUMER = ("sk-ant-sid01-abcdefghijklmnop", "sk-ant-oat01-abcdefghijklmnop", "ya29.abcdefghijkl", "sess-abcdefghijkl")

AROUND = ("{}", " {}", "\t{}", "\n{}", "Bearer {}", "\u00a0{} ", "word {} word", '"{}"', "key={}", "{{'key':'{}'}}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets that are away are asked again at once."""
    monkeypatch.setattr("stationmaster.line.line.PAUSES", (0.0, 0.0))


@pytest.mark.parametrize("who", [OPERATOR, TOKEN, STALE], ids=["operator", "token", "not-fresh"])
def test_only_an_admin_who_proved_it_points_at_an_address(database: str, sandbox: SandboxServer, who: Actor) -> None:
    """An operator, their token, and an admin who has not proved lately who they are attach no target, change none, remove none
    and have no address asked that is not stored: none of it reaches the gateway of theirs, and nothing changes here."""
    row = attach(sandbox, a_gateway(sandbox, "s2a"))
    mine = a_gateway(sandbox, "litellm")
    given = fields(sandbox, mine)
    for call in (
        lambda: services.create_target(who, given),
        lambda: services.test_target(who, given),
        lambda: services.test_target(who, {"base_url": given["base_url"], "secret": given["secret"]}, row.name),
        lambda: services.update_target(who, row.name, {"base_url": given["base_url"], "secret": given["secret"]}),
        lambda: services.update_target(who, row.name, {"label": "mine"}),
        lambda: services.delete_target(who, row.name, forget=True),
    ):
        with pytest.raises(Forbidden):
            call()
    assert mine.heard() == []
    assert Target.objects.get().revision == row.revision


@pytest.mark.parametrize("who", [OPERATOR, TOKEN], ids=["operator", "token"])
def test_an_operator_publishes_where_an_admin_said(database: str, sandbox: SandboxServer, who: Actor) -> None:
    """At a target that an admin attached, an operator does all that is daily work: tests it as it is stored, plans, applies,
    reads back, withdraws."""
    gateway = a_gateway(sandbox, "s2a")
    target, names = attach(sandbox, gateway), some(2)
    assert services.test_target(who, {}, target.name)["stored"]
    plan = services.make_plan(who, {"credentials": names})
    run(str(services.apply_plan(who, plan["id"], {"hash": plan["hash"]})["id"]))
    assert held(gateway) == secrets(names)
    run(str(services.read_back(who, "")["id"]))
    run(str(services.withdraw(who, {"credentials": names})["id"]))
    assert held(gateway) == {}


@pytest.mark.parametrize("who", [OPERATOR, STALE], ids=["operator", "not-fresh"])
def test_an_import_is_no_way_around(database: str, who: Actor) -> None:
    """Targets in a file of an older setup are attached by a job, for whoever asked for it as they were then: for an operator, and
    for an admin who had not proved who they are, each is told as refused."""
    ended = imported(CONFIG, who, "config.toml")
    assert {code for _, _, code in problems(ended)} == {"error.access.forbidden" if who is OPERATOR else "error.access.not_fresh"}
    assert not Target.objects.exists()
    assert imported(CONFIG, ADMIN, "config.toml")["created"] == Target.objects.count() == 3


@pytest.mark.parametrize("how", ["revoked", "withdrawn"])
def test_an_old_plan_brings_nothing_back(database: str, sandbox: SandboxServer, how: str) -> None:
    """A plan that was made before a credential leaked, or was withdrawn, and is applied after, does not keep its copy there."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(2, ("openai",))
    published(target, names)
    services.update_target(ADMIN, target.name, {"priority": 60})
    plan = planned(target, names)
    if how == "revoked":
        credentials.revoke_credential(ADMIN, names[0], {"reason": "leaked"})
    else:
        services.withdraw(ADMIN, {"credentials": names[:1]})
    services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    assert dict(Publication.objects.values_list("credential__name", "wanted")) == {names[0]: False, names[1]: True}
    run_all()
    assert held(gateway) == secrets(names[1:])
    assert states(target) == {names[1]: "published"}


@pytest.mark.parametrize("more", [{}, {"kind": "one_api"}], ids=["address", "kind"])
def test_a_target_with_copies_stays_where_it_is(database: str, sandbox: SandboxServer, more: dict[str, Any]) -> None:
    """As long as something of ours is or may be at a target, it is not pointed elsewhere: what has to be withdrawn would be
    looked for at the other place. Without copies it may go."""
    gateway, other = a_gateway(sandbox, "litellm"), a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    elsewhere_ = {"base_url": other.base_url(sandbox.url), "secret": other.secret, **more}
    published(target, names)
    with pytest.raises(Conflict, match=names[0]):
        services.update_target(ADMIN, target.name, elsewhere_)
    revoke(names[0])
    assert held(gateway) == {}
    services.update_target(ADMIN, target.name, elsewhere_)
    assert Target.objects.get().base_url == elsewhere_["base_url"]


def test_a_cancelled_withdrawal_is_queued_again(database: str, sandbox: SandboxServer) -> None:
    """Whatever becomes of the job that takes a leaked key's copy away, it is asked for again until it is done."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(2, ("openai",))
    published(target, names)
    credentials.revoke_credential(ADMIN, names[0], {"reason": "leaked"})
    for job in Job.objects.filter(state="queued"):
        jobs.cancel(ADMIN, job.id)
    run_all()
    assert len(held(gateway)) == 2
    assert services.tend() == 1
    assert services.tend() == 0      # it waits already
    run_all()
    assert held(gateway) == secrets(names[1:])
    assert services.tend() == 0


def test_who_only_cancels_jobs_keeps_no_copy(database: str, sandbox: SandboxServer) -> None:
    """The right to cancel jobs is not the right to leave a copy where it is: that takes the right to withdraw, too."""
    target, names = attach(sandbox, a_gateway(sandbox, "litellm")), some(1, ("openai",))
    published(target, names)
    job = services.withdraw(ADMIN, {"credentials": names})
    with pytest.raises(Forbidden):
        jobs.cancel(Actor("token", "tok_2", "operator", "req-9", frozenset({"jobs:cancel"})), str(job["id"]))
    assert Job.objects.get(id=job["id"]).state == "queued"


def test_a_failed_withdrawal_and_a_failed_renewal_are_made_up_for(database: str, sandbox: SandboxServer) -> None:
    """A target was away for longer than any job tries. Once it is back, what it owes is done without anybody's asking: nobody
    reads this target back."""
    gateway = a_gateway(sandbox, "one_api")
    target, names = attach(sandbox, gateway), some(3, ("openai",))
    published(target, names)
    gateway.faults.set("503", times=None)
    revoke(names[0])
    credentials.update_credential(ADMIN, names[1], {"secret": "sk-canary-next-one-9Kq/7b+2d=="})
    run_all()
    assert len(held(gateway)) == 3
    assert services.tend() == 2
    run_all()      # still away
    gateway.faults.clear()
    assert services.tend() == 2
    run_all()
    assert held(gateway) == secrets(names[1:])
    assert services.tend() == 0


def test_a_target_that_turned_us_away_is_not_knocked_at(database: str, sandbox: SandboxServer) -> None:
    """What is owed by a target that refused our credential, or is untested since it was changed, waits for a test; what is out of
    use is still rid of what has to go, and gets nothing new."""
    gateway = a_gateway(sandbox, "s2a")
    target, names = attach(sandbox, gateway), some(2, ("openai",))
    published(target, names)
    services.update_target(ADMIN, target.name, {"secret": "sk-another-admin-key-0123456789"})
    revoke(names[0])
    credentials.update_credential(ADMIN, names[1], {"secret": "sk-canary-next-one-9Kq/7b+2d=="})
    run_all()
    heard = len(gateway.heard())
    assert services.tend() == 0
    services.test_target(ADMIN, {}, target.name)
    assert services.tend() == 0
    assert len(gateway.heard()) <= heard + 2      # the test's own
    services.update_target(ADMIN, target.name, {"secret": gateway.secret})
    assert services.test_target(ADMIN, {}, target.name)["ok"]
    services.update_target(ADMIN, target.name, {"disabled": True})
    for job in Job.objects.filter(state="queued"):
        jobs.cancel(ADMIN, job.id)
    assert services.tend() == 1
    assert list(Job.objects.filter(state="queued").values_list("kind", flat=True)) == [kinds.WITHDRAW]
    run_all()
    assert [each.marker for each in gateway.ours()] == [Credential.objects.get(name=names[1]).id]


def test_a_moment_of_silence_stops_no_withdrawal(database: str, sandbox: SandboxServer) -> None:
    """A test that meets a target just while it is away says so, and leaves it tested: what has to be taken away there goes on
    by itself."""
    gateway = a_gateway(sandbox, "one_api")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    published(target, names)
    gateway.faults.set("503", times=None)
    revoke(names[0])
    told = services.test_target(OPERATOR, {}, target.name)
    assert not told["ok"]
    assert services.get_target(ADMIN, target.name)["tested_words"] == told["words"] != ""
    gateway.faults.clear()
    assert services.tend() == 1
    run_all()
    assert held(gateway) == {}


def _credential(_target: Target, name: str) -> None:
    credentials.delete_credential(ADMIN, name)


def _target(target: Target, _name: str) -> None:
    services.delete_target(ADMIN, target.name)


@pytest.mark.parametrize("delete", [_credential, _target])
def test_nothing_is_deleted_under_a_create(
    database: str, sandbox: SandboxServer, delete: Callable[[Target, str], None]
) -> None:
    """While a copy is being made, its credential and its target stay: else it would be there and nobody would know."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    job, refused = begun(target, names), []

    def act() -> None:
        try:
            delete(target, names[0])
        except StationmasterError as error:
            refused.append(type(error))

    gateway.meanwhile("POST *", elsewhere(act))
    assert run(job)["state"] == "succeeded"
    assert refused == [Conflict]
    assert held(gateway) == secrets(names)
    assert states(target) == {names[0]: "published"}


@pytest.mark.parametrize("delete", [_credential, _target])
def test_nothing_is_deleted_whose_create_was_lost(
    database: str, sandbox: SandboxServer, delete: Callable[[Target, str], None]
) -> None:
    """A create whose answers were lost may have made a copy: its credential and its target stay until it is withdrawn, and so
    does one whose withdrawal waits."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    _lost(target, names, gateway)
    with pytest.raises(Conflict):
        delete(target, names[0])
    services.withdraw(ADMIN, {"credentials": names})
    with pytest.raises(Conflict):
        delete(target, names[0])
    run_all()
    assert held(gateway) == {}
    delete(target, names[0])


def _lost(target: Target, names: list[str], gateway: Gateway) -> None:
    """A create is carried out and answered with an error, and the target is silent until the job gives up."""
    job = begun(target, names)
    gateway.faults.set("500-after", on="writes", times=1)
    gateway.meanwhile("POST *", lambda: gateway.meanwhile("*", lambda: gateway.faults.set("503", times=None)))
    assert run(job)["state"] == "failed"
    assert len(held(gateway)) == 1
    assert list(Publication.objects.values_list("state", "entry")) == [("failed", "")]
    gateway.faults.clear()


def test_a_lost_create_is_known_though_it_is_left_out_now(database: str, sandbox: SandboxServer) -> None:
    """Its create was lost, and before the next try it was switched off: what was made is met all the same, is switched off there,
    and is taken away when the key leaks."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    _lost(target, names, gateway)
    credentials.update_credential(ADMIN, names[0], {"disabled": True, "secret": "sk-canary-next-one-9Kq/7b+2d=="})
    run_all()
    assert Publication.objects.get().entry
    assert held(gateway) == secrets(names)
    revoke(names[0])
    assert held(gateway) == {}


def test_a_lost_create_is_not_forgotten_by_a_plan_that_leaves_it_out(database: str, sandbox: SandboxServer) -> None:
    """Its create was lost, and the next plan leaves it out: it may be there still, holds its credential, and goes when that
    leaks."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    _lost(target, names, gateway)
    with change(ADMIN) as edit:
        row = Credential.objects.get(name=names[0])
        with edit.updating(row):
            row.expires_at = timezone.now() + timedelta(hours=2)
    published(target, names)
    with pytest.raises(Conflict):
        credentials.delete_credential(ADMIN, names[0])
    revoke(names[0])
    assert held(gateway) == {}


def test_a_shown_plan_goes_to_the_address_that_was_shown(database: str, sandbox: SandboxServer) -> None:
    """Who approves a plan approves where it goes: after the target was pointed elsewhere and tested there, the plan is refused,
    and nothing arrives."""
    gateway, other = a_gateway(sandbox, "litellm"), a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(1, ("openai",))
    plan = planned(target, names)
    services.update_target(ADMIN, target.name, {"base_url": other.base_url(sandbox.url), "secret": other.secret})
    assert services.test_target(ADMIN, {}, target.name)["ok"]
    with pytest.raises(Conflict, match="elsewhere"):
        services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    here = planned(Target.objects.get(), names)
    assert here["hash"] != plan["hash"]
    job = str(services.apply_plan(ADMIN, here["id"], {"hash": here["hash"]})["id"])
    services.update_target(ADMIN, target.name, {"base_url": gateway.base_url(sandbox.url), "secret": gateway.secret})
    assert services.test_target(ADMIN, {}, target.name)["ok"]
    ended = run(job)
    assert (ended["state"], ended["cause"]) == ("failed", "error.publication.moved")
    assert held(other) == held(gateway) == {}
    assert not Publication.objects.exists()


def test_a_target_that_tells_without_end_is_not_waited_for(
    database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's request waits longer than the time for a whole reading, however many answers a target still has."""
    gateway = a_gateway(sandbox, "litellm")
    target, names, grouped = attach(sandbox, gateway), some(1), attach(sandbox, a_gateway(sandbox, "s2a"))
    monkeypatch.setattr(reaching, "READING_WHOLE", -1.0)
    gateway.forget()
    with pytest.raises(RemoteError) as refused:
        planned(target, names)
    assert refused.value.code == "error.target.slow"
    with pytest.raises(RemoteError):
        services.list_groups(ADMIN, grouped.name)
    assert services.test_target(ADMIN, {}, target.name)["code"] == "error.target.slow"
    assert gateway.heard() == []


def test_only_some_wait_for_targets_at_a_time(database: str, sandbox: SandboxServer) -> None:
    """Requests that wait for targets leave room for all others: beyond so many, one is told to try again, and may when another is
    done."""
    target, names = attach(sandbox, a_gateway(sandbox, "litellm")), some(1)
    with ExitStack() as waiting:
        for _ in range(reaching.READINGS):
            waiting.enter_context(reaching.waited_for())
        for call in (partial(planned, target, names), partial(services.test_target, ADMIN, {}, target.name)):
            with pytest.raises(Conflict) as refused:
                call()
            assert (refused.value.code, refused.value.retryable) == ("error.target.busy", True)
    assert planned(target, names)["counts"]["create"] == 1


def test_a_large_plan_holds_nobody_up(database: str, sandbox: SandboxServer) -> None:
    """Making a plan asks the database little for each credential, and running one marks its rows some at a time: what one change
    does, which all others wait for, is as short for many credentials as for some."""
    target, names = attach(sandbox, a_gateway(sandbox, "litellm")), some(2 * BATCH + 1, ("openai",))
    with CaptureQueriesContext(connection) as queries:
        plan = planned(target, names)
    assert len(queries) < 2 * len(names)
    with CaptureQueriesContext(connection) as queries:
        job = str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"])
    assert len(queries) < 100
    before = revision()
    fence = claims.claim(job, "here")
    assert isinstance(fence, claims.Fence)
    items = list(Publishing().prepare(Run(Job.objects.get(id=job), fence, Working("here", threading.Event()))))
    assert (len(items), items[-1].key) == (len(names) + 1, "tidy")
    assert Publication.objects.filter(state="pending").count() == len(names)
    assert revision() - before == 3
    again = Publishing().prepare(Run(Job.objects.get(id=job), fence, Working("here", threading.Event())))
    assert len(list(again)) == len(items)      # as after a worker that died
    assert revision() - before == 3


@pytest.mark.parametrize("secret", CONSUMER)
def test_no_sign_in_is_an_admin_s_credential(database: str, sandbox: SandboxServer, secret: str) -> None:
    """What people sign in to a vendor's website with is refused as a target's credential, whatever stands around it: when it is
    attached, changed or tried."""
    gateway = a_gateway(sandbox, "litellm")
    row, given = attach(sandbox, gateway), fields(sandbox, a_gateway(sandbox, "s2a"))
    gateway.forget()
    for around in AROUND:
        odd = around.format(secret)
        for call in (
            partial(services.create_target, ADMIN, {**given, "secret": odd}),
            partial(services.test_target, ADMIN, {**given, "secret": odd}),
            partial(services.update_target, ADMIN, row.name, {"secret": odd}),
            partial(services.test_target, ADMIN, {"secret": odd}, row.name),
        ):
            with pytest.raises(Invalid) as refused:
                call()
            assert set(refused.value.fields) == {"secret"}
            assert secret not in str(refused.value.fields)
    assert gateway.heard() == []
    assert Target.objects.get().revision == row.revision


def test_a_password_may_have_spaces(database: str, sandbox: SandboxServer) -> None:
    """Any words may be an admin's password."""
    given = {**fields(sandbox, a_gateway(sandbox, "crs")), "secret": "correct horse  battery staple"}
    assert services.create_target(ADMIN, given)["secret_set"]


def test_a_plan_tells_nobody_what_they_may_not_see(database: str, sandbox: SandboxServer) -> None:
    """Who may plan and not see credentials, or pools, learns no names of either by a plan."""
    from stationmaster.routing import services as routing

    target, names = attach(sandbox, a_gateway(sandbox, "litellm")), some(1, ("openai",))
    routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": names[0]}]})
    may = frozenset({"publications:*", "targets:read"})
    for scopes, asked in ((may, {"credentials": names}), (may | {"credentials:read"}, {"pool": "main"})):
        with pytest.raises(Forbidden):
            services.make_plan(replace(TOKEN, scopes=scopes), {"target": target.name, **asked})
    plan = services.make_plan(replace(TOKEN, scopes=may | {"credentials:read", "pools:read"}), {"pool": "main"})
    assert plan["counts"]["create"] == 1


@pytest.mark.parametrize("which", ["pub\x00", "pplan\ud800", "\x00", "x" * 300])
def test_an_odd_id_is_nobody_s(database: str, which: str) -> None:
    """What no id can be is answered as any other that is not there, on either database."""
    for call in (
        lambda: services.get_publication(ADMIN, which), lambda: services.get_plan(ADMIN, which),
        lambda: services.list_steps(ADMIN, which, Query()), lambda: services.apply_plan(ADMIN, which, {"hash": ""}),
        lambda: services.copies_of(ADMIN, which), lambda: services.get_target(ADMIN, which),
    ):
        with pytest.raises(NotFound):
            call()
    for asks in ({"credentials": [which]}, {"pool": which}, {"target": which, "credentials": ["x"]}):
        with pytest.raises((NotFound, Invalid, Conflict)):
            services.make_plan(ADMIN, asks)
        with pytest.raises((NotFound, Invalid, Conflict)):
            services.withdraw(ADMIN, asks)
