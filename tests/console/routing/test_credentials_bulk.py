"""Credentials on pages, beyond one: several at once, the month, what failed last."""

from typing import cast

from console import kit
from controlkit import ADMIN, a_credential
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.credentials.work.probe import Probing
from stationmaster.jobs.models import Job
from stationmaster.jobs.run import Run


def test_several_are_probed_by_a_page_that_says_so(database: str) -> None:
    """The list offers it; the page names each and who stays out; a job each is queued."""
    browser = kit.signed_in()
    given = (a_credential(f"c-{number}", secret=f"sk-proj-{number}-0123456789") for number in (1, 2))
    ids = [str(credentials.create_credential(ADMIN, each)["id"]) for each in given]
    assert "/credentials/several" in kit.page(browser, "/credentials")
    path = "/credentials/several?" + "&".join(f"id={each}" for each in ids)
    assert "c-2" in kit.page(browser, path)
    assert "pasted" in kit.page(browser, path + "&verb=rotate")
    assert browser.get(path + "&verb=publish")["Location"] == "/publish?credentials=c-1&credentials=c-2"
    kit.do(browser, path, "probe", {"id": ids})
    assert Job.objects.filter(kind="probe").count() == 2
    assert kit.page(browser, "/credentials/several")
    kit.page(kit.signed_in("viewer"), "/credentials/several", 403)


def test_a_month_and_any_address_of_one(database: str) -> None:
    """The calendar shows a month; what is no month or day is this one."""
    credentials.create_credential(ADMIN, a_credential("ends", expires_at="2031-05-17"))
    browser = kit.signed_in("viewer")
    assert "ends" in kit.page(browser, "/calendar?month=2031-05")
    assert "ends" in kit.page(browser, "/calendar?day=2031-05-17")
    for odd in ("month=9999-99", "month=0001-01", "day=x", "month=2999-12"):
        kit.page(browser, f"/calendar?{odd}")


def test_all_unhealthy_are_probed_by_one_job(database: str) -> None:
    """The list offers it where one is not well; the dialog says how many at which vendors, without those that are well or
    switched off; one job is queued, whose items are those."""
    browser, states, ids = kit.signed_in(), {"c-1": "disabled", "c-2": "suspect", "c-3": "healthy", "off": "disabled"}, {}
    for name in states:
        given = a_credential(name, secret=f"sk-proj-{name}-0123456789", disabled=name == "off")
        ids[name] = str(credentials.create_credential(ADMIN, given)["id"])
    path = "/credentials/several?verb=unhealthy"
    assert path not in kit.page(browser, "/credentials")
    for name, state in states.items():
        Credential.objects.filter(id=ids[name]).observe(health=state)
    assert path in kit.page(browser, "/credentials")
    said = kit.said(kit.page(browser, path))
    assert "Vendor Credentials OpenAI Platform 2 " in said
    assert "Probe 2 in one job" in said
    kit.do(browser, path, "probe")
    job = Job.objects.get(kind="probe")
    assert {each.subject for each in Probing().prepare(cast("Run", job))} == {ids["c-1"], ids["c-2"]}
    Credential.objects.all().observe(health="healthy")
    assert path not in kit.page(browser, "/credentials")
    assert "None is unhealthy." in kit.page(browser, path)
    kit.page(kit.signed_in("viewer"), path, 403)
