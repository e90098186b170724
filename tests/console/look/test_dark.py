"""The dark theme where the browser decides: made of the sheets' own dark rules, without a script."""

import re

from console import kit
from stationmaster.entrances.console import assets
from stationmaster.entrances.console.dark import when_dark

SHEET = """
/* [data-bs-theme="dark"] { --a: comment } */
:root, [data-bs-theme="light"] { --a: 1 }
[data-bs-theme="dark"], .theme-dark { --a: 2 }
:root:not([data-bs-theme=dark],.x) .y{display:none}
body[data-bs-theme=dark] [data-bs-theme=light]{--a:3}
[data-bs-theme=dark] .y:is(.a, .b),:root[data-bs-theme=dark] .z{color:red}
@media print{[data-bs-theme=dark]{--a:4}}
[data-bs-theme=dark] .last{--a:5}
"""


def test_dark_rules_are_taken_over() -> None:
    """Those whose selector begins with the dark root, in their order; none of print or of parts of a page."""
    lines = when_dark(SHEET).splitlines()
    assert lines == [
        "@media (prefers-color-scheme: dark) {", "[data-theme=auto]{ --a: 2 }",
        "[data-theme=auto] .y:is(.a, .b),[data-theme=auto] .z{color:red}", "[data-theme=auto] .last{--a:5}", "}",
    ]  # fmt: skip


def test_the_browser_decides_without_a_script(database: str) -> None:
    """Only a page whose theme is left to the browser has the dark halves, each behind its sheet; no script has a part in it."""
    browser = kit.signed_in()
    sheets = re.findall(r'<link rel="stylesheet" href="/assets/([a-z.]+)\.[0-9a-f]{12}\.css">', kit.page(browser, "/people"))
    assert sheets == ["tabler.min", "tabler.min.dark", "console", "console.dark"]
    assert "theme.js" not in kit.page(browser, "/people")
    dark = b"".join(browser.get(assets.address("console.dark.css"))).decode()
    assert dark.startswith("@media (prefers-color-scheme: dark)")
    assert "--page: #10141b" in dark
    browser.send("/theme", {"theme": "dark", "back": "/people"}, form="/people")
    assert ".dark." not in kit.page(browser, "/people")
