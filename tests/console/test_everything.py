"""Every page of the URLconf: it is there, it stays as cheap as it is, and what was stored is text in it."""

import html
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from typer.main import get_command

from console import kit
from console.everything import everything, more
from console.marks import put
from operators.browser import Browser
from stationmaster.cli.app import app
from stationmaster.entrances.api.site import document

pytestmark = pytest.mark.timeout(900)  # some hundred pages each, on a machine that others share

_DOCUMENT = json.loads(document())
MOST = 60               # questions to the database that any page may cost
DEAR = {"/": 120}       # … but the overview, which sums up all others


def test_every_address_has_a_page(database: str) -> None:
    """Each address of the URLconf that is looked at answers an admin, without a word of script or style in it, and says which
    command and which call of REST do the same."""
    all_of_it, browser = everything(), kit.signed_in()
    wrong = {}
    for path in all_of_it.addresses():
        answer = browser.get(path)
        text = b"".join(answer).decode()
        if answer.status_code != 200:
            wrong[path] = f"{answer.status_code}: {kit.said(text)[:300]}"
        elif re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", text):
            wrong[path] = "holds a script or style"
        elif "The same by command line and REST" not in text:
            wrong[path] = "does not say how the same is done elsewhere"
    assert wrong == {}


def test_commands_and_calls_on_pages_are_there(database: str) -> None:
    """What any page says that can be typed or called instead is a command of this program, down to its verb, or an operation of
    REST's document."""
    all_of_it, browser = everything(), kit.signed_in()
    pages = "".join(html.unescape(b"".join(browser.get(path)).decode()) for path in all_of_it.addresses())
    typed = set(re.findall(r"<code[^>]*>stationmaster ([^<]+)</code>", pages))
    assert len(typed) > 60
    assert sorted(words for words in typed if not _is_command(words)) == []
    called = set(re.findall(r"<code[^>]*>((?:GET|POST|PUT|PATCH|DELETE) /api/v1/[^<]+)</code>", pages))
    assert len(called) > 60
    assert sorted(call for call in called if not _is_call(call)) == []


def _is_command(words: str) -> bool:
    command: Any = get_command(app)
    for word in words.split():
        if word == "--help":
            return True
        if not getattr(command, "commands", {}):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


def _is_call(call: str) -> bool:
    """Whether an operation has this method and a path of this form."""
    method, _, path = call.partition(" ")
    parts = path.partition("?")[0].split("/")
    return any(
        method.lower() in methods and len(parts) == len(each := known.split("/"))
        and all(one == other or other.startswith("{") for one, other in zip(parts, each, strict=True))
        for known, methods in _DOCUMENT["paths"].items()
    )  # fmt: skip


def test_no_page_asks_once_a_row(database: str) -> None:
    """What a page costs the database is the same with three of each kind and with ten times as many."""
    all_of_it, browser = everything(3), kit.signed_in()
    before = {path: asked(browser, path) for path in all_of_it.addresses()}
    more(all_of_it.stage, 27)
    after = {path: asked(browser, path) for path in before}
    grown = {path: (before[path], after[path]) for path in before if after[path] > before[path] + 2}
    assert grown == {}
    assert {path: count for path, count in after.items() if count > DEAR.get(path, MOST)} == {}


def asked(browser: Browser, path: str) -> int:
    """How many questions a page costs."""
    browser.get(path)
    with CaptureQueriesContext(connection) as questions:
        kit.page(browser, path)
    return len(questions)


def test_what_was_stored_is_text(database: str) -> None:
    """Whatever stands in any text of any row, no page takes it for markup; and every page stands it."""
    all_of_it, browser = everything(), kit.signed_in()
    addresses = all_of_it.addresses()
    assert put() > 60
    wrong, shown = {}, 0
    for path in addresses:
        answer = browser.get(path)
        text = b"".join(answer).decode()
        if answer.status_code not in (200, 404) or "<script>window" in text or "<img" in text:
            wrong[path] = f"{answer.status_code}: {kit.said(text)[:300]}"
        shown += "&lt;script&gt;window" in text
    assert wrong == {}
    assert shown > 20
