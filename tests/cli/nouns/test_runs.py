"""Batch runs and the test of the mail relay at the command line, at both desks."""

import pytest

from cli.nouns.kit import Cli
from stationmaster.mail import policy
from work.kit import Mailbox


def approved(cli: Cli) -> None:
    """Two workspaces that people see to by hand, in each an approved plan."""
    cli("person", "create", "ada@example.test", "--name", "ada")
    for name in ("paper", "pen"):
        cli("workspace", "create", name, "--vendor", "manual")
        cli("assignment", "create", name, "--person", "ada@example.test")
        cli("plan", "approve", str(cli.json("plan", "make", name, code=10)["plan"]["id"]))


def test_a_run_is_started_seen_and_stopped(cli: Cli) -> None:
    """A run begins with every approved plan; its status says of each workspace what is done and left; one workspace can be asked
    about alone; what people do by hand is not waited for."""
    approved(cli)
    assert cli.json("seat", "status")["pending"] == 0
    row = cli.json("seat", "run", "--concurrency", "4", "--retries", "5")
    assert {each["workspace"] for each in row["workspaces"]} == {"paper", "pen"}
    assert row["running"] is False
    assert {each["state"] for each in cli.json("plan", "list")["plans"]} == {"applying"}
    assert [each["workspace"] for each in cli.json("seat", "status", "--workspace", "pen")["workspaces"]] == ["pen"]
    assert cli.json("seat", "stop")["left"] == 0
    cli("seat", "run", "--concurrency", "99", code=2)
    cli("seat", "run", "--retries", "6", code=2)
    cli("seat", "status", "--workspace", "nowhere", code=1)


def test_a_test_mail(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test mail arrives, and says by which relay; without a relay it fails and says what to set."""
    refused = cli("mail", "test", "ada@example.test", code=1)
    assert "mail.host" in refused.err
    with Mailbox() as box:
        made = policy.MailPolicy(box.relay())
        monkeypatch.setattr(policy, "policy_of", lambda _: made)      # of this machine's desk; the other one is open already
        policy.use(lambda: made)
        assert cli.json("mail", "test", "ada@example.test")["sent"] is True
        assert [taken.to for taken in box.taken] == ["ada@example.test"]
