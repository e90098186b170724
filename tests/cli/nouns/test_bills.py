"""Bills and guides at the command line, at both desks."""

from datetime import timedelta

from django.utils import timezone

from cli.nouns.kit import SECRET, Cli
from controlkit import CLI, a_workspace
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.bills.reconciling import day_of
from stationmaster.jobs.models import Job
from stationmaster.workspaces import services as workspaces


def a_day() -> BillDay:
    """Yesterday, which lacks a fifth."""
    made = workspaces.create_workspace(CLI, a_workspace("acme"))
    day = day_of(timezone.now()) - timedelta(days=1)
    row = BillDay.objects.create(
        workspace_id=made["id"], day=day, verdict="low", measure="tokens", rate=8000, vendor_input=5000, ours_input=4000,
        past_tokens=1000, vendor_cost=1_500_000_000, currency="USD", read_at=day,
    )  # fmt: skip
    BillPart.objects.create(bill=row, key="key_of_a_laptop", model="gpt-5", vendor_input=1000)
    return row


def test_days_and_their_parts(cli: Cli) -> None:
    """The list says how much was captured, a cost that is not known is no zero, a day is shown and taken apart, as tables
    and as JSON that a program can read."""
    row = a_day()
    shown = cli("usage", "bills", "list", "--filter", "verdict=low").out
    assert "80.0 %" in shown
    (found,) = cli.json("usage", "bills", "list")["bills"]
    assert (found["rate"], found["ours"]["cost"], found["theirs"]["cost"]) == (0.8, None, 1_500_000_000)
    assert cli.json("usage", "bills", "show", str(row.pk))["verdict"] == "low"
    (part,) = cli.json("usage", "bills", "parts", str(row.pk))["parts"]
    assert (part["credential"], part["key"], part["theirs"]["input"]) == ("", "key_of_a_laptop", 1000)
    assert "key_of_a_laptop" in cli("usage", "bills", "parts", str(row.pk)).out


def test_reading_now(cli: Cli) -> None:
    """A job is queued, and answered; a dry run queues none."""
    a_day()
    Job.objects.all().delete()
    if cli.desk == "local":
        cli("usage", "bills", "read", "acme", "--dry-run", code=10)
        assert not Job.objects.exists()
    job = cli.json("usage", "bills", "read", "acme", "--days", "2")
    assert (job["kind"], job["args"]) == ("reconcile-bills", {"days": 2})


def test_a_guide_and_what_follows_it(cli: Cli) -> None:
    """The steps are printed with what to enter; what is pasted is stored by a job that proves it first, and is not repeated."""
    said = cli("credential", "guide", "anthropic", "--name", "claude").out
    assert "name: stationmaster claude 1" in said
    assert "https://platform.claude.com/" in said
    ways = cli.json("credential", "guide", "anthropic")["ways"]
    assert [way["way"] for way in ways] == ["paste", "federation"]
    done = cli("credential", "paste", "openai-x", "--secret", "-", "--output", "json", stdin=SECRET)
    assert SECRET not in done.out + done.err
    assert Job.objects.filter(kind="rotate").count() == 1
