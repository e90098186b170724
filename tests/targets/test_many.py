"""Many credentials in each kind of target: a run that breaks off anywhere, goes on, and finds what people did meanwhile."""

import os
from random import Random
from typing import Any

import pytest

from stationmaster.line.errors import NotFound, RemoteError
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets._base import Wanted
from stationmaster.targets.matching import differences, surplus
from stationmaster.targets.registry import KINDS
from targets import kit

KIND = pytest.mark.parametrize("kind", sorted(KINDS))
MANY = 1_000 if os.environ.get("SOAK") else 100


class Killed(BaseException):
    """The process ended here."""


def publish(adapter: Any, those: dict[str, Wanted]) -> list[str]:
    """What a publisher does: read, compare, change. What it did, in order."""
    found = {entry.marker: entry for entry in reversed(adapter.entries())}
    done = []
    for extra in surplus(adapter.entries()):
        adapter.withdraw(extra)
    for name, wanted in those.items():
        entry = found.get(name)
        if entry is None:
            adapter.create(wanted)
        elif differences(adapter.expected(wanted), entry):
            adapter.update(entry, wanted)
        else:
            continue
        done.append(name)
    return done


def those(kind: str, many: int = MANY) -> dict[str, Wanted]:
    """Credentials of every vendor that a kind takes."""
    vendors = sorted(KINDS[kind].vendors)
    wanted = (kit.wanted(number, vendors[number % len(vendors)]) for number in range(many))
    return {each.id: each for each in wanted}


def secrets(gateway: Gateway) -> dict[str, str]:
    """What it holds of ours."""
    return {each.marker: each.secret for each in gateway.ours()}


@KIND
def test_a_run_killed_at_any_write_goes_on(sandbox: SandboxServer, kind: str) -> None:
    """Before a write leaves, or after it was done and its answer lost: in the end each is there once, with its secret."""
    gateway = sandbox.targets.make(kind, f"killed-{kind}")
    wanted, random = those(kind, 24), Random(kind)

    def before_write(_: str) -> None:
        if random.random() < 0.2:
            raise Killed

    for _ in range(200):
        if random.random() < 0.5:
            gateway.faults.set(random.choice(["500-after", "close-after", "bad-json-after", "503"]), on="writes")
        try:
            if not publish(kit.opened(gateway, sandbox, before_write=before_write), wanted):
                break
        except (Killed, RemoteError):
            continue
    gateway.faults.clear()
    assert publish(kit.opened(gateway, sandbox), wanted) == []
    assert gateway.duplicates() == {}
    assert secrets(gateway) == {name: each.secret for name, each in wanted.items()}


@KIND
def test_many_are_published_once_and_read_back(sandbox: SandboxServer, kind: str) -> None:
    """A second run changes nothing, and reading spends nothing. `SOAK=1`: a thousand."""
    gateway = sandbox.targets.make(kind, f"many-{kind}")
    wanted, adapter = those(kind), kit.opened(gateway, sandbox)
    assert len(publish(adapter, wanted)) == MANY
    gateway.forget()
    assert publish(adapter, wanted) == []
    assert {reading.entry.marker for reading in adapter.read_back()} == set(wanted)
    assert (gateway.writes(), gateway.spent) == ([], 0)


@pytest.mark.parametrize("kind", ["bifrost", "litellm", "new_api", "one_api"])
def test_edits_and_deletions_by_hand_are_seen_and_mended(sandbox: SandboxServer, kind: str) -> None:
    """Each field that the kind keeps, each for itself, where leaving it open means one thing; who is withdrawn is gone, and the
    others stay."""
    gateway = sandbox.targets.make(kind, f"edited-{kind}")
    wanted, adapter = those(kind, 8), kit.opened(gateway, sandbox)
    publish(adapter, wanted)
    keeps = KINDS[kind].keeps
    other: dict[str, Any] = {
        "models": ("model-a",), "priority": 3, "groups": ("vip",), "enabled": False, "concurrency": 9, "name": "another",
    }  # fmt: skip
    for field in sorted(keeps & set(other)):
        first = next(iter(wanted.values()))
        fields = {name: getattr(first, name) for name in ("id", "name", "vendor", "secret", "base_url", "models", "priority")}
        changed = Wanted(**fields | {field: other[field]})
        entry = next(each for each in adapter.entries() if each.marker == first.id)
        assert differences(adapter.expected(changed), entry) == (field,)
        entry = adapter.update(entry, changed)
        assert differences(adapter.expected(changed), next(each for each in adapter.entries() if each.marker == first.id)) == ()
        assert publish(adapter, wanted) == [first.id]
    last = adapter.entries()[-1]
    adapter.withdraw(last)
    with pytest.raises(NotFound):
        adapter.withdraw(last)
    assert publish(adapter, wanted) == [last.marker]
    assert gateway.duplicates() == {}
    assert secrets(gateway) == {name: each.secret for name, each in wanted.items()}


@KIND
def test_a_dry_run_sends_nothing_that_changes(sandbox: SandboxServer, kind: str) -> None:
    """And says what would have left."""
    gateway = sandbox.targets.make(kind, f"dry-{kind}")
    with pytest.raises(RemoteError) as caught:
        publish(kit.opened(gateway, sandbox, dry_run=True), those(kind, 2))
    assert caught.value.code == "error.target.dry_run"
    assert (gateway.writes(), gateway.ours()) == ([], [])


@KIND
def test_no_word_that_leaves_holds_a_secret(sandbox: SandboxServer, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Errors, what is told of calls, logs and representations, while the target repeats every secret that it has."""
    gateway = sandbox.targets.make(kind, f"quiet-{kind}")
    told: list[str] = []
    wanted, adapter = those(kind, 6), kit.opened(gateway, sandbox, told=told.append)
    publish(adapter, wanted)
    gateway.faults.set("echo-secret", on="writes", times=None)
    for entry in adapter.entries():
        with pytest.raises(RemoteError) as caught:
            adapter.update(entry, kit.wanted(99, id=entry.marker, vendor=wanted[entry.marker].vendor, priority=9), secret=True)
        told.append(f"{caught.value} {caught.value!r} {caught.value.hint}")
    told += [repr(each) for each in (*adapter.entries(), *wanted.values(), adapter)] + [caplog.text]
    spoken = "\n".join(told)
    assert not any(secret in spoken for secret in (*secrets(gateway).values(), kit.wanted(99).secret, gateway.secret))
