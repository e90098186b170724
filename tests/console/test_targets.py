"""Pages of targets and of what is published there: from adding one, tested before it is stored, to a plan, a job, and what
reading back found; and files for gateways that take no calls."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from console import kit
from controlkit import ADMIN, SECRET, a_credential, a_pool
from credentials.kit import run
from operators.browser import Browser
from operators.people import PASSWORD
from stationmaster.credentials import services as credentials
from stationmaster.jobs.models import Job
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Publication, Target
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets.registry import KINDS
from stationmaster.workspaces import addresses
from targets.kit import fresh


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    """Where the simulated gateways are."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(autouse=True)
def near(database: str) -> None:
    """This machine may be reached."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the simulated gateways are there"})


def reached(gateway: Gateway, sandbox: SandboxServer) -> dict[str, Any]:
    """How a gateway is reached."""
    user = {"user": gateway.user} if KINDS[gateway.KIND].credential != "key" else {}
    return {"kind": gateway.KIND, "base_url": gateway.base_url(sandbox.url), "secret": gateway.secret, **user,
            "allow_insecure_http": True}  # fmt: skip


def a_target(sandbox: SandboxServer, kind: str = "s2a", name: str = "relay") -> tuple[str, Gateway]:
    """A target in the sandbox, stored and tested; its id."""
    gateway = sandbox.targets.make(kind, fresh())
    made = publishing.create_target(ADMIN, {"name": name, **reached(gateway, sandbox)})
    assert publishing.test_target(ADMIN, {}, name)["stored"]
    return str(made["id"]), gateway


def pool_of(*names: str) -> None:
    """A pool of new credentials."""
    for name in names:
        credentials.create_credential(ADMIN, a_credential(name))
    routing.create_pool(ADMIN, a_pool("gpt", *names))


def follow(browser: Browser, answer: Any) -> str:
    """The page that a form led to."""
    return kit.page(browser, answer["Location"])


def finish() -> None:
    """Run what is queued."""
    for which in Job.objects.filter(state="queued").values_list("id", flat=True):
        run(which)


def everything(sandbox: SandboxServer) -> list[str]:
    """Every page, with something on it."""
    which, _ = a_target(sandbox)
    pool_of("first", "second")
    plan = publishing.make_plan(ADMIN, {"pool": "gpt"})
    publishing.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    finish()
    return ["/targets", "/targets/new", *(f"/targets/new?kind={kind}" for kind in KINDS), f"/targets/{which}", "/publications",
            "/publish", f"/publish/{plan['id']}", "/exports", "/exports?product=kong&pool=gpt",
            f"/credentials/{credentials.get_credential(ADMIN, 'first')['id']}"]  # fmt: skip


def test_every_page_is_there(sandbox: SandboxServer) -> None:
    """An admin sees every page in both languages, with the commands that do the same, and no script or style in it; links lead
    somewhere; no secret is on any."""
    paths = everything(sandbox)
    english, chinese = kit.signed_in(), Browser("zh-CN")
    chinese.sign_in("admin@example.com", PASSWORD)
    links: set[str] = set()
    for path in paths:
        text = kit.page(english, path)
        assert "<code>stationmaster " in text, path
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text), path
        assert SECRET not in text, path
        links |= {html.unescape(link) for link in re.findall(r'href="(/[^"]*)"', text)}
        assert kit.said(kit.page(chinese, path)) != kit.said(text), path
    for link in sorted(links):
        assert english.get(link).status_code == 200, link


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_may_only_look_is_shown_no_button(sandbox: SandboxServer, role: str) -> None:
    """What can be seen has no form that does anything; pages that are for doing are refused."""
    browser = kit.signed_in(role)
    for path in everything(sandbox):
        answer = browser.get(path)
        doing = path.startswith("/targets/new") or path == "/publish"
        assert answer.status_code == (403 if doing else 200), path
        if not doing:
            assert '<form method="post"' not in answer.content.decode().replace('<form class="inline" method="post"', ""), path


def test_an_operator_is_shown_what_operators_do(sandbox: SandboxServer) -> None:
    """Publishing, testing as it is stored, reading back and withdrawing have their buttons; attaching, changing and removing have
    none, and are refused when they are sent all the same."""
    which, _ = a_target(sandbox)
    pool_of("first")
    plan = publishing.make_plan(ADMIN, {"pool": "gpt"})
    publishing.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    finish()
    browser = kit.signed_in("operator")
    path = f"/targets/{which}"
    text = kit.page(browser, path)
    assert set(re.findall(r'name="do" value="(\w+)"', text)) == {"test", "read", "withdraw"}
    assert 'name="secret"' not in text
    assert "/targets/new" not in kit.page(browser, "/targets")
    assert browser.get("/targets/new").status_code == 403
    assert "The connection works." in kit.do(browser, path, "test", {}, 200).content.decode()
    for action in ("save", "default", "remove"):
        kit.do(browser, path, action, {"label": "mine", "sure": "on"}, 403)
    kit.do(browser, path, "test", {"base_url": "https://mine.example", "secret": "x"}, 403)
    assert Target.objects.get().label == ""


def test_attaching_takes_a_fresh_proof(sandbox: SandboxServer) -> None:
    """An admin who signed in long ago is asked again who they are before they attach, change, remove or try an address, and comes
    back; what is there is tested without."""
    which, _ = a_target(sandbox)
    browser = kit.signed_in()
    session = browser.client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    path = f"/targets/{which}"
    answers = [
        browser.get("/targets/new?kind=s2a"), kit.do(browser, path, "save", {"label": "mine"}),
        kit.do(browser, path, "remove", {"sure": "on"}), kit.do(browser, path, "test", {"base_url": "https://mine.example"}),
    ]
    assert {each["Location"].split("?")[0] for each in answers} == {"/login/again"}
    assert Target.objects.get().label == ""
    assert "The connection works." in kit.do(browser, path, "test", {}, 200).content.decode()


def test_nothing_is_there_yet(database: str) -> None:
    """Empty lists say what to do."""
    browser = kit.signed_in()
    assert "stationmaster target create" in kit.page(browser, "/targets")
    assert "stationmaster publication publish" in kit.page(browser, "/publications")
    assert "There is no target yet" in kit.page(browser, "/publish")


def test_a_connection_is_tested_before_it_is_stored(sandbox: SandboxServer) -> None:
    """What stands in the form is tried and nothing is stored; what was typed stays but for the secret; a wrong password and a
    missing field are said; then it is stored, and asks for a test of its own."""
    browser, gateway = kit.signed_in(), sandbox.targets.make("crs", fresh())
    fields = {"name": "relay", **reached(gateway, sandbox), "allow_insecure_http": "on"}
    worked = kit.do(browser, "/targets/new", "test", fields, 200).content.decode()
    assert "The connection works." in worked
    assert gateway.base_url(sandbox.url) in worked
    assert gateway.secret not in worked
    refused = kit.do(browser, "/targets/new", "test", {**fields, "secret": "not-the-password"}, 200).content.decode()
    assert "The test failed" in refused
    assert "not-the-password" not in refused
    assert "The test failed" in kit.do(browser, "/targets/new", "test", {**fields, "user": ""}, 200).content.decode()
    assert not Target.objects.exists()
    text = follow(browser, kit.do(browser, "/targets/new", "create", {**fields, "priority": "40", "models": "gpt-5, gpt-5-mini"}))
    assert "to be tested" in text
    row = Target.objects.get()
    assert (row.priority, row.models) == (40, ["gpt-5", "gpt-5-mini"])
    assert "The connection works." in kit.do(browser, f"/targets/{row.id}", "test", {}, 200).content.decode()
    assert Target.objects.get().tested_ok
    assert gateway.writes() == []


def test_a_target_is_changed_made_the_default_and_removed(sandbox: SandboxServer) -> None:
    """An empty secret keeps the stored one, unless the address is another; a mistake keeps what was typed; one that holds
    something is removed only when that is forgotten."""
    browser = kit.signed_in()
    (one, _), (two, gateway) = a_target(sandbox, name="one"), a_target(sandbox, name="two")
    path, kept = f"/targets/{two}", {"base_url": gateway.base_url(sandbox.url), "kind": "s2a", "allow_insecure_http": "on"}
    kit.do(browser, path, "save", {**kept, "label": "in Frankfurt", "group_names": "my group, other"})
    row = Target.objects.get(id=two)
    assert (row.label, row.group_names, bool(row.secret)) == ("in Frankfurt", ["my group", "other"], True)
    again = kit.do(browser, path, "save", {**kept, "base_url": "https://elsewhere.example.com"}, 422).content.decode()
    assert "elsewhere.example.com" in again
    assert "give it anew" in again
    kit.do(browser, path, "default")
    assert list(Target.objects.filter(default=True).values_list("id", flat=True)) == [two]
    kit.do(browser, f"/targets/{one}", "remove", {"sure": "on"})
    publishing.update_target(ADMIN, two, {"group_names": []})
    credentials.create_credential(ADMIN, a_credential("first"))
    plan = publishing.make_plan(ADMIN, {"credentials": ["first"]})
    publishing.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})
    finish()
    assert "still used" in kit.do(browser, path, "remove", {"sure": "on"}, 409).content.decode()
    kit.do(browser, path, "remove", {"sure": "on", "forget": "on"})
    assert len(gateway.ours()) == 1


def test_from_a_pool_to_what_was_found_there(sandbox: SandboxServer) -> None:
    """Chosen, planned, approved by its hash, done by a job; the list says how it stands, a credential's page where it is; an edit
    by hand is found on reading back; one copy is withdrawn by its button."""
    which, gateway = a_target(sandbox)
    pool_of("first", "second")
    browser = kit.signed_in()
    assert re.search(r"selected>relay\s*<", kit.page(browser, "/publish"))
    place = kit.do(browser, "/publish", "plan", {"target": which, "pool": "gpt"})["Location"]
    text = kit.page(browser, place)
    assert "is made: 2" in text
    hidden = re.search(r'name="hash" value="([0-9a-f]+)"', text)
    assert hidden is not None
    kit.do(browser, place, "apply", {"hash": "0" * 64}, 422)
    job = kit.do(browser, place, "apply", {"hash": hidden[1]})["Location"]
    assert "relay" in kit.page(browser, job)
    finish()
    assert len(gateway.ours()) == 2
    assert "first" in kit.page(browser, job)
    assert "Publish it" not in kit.page(browser, place)
    kit.do(browser, f"/targets/{which}", "read")
    finish()
    listed = kit.page(browser, "/publications")
    assert listed.count("as we published it") >= 2
    first = Publication.objects.get(credential__name="first")
    assert "as we published it" in kit.page(browser, f"/credentials/{first.credential_id}")
    assert "relay" in kit.page(browser, "/jobs")
    kit.do(browser, "/publications", "withdraw", {"credential": first.credential_id, "target": which})
    finish()
    assert len(gateway.ours()) == 1


def test_a_target_that_was_not_tested_is_said(sandbox: SandboxServer) -> None:
    """Planning for it goes back to the form with the reason, and what was chosen is still chosen."""
    gateway = sandbox.targets.make("s2a", fresh())
    made = publishing.create_target(ADMIN, {"name": "relay", **reached(gateway, sandbox)})
    pool_of("first")
    browser = kit.signed_in()
    text = kit.do(browser, "/publish", "plan", {"target": made["id"], "credentials": "first"}, 409).content.decode()
    assert "relay (to be tested)" in kit.said(text)
    assert "test the connection first" in text
    assert re.search(r"<textarea name=\"credentials\"[^>]*>first</textarea>", text)


def test_a_file_for_kong(database: str) -> None:
    """The page shows the file, where the secret goes and who is left out; the file is to be had alone; a mistake is said."""
    pool_of("first")
    credentials.create_credential(ADMIN, a_credential("off", disabled=True))
    browser = kit.signed_in()
    text = kit.page(browser, "/exports?product=kong&credentials=first,off")
    assert "DECK_STATIONMASTER_FIRST" in text
    assert "It is switched off." in text
    link = re.search(r'href="(/exports[^"]*file=1)"', text)
    assert link is not None
    answer = browser.get(html.unescape(link[1]))
    assert answer["Content-Disposition"] == 'attachment; filename="stationmaster-kong.yaml"'
    assert yaml.safe_load(answer.content)["_format_version"] == "3.0"
    assert SECRET not in text + answer.content.decode()
    empty = kit.page(browser, "/exports?product=kong&credentials=off&file=1")
    assert "no file is written" in empty
    assert "_format_version" not in empty
    assert "no credential" in kit.page(browser, "/exports?product=envoy&credentials=nobody", 404)
    assert "Kubernetes" in kit.page(browser, "/exports?product=envoy&pool=gpt&namespace=Not+One", 422)
