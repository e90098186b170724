"""Forms of these pages: what they do is what the services do, and a mistake comes back with its words."""

import re
from typing import Any

from console import kit
from console.kit import Stage
from controlkit import ADMIN, ADMIN_SECRET
from operators.browser import Browser
from operators.people import PASSWORD, somebody
from people import kit as files
from stationmaster.jobs import ending
from stationmaster.jobs.models import Job, JobItem
from stationmaster.mail import policy as mail
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.people.models import Leaver
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan, Seat
from work.kit import Mailbox
from workspaces import kit as places


def follow(browser: Browser, answer: Any) -> str:
    """The page that a form led to."""
    return kit.page(browser, answer["Location"])


def test_attaching_a_workspace(database: str) -> None:
    """The secret goes one way: it is in no page, not even in the form that comes back; the workspace is attached and read."""
    browser = kit.signed_in()
    given = {"vendor": "openai", "secret": ADMIN_SECRET, "allowed_domains": "example.com example.org", "grace_days": "3"}
    again = kit.do(browser, "/workspaces/new", "attach", {**given, "name": "not a name"}, 422).content.decode()
    assert 'role="alert"' in again
    assert "example.com example.org" in again
    assert ADMIN_SECRET not in again
    text = follow(browser, kit.do(browser, "/workspaces/new", "attach", {**given, "name": "acme"}))
    assert "It is attached" in text
    assert ADMIN_SECRET not in text
    row = workspaces.get_workspace(ADMIN, "acme")
    assert (row["allowed_domains"], row["grace_days"], row["notify"]) == (["example.com", "example.org"], 3, False)
    assert "onboard" in row["last_jobs"]


def test_a_policy_is_changed_in_the_version_that_was_seen(stage: Stage) -> None:
    """Two who edit at once: the second is told, and nothing is overwritten. The stored secret stays."""
    browser = kit.signed_in()
    path = f"/workspaces/{stage.workspace}/policy"
    seen = workspaces.get_workspace(ADMIN, stage.workspace)["revision"]
    given = {"fix_drift": "invite", "removes": "known", "grace_days": "5", "notify": "on", "revision": str(seen)}
    assert "Saved." in follow(browser, kit.do(browser, path, "save", given))
    row = workspaces.get_workspace(ADMIN, stage.workspace)
    assert (row["fix_drift"], row["removes"], row["notify"], row["secret_set"]) == ("invite", "known", True, True)
    kit.do(browser, path, "save", {**given, "fix_drift": "all"}, 412)
    assert workspaces.get_workspace(ADMIN, stage.workspace)["fix_drift"] == "invite"
    assert follow(browser, kit.do(browser, path, "detach", {"sure": "on"}))
    assert workspaces.list_workspaces(ADMIN, Query()).total == 0


def test_running_a_job_of_a_workspace(stage: Stage) -> None:
    """A button queues it once; while it waits, another is refused with its words."""
    browser = kit.signed_in("admin")
    path = f"/workspaces/{stage.workspace}"
    assert "Reconcile is queued." in follow(browser, kit.do(browser, path, "run", {"kind": "reconcile"}))
    assert 'class="problem"' in kit.do(browser, path, "run", {"kind": "reconcile"}, 409).content.decode()
    assert browser.send(path, {"do": "nonsense"}).status_code == 404
    operator = kit.signed_in("operator")
    assert operator.send(path, {"do": "run", "kind": "reconcile"}, form="/people").status_code == 403


def test_a_person_by_hand(stage: Stage) -> None:
    """Added, changed, linked, gone, back and forgotten; what leaving would do is said before."""
    browser = kit.signed_in()
    kit.do(browser, "/people/new", "add", {"email": "nonsense"}, 422)
    path = kit.do(browser, "/people/new", "add", {"email": "ada@example.com", "display_name": "Ada"})["Location"]
    version = people.get_person(ADMIN, "ada@example.com")["revision"]
    kit.do(browser, path, "save", {"display_name": "Ada", "email": "ada@example.com", "user_name": "ada", "title": "Analyst",
                                   "revision": str(version)})  # fmt: skip
    kit.do(browser, path, "link", {"vendor": "github_copilot", "login": "ada-l"})
    row = people.get_person(ADMIN, "ada@example.com")
    assert (row["title"], row["logins"]) == ("Analyst", [{"vendor": "github_copilot", "login": "ada-l"}])
    kit.do(browser, path, "unlink", {"vendor": "github_copilot", "login": "ada-l"})
    from stationmaster.routing import services as routing

    routing.create_key(ADMIN, {"name": "adas-key", "owner": "ada@example.com"})
    kit.seat_of(stage.workspace, row["id"])
    said = kit.said(kit.page(browser, f"{path}/leave"))
    assert "adas-key" in said
    assert "acme" in said
    said = follow(browser, kit.do(browser, f"{path}/leave", "leave", {"plan": "on"}))
    assert "This plan takes their seats back" in said
    assert "acme" in said
    assert not people.get_person(ADMIN, row["id"])["active"]
    assert routing.get_key(ADMIN, "adas-key")["disabled"]
    kit.do(browser, path, "return")
    assert people.get_person(ADMIN, row["id"])["active"]
    kit.do(browser, f"{path}/erase", "erase", {"sure": "on"})
    assert people.get_person(ADMIN, row["id"])["erased_at"]
    assert "ada@example.com" not in kit.page(browser, path)


def test_erasing_takes_a_fresh_proof(stage: Stage) -> None:
    """Somebody who signed in long ago is asked again who they are, and comes back to the page."""
    browser = kit.signed_in()
    session = browser.client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    answer = browser.get(f"/people/{stage.people[0]}/erase")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/again?next=")


def test_groups_and_their_people(stage: Stage) -> None:
    """Made, filled by names, emptied, renamed, deleted; a name that nobody has comes back with its words."""
    browser = kit.signed_in("operator")
    path = kit.do(browser, "/groups", "make", {"name": "poets"})["Location"]
    kit.do(browser, path, "add", {"who": "member-001@example.test, member-002"})
    assert people.get_group(ADMIN, "poets")["members"] == 2
    assert "there is no such person" in kit.do(browser, path, "add", {"who": "nobody"}, 404).content.decode()
    kit.do(browser, path, "remove", {"who": stage.people[0]})
    kit.do(browser, path, "rename", {"name": "bards"})
    assert people.get_group(ADMIN, "bards")["members"] == 1
    kit.do(browser, path, "delete", {"sure": "on"})
    kit.do(browser, "/groups", "make", {"name": "engineers"}, 409)


def test_an_import_from_a_browser(stage: Stage) -> None:
    """Uploaded, read by another mapping, tried, imported; what was not imported is listed with rows and reasons."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    browser = kit.signed_in("operator")
    kit.do(browser, "/people/imports", "upload", {}, 422)
    file = SimpleUploadedFile("<b>team</b>.csv", b"Post;Who\nnew-1@example.test;New One\nnew-1@example.test;Again\nbad;Odd\n")
    path = kit.do(browser, "/people/imports", "upload", {"file": file})["Location"]
    which = path.rpartition("/")[2]
    unread = kit.page(browser, path, 422)
    assert "no column is an e-mail address" in unread
    assert "cannot be read" in kit.page(browser, "/people/imports")
    kit.do(browser, path, "map", {"heading": ["Post", "Who"], "field": ["email", "display_name"]}, 302)
    seen = kit.said(kit.page(browser, path))
    assert "is added" in seen
    assert "comes twice" in seen
    assert "expected" in seen
    kit.do(browser, path, "start")
    running = kit.page(browser, path)
    assert 'http-equiv="refresh"' in running
    files.finish(which, imports.get_import(ADMIN, which)["job"])
    ended = kit.said(kit.page(browser, path))
    assert "Added 1" in ended
    assert people.get_person(ADMIN, "new-1@example.test")["display_name"] == "New One"
    problems = kit.page(browser, f"{path}?filter=outcome:eq:error")
    download = re.search(r'href="(/api/v1/people/imports/[^"]+problems[^"]+)" download', problems)
    assert download
    answer = browser.get(download[1].replace("&amp;", "&"))
    assert b"".join(_whole(answer)).count(b"\n") == 2
    kit.do(browser, path, "forget")
    assert browser.get(path).status_code == 404


def _whole(answer: Any) -> list[bytes]:
    if not answer.streaming:
        return [answer.content]
    from asgiref.sync import async_to_sync

    async def gathered() -> list[bytes]:
        return [piece async for piece in answer.streaming_content]

    return async_to_sync(gathered)() if answer.is_async else list(answer.streaming_content)


def test_assignments(stage: Stage) -> None:
    """Made for a group or a person, changed, taken away; both or neither comes back with its words."""
    browser = kit.signed_in("operator")
    kit.do(browser, "/assignments", "make", {"workspace": "acme"}, 422)
    kit.do(browser, "/assignments", "make", {"workspace": "acme", "person": "member-001", "role": "owner", "projects": "p1 p2"})
    (row,) = workspaces.list_assignments(ADMIN, Query(filters=(Filter("person", "eq", stage.people[0]),))).items
    assert (row["role"], row["projects"]) == ("owner", ["p1", "p2"])
    path = f"/assignments/{row['id']}"
    kit.do(browser, path, "save", {"role": "reader", "projects": "", "revision": str(row["revision"])})
    assert workspaces.get_assignment(ADMIN, row["id"])["role"] == "reader"
    kit.do(browser, path, "delete")
    assert browser.get(path).status_code == 404


def test_a_plan_from_making_to_applying(stage: Stage) -> None:
    """Made, shown with reasons, approved by its hash, applied by jobs; what is over has no buttons."""
    browser = kit.signed_in("operator")
    path = kit.do(browser, "/plans/new", "make", {"workspace": "acme", "note": "for June"})["Location"]
    said = kit.said(kit.page(browser, path))
    for words in ("for June", "invite: 3", "is assigned here, and not in", "is in already", "nobody here is known by this"):
        assert words in said, words
    only = kit.said(kit.page(browser, f"{path}?filter=kind:eq:invite").rpartition('class="listing"')[2])
    assert "is in already" not in only
    kit.do(browser, path, "approve", {"hash": "another"}, 409)
    kit.do(browser, path, "approve", {"hash": workspaces.get_plan(ADMIN, path.rpartition("/")[2])["hash"]})
    kit.do(browser, path, "apply", {"concurrency": "99"}, 422)
    assert "It is being done" in follow(browser, kit.do(browser, path, "apply", {"concurrency": "2", "item_retries": "2"}))
    row = workspaces.get_plan(ADMIN, path.rpartition("/")[2])
    (job,) = row["jobs"].values()
    assert (row["state"], Job.objects.get(id=job).concurrency) == ("applying", 2)
    assert "Refuse it" not in kit.page(browser, path)


def test_only_what_is_possible_is_said_by_command_line(stage: Stage) -> None:
    """A plan's page names the commands that its state allows; one with nothing to do says so and waits for nobody."""
    browser, path = kit.signed_in(), f"/plans/{stage.plan}"
    assert "plan approve" in kit.page(browser, path)
    assert "plan apply" not in kit.page(browser, path)
    workspaces.approve_plan(ADMIN, stage.plan, {})
    assert "plan apply" in kit.page(browser, path)
    assert "plan approve" not in kit.page(browser, path)
    workspaces.refuse_plan(ADMIN, stage.plan, {"reason": "not now"})
    assert not {"plan approve", "plan apply", "plan refuse"} & set(re.findall(r"plan [a-z]+(?= plan_)", kit.page(browser, path)))
    with change(ADMIN) as edit, edit.updating(row := Plan.objects.get(id=stage.plan), action="end"):
        row.state, row.counts = "applied", {"skip": 1}
    assert "nothing to do" in kit.said(kit.page(browser, path))


def test_a_second_approval_comes_from_somebody_else(stage: Stage) -> None:
    """A plan that removes many says why it takes two people, and the first cannot be the second."""
    workspaces.delete_assignment(ADMIN, stage.assignment)
    workspaces.update_workspace(ADMIN, "acme", {"removes": "known"})
    first = kit.signed_in("operator")
    path = kit.do(first, "/plans/new", "make", {"workspace": "acme"})["Location"]
    which = path.rpartition("/")[2]
    assert "it removes many people" in kit.page(first, path)
    given = {"hash": workspaces.get_plan(ADMIN, which)["hash"]}
    assert "somebody else" in follow(first, kit.do(first, path, "approve", given))
    kit.do(first, path, "approve", given, 403)
    second = Browser()
    second.sign_in(somebody("operator", "second@example.com").email, PASSWORD)
    kit.do(second, path, "approve", given)
    assert workspaces.get_plan(ADMIN, which)["state"] == "approved"
    kit.do(second, path, "refuse", {"reason": "not this month"})
    assert "not this month" in kit.page(first, path)


def test_steps_by_hand_are_ticked(database: str) -> None:
    """Where the vendor has no interface, each step has two buttons while the plan is applied, and each line of its checklist one
    that ticks it."""
    stage = kit.stage(2)
    workspaces.create_workspace(ADMIN, {"name": "papers", "vendor": "manual"})
    workspaces.create_assignment(ADMIN, {"workspace": "papers", "group": stage.group})
    browser = kit.signed_in("operator")
    path = kit.do(browser, "/plans/new", "make", {"workspace": "papers"})["Location"]
    which = path.rpartition("/")[2]
    kit.do(browser, path, "approve")
    kit.do(browser, path, "apply")
    steps = re.findall(r'name="step" value="(\d+)"', kit.page(browser, path))
    assert len(set(steps)) == 2
    shown = kit.said(kit.page(browser, path))
    assert "☐ Invite member-001@example.test with the role member." in shown
    kit.do(browser, path, "tick", {"step": steps[0], "item": "2", "done": "true"})
    assert "☑ Invite member-001@example.test with the role member." in kit.said(kit.page(browser, path))
    kit.do(browser, path, "tick", {"step": steps[0], "item": "2", "done": "false"})
    assert "☑" not in kit.said(kit.page(browser, path))
    kit.do(browser, path, "tick", {"step": steps[0], "done": "true"})
    kit.do(browser, path, "tick", {"step": steps[-1], "done": "false"})
    assert workspaces.get_plan(ADMIN, which)["state"] == "applied"
    assert Seat.objects.get(workspace__name="papers", state="active")


def test_a_test_mail(database: str) -> None:
    """The settings page has a button that sends a test mail to an address; without a relay it says what to set, and whoever may
    not change settings has no button. An address that is none comes back with its words."""
    mail.use(mail.MailPolicy)
    browser = kit.signed_in()
    assert "set mail.host and mail.sender" in kit.page(browser, "/settings")
    with Mailbox() as box:
        box.use()
        assert "Send a test mail" in kit.page(browser, "/settings")
        assert "Send a test mail" not in kit.page(kit.signed_in("viewer"), "/settings")
        kit.do(browser, "/settings", "test_mail", {"to": "nobody"}, 422)
        said = follow(browser, kit.do(browser, "/settings", "test_mail", {"to": "ada@example.test"}))
        assert "see whether it arrives" in said
        assert [taken.to for taken in box.taken] == ["ada@example.test"]


def test_keeping_somebody(stage: Stage) -> None:
    """The queue says who may have to go, and takes a reason for keeping them; without one it comes back."""
    browser = kit.signed_in("operator")
    from stationmaster.store.changes import change

    with change(ADMIN) as edit:
        row = Seat.objects.get(id=stage.seat)
        with edit.updating(row):
            row.removal = "candidate"
    assert "no activity reported" in kit.page(browser, "/seats/offboarding")
    kit.do(browser, "/seats/offboarding", "skip", {"which": stage.seat, "reason": " "}, 422)
    kit.do(browser, "/seats/offboarding", "skip", {"which": stage.seat, "reason": "on leave"})
    assert "on leave" in kit.page(browser, "/seats/offboarding")
    kit.do(browser, f"/seats/{stage.seat}", "unskip")
    assert workspaces.get_seat(ADMIN, stage.seat)["removal"] == ""


def test_a_batch_run(stage: Stage) -> None:
    """Begins what was approved, says where it stands, and stops."""
    browser = kit.signed_in("operator")
    assert 'name="do" value="start"' not in kit.page(browser, "/runs")
    workspaces.approve_plan(ADMIN, stage.plan, {})
    kit.do(browser, "/runs", "start", {"concurrency": "3", "item_retries": "2"})
    said = kit.said(kit.page(browser, "/runs"))
    assert "No worker runs" in said
    assert Job.objects.get(kind="apply").concurrency == 3
    kit.do(browser, "/runs", "stop")
    assert Job.objects.get(kind="apply").state == "cancelled"


def test_a_job_is_cancelled_and_tried_again(stage: Stage) -> None:
    """With its items by state and its log; what failed is tried again by another job, where its kind can be."""
    browser = kit.signed_in()
    path = f"/jobs/{stage.job}"
    kit.do(browser, path, "cancel")
    Job.objects.filter(id=stage.job).update(state="partial", total=2, ok=1, failed=1, prepared=True)
    for place, state in enumerate(("ok", "failed"), 1):
        JobItem.objects.create(job_id=stage.job, position=place, key=f"k{place}", subject=stage.people[0], state=state,
                               sentence="no seat is free" if state == "failed" else "")  # fmt: skip
    said = kit.said(kit.page(browser, path))
    assert "member-001@example.test" in said
    assert "no seat is free" in said
    assert "no seat is free" not in kit.page(browser, f"{path}?filter=state:eq:ok")
    other = kit.do(browser, path, "retry")["Location"]
    assert other != path
    assert "an earlier job" in kit.page(browser, other)
    assert "Try again what failed" in kit.page(browser, path)
    Job.objects.filter(id=stage.job).update(kind="import_people")
    assert "Try again what failed" not in kit.page(browser, path)
    for name in ("run.log", "result.json", "result.csv"):
        assert f"/api/v1/jobs/{stage.job}/artifacts/{name}" in kit.page(browser, path)


def test_what_a_job_left_behind_waits_no_more(stage: Stage) -> None:
    """Items of a job that has ended were not tried, or not finished; where none failed, no button says that one did."""
    with change(ADMIN) as edit:
        for place in (0, 1):
            JobItem.objects.create(job_id=stage.job, position=place + 1, key=f"k{place}", state="pending", attempts=place)
        Job.objects.filter(id=stage.job).update(total=2, prepared=True)
        ending.close(edit, stage.job, "failed", "error.x", "nothing answers")
    page = kit.page(kit.signed_in(), f"/jobs/{stage.job}")
    shown = kit.said(page.partition('id="live-items"')[2])
    assert "not tried: nothing answers" in shown
    assert "not finished: nothing answers" in shown
    assert "waits</span>" not in page
    assert "Try again what failed" not in page
    assert "Go on with what is left" in page


def test_whom_the_guard_holds(stage: Stage) -> None:
    """Each, or all at once, leave or stay by a button."""
    from django.utils import timezone

    for which in stage.people[:3]:
        Leaver.objects.create(person=which, state="held", at=timezone.now(), asked_at=timezone.now())
    browser = kit.signed_in("operator")
    kit.do(browser, "/people/held", "approve", {"person": stage.people[0]})
    assert not people.get_person(ADMIN, stage.people[0])["active"]
    kit.do(browser, "/people/held", "refuse", {"person": "all"})
    assert people.get_person(ADMIN, stage.people[1])["active"]
    assert "Nobody is held" in kit.page(browser, "/people/held")


def test_conflicts_are_shown(stage: Stage) -> None:
    """A member whom two persons answer to stands on the workspace's page, and the claims on that of people."""
    people.update_person(ADMIN, stage.people[1], {"further_emails": ["shared@example.test"]})
    people.update_person(ADMIN, stage.people[2], {"further_emails": ["shared@example.test"]})
    from dataclasses import replace

    places.read("acme", [replace(places.a_member(7), email="shared@example.test")])
    browser = kit.signed_in()
    assert "More than one person here answers to these" in kit.page(browser, f"/workspaces/{stage.workspace}")
    said = kit.said(kit.page(browser, "/people/conflicts"))
    assert "shared@example.test" in said
    assert "member-002@example.test" in said
