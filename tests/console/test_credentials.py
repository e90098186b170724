"""Pages of credentials: what they do is what the services do; a secret goes one way; the calendar's feed is read by nobody
but who has its address."""

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from console import kit
from controlkit import ADMIN, SECRET, a_credential
from operators.browser import Browser
from stationmaster.credentials import generations
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.jobs.models import Job, JobLog
from stationmaster.store.changes import change


def follow(browser: Browser, answer: Any) -> str:
    """The page that a form led to."""
    return kit.page(browser, answer["Location"])


def test_pasting_a_key(database: str) -> None:
    """It is stored, a job probes it, and no page shows it; a consumer's token is refused with its words."""
    browser = kit.signed_in()
    given = {"name": "openai-a", "vendor": "openai", "secret": "sk-ant-sid01-abcdefgh"}
    again = kit.do(browser, "/credentials/new", "paste", given, 422).content.decode()
    assert "not issued for API use" in again
    assert "sk-ant-sid01" not in again
    text = follow(browser, kit.do(browser, "/credentials/new", "paste", {**given, "secret": SECRET}))
    assert "its vendor is asked" in text
    assert SECRET not in text
    assert Job.objects.filter(kind="probe").count() == 1
    assert "service account" in kit.page(browser, "/credentials/new?vendor=anthropic")


def test_what_can_be_done_to_one(database: str) -> None:
    """Rotated by a pasted key, taken back, held by hand, its times changed, revoked: each by its form."""
    browser = kit.signed_in()
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    path = f"/credentials/{row['id']}"
    assert "slot" in kit.page(browser, "/credentials")
    follow(browser, kit.do(browser, path, "paste", {"secret": "sk-proj-the-next-one"}))
    assert "made, not tried yet" in kit.page(browser, path)
    with change(ADMIN) as edit:
        slot = Credential.objects.get(name="slot")
        old = generations.promote(edit, slot, slot.generations.get())
        assert old is not None
        generations.keep(edit, old, 1)
    assert "kept as the way back" in kit.page(browser, path)
    kit.do(browser, path, "rollback")
    assert Credential.objects.get(name="slot").generation == 1
    kit.do(browser, path, "override", {"state": "out", "reason": "audit"})
    assert "held out of service by hand" in kit.page(browser, path)
    kit.do(browser, path, "save", {"lifetime_days": "90", "rotate_days": "30", "keep_hours": "1", "warn_days": "7"})
    assert Credential.objects.get(name="slot").rotate_days == 30
    kit.do(browser, path, "revoke", {"reason": "leaked", "sure": "on"})
    assert not Credential.objects.get(name="slot").secret
    viewer = kit.signed_in("viewer")
    assert "Revoke now" not in kit.page(viewer, path)
    kit.do(viewer, path, "revoke", {"reason": "x", "sure": "on"}, 403)


def test_the_calendar_and_its_feed(database: str) -> None:
    """What ends shows under its month. The feed is read without signing in by its address, which is shown once, and by no
    other."""
    at = timezone.now() + timedelta(days=20)
    credentials.create_credential(ADMIN, a_credential("slot", expires_at=at.strftime("%Y-%m-%dT%H:%M:%SZ")))
    browser = kit.signed_in()
    assert "slot" in kit.page(browser, "/calendar")
    assert "ends soon" not in kit.page(browser, "/calendar")
    text = kit.do(browser, "/calendar", "create", {"name": "ops"}, 200).content.decode()
    found = re.search(r"/calendar/[A-Za-z0-9_-]+\.ics", text)
    assert found is not None
    assert found[0] not in kit.page(browser, "/calendar")
    nobody = Browser()
    answer = nobody.get(found[0])
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/calendar")
    assert b"slot (openai) expires" in answer.content
    assert nobody.get("/calendar/nothing.ics").status_code == 404
    assert nobody.get("/calendar").status_code == 302


def test_a_job_says_which_credential_it_is_about(database: str) -> None:
    """In the list, in the title, and in its log in place of the id."""
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    job = Job.objects.get(id=credentials.probe_credential(ADMIN, "slot", {})["id"])
    JobLog.objects.create(job=job, seq=1, at=timezone.now(), level="info", item=f"credential-{row['id']}", text="asked")
    browser = kit.signed_in()
    text = kit.page(browser, f"/jobs/{job.id}")
    assert "<h1>Probe credentials: slot" in text
    assert "[credential-slot] asked" in kit.said(text)
    assert "slot" in kit.said(kit.page(browser, "/jobs"))


def test_one_without_a_secret_says_so(database: str) -> None:
    """It is not merely unused; and where no button rotates a credential, its page says why."""
    row = credentials.create_credential(ADMIN, a_credential("slot"))
    browser, path = kit.signed_in(), f"/credentials/{row['id']}"
    assert "No button rotates it" in kit.page(browser, path)
    with change(ADMIN) as edit, edit.updating(slot := Credential.objects.get(name="slot")):
        slot.secret = ""
    assert "has no secret yet" in kit.page(browser, path)
