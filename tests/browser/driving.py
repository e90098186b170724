"""Debian's Chromium, driven through the console. Owns: the browser, pages that note what went wrong in them, signing in.

Playwright's loop stays with the thread that it was begun in, so one lives no longer than the tests of a module; what asks the
database beside it goes through `aside`.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

import databases  # noqa: F401  it sets Django up
from operators.people import PASSWORD

T = TypeVar("T")

_OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu"]
# What the content security policy refuses is told to the page alone; it is gathered here before any script of the page runs.
_WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", e => window.__violations.push(e.violatedDirective + " " + e.blockedURI));
"""
_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, for as long as the body runs."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def aside(work: Callable[[], T]) -> T:
    """Do something with Django, in a thread of its own: it refuses to where a loop runs."""
    from django.db import connections

    made: list[Any] = []

    def run() -> None:
        try:
            made.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert made, "it failed; see above"
    return made[0]  # type: ignore[no-any-return]


class Visitor:
    """Somebody at the console at `url`, in a browser window of their own. `wrong` is what pages complained of."""

    def __init__(
        self, browser: Browser, url: str, *, language: str = "en", dark: bool = False, width: int = 1280, height: int = 800,
        script: bool = True,
    ) -> None:  # fmt: skip
        self.url, self.wrong = url, list[str]()
        self.context = browser.new_context(
            base_url=url, locale=language, color_scheme="dark" if dark else "light", java_script_enabled=script,
            viewport={"width": width, "height": height}, reduced_motion="reduce", accept_downloads=True,
        )  # fmt: skip
        self.context.set_default_timeout(20_000)
        self.context.add_init_script(_WATCH)
        self.page = self.context.new_page()
        self._listen(self.page)

    def _listen(self, page: Page) -> None:
        page.on("console", lambda said: self._note(page, f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(page, f"script: {error}"))
        page.on("requestfailed", lambda asked: self._failed(page, asked))
        page.on("request", lambda asked: self._abroad(page, asked.url))

    def _note(self, page: Page, what: str) -> None:
        self.wrong.append(f"{page.url}: {what}")

    def _failed(self, page: Page, asked: Any) -> None:
        """Left out: what was dropped because the page went away (a stream, a picture)."""
        if asked.failure != "net::ERR_ABORTED":
            self._note(page, f"{asked.url} failed: {asked.failure}")

    def _abroad(self, page: Page, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:", "about:")):
            self._note(page, f"asked {address}")

    def sign_in(self, email: str = "admin@example.com", password: str = PASSWORD) -> "Visitor":
        """Fill the log-in form in."""
        self.page.goto("/login")
        self.page.fill('input[name="login"]', email)
        self.page.fill('input[name="password"]', password)
        self.page.press('input[name="password"]', "Enter")
        self.page.wait_for_url(lambda address: "/login" not in address)
        return self

    def open(self, path: str, status: int = 200) -> Page:
        """Open a page, and leave the one before in order: see `check`."""
        self.check()
        # Not `networkidle`: a page that watches never is.
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == status, (path, answer.status)
        return self.page

    def check(self) -> None:
        """Fail if a page complained of anything: in its console, by an error of a script, against its security policy."""
        if not self.page.url.startswith("about:"):
            refused = self.page.evaluate("window.__violations || []")
            self.wrong += [f"{self.page.url}: refused {each}" for each in refused]
        assert not self.wrong, "\n".join(self.wrong)

    def axe(self) -> list[str]:
        """What people who do not see or point could not use here: a line an element."""
        found = Axe().run(self.page, options=_AXE).response["violations"]
        return [f"{rule['id']}: {node['html'][:160]} ({_why(node)})" for rule in found for node in rule["nodes"]]

    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("body")

    def close(self) -> None:
        """Leave; what the last page complained of counts too."""
        try:
            self.check()
        finally:
            self.context.close()


def _why(node: Any) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(each["message"] for each in checks)[:200]
