"""Lists that are asked for something typed: completed by the browser, understood here, kept in the address and by every form."""

import html
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from operators.people import as_actor, somebody
from stationmaster.entrances.console.pages.lists import Typed
from stationmaster.jobs.models import Job
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.workspaces import services as workspaces
from workspaces import kit as places


@pytest.mark.parametrize(("written", "meant"), [
    ("Ada (ada@example.test)", "op_1"), ("ADA (ADA@example.test) ", "op_1"), ("op_2", "op_2"), ("bo", "op_2"),
    ("example", "example"), ("nobody", "nobody"),
])  # fmt: skip
def test_what_is_typed_is_understood(written: str, meant: str) -> None:
    """By its words in any case, by itself, by a part that one alone has; else it is asked for as it stands."""
    typed = Typed("Who", "actor", (("op_1", "Ada (ada@example.test)"), ("op_2", "Bo (bo@example.test)")))
    assert typed.value_of(written) == meant


def _kinds(text: str) -> set[str]:
    return set(re.findall(r'<a href="/jobs/(job_[a-z0-9]+)"', text))


def test_jobs_are_found_by_place_and_person(stage: Stage) -> None:
    """By the workspace's name and by who began them, by their address or a part of it; both stand in the fields and in every
    link, beside the state."""
    somebody("operator", "ada@example.com")
    ada = as_actor(somebody("operator", "bo@example.com"))
    Job.objects.filter(id=stage.job).update(actor_kind="operator", actor=ada.id)
    workspaces.run_job(ADMIN, places.attached("other").id, {"kind": "reconcile"})
    assert Job.objects.exclude(id=stage.job).exists()
    browser = kit.signed_in()
    text = kit.page(browser, f"/jobs?{urlencode({'actor': 'bo@', 'workspace': 'ACME', 'filter': 'state:eq:queued'})}")
    state = Job.objects.get(id=stage.job).state
    assert _kinds(text) == ({stage.job} if state == "queued" else set())
    text = kit.page(browser, f"/jobs?{urlencode({'actor': 'bo@', 'workspace': 'ACME'})}")
    assert _kinds(text) == {stage.job}
    assert re.search(r'name="workspace" value="acme" list="', text)
    assert re.search(r'name="actor" value="[^"]*bo@example.com[^"]*" list="', text)
    order = next(html.unescape(each) for each in re.findall(r'<a href="([^"]+)" data-turn', text))
    kept = {("filter", f"actor:eq:{ada.id}"), ("filter", f"workspace:eq:{stage.workspace}")}
    assert kept <= set(parse_qsl(urlsplit(order).query))
    assert _kinds(kit.page(browser, order)) == {stage.job}
    assert "Nothing here is like that." in kit.page(browser, "/jobs?workspace=nowhere")
    assert stage.job in kit.page(browser, "/jobs?workspace=&actor=")


def test_the_trail_is_found_by_who_and_what(stage: Stage) -> None:
    """Names and deeds are offered as one types, in the reader's language, and none twice."""
    row = somebody("admin", "ada@example.com")
    ada = as_actor(row)
    people.create_group(ada, {"name": "of ada"})
    routing.create_key(ADMIN, {"name": "app", "owner": "ada@example.test"})
    for role, language, made in (("admin", "en", "made"), ("auditor", "zh-CN", "已创建")):
        browser = kit.signed_in(role, language)
        text = kit.page(browser, f"/audit?{urlencode({'actor': 'ada@example.com', 'action': made})}")
        assert "of ada" in text
        assert "virtual key app" not in kit.said(text)
        (deeds,) = re.findall(r'name="action" value="[^"]+" list="([^"]+)"', text)
        offered = re.findall(r'<option value="([^"]*)">', text.split(f'<datalist id="{deeds}">')[1].split("</datalist>")[0])
        assert len(offered) == len(set(offered)) > 40


def test_choosing_columns_keeps_what_is_asked(stage: Stage) -> None:
    """The form for columns sends the search, the choices, what was typed, the order and filters of other kinds along."""
    asked = [("filter", "state:eq:queued"), ("filter", "actor:eq:system"), ("filter", "failed:ge:0"), ("sort", "kind"),
             ("search", "x"), ("limit", "5")]  # fmt: skip
    browser = kit.signed_in()
    for path, wanted in (("/jobs", asked), ("/audit", [("filter", "source:eq:people"), ("actor", "nobody"), ("search", "x")])):
        text = kit.page(browser, f"{path}?{urlencode(wanted)}")
        form = text.split('<details class="columns">')[1].split("</form>")[0]
        sent = {(name, html.unescape(value)) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)}
        expected = {("filter", f"actor:eq:{value}") if name == "actor" else (name, value) for name, value in wanted}
        assert expected <= sent, path
