"""Many credentials at each kind of target: a worker that is killed in the middle, a second run, people who edit by hand, a
reading. Right states, nothing twice, and nothing of other people's is touched."""

import os
from typing import Any

import pytest

from conformance.targeting import inhabit
from controlkit import ADMIN
from credentials.kit import run
from databases import KINDS as DATABASES
from jobs.harness import ended, start_worker, state, until
from publishing.kit import a_gateway, attach, begun, held, ids, planned, published, read_back, secrets, some, states
from stationmaster.audit.services import verify
from stationmaster.jobs.models import Job
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Publication, Target
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets.registry import KINDS

SOAK = bool(os.environ.get("SOAK"))
KIND = pytest.mark.parametrize("kind", sorted(KINDS))
EVERYWHERE = pytest.mark.parametrize("database", DATABASES if SOAK else DATABASES[:1], indirect=True)
pytestmark = pytest.mark.timeout(3500 if SOAK else 300)


def many(kind: str) -> int:
    """How many are published. CLIProxyAPI's lists are replaced as a whole for each: the cost goes with the square."""
    return (300 if kind == "cpa" else 1_000) if SOAK else 60


def strangers(gateway: Gateway) -> list[Any]:
    """What is not ours, whole."""
    return [(each.secret, dict(each.row)) for each in gateway.held() if not each.marker]


@EVERYWHERE
@KIND
def test_killed_in_the_middle_and_run_again(database: str, sandbox: SandboxServer, kind: str) -> None:
    """A worker dies by kill -9 while the target holds its answer to a write that is done. Another one goes on. Then each is there
    once, with its secret, the second run writes nothing, and what others have there is as it was. What somebody takes away or
    changes by hand is told by a reading, and mended by the next run alone."""
    gateway = a_gateway(sandbox, kind)
    for number in range(2):
        inhabit(gateway, f"theirs {number}", f"sk-theirs-{number}-0123456789")
    before = strangers(gateway)
    target = attach(sandbox, gateway)
    names = some(many(kind))
    job = begun(target, names)
    _killed(gateway, job, at=many(kind) // 3)
    with start_worker(()):
        until(lambda: ended(job), "the end of the job")
    assert state(job) == "succeeded"
    _all_there(gateway, target, names)
    assert strangers(gateway) == before

    gateway.forget()
    assert run(begun(target, names))["skipped"] == len(names)
    assert gateway.writes() == []

    gone = _edited_by_hand(target, names)
    seen = read_back(target)
    assert {name for name, how in seen.items() if how == "missing"} == gone
    assert {name for name, how in seen.items() if how == "present"} == set(names) - gone
    assert planned(target, names)["counts"]["create"] == len(gone)
    assert published(target, names)["state"] == "succeeded"
    _all_there(gateway, target, names)
    assert strangers(gateway) == before
    assert verify(ADMIN).ok


def _killed(gateway: Gateway, job: str, at: int) -> None:
    """A worker that is killed while an answer to a write that is done is held, once so many entries are there."""
    with start_worker(()) as worker:
        until(lambda: len(gateway.ours()) >= at or ended(job), "some entries")
        gateway.faults.set("hold-after", on="writes", times=None)
        until(lambda: bool(gateway.faults.held) or ended(job), "a held answer")
        assert not ended(job)
        worker.kill()
    gateway.faults.clear()
    gateway.faults.release()
    Job.objects.filter(id=job).update(attempt=0)


def _all_there(gateway: Gateway, target: Target, names: list[str]) -> None:
    assert held(gateway) == secrets(names)
    assert gateway.duplicates() == {}
    assert states(target) == dict.fromkeys(names, "published")


def _edited_by_hand(target: Target, names: list[str]) -> set[str]:
    """Somebody deletes three at the target, with its own interface; their names."""
    from stationmaster.publishing.reaching import access_to
    from stationmaster.targets.registry import open_target

    adapter, by_id = open_target(access_to(target)), {value: name for name, value in ids(names).items()}
    chosen = [entry for entry in adapter.entries() if by_id[entry.marker] in names[:9:3]]
    for entry in chosen:
        adapter.withdraw(entry)
    return {by_id[entry.marker] for entry in chosen}


@KIND
def test_withdrawn_are_ours_alone(database: str, sandbox: SandboxServer, kind: str) -> None:
    """Withdrawing takes away what was published and nothing else; an entry that carries our marker and was never published by us
    belongs to somebody, and stays."""
    gateway = a_gateway(sandbox, kind)
    inhabit(gateway, "theirs", "sk-theirs-1-0123456789")
    before, target = strangers(gateway), attach(sandbox, gateway)
    ours, other = some(3), some(1)
    published(target, [*ours, *other])
    Publication.objects.filter(credential__name=other[0]).observe(seen="present")
    kept = Publication.objects.get(credential__name=other[0])
    _forget_row(kept)
    job = publishing.withdraw(ADMIN, {"target": target.name, "credentials": [*ours, *other]})
    assert run(str(job["id"]))["ok"] == 3
    assert set(held(gateway)) == {ids(other)[other[0]]}
    assert states(target) == {}
    assert strangers(gateway) == before


def _forget_row(row: Publication) -> None:
    from stationmaster.store.changes import change

    with change(ADMIN) as edit:
        edit.delete(row)
