"""Browsers by name. Owns: from what a browser calls itself (RFC 9110 §10.1.5) to what people call it and its system.

Most name themselves after each other, so the order of the patterns decides. Nothing but words for people hangs on it.
"""

import re
from typing import Final

from stationmaster.i18n import tr

_BROWSERS: Final = tuple((name, re.compile(pattern)) for name, pattern in (
    ("Edge", r"\bEdg(?:e|A|iOS)?/(\d+)"), ("Opera", r"\bOPR/(\d+)"), ("Vivaldi", r"\bVivaldi/(\d+)"),
    ("Samsung Internet", r"\bSamsungBrowser/(\d+)"), ("Firefox", r"\b(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"\b(?:Headless)?(?:Chrome|CriOS|Chromium)/(\d+)"), ("Safari", r"\bVersion/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
))  # fmt: skip
_SYSTEMS: Final = tuple((name, re.compile(pattern)) for name, pattern in (
    ("Android", r"\bAndroid\b"), ("iPadOS", r"\biPad\b"), ("iOS", r"\biPhone\b"), ("Windows", r"\bWindows NT\b"),
    ("ChromeOS", r"\bCrOS\b"), ("macOS", r"\bMac OS X\b|\bMacintosh\b"), ("Linux", r"\bLinux\b|\bX11\b"),
))  # fmt: skip
_MOST: Final = 40  # characters that are shown of one that is not known


def told(agent: str) -> str:
    """"Firefox 133 on Linux", in the reader's language; of one that is not known, its beginning as it is."""
    browser = next((f"{name} {found[1]}" for name, pattern in _BROWSERS if (found := pattern.search(agent))), "")
    system = next((name for name, pattern in _SYSTEMS if pattern.search(agent)), "")
    if browser:
        return tr("{browser} on {system}", browser=browser, system=system) if system else browser
    return agent if len(agent) <= _MOST else f"{agent[:_MOST]}\N{HORIZONTAL ELLIPSIS}"
