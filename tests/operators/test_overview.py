"""The first page: what it says to whom, and where it leads."""

import html
import re
from typing import Any

import pytest

from operators.browser import Browser
from operators.people import PASSWORD, ROOT, somebody
from stationmaster import __version__
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.entrances import live
from stationmaster.routing import services as routing
from stationmaster.settings import Settings
from stationmaster.usage.models import Gateway


@pytest.fixture(autouse=True)
def _settings(database: str) -> None:
    """The page says at which address commands reach this control plane."""
    live.use(Settings())


def signed_in(role: str = "admin", language: str = "en") -> Browser:
    """A browser of somebody with this role."""
    browser = Browser(language)
    browser.sign_in(somebody(role).email, PASSWORD)
    return browser


def rows(browser: Browser) -> dict[str, list[str]]:
    """The page's lines: cells by the name of each."""
    page = browser.get("/").content.decode().rpartition(">What there is<")[2].partition("</section>")[0]
    lines = re.findall(r"<tr><td(.*?</td>)</tr>", page, re.DOTALL)
    found = [[_text(cell) for cell in line.split("</td>")[:-1]] for line in lines]
    return {name.rpartition(">")[2].strip(): cells for name, *cells in found}


def _text(cell: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", cell)).strip()


def store(name: str, **more: Any) -> None:
    """A credential."""
    credentials.create_credential(ROOT, {"name": name, "vendor": "openai", "secret": f"sk-proj-Qc8AZr2vTn5m{name}", **more})


def test_it_is_where_people_come_in() -> None:
    """After signing in, with links to all there is and the version; every link leads somewhere."""
    browser = Browser()
    answer = browser.sign_in(somebody().email, PASSWORD)
    assert answer["Location"] == "/"
    page = browser.get("/").content.decode()
    assert f"Stationmaster {__version__}" in page
    links = {html.unescape(link) for link in re.findall(r'<a href="(/[^"]*)"', page)}
    assert {"/", "/account", "/api/docs"} <= links
    assert all(browser.get(link).status_code == 200 for link in links)
    assert re.search(r'aria-current="page">.*<span>Overview<', page)
    assert not re.search(r"<script(?! src=\"/assets/)", page)
    assert browser.get("/account/factors")["Location"] == "/account"


def test_where_there_is_nothing_it_says_what_to_do() -> None:
    """Every line of an empty installation names the command that makes the first one."""
    found = rows(signed_in())
    gateways = ["Credentials", "Pools", "Routes", "Virtual keys", "Gateways"]
    assert list(found) == [*gateways, "Workspaces", "People", "Seats given from here", "Bills", "Jobs"]
    assert [cells[0] for cells in found.values()] == ["0"] * 10
    commands = ("credential create", "pool create", "route create", "key create", "gateway-token create", "workspace create",
                "person import", "assignment create")  # fmt: skip
    for command, cells in zip(commands, found.values(), strict=False):
        assert f"stationmaster {command}" in cells[1]


def test_it_counts_and_says_how_things_stand() -> None:
    """Numbers, and health in words; each with its command and its call of REST."""
    for name in ("one", "two", "off", "cool", "bad"):
        store(name, disabled=name == "off")
    for name, state in (("one", "healthy"), ("cool", "cooling"), ("bad", "disabled")):
        Credential.objects.filter(name=name).observe(health=state)
    routing.create_pool(ROOT, {"name": "main", "members": [{"credential": "one"}, {"credential": "off"}]})
    routing.create_pool(ROOT, {"name": "idle", "members": [{"credential": "off"}]})
    routing.create_route(ROOT, {"models": ["gpt-*"], "pool": "main"})
    routing.create_key(ROOT, {"name": "app"})
    routing.create_key(ROOT, {"name": "gone", "disabled": True})
    from django.utils import timezone

    now = timezone.now()
    Gateway.objects.create(name="gw", version="1", revision=0, workers=1, token="t", first_seen=now, last_seen=now)
    found = rows(signed_in("viewer"))
    assert [cells[0] for cells in found.values()] == ["5", "2", "1", "2", "1", "0", "0", "0", "0", "0"]
    assert found["Credentials"][1] == ("1 is healthy; 1 is resting for a while; 1 is out of service, refused by its vendor; "
                                       "1 is switched off; no gateway has spoken of 1 yet")  # fmt: skip
    assert found["Pools"][1] == "1 has no credential that is switched on"
    assert found["Virtual keys"][1] == "1 lets applications in; 1 is switched off"
    assert found["Gateways"][1] == "1 is connected; 0 serve the newest configuration"
    for noun, cells in zip(("credential", "pool", "route", "key", "gateway"), found.values(), strict=False):
        assert cells[2].split("  ")[0] == f"stationmaster {noun} list"
        assert f"GET /api/v1/{noun}s" in cells[2]


def test_everybody_sees_what_they_may() -> None:
    """A member is led to what is their own alone; nobody who is not signed in sees the page."""
    routing.create_key(ROOT, {"name": "theirs", "owner": "somebody"})
    member = signed_in("member")
    assert member.get("/")["Location"] == "/access"
    assert "theirs" not in member.get("/access").content.decode()
    assert Browser().get("/")["Location"].startswith("/login")


def test_it_speaks_the_readers_language() -> None:
    """Simplified Chinese as well, the empty lines too."""
    page = signed_in(language="zh-CN").get("/").content.decode()
    assert "概览" in page
    assert "暂无" in page
    assert "None yet" not in page


def test_what_others_wrote_is_no_markup() -> None:
    """Text that is shown with commands in it is escaped as everything is."""
    from stationmaster.entrances.console.tags import coded

    assert coded("`<b>` & `x") == "<code>&lt;b&gt;</code> &amp; `x"
