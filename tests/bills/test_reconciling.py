"""Reports are read, compared and kept, day by day, and a gap is told."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from bills.kit import counted, day, days, midnight, read, used_at_vendor
from controlkit import ADMIN
from credentials.kit import an_organisation, attach, minted, run, run_once
from stationmaster.audit.models import AuditEvent
from stationmaster.bills import policy
from stationmaster.bills import services as bills
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.bills.policy import BillPolicy
from stationmaster.credentials.sources import policy as policies
from stationmaster.credentials.sources.policy import SourcePolicy
from stationmaster.errors import Conflict, Forbidden, Invalid
from stationmaster.jobs.models import Job
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Filter, Query
from stationmaster.workspaces import services as workspaces
from usage.kit import request, sent


def told() -> list[str]:
    """The gaps that were told, in order."""
    rows = AuditEvent.objects.filter(source="bills").order_by("seq")
    return [f"{row.action} {json.loads(row.after)['day']}" for row in rows]


def key_of(row: object) -> str:
    """The vendor's id of a credential's key."""
    return str(row.generations.get(state="live").vendor_key)  # type: ignore[attr-defined]


def test_days_that_agree(database: str, sandbox: SandboxServer) -> None:
    """What a vendor reports by a minted key is what gateways counted of its credential: 100 %, and nobody is alarmed. The days
    that may still change are read, yesterday and back, and today is left alone."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 1, 5000)
    counted("slot", 1, 5000)
    read(org)
    assert list(days()) == [f"{midnight(ago):%Y-%m-%d}" for ago in (3, 2, 1)]
    found = day(1)
    assert (found["verdict"], found["rate"], found["difference"], found["settled"]) == ("agrees", 1.0, 0, False)
    assert day(3)["verdict"] == "none"
    assert day(3)["settled"]
    assert told() == []


def test_use_past_the_gateway(database: str, sandbox: SandboxServer) -> None:
    """Use by a key that nobody gave us is a gap: told once, however often it is read, with how much it was; and when the other
    side is complete, that it is closed."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    laptop = next(key.id for key in org.keys.all() if key.name == "laptop")
    used_at_vendor(org, key_of(row), 1, 5000)
    used_at_vendor(org, laptop, 1, 5000)
    counted("slot", 1, 5000)
    read(org)
    read(org)
    found = day(1)
    assert (found["verdict"], found["rate"], found["past"]["tokens"]) == ("low", 0.5, 5000)
    assert told() == [f"gap_low {midnight(1):%Y-%m-%d}"]
    assert bills.alarming(ADMIN) == 1
    parts = bills.list_parts(ADMIN, found["id"], Query()).items
    assert [(part["credential"], part["key"]) for part in parts] == [("slot", ""), ("", laptop)]
    with org.lock:
        org.called = {where: counts for where, counts in org.called.items() if where[2] != laptop}
    read(org)
    assert told()[1:] == [f"gap_closed {midnight(1):%Y-%m-%d}"]


def test_late_figures(database: str, sandbox: SandboxServer) -> None:
    """A vendor that has not caught up is late, and no alarm; the day is read again and agrees. One that never does is told when
    the day is settled, which is not read again by itself."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    for ago in (1, 3):
        used_at_vendor(org, key_of(row), ago, 1000)
        counted("slot", ago, 5000)
    read(org)
    assert (day(1)["verdict"], day(3)["verdict"]) == ("late", "high")
    assert told() == [f"gap_high {midnight(3):%Y-%m-%d}"]
    used_at_vendor(org, key_of(row), 1, 5000)
    used_at_vendor(org, key_of(row), 3, 5000)
    read(org)
    assert day(1)["verdict"] == "agrees"


def test_days_that_were_missed_are_made_up_for(database: str, sandbox: SandboxServer) -> None:
    """When nobody read for a week, the days in between are read then; nothing further back than a month is."""
    org = an_organisation(sandbox, consumption="called")
    place = attach(sandbox, org)
    BillDay.objects.create(workspace=place, day=midnight(9), settled=True, read_at=timezone.now())
    read(org)
    assert len(days()) == 9
    BillDay.objects.all().delete()
    BillDay.objects.create(workspace=place, day=midnight(90), settled=False, read_at=timezone.now())
    read(org)
    assert min(set(days()) - {f"{midnight(90):%Y-%m-%d}"}) == f"{midnight(31):%Y-%m-%d}"


def test_today_can_be_looked_at(database: str, sandbox: SandboxServer) -> None:
    """Whoever asks for days gets today among them, and it alarms nobody."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 0, 5000)
    read(org, days=2)
    assert list(days()) == [f"{midnight(ago):%Y-%m-%d}" for ago in (1, 0)]
    assert day(0)["verdict"] == "open"
    assert told() == []


def test_failed_requests_are_not_counted_and_prices_may_be_unknown(database: str, sandbox: SandboxServer) -> None:
    """A request that was refused is none that the vendor bills; one whose price nobody knows leaves our cost unknown."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 1, 5000, requests=1)
    counted("slot", 1, 5000, cost=None)
    at = (midnight(1) + timedelta(hours=1)).timestamp()
    sent(request(time=at, credential="slot", status=429, error="error.upstream.rate_limited", tokens=None, usage_source="none",
                 cost=None))  # fmt: skip
    read(org)
    assert (day(1)["ours"]["requests"], day(1)["theirs"]["requests"]) == (1, 1)
    assert day(1)["ours"]["cost"] is None
    assert day(1)["theirs"]["cost"] is not None


def test_a_rotation_takes_its_keys_along(database: str, sandbox: SandboxServer) -> None:
    """Use by a key that was rotated away is still its credential's."""
    from stationmaster.credentials import services as credentials

    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    old = key_of(row)
    run(credentials.rotate_credential(ADMIN, "slot", {})["id"])
    used_at_vendor(org, old, 1, 2000)
    used_at_vendor(org, key_of(row), 1, 3000)
    counted("slot", 1, 5000)
    read(org)
    assert (day(1)["verdict"], day(1)["past"]["tokens"]) == ("agrees", 0)


def test_a_pasted_key_that_is_nobodys_at_the_vendor(database: str, sandbox: SandboxServer) -> None:
    """A credential of the workspace of which nobody knows which key it is counts on our side, and is said to be unidentified:
    what looks as if it had gone past us may be its."""
    from stationmaster.credentials import services as credentials

    org = an_organisation(sandbox, consumption="called")
    place = attach(sandbox, org)
    credentials.create_credential(ADMIN, {
        "name": "pasted", "vendor": "openai", "secret": "sk-proj-one", "base_url": f"{sandbox.url}/v1",
        "allow_insecure_http": True, "workspace": place.name,
    })  # fmt: skip
    laptop = next(key.id for key in org.keys.all() if key.name == "laptop")
    used_at_vendor(org, laptop, 1, 5000)
    counted("pasted", 1, 5000)
    read(org)
    found = day(1)
    assert (found["verdict"], found["past"]["tokens"], found["unidentified"]) == ("agrees", 5000, 1)


def test_a_key_pasted_at_anthropic(database: str, sandbox: SandboxServer) -> None:
    """Where keys are made by hand: one that is pasted for a workspace is found among the vendor's keys as soon as it serves, so
    that its use is known on the bill."""
    from stationmaster.credentials import services as credentials

    org = an_organisation(sandbox, "anthropic", consumption="called")
    place = attach(sandbox, org)
    secret = org.issue_key("stationmaster claude 1", "sk-ant-api03-")
    job = credentials.paste_credential(ADMIN, "claude", {
        "secret": secret, "workspace": place.name, "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True,
    })["id"]  # fmt: skip
    assert run(job)["state"] == "succeeded"
    found = next(key.id for key in org.keys.all() if key.name == "stationmaster claude 1")
    used_at_vendor(org, found, 1, 5000, model="claude-sonnet-5-20260929")
    counted("claude", 1, 5000)
    read(org)
    assert (day(1)["verdict"], day(1)["past"]["tokens"], day(1)["unidentified"]) == ("agrees", 0, 0)


def test_short_lived_tokens_have_no_key(database: str, sandbox: SandboxServer) -> None:
    """A credential that lives by federation is known on the bill by its service account."""
    from stationmaster.credentials import services as credentials

    org = an_organisation(sandbox, "anthropic", consumption="called")
    place = attach(sandbox, org)
    account = next(each.id for each in org.services.all() if each.name == "batch")
    policies.use(lambda: SourcePolicy(folder=Path("/nowhere")))
    try:
        credentials.put_source(ADMIN, "claude", {"vendor": "anthropic", "kind": "anthropic_federation", "options": {
            "organization_id": "1a2b3c4d-0000-4000-8000-000000000000", "service_account_id": account,
            "federation_rule_id": "fdrl_1", "identity": "file:anthropic",
        }})  # fmt: skip
    finally:
        policies.use(SourcePolicy)
    credentials.update_credential(ADMIN, "claude", {"workspace": place.name})
    org.called[int(midnight(1).timestamp()), "", "", account, "claude-sonnet-5"] = [10, 4900, 0, 100]
    counted("claude", 1, 5000)
    read(org)
    assert (day(1)["verdict"], day(1)["past"]["tokens"]) == ("agrees", 0)


@pytest.mark.parametrize("fault", ["500", "close-after", "bad-json"])
def test_a_vendor_that_fails(database: str, sandbox: SandboxServer, fault: str) -> None:
    """A report that breaks off leaves what was known; the job goes on later and comes to the same."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 1, 5000)
    counted("slot", 1, 5000)
    org.faults.set(fault, on="GET */usage/*", times=None)
    job = bills.read_bills(ADMIN, org.name, {})["id"]
    run_once(job)
    assert not BillDay.objects.exclude(verdict="none").exists()
    org.faults.clear()
    if Job.objects.get(id=job).state in ("queued", "running"):
        run(job)
    read(org)
    assert day(1)["verdict"] == "agrees"
    assert BillPart.objects.filter(bill_id=day(1)["id"]).count() == 1


@pytest.mark.parametrize("vendor", ["cursor", "github_copilot"])
def test_what_no_gateway_serves_is_shown_and_not_compared(database: str, sandbox: SandboxServer, vendor: str) -> None:
    """Cursor and Copilot tell requests and money; nothing of it runs through a gateway, and nothing is missing."""
    org = an_organisation(sandbox, vendor)
    attach(sandbox, org)
    read(org)
    verdicts = {row["verdict"] for row in days().values()}
    assert verdicts <= {"unmetered", "none"}
    assert told() == []


def test_once_a_day(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each workspace whose vendor tells is read once a day, from the hour on that reports are thought to be there; not when it
    is out of use, and not one of a vendor that tells nothing. A job that failed is made again."""
    org, off = an_organisation(sandbox), an_organisation(sandbox)
    attach(sandbox, org)
    attach(sandbox, off)
    workspaces.update_workspace(ADMIN, off.name, {"disabled": True})
    workspaces.create_workspace(ADMIN, {"name": "byhand", "vendor": "manual"})
    Job.objects.all().delete()
    tomorrow = midnight(-1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow + timedelta(hours=5, minutes=59))
    assert bills.tend() == 0
    monkeypatch.setattr(timezone, "now", lambda: tomorrow + timedelta(hours=6))
    assert bills.tend() == 1
    assert bills.tend() == 0
    Job.objects.update(state="failed")
    assert bills.tend() == 1


def test_who_may(database: str, sandbox: SandboxServer) -> None:
    """A viewer sees bills and starts nothing; a member, who sees their own use only, sees none."""
    org = an_organisation(sandbox)
    attach(sandbox, org)
    viewer, member = Actor("operator", "op_1", "viewer"), Actor("operator", "op_2", "member")
    bills.list_bills(viewer, Query())
    with pytest.raises(Forbidden):
        bills.read_bills(viewer, org.name, {})
    with pytest.raises(Forbidden):
        bills.list_bills(member, Query())


def test_what_cannot_be_asked(database: str, sandbox: SandboxServer) -> None:
    """A vendor that tells nothing, more days than a report has, and a list that is asked for nonsense are refused, with why."""
    workspaces.create_workspace(ADMIN, {"name": "byhand", "vendor": "manual"})
    org = an_organisation(sandbox)
    attach(sandbox, org)
    with pytest.raises(Conflict) as caught:
        bills.read_bills(ADMIN, "byhand", {})
    assert caught.value.code == "error.bills.not_told"
    with pytest.raises(Invalid):
        bills.read_bills(ADMIN, org.name, {"days": 32})
    with pytest.raises(Invalid):
        bills.list_bills(ADMIN, Query(filters=(Filter("verdict", "above", "low"),)))


def test_the_file(database: str, sandbox: SandboxServer) -> None:
    """The list comes as a file, and each day's parts do."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 1, 5000)
    read(org)
    text = "".join(bills.export_bills(ADMIN, Query(), "csv"))
    assert text.splitlines()[0].startswith("id,workspace,name,vendor,day,verdict")
    assert "".join(bills.export_parts(ADMIN, day(1)["id"], Query(), "csv")).count("slot") == 1


def test_another_threshold(database: str, sandbox: SandboxServer) -> None:
    """What is near enough is an admin's to say."""
    org = an_organisation(sandbox, consumption="called")
    row = minted(sandbox, org)
    used_at_vendor(org, key_of(row), 1, 5000)
    counted("slot", 1, 4000)
    policy.use(lambda: BillPolicy(threshold=80))
    try:
        read(org)
    finally:
        policy.use(BillPolicy)
    assert day(1)["verdict"] == "agrees"
