"""Pages of workspaces, people, seats, plans and jobs: what they show, to whom, in which language, and at what cost."""

import html
import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from operators.browser import Browser
from stationmaster.entrances.console.pages import words
from stationmaster.jobs.models import RUNNING, Job
from stationmaster.people import services as people
from stationmaster.people.models import Leaver
from stationmaster.store.changes import change
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Workspace, plans, seats
from stationmaster.workspaces.planning.values import KINDS
from workspaces import kit as places

ODD = "<script>alert('x')</script> & \"{braces}\" `code`"
ROLES = ("viewer", "auditor", "operator", "member")
# What a page takes to be seen; all others take nothing that these four have not.
TAKES = {
    "/workspaces/new": (), "/people/new": ("operator",), "leave": ("operator",), "erase": (), "/plans/new": ("operator",),
    "/people/conflicts": ("operator", "auditor"), "/people/imports": ("operator",),
    "/credentials/new": ("operator",), "/credentials/guide": ("operator",), "/targets/new": (),
    "/publish": ("operator",), "/imports": ("operator",),
}  # fmt: skip


def test_every_page_is_there(stage: Stage) -> None:
    """An admin sees every page, each with the command and the call of REST that do the same, without a word of script or
    style in it: the content security policy takes none."""
    browser = kit.signed_in()
    for path in stage.pages():
        text = kit.page(browser, path)
        assert "The same by command line and REST" in text, path
        assert "<code>stationmaster " in text, path
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text), path


def test_every_link_leads_somewhere(stage: Stage) -> None:
    """Links of all pages, to sort, filter, download and go on, lead to something that is there."""
    browser = kit.signed_in()
    links = {html.unescape(link) for path in stage.pages() for link in re.findall(r'href="(/[^"]*)"', kit.page(browser, path))}
    assert len(links) > 60
    for link in sorted(links):
        assert browser.get(link).status_code == 200, link


@pytest.mark.parametrize("role", ROLES)
def test_everybody_sees_what_they_may(stage: Stage, role: str) -> None:
    """Who may not see a thing gets 403, by the service; who may only look is shown no button that does anything."""
    browser = kit.signed_in(role)
    for path in stage.pages():
        answer = browser.get(path)
        assert answer.status_code in (200, 403, 404), (path, answer.status_code)
        wanted = next((may for name, may in TAKES.items() if name in path), None)
        if role == "member":
            continue
        if wanted is not None:
            assert (answer.status_code == 200) is (role in wanted), (path, answer.status_code)
        else:
            assert answer.status_code == 200, (path, answer.status_code)
        if role in ("viewer", "auditor") and answer.status_code == 200:
            posts = re.findall(r'<form method="post"(?: action="([^"]*)")?', answer.content.decode())
            assert posts == [], path


def test_a_workspace_by_hand_is_ready(stage: Stage) -> None:
    """Where there is nothing to read, nothing is said to be unread, no page is offered that can hold nothing, and no job that can
    do nothing."""
    row = workspaces.create_workspace(ADMIN, {"name": "papers", "vendor": "manual"})
    assert row["state"] == "ready"
    text = kit.page(kit.signed_in(), f"/workspaces/{row['id']}")
    for absent in ("not read yet", "not yet", "not reconciled", "workspace run", "/members", "/limits"):
        assert absent not in text, absent
    assert f"/workspaces/{stage.workspace}/members" in kit.page(kit.signed_in("operator"), f"/workspaces/{stage.workspace}")


def test_a_policy_is_said_in_words(stage: Stage) -> None:
    """The policy's names and values are those of the form below, in the reader's language."""
    said = kit.said(kit.page(kit.signed_in(), f"/workspaces/{stage.workspace}/policy"))
    assert "What a reconciliation mends by itself nothing: it shows" in said
    assert "fix_drift" not in said.partition("The same by command line")[0]
    chinese = kit.said(kit.page(kit.signed_in("operator", "zh-CN"), f"/workspaces/{stage.workspace}/policy"))
    assert "What a seat costs" not in chinese


def test_a_seat_shows_the_role_that_the_vendor_lists(stage: Stage) -> None:
    """Whoever was in already was given no role from here: the list and the person's page say the one that they have."""
    seat = workspaces.get_seat(ADMIN, stage.seat)
    assert (seat["role"], seat["vendor_role"]) == ("", "reader")
    browser = kit.signed_in()
    for path in ("/seats", f"/seats/{stage.seat}", f"/people/{stage.people[0]}"):
        assert "reader" in kit.said(kit.page(browser, path)), path


def test_a_filter_is_read_by_its_column(stage: Stage) -> None:
    """A filter that no choice shows is named by its column's head; one that asks otherwise stays as it is typed."""
    browser = kit.signed_in()
    assert "<code>Workspace: acme</code>" in kit.page(browser, "/seats?filter=workspace:eq:acme")
    assert "<code>workspace:ne:acme</code>" in kit.page(browser, "/seats?filter=workspace:ne:acme")


def test_a_member_sees_themselves(stage: Stage) -> None:
    """Their own seats and their own row, and nothing of anybody else's."""
    browser = Browser()
    from operators.people import PASSWORD, somebody

    browser.sign_in(somebody("member", "member-001@example.test").email, PASSWORD)
    seen = kit.said(kit.page(browser, "/people"))
    assert "member-001@example.test" in seen
    assert "member-002" not in seen
    for path in ("/workspaces", "/plans", "/jobs", "/assignments", "/runs", f"/people/{stage.people[1]}"):
        assert browser.get(path).status_code in (403, 404), path
    assert "1 in all" in kit.said(kit.page(browser, "/seats"))


def test_every_form_needs_its_token(stage: Stage) -> None:
    """Another site cannot send any of them with somebody's session."""
    browser = kit.signed_in()
    for path in stage.pages():
        assert browser.client.post(path, {"do": "save"}).status_code == 403, path


def test_what_people_wrote_is_no_markup(database: str) -> None:
    """Names, notes and reasons from anywhere are text on every page that shows them."""
    stage = kit.stage(3)
    people.update_person(ADMIN, stage.people[0], {"display_name": ODD, "title": ODD, "department": ODD})
    people.update_group(ADMIN, stage.group, {"name": f"{ODD} group"})
    workspaces.make_plan(ADMIN, {"workspaces": ["acme"], "note": ODD})
    workspaces.refuse_plan(ADMIN, stage.plan, {"reason": ODD})
    workspaces.skip_removal(ADMIN, stage.seat, {"reason": ODD})
    Workspace.objects.filter(id=stage.workspace).observe(trouble=ODD, organisation_name=ODD, unread={"keys": ODD})
    places.read("acme", [places.a_member(1, name=ODD, login=ODD)])
    Job.objects.filter(id=stage.job).update(sentence=ODD, worker=ODD)
    browser, shown = kit.signed_in(), 0
    for path in stage.pages():
        text = kit.page(browser, path)
        assert "<script>" not in text, path
        shown += "&lt;script&gt;" in text
    assert shown >= 10


def test_lists_cost_the_same_however_long_they_are(database: str) -> None:
    """No page asks the database once a row."""
    stage, browser = kit.stage(4), kit.signed_in()
    held(stage.people[0])
    before = {path: asked(browser, path) for path in stage.pages()}
    persons = [str(people.create_person(ADMIN, {"user_name": f"more-{n}"})["id"]) for n in range(12)]
    people.change_members(ADMIN, stage.group, persons, [])
    for name in ("beta", "gamma", "delta", "epsilon"):
        places.attached(name)
        workspaces.create_assignment(ADMIN, {"workspace": name, "group": stage.group})
    for person in persons:
        kit.seat_of(stage.workspace, person)
        held(person)
    for _ in range(3):
        workspaces.make_plan(ADMIN, {"workspaces": ["acme"]})
    after = {path: asked(browser, path) for path in stage.pages()}
    grown = {path: (before[path], after[path]) for path in before if after[path] > before[path] + 2}
    assert grown == {}
    assert max(after.values()) < 40


def held(person: str) -> None:
    """SCIM wants this person to leave, and the guard does not."""
    Leaver.objects.create(person=person, state="held", at=timezone.now(), asked_at=timezone.now())


def asked(browser: Browser, path: str) -> int:
    """How many questions a page costs."""
    browser.get(path)
    with CaptureQueriesContext(connection) as questions:
        kit.page(browser, path)
    return len(questions)


def test_it_speaks_chinese(stage: Stage) -> None:
    """Every page, with its states and its empty lists."""
    browser = kit.signed_in(language="zh-CN")
    for path in stage.pages():
        said = kit.said(re.sub(r"<code.*?</code>", "", kit.page(browser, path)))
        for english in ("None yet", "The same by", "Workspace ", " State ", "Person ", "ago", "in all", "waits"):
            assert english not in said, (path, english)


def reconciled(stage: Stage, **result: object) -> Job:
    """A reconciliation of the workspace that ended with this result."""
    found: Job = Job.objects.get(id=workspaces.run_job(ADMIN, stage.workspace, {"kind": "reconcile"})["id"])
    Job.objects.filter(id=found.id).update(state="succeeded", ended_at=timezone.now(), result=result)
    return found


def test_drift_is_shown(stage: Stage) -> None:
    """What a reconciliation found different stands on the workspace's page and on the job's, with who and why, though nothing
    mends it; so does that nothing is, and that nobody knows."""
    browser, path = kit.signed_in(), f"/workspaces/{stage.workspace}"
    assert "It was not reconciled yet." in kit.page(browser, path)
    step = {"kind": "invite", "person": stage.people[3], "member": "", "invite": "", "reason": "assigned", "facts": {},
            "sentence": "is assigned here, and not in"}  # fmt: skip
    job = reconciled(stage, read=True, drift={"invite": 8}, told={}, unconfirmed=2, plan="", steps=[step], more=7)
    for shown in (kit.page(browser, path), kit.page(browser, f"/jobs/{job.id}")):
        assert "is assigned here, and not in" in shown
        assert f'href="/people/{stage.people[3]}"' in shown
    assert "member-004" in kit.page(browser, path)
    assert "And 7 more." in kit.page(browser, path)
    reconciled(stage, read=True, drift={}, told={}, unconfirmed=0, plan="", steps=[], more=0)
    assert "Nothing is different" in kit.page(browser, path)
    reconciled(stage, read=False)
    assert "nothing is known" in kit.page(browser, path)


def test_a_plan_shows_what_it_costs(stage: Stage) -> None:
    """Under what takes a second approval stands what seats cost there, in the vendor's words and in money."""
    row = Plan.objects.get(id=stage.plan)
    with change(ADMIN) as edit, edit.updating(row):
        row.guards, row.cost_minor = ["buys_seats"], {"USD": 3800}
        terms = {"price_minor": 1900, "currency": "USD", "cycle_ends": "2026-12-01", "words": "Every seat is bought."}
        row.terms = {"acme": terms}
    shown = kit.page(kit.signed_in(), f"/plans/{stage.plan}")
    for words_ in ("38.00 USD", "acme: Every seat is bought.", "A seat costs 19.00 USD a cycle.", "ends on 2026-12-01"):
        assert words_ in shown


def test_a_list_takes_what_rests_lists_take(stage: Stage) -> None:
    """Search, filters, order and cursor stand in the address, an empty field asks for nothing, and what cannot be is said."""
    browser = kit.signed_in()
    first = kit.page(browser, "/people?search=member&filter=&sort=user_name&limit=2")
    shown = re.findall(r"<a href=\"/people/per_[^\"]+\">([^<]+)</a>", first)
    assert shown == ["member-001@example.test", "member-002@example.test"]
    following = re.search(r'<a href="([^"]+)" rel="next"', first)
    assert following
    second = kit.page(browser, html.unescape(following[1]))
    assert "member-003@example.test" in second
    assert "member-001@example.test" not in second
    chosen = kit.page(browser, "/people?filter=active:eq:false")
    assert "Nothing here is like that." in chosen
    assert '<option value="active:eq:false" selected>' in chosen
    other = kit.page(browser, "/people?filter=user_name:eq:member-001")
    assert "<code>user_name:eq:member-001</code>" in other
    assert browser.get("/people?filter=nonsense").status_code == 422
    assert browser.get("/people?nonsense=1").status_code == 422


def test_a_filter_that_nothing_can_match_is_a_note(stage: Stage) -> None:
    """A value that a list's field cannot have, or a field that it has not, is said where the rows would be, in the reader's
    language, above which the filter can be taken away; what was typed is no markup."""
    browser = kit.signed_in()
    text = kit.page(browser, f"/jobs?{urlencode({'filter': f'state:eq:runing{ODD}'})}")
    assert "state: is one of queued, running, succeeded, partial, failed, cancelled" in text
    assert "Take this filter away" in text
    assert "<script>alert" not in text
    assert "did you mean &quot;running&quot;?" in kit.page(browser, "/jobs?filter=state:eq:runing")
    assert "did you mean &quot;state&quot;?" in kit.page(browser, "/seats?filter=stat:eq:active")
    chinese = kit.page(kit.signed_in("operator", "zh-CN"), "/jobs?filter=state:eq:runing")
    assert "state: 应为 queued, running, succeeded, partial, failed, cancelled 之一" in chinese
    assert "您是指 &quot;running&quot; 吗" in chinese


def test_every_choice_of_a_list_can_be_made(stage: Stage) -> None:
    """What a page offers to choose from, its list takes: no choice leads to a note that there is no such value."""
    browser = kit.signed_in()
    options = {
        (path, html.unescape(option)) for path in stage.pages()
        for option in re.findall(r'<option value="([a-z_]+:eq:[^"]*)"', kit.page(browser, path))
    }
    assert len(options) > 40
    for path, option in sorted(options):
        assert ": is one of " not in kit.page(browser, f"{path}?{urlencode({'filter': option})}"), (path, option)


def test_a_page_follows_what_runs(stage: Stage) -> None:
    """While a job runs its page looks again by itself, with a small script of our own or without any; afterwards it rests."""
    browser = kit.signed_in()
    Job.objects.filter(id=stage.job).update(state=RUNNING)
    text = kit.page(browser, f"/jobs/{stage.job}")
    script = re.search(r'<script src="(/assets/refresh[^"]+)" defer></script>', text)
    assert script
    assert browser.get(script[1])["Content-Type"] == "text/javascript; charset=utf-8"
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in text
    Job.objects.filter(id=stage.job).update(state="succeeded")
    rests = kit.page(browser, f"/jobs/{stage.job}")
    assert "/assets/refresh" not in rests
    assert 'http-equiv="refresh"' not in rests


def test_every_code_has_words() -> None:
    """What states, steps, capabilities and vendors' sentences are called stands in the catalogue, in both languages."""
    assert set(words.SEATS) == set(seats.STATES)
    assert set(words.PLANS) == {*plans.STATES, "nothing"}      # of a plan that had no steps
    assert set(words.STEPS) == set(KINDS)
    assert set(words.CAPABILITIES) == {each.value for each in Capability}
    assert set(words.LISTED) == set(workspaces.LISTED)
    assert {sentence for vendor in VENDORS.values() for sentence in vendor.by_hand} <= set(words.BY_HAND)
    from stationmaster.jobs.kinds import known

    assert {name for name in known() if not name.startswith("test")} & set(words.KINDS) == set(words.KINDS)
