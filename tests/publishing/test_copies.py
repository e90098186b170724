"""What follows a credential to where it is published: rotations, revocations, pools, and what others do at the target."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controlkit import ADMIN
from credentials.kit import QUICK, an_organisation, minted, run, run_all, slot
from credentials.kit import states as generations_of
from credentials.test_canaries import everything_stored
from databases import KINDS as DATABASES
from gateway.test_secrets import hits
from publishing.kit import (
    a_gateway,
    actions,
    attach,
    begun,
    elsewhere,
    held,
    ids,
    planned,
    published,
    read_back,
    revoke,
    secrets,
    some,
    states,
)
from stationmaster.credentials import policy
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job
from stationmaster.publishing import copies, planning, services
from stationmaster.publishing.models import Publication, Target
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.store.listing import Query
from stationmaster.targets.registry import KINDS

KIND = pytest.mark.parametrize("kind", sorted(KINDS))
ON_SQLITE = pytest.mark.parametrize("database", DATABASES[:1], indirect=True)


def paste(name: str, secret: str) -> None:
    """Another secret, given by hand."""
    credentials.update_credential(ADMIN, name, {"secret": secret})


@ON_SQLITE
@KIND
def test_another_secret_reaches_every_copy(database: str, sandbox: SandboxServer, kind: str) -> None:
    """Whoever pastes another secret, or rotates: the copy is replaced in place, none is added, and until then it is told to be
    behind."""
    gateway = a_gateway(sandbox, kind)
    target, names = attach(sandbox, gateway), some(4)
    published(target, names)
    before = {row.id for row in gateway.ours()}
    paste(names[0], "sk-canary-next-one-9Kq/7b+2d==")
    row = Credential.objects.get(name=names[0])
    assert copies.behind(row, row.generation) == [target.name]
    assert [each["behind"] for each in services.copies_of(ADMIN, names[0])] == [True]
    run_all()
    assert held(gateway) == secrets(names)
    assert copies.behind(row, row.generation) == []
    assert len(gateway.ours()) == len(before) == 4


def test_a_rotation_waits_for_its_copies(database: str, sandbox: SandboxServer) -> None:
    """A key that a copy still holds is not revoked at the vendor while the target is away; once the copy has the new one, it is,
    and everything is done."""
    org, gateway = an_organisation(sandbox), a_gateway(sandbox, "s2a")
    target = attach(sandbox, gateway)
    minted(sandbox, org)
    published(target, ["slot"])
    first = held(gateway)[slot().id]
    gateway.faults.set("503", times=None)
    job = str(credentials.rotate_credential(ADMIN, "slot", {})["id"])
    with pytest.raises(AssertionError, match="copies that still hold it"):
        run(job, most=12)
    assert generations_of() == {1: "kept", 2: "live"}
    _publish_all()
    assert copies.behind(slot(), 2) == [target.name]
    gateway.faults.clear()
    read_back(target)      # which finds what the target owes
    _publish_all()
    run_all()
    assert Job.objects.get(id=job).state == "succeeded"
    assert generations_of() == {1: "revoked", 2: "live"}
    assert held(gateway) == secrets(["slot"])
    assert first not in held(gateway).values()


def test_a_dead_target_keeps_no_key_alive(database: str, sandbox: SandboxServer) -> None:
    """When copies were waited for long enough, the key before is revoked, and the job's log says who still has it."""
    policy.use(lambda: replace(QUICK, copied=timedelta(0)))
    org, gateway = an_organisation(sandbox), a_gateway(sandbox, "crs")
    target = attach(sandbox, gateway)
    minted(sandbox, org)
    published(target, ["slot"])
    gateway.faults.set("503", times=None)
    job = str(credentials.rotate_credential(ADMIN, "slot", {})["id"])
    assert run(job)["state"] == "succeeded"
    assert generations_of() == {1: "revoked", 2: "live"}
    lines = [str(line["text"]) for line in jobs.log(ADMIN, job)["lines"]]
    assert [line for line in lines if "copies that still hold" in line and target.name in line]
    assert [each["behind"] for each in services.copies_of(ADMIN, "slot")] == [True]


def _publish_all() -> None:
    """Run what waits to be published, and nothing else."""
    for job in list(Job.objects.filter(kind="publish", state="queued")):
        run(job.id)


@ON_SQLITE
@KIND
def test_a_leak_takes_copies_away(database: str, sandbox: SandboxServer, kind: str) -> None:
    """Revoked now: its copies are withdrawn before anything else, at every target that has one, and nobody else's is."""
    gateways = [a_gateway(sandbox, kind), a_gateway(sandbox, "crs")]
    targets, names = [attach(sandbox, each) for each in gateways], some(3)
    for target in targets:
        published(target, names)
    credentials.revoke_credential(ADMIN, names[1], {"reason": "leaked"})
    assert [each["wanted"] for each in services.copies_of(ADMIN, names[1])] == [False, False]
    run_all()
    rest = [names[0], names[2]]
    assert [held(each) for each in gateways] == [secrets(rest)] * 2
    assert services.copies_of(ADMIN, names[1]) == []
    assert states(targets[0]) == dict.fromkeys(rest, "published")


def test_a_leak_does_not_wait_for_a_long_run(database: str, sandbox: SandboxServer) -> None:
    """While many credentials are being published at a target, one that leaked is taken away there before the next is written."""
    gateway = a_gateway(sandbox, "s2a")
    target, names = attach(sandbox, gateway), some(12)
    job = begun(target, names)
    leaked = ids(names)[names[0]]

    def leak() -> None:
        credentials.revoke_credential(ADMIN, names[0], {"reason": "leaked"})

    _after(gateway, 3, elsewhere(leak))
    run(job)
    order = [write.operation.split()[0] for write in gateway.writes() if write.done]
    assert leaked not in held(gateway)
    assert 0 < order.index("DELETE") < 8 < len(order)
    run_all()
    assert set(held(gateway)) == {value for name, value in ids(names).items() if name != names[0]}
    assert services.copies_of(ADMIN, names[0]) == []


def _after(gateway: Gateway, number: int, act: Any) -> None:
    """Somebody acts just before the write behind so many."""
    if number == 0:
        gateway.meanwhile("POST *", act)
    else:
        gateway.meanwhile("POST *", lambda: _after(gateway, number - 1, act))


def test_a_withdrawal_is_made_up_for(database: str, sandbox: SandboxServer) -> None:
    """A target that is away when a key leaks keeps its copy for so long and no longer: it is told who still holds it, and the
    next reading takes it away."""
    gateway = a_gateway(sandbox, "one_api")
    target, names = attach(sandbox, gateway), some(2)
    published(target, names)
    gateway.faults.set("503", times=None)
    revoke(names[0])
    (copy,) = services.copies_of(ADMIN, names[0])
    assert (copy["wanted"], copy["state"], copy["cause"]) == (False, "failed", "error.target.transient")
    assert copy["words"]
    gateway.faults.clear()
    read_back(target)
    run_all()
    assert services.copies_of(ADMIN, names[0]) == []
    assert held(gateway) == secrets(names[1:])


@ON_SQLITE
@KIND
@pytest.mark.parametrize("fault", ["500-after", "close-after", "bad-json-after"])
def test_a_lost_answer_is_met_again(database: str, sandbox: SandboxServer, kind: str, fault: str) -> None:
    """The target made entries and its answers were lost: each is there once in the end, as ours, with its secret."""
    gateway = a_gateway(sandbox, kind)
    target, names = attach(sandbox, gateway), some(6)
    job = begun(target, names)
    gateway.faults.set(fault, on="writes", times=3)
    run(job)
    gateway.faults.clear()
    published(target, names)
    assert held(gateway) == secrets(names)
    assert gateway.duplicates() == {}
    assert states(target) == dict.fromkeys(names, "published")


def test_what_we_made_and_forgot_is_adopted(database: str, sandbox: SandboxServer) -> None:
    """An entry that carries our marker and of which nobody here knows is shown as to be adopted, and is ours once that was
    approved; it is not made a second time."""
    gateway = a_gateway(sandbox, "new_api")
    target, names = attach(sandbox, gateway), some(3)
    published(target, names)
    services.delete_target(ADMIN, target.name, forget=True)
    again = attach(sandbox, gateway)
    plan = planned(again, names)
    assert {action for action, *_ in actions(plan).values()} == {"adopt"}
    run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"]))
    assert states(again) == dict.fromkeys(names, "published")
    assert len(gateway.ours()) == 3
    assert planned(again, names)["counts"]["skip"] == 3


def test_a_pool_is_published_as_it_is(database: str, sandbox: SandboxServer) -> None:
    """Its tiers become priorities in the target's own direction, its limits and models hold, whoever leaves it is withdrawn, and
    that weights are not carried over is said."""
    gateway = a_gateway(sandbox, "cpa")
    target, names = attach(sandbox, gateway, priority=40), some(3, ("openai",))
    members = [{"credential": name, "priority": tier, "weight": tier + 1, "models": ["model-a"] if tier else ["*"]}
               for tier, name in enumerate(names)]  # fmt: skip
    routing.create_pool(ADMIN, {"name": "main", "members": members})
    plan = planned(target, pool="main")
    assert plan["notes"]
    run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"]))
    assert dict(Publication.objects.values_list("credential__name", "priority")) == dict(zip(names, (40, 41, 42), strict=True))
    given, which = {each.marker: int(each.row["priority"]) for each in gateway.ours()}, ids(names)
    theirs = [given[which[name]] for name in names]
    assert theirs == sorted(theirs, reverse=True)      # higher numbers go first there
    routing.update_pool(ADMIN, "main", {"members": members[:2]})
    plan = planned(target, pool="main")
    assert actions(plan)[names[2]] == ("withdraw",)
    run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"]))
    assert set(held(gateway)) == set(ids(names[:2]).values())


def test_what_is_left_out_says_why(database: str, sandbox: SandboxServer) -> None:
    """Vendors that a kind does not take, secrets that end soon or are no API keys, what is switched off: skipped, with the reason
    on the publication, and never sent."""
    from django.utils import timezone

    from stationmaster.store.changes import change

    gateway = a_gateway(sandbox, "s2a")
    target, names = attach(sandbox, gateway), some(5, ("openai", "vertex", "openai", "openai_compatible", "anthropic"))
    soon, token = names[0], names[3]
    with change(ADMIN) as edit:
        for name in names:
            row = Credential.objects.get(name=name)
            with edit.updating(row):
                row.disabled = name == names[2]
                row.expires_at = timezone.now() + timedelta(hours=2) if name == soon else None
                row.secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln" if name == token else row.secret
    plan = planned(target, names)
    found = actions(plan)
    assert found == {
        soon: ("skip", planning.ENDS_SOON), names[1]: ("skip", planning.VENDOR), names[2]: ("skip", planning.DISABLED),
        token: ("skip", planning.NOT_API_KEY), names[4]: ("create",),
    }  # fmt: skip
    run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"]))
    assert held(gateway) == secrets(names[4:])
    told = {row["credential_name"]: (row["state"], row["cause"], bool(row["words"])) for row in _all(target)}
    assert told[soon] == ("skipped", planning.ENDS_SOON, True)
    assert told[names[4]] == ("published", "", False)


def _all(target: Target) -> list[Any]:
    return list(services.list_publications(ADMIN, Query(limit=100)).items)


@ON_SQLITE
@KIND
def test_a_change_by_hand_is_drift(database: str, sandbox: SandboxServer, kind: str) -> None:
    """What somebody changes at the target shows as drift, by field, with the target's health where it tells; another run brings
    it back."""
    from stationmaster.publishing.choosing import wanted_of
    from stationmaster.publishing.reaching import access_to
    from stationmaster.publishing.terms import Terms
    from stationmaster.targets.registry import open_target

    gateway = a_gateway(sandbox, kind)
    target, names = attach(sandbox, gateway), some(2, ("openai",))
    published(target, names)
    assert set(read_back(target).values()) == {"present"}
    adapter = open_target(access_to(target))
    entry = next(each for each in adapter.entries() if each.marker == ids(names)[names[0]])
    other = wanted_of(Credential.objects.get(name=names[0]), Terms(models=("model-z",)))
    adapter.update(entry, replace(other, enabled=False))
    seen = read_back(target)
    assert seen == {names[0]: "drifted", names[1]: "present"}
    (row,) = Publication.objects.filter(credential__name=names[0])
    assert "enabled" in row.drift
    assert published(target, names)["ok"] == 1
    assert set(read_back(target).values()) == {"present"}


def test_a_plan_is_run_as_it_was_shown_or_not_at_all(database: str, sandbox: SandboxServer) -> None:
    """Another hash, or a second run, is refused; a dry run writes nothing and leaves no rows; what went away at the target since
    is not made anew by a plan that said otherwise."""
    gateway = a_gateway(sandbox, "s2a")
    target, names = attach(sandbox, gateway), some(3)
    plan = planned(target, names)
    with pytest.raises(Invalid, match="shown"):
        services.apply_plan(ADMIN, plan["id"], {"hash": "0" * 64})
    gateway.forget()
    dry = run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"], "dry_run": True})["id"]))
    assert (dry["skipped"], states(target), held(gateway)) == (3, {}, {})
    assert [write for write in gateway.writes() if "login" not in write.operation] == []
    run(str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"]))
    with pytest.raises(Conflict, match="already"):
        services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    services.update_target(ADMIN, target.name, {"priority": 41})
    plan = planned(target, names)
    assert {each[0] for each in actions(plan).values()} == {"update"}
    job = str(services.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"])
    from stationmaster.publishing.reaching import access_to
    from stationmaster.targets.registry import open_target

    adapter = open_target(access_to(target))
    adapter.withdraw(adapter.entries()[0])
    ended = run(job)
    assert (ended["state"], ended["ok"], ended["failed"]) == ("partial", 2, 1)
    assert len(held(gateway)) == 2


def test_a_target_that_is_away_leaves_its_copies_unknown(database: str, sandbox: SandboxServer) -> None:
    """A reading that comes to nothing says that nobody knows, and not that copies are missing."""
    gateway = a_gateway(sandbox, "litellm")
    target, names = attach(sandbox, gateway), some(2)
    published(target, names)
    gateway.faults.set("503", times=None)
    assert run(str(services.read_back(ADMIN, target.name)["id"]))["state"] == "failed"
    assert {row["seen"] for row in _all(target)} == {"unknown"}
    gateway.faults.clear()
    assert set(read_back(target).values()) == {"present"}


def test_no_secret_is_anywhere(
    database: str, sandbox: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A life at every kind is driven, with targets that repeat what they were sent. Then every row, log line, answer and artifact
    is searched for the credentials' and the targets' own secrets, and for plain hashes of them."""
    from hashlib import sha256

    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    names, known, said = some(4), dict[str, str](), []
    for kind in sorted(KINDS):
        gateway = a_gateway(sandbox, kind)
        target = attach(sandbox, gateway)
        known[f"admin of {kind}"] = gateway.secret
        job = begun(target, names)
        gateway.faults.set("echo-secret", on="writes", times=2)
        run(job)
        gateway.faults.clear()
        published(target, names)
        read_back(target)
        said += [str(services.get_target(ADMIN, target.name)), str(_all(target)), str(planned(target, names)),
                 "".join(services.export_publications(ADMIN, Query(), "json"))]  # fmt: skip
    known |= secrets(names)
    revoke(names[0])
    said += [json.dumps(jobs.log(ADMIN, job.id), default=str) for job in Job.objects.all()]
    said += [json.dumps(jobs.items(ADMIN, job.id, Query(limit=500)).items, default=str) for job in Job.objects.all()]
    known |= {f"hash of {name}": sha256(value.encode()).hexdigest() for name, value in known.items()}
    assert len(known) == 2 * (4 + len(KINDS))
    found = {where: hits(data, known) for where, data in everything_stored()}
    found |= {"answers": hits("\n".join(said).encode(), known), "logs": hits(caplog.text.encode(), known)}
    assert {where: there for where, there in found.items() if there} == {}
