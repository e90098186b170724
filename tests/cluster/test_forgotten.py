"""Gateways whose disks are gone, with a real control plane: budgets go on from what it was told, with Valkey and without."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

import rig
from cluster import kit
from controlkit import ADMIN, a_credential, a_pool
from credentials.conftest import sandbox
from databases import database
from gateway import plain, station
from gateway.link.conftest import Joined
from internal.kit import Control, serving
from jobs.harness import until
from stationmaster.credentials import services as credentials
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.usage.models import KeySpend
from stationmaster.workspaces import addresses

__all__ = ["database", "sandbox"]

PRICES = {"*": {"input": 0.0, "output": 1000.0}}
MOST = 100                 # calls within which the budget is spent
PLENTY = "sm-a-plenty-key"


@pytest.fixture
def control(database: str, sandbox: SandboxServer) -> Iterator[Control]:
    """A control plane with a key of which a few calls spend the budget, and one that may go on."""
    with serving() as running:
        addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the sandbox"})
        credentials.create_credential(ADMIN, a_credential(base_url=f"{sandbox.url}/v1", prices=PRICES))
        routing.create_pool(ADMIN, a_pool())
        routing.create_route(ADMIN, {"models": ["*"], "pool": "main"})
        routing.create_key(ADMIN, {"name": "rig", "secret_sha256": rig.sha256(rig.KEY), "budget": {"month_usd": 0.1}})
        routing.create_key(ADMIN, {"name": "plenty", "secret_sha256": rig.sha256(PLENTY), "budget": {"month_usd": 5000}})
        yield running
    connections.close_all()


class Machines:
    """Gateways, each on a machine of its own."""

    def __init__(self, folder: Path, control: Control) -> None:
        self._folder, self._control = folder, control
        self.running: dict[str, Joined] = {}

    def start(self, name: str) -> Joined:
        """One more, or one again."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(self._control.token + "\n")
        made = self.running[name] = Joined(folder, station.free_port(), self._control.url, "--name", name, "--workers", "1")
        made.wait_ready()
        return made

    def lose(self, name: str) -> None:
        """The machine is gone, with its disk."""
        gone = self.running.pop(name)
        gone.end()
        shutil.rmtree(gone.folder)

    def end(self) -> None:
        """End all."""
        for each in self.running.values():
            each.process.send_signal(signal.SIGTERM)
        for each in self.running.values():
            each.end()


@pytest.fixture
def machines(tmp_path: Path, control: Control) -> Iterator[Machines]:
    """Somewhere to start them."""
    made = Machines(tmp_path, control)
    yield made
    made.end()


def ask(gateway: Joined, key: str = rig.KEY) -> int:
    """What a call of a few tokens gets."""
    fields = [("authorization", f"Bearer {key}"), plain.JSON]
    body = plain.dump({**plain.responses(), "max_output_tokens": 10})
    return plain.ask(gateway.port, "POST", "/v1/responses", body, fields).status


def spend(gateway: Joined) -> int:
    """Ask until the budget is spent; how many calls that took."""
    for number in range(MOST):
        if ask(gateway) == 402:
            return number
    raise AssertionError("the budget is not spent")


def kept() -> int:
    """What the control plane was told that the key spent, in nanodollars."""
    connections.close_all()
    return sum(row.total for row in KeySpend.objects.filter(key="rig"))


def test_a_machine_is_lost(machines: Machines) -> None:
    """A gateway is lost with its disk after the budget was spent. The next one, of another name, refuses at once; a key that has
    money left is served."""
    first = machines.start("gw-a")
    assert spend(first) > 1
    until(lambda: kept() > 0, "it is told")
    machines.lose("gw-a")
    second = machines.start("gw-b")
    assert (ask(second), ask(second, PLENTY)) == (402, 200)


def test_others_hear_of_it_without_valkey(machines: Machines) -> None:
    """Two gateways that share no Valkey: what one spent is known at the other in a while, and is spent once."""
    first, second = machines.start("gw-a"), machines.start("gw-b")
    assert ask(second) == 200
    assert spend(first) > 1
    until(lambda: ask(second) == 402, "the other hears of it")


def test_all_are_lost_and_valkey_is_emptied(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gateway is gone with its disk, and Valkey is another: nobody is left who knows, but the control plane. What was spent
    stays spent, is there again in Valkey, and counts once."""
    with kit.store() as store:
        monkeypatch.setenv("STATIONMASTER_VALKEY_URL", store.url)
        for name in ("gw-a", "gw-b"):
            machines.start(name).said("share limits and budgets")
        assert ask(machines.running["gw-a"]) == 200
        for name in ("gw-a", "gw-b"):
            spend(machines.running[name])
        until(lambda: len({row.account for row in KeySpend.objects.filter(key="rig")}) == 2, "both told it")
        for name in ("gw-a", "gw-b"):
            machines.lose(name)
        before = kept()
        store.flush()
        third = machines.start("gw-c")
        third.said("share limits and budgets")
        assert (ask(third), ask(third, PLENTY)) == (402, 200)
        fourth = machines.start("gw-d")
        fourth.said("2 gateway(s) share limits and budgets")
        assert (ask(fourth), ask(fourth, PLENTY)) == (402, 200)
        assert kept() == before
