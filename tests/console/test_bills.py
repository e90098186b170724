"""Pages of bills, and the guide to a credential by hand: what they show is what the services say."""

from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from console import kit
from controlkit import ADMIN, a_credential, a_workspace
from credentials.test_guides import token
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.bills.reconciling import day_of
from stationmaster.credentials import services as credentials
from stationmaster.credentials.sources import policy
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.credentials.sources.policy import SourcePolicy
from stationmaster.jobs.models import Job
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace


def place(name: str = "acme") -> Workspace:
    """An attached workspace."""
    made = workspaces.create_workspace(ADMIN, a_workspace(name))
    row: Workspace = Workspace.objects.get(id=made["id"])
    return row


def a_day(where: Workspace, ago: int = 1, theirs: int = 5000, ours: int = 4000, **more: object) -> BillDay:
    """A day that was compared."""
    day = day_of(timezone.now()) - timedelta(days=ago)
    return BillDay.objects.create(
        workspace=where, day=day, verdict="low", measure="tokens", rate=ours * 10_000 // theirs, vendor_input=theirs,
        ours_input=ours, past_tokens=theirs - ours, past_requests=3, currency="USD", vendor_cost=7_500_000_000, read_at=day,
        **more,
    )  # fmt: skip


def test_nothing_yet(database: str) -> None:
    """Where no report was read, the page says how one is, and draws nothing."""
    browser = kit.signed_in()
    text = kit.page(browser, "/bills")
    assert "stationmaster usage bills read WORKSPACE" in text
    assert "data-chart" not in text


def test_days_and_their_picture(database: str) -> None:
    """Each day stands in the list with its rate, rounded down, and in the picture; a cost that is not known is a dash."""
    browser = kit.signed_in()
    where = place()
    a_day(where)
    a_day(where, 2, 5000, 4999)
    text = kit.page(browser, "/bills")
    assert "80.0 %" in text
    assert "99.9 %" in text
    assert 'data-chart="line"' in text
    assert text.count("/bills?filter=day%3Aeq%3A") == 2
    assert "7.50 USD" in text
    assert "too little came by us" in text
    assert "2 days of the last two weeks are too far apart" in kit.page(browser, "/")


def test_what_no_gateway_serves_has_no_rate_and_its_unit(database: str) -> None:
    """A dash for what could not be captured, also of a day that was written down with a rate; requests are called so; and while
    nothing was counted by both, the overview says no more than that."""
    browser = kit.signed_in()
    row = a_day(place(), theirs=5000, ours=0)
    BillDay.objects.filter(pk=row.pk).update(verdict="unmetered", past_tokens=0, past_requests=59)
    text = kit.page(browser, "/bills")
    assert "0.0 %" not in text
    assert "59 requests" in text
    assert "nothing yet that both vendors and gateways counted" in kit.page(browser, "/")
    BillDay.objects.filter(pk=row.pk).update(verdict="agrees")
    assert "what vendors report is what gateways counted" in kit.page(browser, "/")


def test_one_day_taken_apart(database: str) -> None:
    """A day's page says by which keys what was used, which are nobody's here, and that some credentials are unidentified."""
    browser = kit.signed_in()
    row = a_day(place(), unidentified=2)
    BillPart.objects.create(bill=row, credential="openai-a", model="gpt-5", vendor_input=4000, ours_input=4000)
    BillPart.objects.create(bill=row, key="key_of_a_laptop", model="gpt-5", vendor_input=1000)
    text = kit.page(browser, f"/bills/{row.pk}")
    assert "key_of_a_laptop" in text
    assert "not ours" in text
    assert "Of 2 credentials" in text


def test_reading_now(database: str) -> None:
    """The button queues the job that reads them."""
    browser = kit.signed_in()
    where = place()
    kit.do(browser, "/bills", "read", {"workspace": where.id})
    assert Job.objects.filter(kind="reconcile-bills", workspace=where.id).count() == 1


def test_the_guide(database: str) -> None:
    """It says where to go and what to call the key; what is pasted is stored by a job that proves it first, and no page repeats
    it; a subscription's token is refused with its words."""
    browser = kit.signed_in()
    path = "/credentials/guide?vendor=anthropic&name=claude"
    text = kit.page(browser, path)
    assert "https://platform.claude.com/" in text
    assert "stationmaster claude 1" in text
    assert "workspace:inference" in text
    again = kit.do(browser, path, "paste", {"name": "claude", "secret": "sk-ant-sid01-abcdefgh"}, 422).content.decode()
    assert "not issued for API use" in again
    assert "sk-ant-sid01" not in again
    kit.do(browser, path, "paste", {"name": "claude", "secret": "sk-ant-api03-abcdefgh"})
    assert Job.objects.filter(kind="rotate").count() == 1
    assert "sk-ant-api03-abcdefgh" not in kit.page(browser, "/credentials")


def test_the_guide_of_a_source_that_cannot_be(database: str) -> None:
    """An identity token that is nowhere is said, and the steps stay."""
    text = kit.page(kit.signed_in(), "/credentials/guide?vendor=anthropic&name=claude&identity=credential:none", 422)
    assert "no source of that name" in text
    assert "workspace:inference" in text


def test_a_workspaces_buttons(database: str) -> None:
    """From a workspace's page its bills are read, and all the keys that are minted there are rotated, by a button each."""
    browser = kit.signed_in()
    where = place()
    credentials.create_credential(ADMIN, {**a_credential("slot"), "workspace": "acme", "project": "proj_1"})
    text = kit.page(browser, f"/workspaces/{where.id}")
    assert "Read its bills now" in text
    kit.do(browser, f"/workspaces/{where.id}", "bills")
    kit.do(browser, f"/workspaces/{where.id}", "rotate")
    assert set(Job.objects.exclude(kind="onboard").values_list("kind", "workspace")) == {
        ("reconcile-bills", where.id), ("rotate", where.id),
    }  # fmt: skip


def test_federation_from_the_guide(database: str, tmp_path: Path) -> None:
    """What the identity token says stands among the steps; the ids that are entered become the credential's source, of which the
    first token is asked for at once. An id that is missing is said at its field."""
    policy.use(lambda: SourcePolicy(folder=tmp_path))
    try:
        (tmp_path / "anthropic").write_text(token())
        browser = kit.signed_in()
        path = "/credentials/guide?vendor=anthropic&name=claude&identity=file:anthropic"
        assert "system:serviceaccount:ops:stationmaster" in kit.page(browser, path)
        ids = {"name": "claude", "organization_id": "1a2b3c4d-0000-4000-8000-000000000000", "service_account_id": "svac_1",
               "federation_rule_id": "fdrl_1", "identity": "file:anthropic"}  # fmt: skip
        kit.do(browser, path, "federate", {**ids, "federation_rule_id": ""}, 422)
        assert not TokenSource.objects.exists()
        kit.do(browser, path, "federate", ids)
        row = TokenSource.objects.get()
        assert (row.kind, row.credential.name, row.options["federation_rule_id"]) == ("anthropic_federation", "claude", "fdrl_1")
        assert row.refresh_at is not None
        assert row.refresh_at <= timezone.now()
    finally:
        policy.use(SourcePolicy)
