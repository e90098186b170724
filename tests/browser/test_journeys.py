"""What people come for, from the first link to the last step, in a browser over a whole installation: `stationmaster demo` with
its simulated vendors, its worker and its gateway. In both languages."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browser.driving import Visitor, chromium
from up.kit import Up, free_ports

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(300)]

ADDRESS, PASSWORD, PATIENCE = "first@example.com", "three wet badgers hum", 60.0
_BY_HAND = 'main input[name="do"][value="revoked"]'
PEOPLE = "E-Mail,Name,Groups\nmember-001@example.test,Ada,{group}\nnew-{group}@example.test,Bob,{group}\n"


class Admin(Visitor):
    """Somebody who became the installation's first admin by its link."""

    def become(self, link: str, language: str) -> None:
        """Follow the link, which works once."""
        page = self.open(link)
        page.fill("#email", ADDRESS)
        page.fill("#password", PASSWORD)
        page.fill("#repeated", PASSWORD)
        page.select_option("#language", language)
        page.click("main form button")
        page.wait_for_url(lambda address: "/welcome" not in address)

    def send(self, do: str, upload: str = "", **fields: str) -> None:
        """Fill in the form of the page that does this, and send it."""
        form = self.page.locator(f'main form:has(input[name="do"][value="{do}"])').first
        for hidden in form.locator("xpath=ancestor::details[not(@open)]").all():
            hidden.evaluate("each => { each.open = true; }")
        if upload:
            file = {"name": "people.csv", "mimeType": "text/csv", "buffer": upload.encode()}
            form.locator('[type="file"]').set_input_files(file)  # type: ignore[arg-type]
        for name, value in fields.items():
            _fill(form, name, value)
        form.locator("button:not([name])").first.click()
        self.page.wait_for_load_state()

    def until(self, path: str, found: Callable[[str], bool]) -> str:
        """Look at a page again and again until it holds what is wanted."""
        deadline = time.monotonic() + PATIENCE
        while not found(text := self.open(path).inner_text("main")):
            assert time.monotonic() < deadline, text
            time.sleep(0.3)
        return text

    def first(self, path: str, start: str) -> str:
        """The first link of a page's list that begins so."""
        found = self.open(path).get_attribute(f'main tbody a[href^="{start}"]', "href")
        assert found
        return found

    def path(self) -> str:
        """The path of the page that is shown."""
        return self.page.url.removeprefix(self.url).partition("?")[0]


def _fill(form: Any, name: str, value: str) -> None:
    control = form.locator(f'[name="{name}"]')
    kind = control.first.evaluate("each => each.tagName + each.type")
    if kind.startswith("SELECT"):
        control.first.select_option(value)
    elif kind == "INPUTcheckbox":
        form.locator(f'[name="{name}"][value="{value}"]').check()
    else:
        control.first.fill(value)


@pytest.fixture(scope="module", params=["en", "zh-CN"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, str]]:
    """The demo, and the language of who came first."""
    station = Up(tmp_path_factory.mktemp("demo"), "--sandbox-port", str(free_ports(1)[0]), noun="demo")
    try:
        yield station.wait(), request.param
    finally:
        station.clear()


@pytest.fixture(scope="module")
def browser(demo: tuple[Up, str]) -> Iterator[Any]:
    """Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def first_run(demo: tuple[Up, str], browser: Any) -> str:
    """The first admin came, by the link that the command printed; what the page said that they were led to."""
    station, language = demo
    deadline = time.monotonic() + PATIENCE
    while not (link := re.search(r"http://\S+(/welcome/\S+)", station.said)):
        assert time.monotonic() < deadline, station.said
        time.sleep(0.1)
    admin = Admin(browser, station.console, language=language)
    admin.become(link[1], language)
    said = admin.page.inner_text("body")
    admin.close()
    return said


@pytest.fixture
def admin(demo: tuple[Up, str], browser: Any, first_run: str) -> Iterator[Admin]:
    """The first admin, signed in."""
    station, language = demo
    admin = Admin(browser, station.console, language=language)
    admin.sign_in(ADDRESS, PASSWORD)
    yield admin
    admin.close()


@pytest.fixture
def group(demo: tuple[Up, str]) -> str:
    """A name that no other test has."""
    return f"group-{time.monotonic_ns()}"


def _imported(admin: Admin, group: str) -> None:
    """People from a file, in a group of their own."""
    admin.open("/people/imports")
    admin.send("upload", upload=PEOPLE.format(group=group))
    admin.send("start")
    admin.until(f"/people?search=new-{group}", lambda said: f"new-{group}" in said)


def test_the_first_admin_finds_the_overview(demo: tuple[Up, str], first_run: str) -> None:
    """The link leads to a page in the language that was chosen, with the menu of everything."""
    wanted = {"en": ("Workspaces", "Credentials"), "zh-CN": ("工作区", "凭据")}[demo[1]]
    for words in wanted:
        assert words in first_run


def test_people_come_to_their_seats(admin: Admin, group: str) -> None:
    """A file is imported, its group assigned, a plan made, looked at, approved and applied: who was in is active, who was not
    is invited."""
    _imported(admin, group)
    admin.open("/assignments")
    admin.send("make", workspace="demo-openai", group=group, role="reader")
    admin.open("/plans/new")
    admin.send("make", workspace="demo-openai", note=group)
    plan = admin.path()
    assert group in admin.page.inner_text("main")
    admin.send("approve")
    admin.send("apply")
    admin.until(plan, lambda said: admin.page.locator(".state.good").count() > 0)
    admin.until("/seats?filter=state:eq:active", lambda said: "Ada" in said)
    admin.until("/seats?filter=state:eq:invited", lambda said: "Bob" in said)


def test_credentials_reach_another_gateway(admin: Admin) -> None:
    """A target is tested, a plan of publishing made and applied, and what is there is read back as it was sent."""
    target = admin.first("/targets", "/targets/tgt_")
    admin.open(target)
    admin.send("test")
    assert "1.106" in admin.page.inner_text("main")
    admin.open("/publish")
    admin.send("plan", pool="demo-anthropic")
    admin.send("apply")
    assert admin.path().startswith("/jobs/")
    admin.until("/publications?filter=state:eq:published", lambda said: "demo-anthropic" in said)
    admin.open(target)
    admin.send("read")
    admin.until("/publications?filter=seen:eq:present", lambda said: "demo-anthropic" in said)


def test_a_key_is_brought_in_rotated_and_revoked(demo: tuple[Up, str], admin: Admin, group: str) -> None:
    """A key is pasted and proved; another follows it, and the way back is open. Then it is revoked: nothing serves, no way back
    is offered, and what a person has to revoke by hand is ticked off one by one; the trail keeps why."""
    vendor = re.search(r"(http://127\.0\.0\.1:\d+) \(", demo[0].said)
    assert vendor
    admin.open("/credentials/new")
    admin.send("paste", name=group, vendor="openai", secret=f"sandbox-{group}-1", base_url=f"{vendor[1]}/v1")
    page = f"/credentials/{group}"
    admin.until(page, lambda _: _offers(admin, "paste"))
    admin.send("paste", secret=f"sandbox-{group}-2")
    admin.until(page, lambda _: _offers(admin, "rollback"))
    admin.send("revoke", reason="a drill", sure="on")
    # The vendor is asked by a job; these keys have no id that it could be asked by, so that they are left to people.
    said = admin.until(page, lambda _: admin.page.locator(_BY_HAND).count() == 2)
    assert not any(_offers(admin, do) for do in ("rollback", "probe", "revoke_kept"))
    assert f"sandbox-{group}" not in said
    for left in (1, 0):
        admin.send("revoked")
        assert admin.page.locator(_BY_HAND).count() == left
    assert "a drill" in admin.open("/audit").inner_text("main")


def _offers(admin: Admin, do: str) -> bool:
    return admin.page.locator(f'main input[name="do"][value="{do}"]').count() > 0


def test_somebody_leaves(admin: Admin, group: str) -> None:
    """Who leaves is shown first what ends with it; afterwards they are listed as gone."""
    _imported(admin, group)
    person = admin.first(f"/people?search=new-{group}", "/people/per_")
    admin.open(f"{person}/leave")
    admin.send("leave")
    admin.until(f"/people?search=new-{group}&filter=active:eq:false", lambda said: f"new-{group}" in said)


def test_a_request_is_explained(demo: tuple[Up, str], admin: Admin) -> None:
    """A call through the gateway stands among the requests soon; its page says which credential answered, and why that one."""
    key = re.search(r"virtual key: (\S+)", demo[0].said)
    assert key
    assert demo[0].ask(key[1]) == 200
    admin.until("/requests", lambda said: "gpt-4o-mini" in said)
    request = admin.first("/requests", "/requests/")
    said = admin.open(request).inner_text("main")
    assert "demo-openai-" in said
    assert key[1] not in said
