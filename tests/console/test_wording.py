"""What pages say: people by name, fields by their labels, settings alike, and where to go when there is nothing."""

import re
from typing import Any

import pytest
from django.utils import timezone

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.entrances.console.pages.parts import DASH
from stationmaster.jobs.models import Job
from stationmaster.people import services as people
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Plan

LANGUAGES = ("en", "zh-CN")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_outdated_plan_names_people(stage: Stage, language: str) -> None:
    """Who is not in it any more is named where it is approved, on its page and in the list; what is stored holds the id alone."""
    person = stage.people[4]
    people.update_person(ADMIN, person, {"display_name": "Ada"})
    people.deactivate_person(ADMIN, person)
    browser, path = kit.signed_in(language=language), f"/plans/{stage.plan}"
    expected = {"en": "“invite” for Ada is not needed any more", "zh-CN": "不再需要对 Ada 执行“邀请”"}[language]
    refused = kit.said(kit.do(browser, path, "approve", {"hash": ""}, 409).content.decode())
    assert expected in refused
    for shown in (refused, *(kit.said(kit.page(browser, each)) for each in (path, "/plans"))):
        assert expected in shown
        assert f"for {person}" not in shown
    assert Plan.objects.get(id=stage.plan).why == f"“invite” for {person} is not needed any more"


def test_who_may_not_see_people_reads_no_ids(stage: Stage) -> None:
    """A name that cannot be looked up is no id either: somebody who was forgotten since, for one."""
    person = stage.people[4]
    people.deactivate_person(ADMIN, person)
    with pytest.raises(Exception, match="the plan changed"):
        workspaces.approve_plan(ADMIN, stage.plan, {})
    people.erase_person(ADMIN, person)
    said = kit.said(kit.page(kit.signed_in(), f"/plans/{stage.plan}"))
    assert "“invite” for somebody who was forgotten is not needed any more" in said


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", ("Admin key: is needed, and was left empty", "Name: expected a name of up to 128 letters")),
     ("zh-CN", ("管理密钥: 必须填写，但为空", "名称: 应为 至多 128 个字母"))],  # noqa: RUF001
)  # fmt: skip
def test_mistakes_are_said_of_the_fields(database: str, language: str, expected: tuple[str, ...]) -> None:
    """At the top of the form each mistake stands behind the field's label, and in the reader's words; no key of a file is named,
    nor what kind of thing was typed."""
    browser = kit.signed_in(language=language)
    sent = {"vendor": "openai", "name": "not a name", "secret": ""}
    answer = kit.do(browser, "/workspaces/new", "attach", sent, 422).content.decode()
    problem = re.search(r'<div class="problem" role="alert">(.*?)</div>', answer, re.DOTALL)
    assert problem
    top = kit.said(problem[1])
    assert all(each in top for each in expected), top
    assert not re.search(r"missing key|secret:|got a string|another form", top)


def test_an_error_page_is_in_the_readers_language(stage: Stage) -> None:
    """What there is not, and what is not for somebody, is said in Chinese to whoever reads Chinese."""
    browser = kit.signed_in(language="zh-CN")
    assert "没有这个人" in kit.said(kit.page(browser, "/people/per_nobody", 404))
    viewer = kit.signed_in("viewer", "zh-CN")
    assert "无权这样做" in kit.said(kit.page(viewer, "/people/new", 403))


def test_commands_on_pages_are_there(stage: Stage) -> None:
    """What a page says that can be typed instead is a command of this program, down to its verb."""
    from typer.main import get_command

    from stationmaster.cli.app import app

    browser, root = kit.signed_in(), get_command(app)
    pages = "".join(kit.page(browser, path) for path in stage.pages())
    typed = set(re.findall(r"<code>stationmaster ([^<]+)</code>", pages))
    assert len(typed) > 30
    for words in typed:
        command: Any = root
        for word in words.split():
            if not getattr(command, "commands", {}):
                break
            assert word in command.commands, words
            command = command.commands[word]


def test_settings_without_a_value_are_shown_alike(database: str) -> None:
    """None, an empty text and an empty list are one dash; a list is no JSON; when one was saved is told to the second."""
    from stationmaster.entrances import live

    live.save_setting(ADMIN, "oidc.viewer_domains", ["example.com", "example.org"])
    text = kit.page(kit.signed_in(), "/settings")
    assert "example.com, example.org" in text
    assert not re.search(r"<code>(null|\[\]|\{\})</code>|>(null|\[.*\])<", text)
    assert re.search(r"by \S+ at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\s*<", text)
    assert "<code>false</code> leaves single sign-on alone" in text, "what is typed is shown as code in descriptions too"


def test_seats_are_counted_where_the_vendor_tells_no_number(database: str) -> None:
    """The members that were read, of as many as the policy allows; what nobody knows is a dash."""
    from workspaces import kit as places

    places.attached("acme", seat_limit=9)
    places.read("acme", [places.a_member(1), places.a_member(2)], [places.an_invite(3)])
    workspaces.create_workspace(ADMIN, {"name": "papers", "vendor": "manual"})
    said = kit.said(kit.page(kit.signed_in(), "/workspaces"))
    assert "2 / 9 1 invited" in said
    assert re.search(rf"papers\b.*ready {DASH} ", said)


@pytest.mark.parametrize(("language", "where"), [("en", "Somebody left the company?"), ("zh-CN", "有人离职？")])  # noqa: RUF001
def test_offboarding_says_where_a_leaver_is_entered(stage: Stage, language: str, where: str) -> None:
    """With the way there, for whoever may say it; the list below says what has to be set for it to hold anybody."""
    text = kit.page(kit.signed_in(language=language), "/seats/offboarding")
    assert where in text
    assert text.count('href="/people"') == 2, "in the head of the page, and where it is said"
    assert "--remove-inactive-days 90" in text
    assert where not in kit.page(kit.signed_in("viewer", language), "/seats/offboarding")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("Read to its end yes", "invite: 1")), ("zh-CN", ("已完整读取 是", "邀请: 1"))]
)
def test_a_jobs_result_is_in_words(stage: Stage, language: str, words: tuple[str, ...]) -> None:
    """What a job says at its end: names of values, kinds of steps, people by name, and its plan as a link."""
    person = stage.people[0]
    step = {"kind": "invite", "person": person, "member": "", "invite": "", "reason": "assigned", "facts": {}, "sentence": ""}
    result = {"read": True, "drift": {"invite": 1}, "plan": stage.plan, "steps": [step], "more": 0}
    ended = {"state": "failed", "ended_at": timezone.now(), "sentence": f"“remove” for {person} is not needed any more"}
    Job.objects.filter(id=stage.job).update(result=result, **ended)
    text = kit.page(kit.signed_in(language=language), f"/jobs/{stage.job}")
    said = kit.said(text)
    assert all(each in said for each in words), said
    assert f'<a href="/plans/{stage.plan}">' in text
    assert ">member-001" in text
    assert f">{person}<" not in text
    assert f"for {person}" not in text
    assert stage.plan not in said.partition("REST")[0]
