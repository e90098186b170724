"""Assignments, plans and seats at the command line, at both desks."""

from pathlib import Path

import pytest
from django.utils import timezone

from cli.nouns.kit import ADMIN_SECRET, Cli
from stationmaster.jobs.models import Job
from workspaces import kit

pytestmark = pytest.mark.usefixtures("kinds")


@pytest.fixture
def kinds() -> None:
    """Jobs can be queued."""
    kit.register_kinds()


def by_hand(cli: Cli) -> str:
    """A workspace that people see to by hand, one person assigned; the plan for it."""
    cli("workspace", "create", "paper", "--vendor", "manual")
    cli("person", "create", "ada@example.test", "--name", "ada")
    cli("assignment", "create", "paper", "--person", "ada@example.test")
    return str(cli.json("plan", "make", "paper", code=10)["plan"]["id"])


def test_from_assignment_to_seat(cli: Cli) -> None:
    """A plan is made (exit 10: there is something to do), shown, approved, applied; the step is ticked, and the seat is there
    with its history; a new plan has nothing to do (exit 0)."""
    which = by_hand(cli)
    shown = cli("plan", "show", which)
    assert "invite_by_hand" not in shown.out
    assert "add them there" in shown.out
    assert f"stationmaster plan approve {which}" in shown.err
    assert cli.json("plan", "approve", which)["state"] == "approved"
    step = cli.json("plan", "show", which)["steps"][0]["id"]
    applied = cli("plan", "apply", which, "--yes", "--output", "json")
    assert applied.json()["state"] == "applying"
    assert "1 step waits for somebody" in applied.err
    assert f"`stationmaster plan tick {which} {step}`" in applied.err
    assert "Invite ada@example.test with the role member." in cli("plan", "show", which).out
    ticked = cli.json("plan", "tick", which, str(step), "--item", "1")
    assert (ticked["outcome"], bool(ticked["checklist"][0]["ticked_by"])) == ("", True)
    assert cli.json("plan", "tick", which, str(step), "--item", "1", "--undone")["checklist"][0]["ticked_by"] == ""
    assert cli.json("plan", "tick", which, str(step))["outcome"] == "done"
    assert cli.json("plan", "show", which)["plan"]["state"] == "applied"
    seat = cli.json("seat", "list")["seats"][0]
    assert (seat["workspace"], seat["name"], seat["state"]) == ("paper", "ada", "active")
    assert [row["action"] for row in cli.json("seat", "history", seat["id"])["history"]] == ["create", "active"]
    assert cli.json("plan", "make")["plan"]["counts"] == {}
    kept = cli.json("seat", "skip", seat["id"], "--reason", "on leave")
    assert (kept["removal"], kept["removal_reason"]) == ("skipped", "on leave")
    assert cli.json("seat", "unskip", seat["id"])["removal"] == ""


def test_a_plan_is_a_table_and_lists(cli: Cli) -> None:
    """For people a plan is a table with a sign, who, and why, in their language; plans and assignments are lists."""
    which = by_hand(cli)
    out = cli("plan", "make", "paper", code=10)
    assert "ada" in out.out
    assert "1 manual" in out.err
    assert {row["id"] for row in cli.json("plan", "list")["plans"]} >= {which}
    row = cli.json("assignment", "list")["assignments"][0]
    assert (row["workspace"], row["name"]) == ("paper", "ada")
    changed = cli.json("assignment", "update", row["id"], "--role", "member", "--revision", str(row["revision"]))
    assert changed["role"] == "member"
    cli("assignment", "delete", row["id"], "--yes")
    assert cli.json("plan", "refuse", which, "--reason", "nobody is to go there")["state"] == "refused"


def test_what_cannot_be(cli: Cli) -> None:
    """A role that the vendor has not, a plan that is not approved, an empty reason: exit 1 and what to do."""
    which = by_hand(cli)
    refused = cli("assignment", "create", "paper", "--person", "ada@example.test", "--role", "king", code=1).err
    assert '"king" is no role that can be given here; one of member' in refused
    cli("group", "create", "Sales")
    mistaken = cli("assignment", "create", "paper", "--group", "salez", code=1).err
    assert 'there is no group "salez"' in mistaken
    assert 'did you mean "Sales"?' in mistaken
    assert "`stationmaster group list`" in cli("group", "show", "quite-another", code=1).err
    assert f"`stationmaster plan approve {which}`" in cli("plan", "apply", which, "--yes", code=1).err
    assert cli("plan", "refuse", which, "--reason", " ", code=1).err
    assert cli("seat", "show", "seat_x", code=1).err


def test_vendors_and_policy(cli: Cli) -> None:
    """Vendors are listed with what each offers; a workspace has its policy, what its vendor offers, and can be read."""
    offers = {row["vendor"]: row for row in cli.json("vendor", "list")["vendors"]}
    table = cli("vendor", "list").out
    assert all(sentence in table for row in offers.values() for sentence in row["by_hand"])
    assert [name for name, row in offers.items() if row["federation"]] == ["anthropic"]
    assert (offers["openai"]["invites"], offers["cursor"]["invites"], offers["manual"]["members"]) == (True, False, False)
    made = cli.json("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", "--fix-drift", "invite",
                    "--allowed-domain", "example.test", "--seat-limit", "4", stdin=ADMIN_SECRET)  # fmt: skip
    assert (made["fix_drift"], made["allowed_domains"], made["seat_limit"]) == ("invite", ["example.test"], 4)
    shown = cli("workspace", "show", "acme").out
    assert "People accept their invitation themselves." in shown
    assert "not reconciled yet" in cli("workspace", "show", "acme").out
    drift = cli("workspace", "drift", "acme", "--output", "json")
    assert (drift.json()["drift"], "`stationmaster workspace run acme reconcile`" in drift.err) == ([], True)
    job = cli.json("workspace", "run", "acme", "reconcile")
    assert job["kind"] == "reconcile"
    assert cli.json("workspace", "update", "acme", "--seat-price", "1900", "--seat-currency", "EUR")["seat_price_minor"] == 1900
    assert cli.json("workspace", "show", "acme")["last_jobs"]["reconcile"]["state"] == "queued"
    assert cli.json("workspace", "listed", "acme", "members")["members"] == []
    assert "queued or running" in cli("workspace", "run", "acme", "reconcile", code=1).err
    step = {"kind": "remove", "person": "", "member": "user-9", "invite": "", "reason": "stranger_removed", "facts": {},
            "sentence": "nobody here is known by this"}  # fmt: skip
    result = {"read": True, "drift": {"remove": 1}, "told": {}, "unconfirmed": 0, "plan": "", "steps": [step], "more": 0}
    Job.objects.filter(id=job["id"]).update(state="succeeded", ended_at=timezone.now(), result=result)
    assert "1 remove" in cli("workspace", "show", "acme").out
    assert "the policy removes strangers" in cli("workspace", "drift", "acme", code=10).out
    assert cli.json("workspace", "drift", "acme", code=10)["drift"][0]["member"] == "user-9"


def test_many_are_assigned_at_once(cli: Cli, tmp_path: Path) -> None:
    """By options and from a file, all of them or none; one plan follows."""
    by_hand(cli)
    for name in ("bob", "cy"):
        cli("person", "create", f"{name}@example.test", "--name", name)
    file = tmp_path / "rows.csv"
    file.write_text("person,workspace\ncy@example.test,\nnobody@example.test,\n")
    asked = ("assignment", "add", "paper", "--person", "bob@example.test", "--from", str(file))
    refused = cli(*asked, code=1)
    assert "3: there is no such person" in refused.err
    assert len(cli.json("assignment", "list")["assignments"]) == 1
    file.write_text("person,workspace\ncy@example.test,paper\n\n")
    assert cli.json(*asked)["workspaces"] == ["paper"]
    assert len(cli.json("assignment", "list")["assignments"]) == 3
    file.write_text("who\ncy\n")
    assert "columns of assignments" in cli(*asked, code=1).err
