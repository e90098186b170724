"""REST's page stands in the console's frame: navigation, theme and language like every other page, and as strict a policy."""

import re

import pytest

from console import kit


@pytest.mark.parametrize(("language", "title"), [("en", "API documentation"), ("zh-CN", "API 文档")])
def test_it_stands_in_the_frame(database: str, language: str, title: str) -> None:
    """The way there is marked among the pages, the theme that was chosen holds, no script or style stands in it."""
    browser = kit.signed_in(language=language)
    browser.send("/theme", {"theme": "dark", "back": "/api/docs"}, form="/people")
    text = kit.page(browser, "/api/docs")
    assert re.search(rf'<a href="/api/docs" aria-current="page">.*?<span>{title}</span>', text)
    assert f"<h1>{title}</h1>" in text
    assert 'data-bs-theme="dark" class="dark-mode"' in text
    assert 'name="language" value="zh-CN"' in text
    assert not re.search(r'<script(?! src="/(?:assets|api/docs)/)|<style| style=| on[a-z]+=', text)
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in browser.get("/api/docs")["Content-Security-Policy"]


def test_a_theme_that_is_left_to_the_browser_is_marked_by_a_script(database: str) -> None:
    """No class says anything of it in the page itself."""
    assert 'data-theme="auto" class="">' in kit.page(kit.signed_in(), "/api/docs")
