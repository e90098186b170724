"""The first page, the first steps, one's own access and requests for seats: what they show, to whom, and at what cost."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from stationmaster.jobs.models import Job
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.usage.models import UsageEvent
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace

PAGES = ("/", "/start", "/access", "/seats/requests")
ODD = "<script>alert(1)</script>"
# What of these a role does not see as a page of its own.
REFUSED = {"viewer": set(), "auditor": set(), "operator": set(), "member": {"/"}}


def member_of(stage: Stage, role: str = "member") -> Browser:
    """A browser of somebody who is one of the stage's people."""
    row = somebody(role)
    people.update_person(ADMIN, stage.people[0], {"email": row.email})
    browser = Browser("en")
    browser.sign_in(row.email, PASSWORD)
    return browser


def served(number: int, **more: Any) -> None:
    """Requests that took 1, 2, 3 … milliseconds."""
    given = {
        "at": timezone.now() - timedelta(minutes=1), "gateway": "gw", "key": "app", "owner": "", "tenant": "", "credential": "c",
        "pool": "p", "model": "m", "endpoint": "chat", "dialect": "", "status": 200, "error": "", "usage_source": "none",
        "first_byte_us": 1, "input": 0, "cache_read": 0, "cache_write": 0, "output": 0, "reasoning": 0, **more,
    }  # fmt: skip
    UsageEvent.objects.bulk_create(
        UsageEvent(request_id=f"r{at}{more.get('key', '')}", duration_us=1000 * (at + 1), **given) for at in range(number)
    )


def test_every_page_is_there(stage: Stage) -> None:
    """An admin sees each, with the command and the call of REST that do the same, and no link leads nowhere."""
    browser = kit.signed_in()
    for path in PAGES:
        text = kit.page(browser, path)
        assert "The same by command line and REST" in text, path
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text), path
        for link in sorted({html.unescape(each) for each in re.findall(r'href="(/[^"]*)"', text)}):
            assert browser.get(link).status_code == 200, (path, link)


@pytest.mark.parametrize("role", tuple(REFUSED))
def test_everybody_sees_what_they_may(stage: Stage, role: str) -> None:
    """Every role sees its pages; members are led to their own access."""
    browser = kit.signed_in(role)
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == (302 if path in REFUSED[role] else 200), path
    if role == "member":
        assert browser.get("/")["Location"] == "/access"


def test_the_navigation_leads_where_one_may_go(stage: Stage) -> None:
    """Every entry leads to a page; a role sees those it may, in groups, and one of them is where it is."""
    for role in ("admin", "operator", "viewer", "auditor", "member"):
        browser = kit.signed_in(role)
        page = kit.page(browser, "/access")
        links = re.findall(r'<li><a href="([^"]+)"( aria-current="page")?>', page)
        assert [link for link, here in links if here] == ["/access"]
        assert all(browser.get(link).status_code == 200 for link, _ in links), role
        assert ("/" in dict(links)) is (role != "member")
        assert ("/settings" in dict(links)) is (role != "member")


def test_figures_lead_to_their_rows(stage: Stage) -> None:
    """Each figure of the first page is a link to the rows that it counts; without budgets it says so."""
    served(20)
    browser = kit.signed_in()
    text = kit.page(browser, "/")
    for link in ("/usage?range=today", "/usage?range=month", "/jobs?filter=state%3Aeq%3Arunning", "/calendar", "/plans?filter="):
        assert f'href="{link}' in text, link
    assert "no budget set" in text
    assert "10 ms / 19 ms" in text
    routing.create_key(ADMIN, {"name": "app", "owner": "team", "budget": {"month_usd": 50}})
    assert "of $50.00, the budgets of all keys" in kit.page(browser, "/")


def test_steps_tick_themselves(stage: Stage) -> None:
    """What is there is done, the first that is not comes next; put away, the list stays at its own page, whichever
    browser they come with."""
    admin = somebody("admin")
    browser = Browser("en")
    browser.sign_in(admin.email, PASSWORD)
    assert "First steps" in kit.said(kit.page(browser, "/"))
    text = kit.said(kit.page(browser, "/start"))
    assert "Attach a workspace" in text
    assert "YOUR_VIRTUAL_KEY" in kit.page(browser, "/start")
    kit.do(browser, "/start", "put_away")
    assert "Attach a workspace" not in kit.page(browser, "/")
    assert "Attach a workspace" in kit.page(browser, "/start")
    other = Browser("en")
    other.sign_in(admin.email, PASSWORD)
    assert "Attach a workspace" not in kit.page(other, "/")
    kit.do(browser, "/start", "bring_back")
    assert "Attach a workspace" in kit.page(browser, "/")


def test_a_seat_is_asked_for_and_granted(stage: Stage) -> None:
    """A member asks on their own page, an operator grants: the person is assigned, and the member reads so."""
    member = member_of(stage)
    workspaces.create_workspace(ADMIN, {"name": "another", "vendor": "openai", "secret": "sk-admin-Lp3kVb7dHs9qWe1t"})
    kit.do(member, "/access", "ask", {"workspace": "another", "reason": ODD})
    assert "waits for a decision" in kit.page(member, "/access")
    admin = kit.signed_in()
    assert "Requests for seats" in kit.said(kit.page(admin, "/"))
    text = kit.page(admin, "/seats/requests")
    assert ODD not in text
    assert html.escape(ODD) in text
    which = re.search(r'name="which" value="(sreq_\w+)"', text)
    assert which is not None
    kit.do(admin, "/seats/requests", "grant", {"which": which[1]})
    assert "granted" in kit.page(member, "/access")
    assert kit.page(member, "/seats/requests").count("sreq_") == 0


def test_a_seat_is_no_longer_asked_for(stage: Stage) -> None:
    """What was asked for is taken back on one's own page, as long as nobody decided."""
    member = member_of(stage)
    workspaces.create_workspace(ADMIN, {"name": "another", "vendor": "openai", "secret": "sk-admin-Lp3kVb7dHs9qWe1t"})
    kit.do(member, "/access", "ask", {"workspace": "another"})
    which = re.search(r'name="which" value="(sreq_\w+)"', kit.page(member, "/access"))
    assert which is not None
    kit.do(member, "/access", "withdraw", {"which": which[1]})
    text = kit.page(member, "/access")
    assert "taken back" in text
    assert which[1] not in text


def test_my_access_shows_my_own(stage: Stage) -> None:
    """One's own keys with what they spent, one's own seats; nothing of others, whatever the role."""
    routing.create_key(ADMIN, {"name": "mine", "owner": stage.people[0], "budget": {"month_usd": 5}})
    routing.create_key(ADMIN, {"name": "theirs", "owner": stage.people[1]})
    for role in ("member", "operator"):
        text = kit.page(member_of(stage, role), "/access")
        assert "mine" in text
        assert ">theirs<" not in text
        assert "of $5.00" in text


def test_pages_cost_the_same_for_many(stage: Stage) -> None:
    """Thirty requests for seats, keys and served requests cost no question more than three."""
    browser, counts = kit.signed_in(), []
    for number in (3, 30):
        _some(stage, number)
        found = []
        for path in PAGES:
            kit.page(browser, path)
            with CaptureQueriesContext(connection) as asked:
                kit.page(browser, path)
            found.append(len(asked))
        counts.append(found)
    for path, few, many in zip(PAGES, *counts, strict=True):
        assert many <= few + 1, path      # one more, now and then: the session says when it was seen last


def _some(stage: Stage, number: int) -> None:
    for at in range(number):
        person = people.create_person(ADMIN, {"user_name": f"p{number}-{at}", "email": f"p{number}-{at}@example.com"})
        workspaces.ask_for_seat(ADMIN, {"workspace": "acme", "person": person["id"]})
        routing.create_key(ADMIN, {"name": f"k{number}-{at}", "owner": str(person["id"])})
    served(number, key=f"k{number}")


def test_how_it_stands_comes_first(stage: Stage) -> None:
    """Once there is anything, figures and what needs a decision stand above the first steps that are left."""
    text = kit.said(kit.page(kit.signed_in(), "/"))
    assert text.index("Spent today") < text.index("Needs a decision") < text.index("First steps")


def test_what_is_not_known_does_not_look_well(stage: Stage) -> None:
    """A credential that no gateway has spoken of is said to be unknown, and the figure is not green for it."""
    text = kit.page(kit.signed_in(), "/")
    assert "nothing known of" in text
    tile = text[: text.index("Credentials not well")].rsplit('<div class="tile', 1)[-1]
    assert "good" not in tile


def test_seats_are_counted_where_no_vendor_tells_how_many_there_are(stage: Stage) -> None:
    """What vendors say is taken counts, whether a plan gave it or not."""
    Workspace.objects.all().observe(seats_used=7, seats_total=None)
    number = 7 * Workspace.objects.count()
    assert re.search(rf"Seats in use {number:,} no vendor tells how many there are", kit.said(kit.page(kit.signed_in(), "/")))


def test_jobs_that_failed_wait_for_somebody(stage: Stage) -> None:
    """A job that failed in the last day stands among what needs a decision, with the way to it; an older one does not."""
    Job.objects.filter(id=stage.job).update(state="failed", ended_at=timezone.now())
    browser = kit.signed_in()
    assert "Jobs that failed in the last day" in kit.page(browser, "/")
    Job.objects.filter(id=stage.job).update(ended_at=timezone.now() - timedelta(days=2))
    assert "Jobs that failed in the last day" not in kit.page(browser, "/")
