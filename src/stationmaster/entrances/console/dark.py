"""The dark theme where the browser decides (`prefers-color-scheme`), without a script. Owns: from a style sheet, its dark rules
for `[data-theme=auto]`.

A sheet says what is dark for `[data-bs-theme=dark]` once; what is made here is linked right behind it, so that the order of rules
is that of a theme that was chosen.
"""

import re
from collections.abc import Iterator
from typing import Final

_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_ROOT: Final = re.compile(r"^(?::root)?\[data-bs-theme=\"?dark\"?\]")


def when_dark(sheet: str) -> str:
    """The sheet's rules that begin with the dark root, for a root that leaves it to a browser whose reader prefers dark. What
    stands within another rule, as for print, stays out."""
    rules = [f"{','.join(found)}{{{body}}}" for heads, body in _rules(_COMMENT.sub("", sheet)) if (found := list(_heads(heads)))]
    return "\n".join(("@media (prefers-color-scheme: dark) {", *rules, "}\n"))


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Selectors and body of each rule that stands within no other."""
    depth = 0
    for piece in sheet.split("}"):
        opened = piece.count("{")
        if depth == 0 and opened == 1:
            heads, _, body = piece.partition("{")
            yield heads.rpartition(";")[2], body
        depth += opened - 1


def _heads(text: str) -> Iterator[str]:
    """Of the selectors of one rule, those of the dark root; the commas within brackets are none of theirs."""
    for each in re.split(r",(?![^()]*\))", text):
        found, count = _ROOT.subn("[data-theme=auto]", each.strip())
        if count:
            yield found
