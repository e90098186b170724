"""Targets and publications at the command line, at both desks, with simulated gateways as targets."""

from collections.abc import Iterator
from typing import Any

import pytest

from cli.nouns.kit import OTHER, SECRET, Cli
from controlkit import CLI
from credentials.kit import run
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets.registry import KINDS
from stationmaster.workspaces import addresses
from targets.kit import fresh


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """Where the simulated gateways are."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(database: object) -> None:
    """This machine may be reached."""
    addresses.allow_address(CLI, {"name": "127.0.0.1", "reason": "the simulated gateways are there"})


def a_target(cli: Cli, sandbox: SandboxServer, name: str = "relay", kind: str = "s2a", *more: str) -> Gateway:
    """A target in the sandbox, stored and tested."""
    gateway = sandbox.targets.make(kind, fresh())
    user = ("--user", gateway.user) if KINDS[kind].credential != "key" else ()
    cli("target", "create", name, "--kind", kind, "--base-url", gateway.base_url(sandbox.url), *user, "--secret", "-",
        "--allow-insecure-http", *more, stdin=gateway.secret)  # fmt: skip
    assert cli.json("target", "test", name)["stored"] is True
    return gateway


def finish(job: Any) -> None:
    """Run a job that was queued, here."""
    assert run(job["id"])["state"] == "succeeded"


def test_from_a_target_to_a_publication_and_back(cli: Cli, sandbox: SandboxServer) -> None:
    """Stored, tested, planned (exit 10), published, read back, planned again (exit 0, nothing to do), withdrawn, removed; no
    secret is printed on the way."""
    gateway = a_target(cli, sandbox)
    cli.credential("a")
    planned = cli("publication", "plan", "a", code=10)
    assert "+" in planned.out
    assert "publication publish --plan" in planned.err
    job = cli.json("publication", "publish", "a", "--yes")
    finish(job)
    assert [each.text for each in gateway.ours()] != []
    (row,) = cli.json("publication", "list", "--credential", "a")["publications"]
    assert (row["state"], row["target_name"], row["behind"]) == ("published", "relay", False)
    finish(cli.json("publication", "read-back", "relay"))
    (row,) = cli.json("publication", "list", "--target", "relay")["publications"]
    assert row["seen"] == "present"
    assert cli("publication", "plan", "a").code == 0
    refused = cli("target", "remove", "relay", "--yes", code=1)
    assert "still used" in refused.err
    finish(cli.json("publication", "withdraw", "a", "--target", "relay", "--yes"))
    assert gateway.ours() == []
    cli("target", "remove", "relay", "--yes")
    assert cli.json("target", "list")["targets"] == []
    for done in (planned, refused, cli("publication", "list"), cli("job", "log", job["id"])):
        assert not [each for each in (SECRET, OTHER, gateway.secret) if each in done.out + done.err]


def test_a_pool_is_published_by_its_plan(cli: Cli, sandbox: SandboxServer) -> None:
    """A plan that was made before is run by its id; a plan is shown for a rehearsal, and then nothing happens."""
    a_target(cli, sandbox)
    cli.routing()
    rehearsed = cli("publication", "publish", "--pool", "main", "--dry-run", code=10)
    assert "+" in rehearsed.out
    plan = cli.json("publication", "plan", "--pool", "main", code=10)["plan"]
    assert cli.json("publication", "list")["publications"] == []
    finish(cli.json("publication", "publish", "--plan", plan["id"], "--yes"))
    assert "was run already" in cli("publication", "publish", "--plan", plan["id"], "--yes", code=1).err


def test_a_target_is_tested_before_it_is_stored(cli: Cli, sandbox: SandboxServer) -> None:
    """By options alone: nothing is stored, nothing is written there; a wrong secret is exit 1 with the target's words, and the
    secret is never an argument."""
    gateway = sandbox.targets.make("crs", fresh())
    words = ("target", "test", "--kind", "crs", "--base-url", gateway.base_url(sandbox.url), "--user", gateway.user,
             "--allow-insecure-http", "--secret", "-")  # fmt: skip
    assert cli.json(*words, stdin=gateway.secret)["ok"] is True
    refused = cli(*words, stdin="a-wrong-password", code=1)
    assert "a-wrong-password" not in refused.out + refused.err
    assert cli.json("target", "list")["targets"] == []
    assert gateway.ours() == []
    cli("target", "test", code=2)
    assert "never an argument" in cli(*words[:-1], "typed-password", code=2).err


def test_targets_are_changed_and_one_is_the_default(cli: Cli, sandbox: SandboxServer) -> None:
    """The first is the default until another is; a list is emptied by an empty word; a changed address takes the secret anew;
    after a change of how it is reached a run asks for a test."""
    a_target(cli, sandbox, "one", "s2a", "--model", "gpt-5")
    gateway = a_target(cli, sandbox, "two")
    assert [row["name"] for row in cli.json("target", "list", "--filter", "default=true")["targets"]] == ["one"]
    assert cli.json("target", "default", "two")["default"] is True
    assert cli.json("target", "update", "one", "--model", "")["models"] == []
    moved = ("target", "update", "two", "--base-url", f"{sandbox.url}/elsewhere")
    assert "give it anew" in cli(*moved, code=1).err
    cli(*moved, "--secret", "-", stdin=gateway.secret)
    cli.credential("a")
    assert cli.json("target", "show", "two")["state"] == "untested"
    assert cli("publication", "plan", "a", code=1).err


def test_what_a_target_offers(cli: Cli, sandbox: SandboxServer) -> None:
    """Kinds are listed with what their people should know; a target is asked for its groups; one that is forgotten keeps what it
    holds."""
    assert "crs" in cli("target", "kinds").out
    assert cli.json("target", "kinds")["kinds"][0]["traps"]
    gateway = a_target(cli, sandbox)
    assert isinstance(cli.json("target", "groups", "relay")["groups"], list)
    cli.credential("a")
    finish(cli.json("publication", "publish", "a", "--yes"))
    cli("target", "forget", "relay", "--yes")
    assert len(gateway.ours()) == 1
    assert cli.json("target", "list")["targets"] == []


def test_a_rehearsal_queues_nothing(here: Cli, sandbox: SandboxServer) -> None:
    """Withdrawing and reading back with --dry-run say what would be written down, exit 10, and no job waits."""
    gateway = a_target(here, sandbox)
    here.credential("a")
    finish(here.json("publication", "publish", "a", "--yes"))
    before = len(here.json("job", "list")["jobs"])
    for words in (["withdraw", "a", "--target", "relay"], ["read-back", "relay"]):
        assert here.json("publication", *words, "--dry-run", code=10)["events"]
    assert len(here.json("job", "list")["jobs"]) == before
    assert len(gateway.ours()) == 1
