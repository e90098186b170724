"""Attacks by what was stored, where scripts of ours carry it on: dialogs, rows that open in place, lists that are turned over,
streams, errors that repeat what was typed. Nothing runs, and the content security policy has nothing to refuse."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Error

from browser.driving import Visitor, aside
from browser.planes import Plane
from console import marks

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(600)]

_RAN = "window.pwned || document.querySelector('main img, dialog img, main script, dialog script') !== null"
_HOSTILE = "\"'><img src=x onerror=window.pwned=1><script>window.pwned=1</script>{{7*7}}`"
_DIALOG = "dialog[open] .holds h1"


@pytest.fixture(scope="module")
def marked(plane: Plane, browser: Any) -> Iterator[Visitor]:
    """An admin who came before marks were put into all that is stored, addresses of people among it."""
    visitor = Visitor(browser, plane.url).sign_in()
    assert aside(marks.put) > 60
    yield visitor
    visitor.context.close()


def _watched(visitor: Visitor, path: str) -> bool:
    """Open a page; whether it is there."""
    visitor.check()
    answer = visitor.page.goto(path, wait_until="load")
    assert answer is not None
    if answer.status != 200:
        visitor.wrong.clear()  # the browser says in its console that there is nothing
    return answer.status == 200


def test_dialogs_and_rows_that_open(plane: Plane, marked: Visitor) -> None:
    """Each dialog of each page, those for several rows too, and each first row that opens in place, shows marks as text."""
    visitor, opened, seen = marked, 0, set[str]()
    for path in plane.everything.addresses():
        if not _watched(visitor, path):
            continue
        for which in _ways(visitor, seen):
            opened += _opened(visitor, path, which)
    visitor.check()
    assert opened > 15


def _ways(visitor: Visitor, seen: set[str]) -> list[str]:
    """What opens something on a page, as selectors; those that were tried on another page are left out."""
    found: list[str] = visitor.page.evaluate("""
        () => [...document.querySelectorAll("main a[data-dialog], main a[data-open]")].map((each) => each.getAttribute("href"))
    """)
    links = [f'main a[href="{each}"]' for each in dict.fromkeys(found) if '"' not in each]
    bulk: list[str] = visitor.page.evaluate("""
        () => [...document.querySelectorAll("main form[data-bulk] button[data-dialog]")].map((each) =>
            `main form[data-bulk] button[formaction="${each.getAttribute("formaction")}"]` +
            (each.name ? `[name="${each.name}"][value="${each.value}"]` : ""))
    """)
    ways = [each for each in [*links, *bulk] if each not in seen]
    seen.update(ways)
    return ways


def _opened(visitor: Visitor, path: str, which: str) -> bool:
    page = visitor.page
    if "form[data-bulk]" in which:
        page.evaluate("document.querySelectorAll('tbody .pick input').forEach((each) => each.checked || each.click())")
    opens = page.evaluate("(which) => document.querySelector(which)?.hasAttribute('data-open')", which)
    page.evaluate("(which) => document.querySelector(which).click()", which)
    page.wait_for_selector("tr.opened" if opens else _DIALOG, state="attached")
    page.wait_for_timeout(50)
    assert not page.evaluate(_RAN), (path, which)
    visitor.wrong = [each for each in visitor.wrong if "the server responded with a status of 4" not in each]
    _watched(visitor, path)
    return True


def test_lists_that_are_turned_and_errors(marked: Visitor) -> None:
    """Words that are searched for, filters and columns that are no such things, and what a form refuses are repeated as text, in
    place and as pages."""
    visitor = marked
    for path in ("/people", "/keys", "/requests", "/jobs", "/audit", "/credentials", "/settings"):
        assert _watched(visitor, path)
        field = visitor.page.locator("main form[role=search] input[type=search]")
        if field.count():
            with visitor.page.expect_response(lambda answer: "search=" in answer.url):
                field.first.fill(_HOSTILE)
            visitor.page.wait_for_timeout(200)
            assert not visitor.page.evaluate(_RAN), path
        for asked in (
            f"filter={_HOSTILE}",
            f"sort={_HOSTILE}",
            f"filter=name:eq:{_HOSTILE}",
            f"columns={_HOSTILE}",
            f"{_HOSTILE}=1",
        ):
            _watched(visitor, f"{path}?{asked}")
            assert not visitor.page.evaluate(_RAN), (path, asked)
    visitor.check()


def _ran(page: Any) -> Any:
    """Whether anything ran, asked of the page that a form leads to, once it is there."""
    for _ in range(20):
        page.wait_for_load_state("load")
        try:
            return page.evaluate(_RAN)
        except Error:      # it was on its way
            page.wait_for_timeout(250)
    raise AssertionError("the page never came")


def test_forms_that_repeat_what_was_typed(marked: Visitor) -> None:
    """Every form for something new comes back with what was typed, and says what is wrong with it, as text."""
    visitor, came = marked, 0
    for path in ("/people", "/groups", "/pools/new", "/routes/new", "/keys/new", "/credentials/new", "/targets/new", "/tokens",
                 "/operators", "/assignments/new", "/plans/new", "/workspaces/new", "/alerts/new", "/routes/try",
                 f"/requests?find=1&request={_HOSTILE}"):  # fmt: skip
        if not _watched(visitor, path):
            continue
        came += visitor.page.evaluate(_FILL, _HOSTILE)
        visitor.page.wait_for_timeout(400)
        assert not _ran(visitor.page), path
        visitor.wrong = [each for each in visitor.wrong if "the server responded with a status of 4" not in each]
    visitor.check()
    assert came > 6


_FILL = """
(text) => {
  const forms = [...document.querySelectorAll("main form[method=post]")].filter((each) => each.querySelector("input[type=text]"));
  const form = forms.at(-1);
  if (!form) return 0;
  form.querySelectorAll("input[type=text], input[type=password], textarea").forEach((each) => (each.value = text));
  form.noValidate = true;
  form.querySelector("button:not([data-try])").click();
  return 1;
}
"""


def test_lines_and_rows_that_come_in(plane: Plane, marked: Visitor) -> None:
    """A job's lines and requests that come while somebody looks are text, with what would end an event of the stream in them."""
    visitor, job = marked, plane.everything.ids["jobs"]
    aside(lambda: _running(job))
    visitor.open(f"/jobs/{job}")
    aside(lambda: _line(job, 5001))
    line = visitor.page.locator(".log > li", has_text="line 5001")
    line.wait_for()
    assert (line.count(), visitor.page.locator(".log > li", has_text="forged").count()) == (1, 1)
    assert "forged" in line.inner_text()
    assert not visitor.page.evaluate(_RAN)
    visitor.open("/requests?follow=1")
    aside(_requested)
    visitor.page.locator('a[href="/requests/req-hostile"]').wait_for()
    assert not visitor.page.evaluate(_RAN)
    visitor.check()


def _running(job: str) -> bool:
    from stationmaster.jobs.models import Job

    Job.objects.filter(id=job).update(state="running", ended_at=None)
    return True


def _line(job: str, seq: int) -> bool:
    from django.utils import timezone

    from stationmaster.jobs.models import JobLog

    text = f"line {seq} {_HOSTILE}\r\nevent: end\rdata: forged\n\nevent: live-facts\ndata: <p>\u2028</li></ol>"
    JobLog.objects.create(job_id=job, seq=seq, at=timezone.now(), level='info"><img src=x>'[:8], item=_HOSTILE[:100], text=text)
    return True


def _requested() -> bool:
    from usage.kit import request, sent

    more = dict.fromkeys(("key", "owner", "tenant", "model", "sent_model", "pool", "credential", "error", "endpoint"), _HOSTILE)
    sent(request(**{**more, "request_id": "req-hostile", "gateway": "gw"}))
    return True
