"""Texts from elsewhere, made fit to be kept and shown. Owns: what is taken out of log lines, reasons and results.

Secrets are kept out where they are used; this is the second line, for what a vendor repeats in its own words.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

MAX_LINE: Final = 2000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# C0 and C1 controls, line and paragraph separators, what reverses the direction of writing, what cannot be seen, lone surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_SECRET = re.compile(
    r"(?:(?<![A-Za-z0-9])(?:sk|rk|sm|sess|gsk|xai|pplx|ghp|gho|ghs|ghu|ghr|github_pat|ya29|AIza|AKIA|ASIA|glpat|hf|key|crsr)"
    r"[-_.](?:[A-Za-z0-9_\-.]{8,})|\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_\-]{12,}|\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]+)*)"
)
_NAMED = re.compile(
    r"(?i)\b((?:proxy-)?authorization|x-api-key|api[-_ ]?key|access[-_ ]?token|client[-_ ]?secret|password|passwd|secret|cookie)"
    r"([\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|token)\s+)?[^\s\"',;&]+"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_\-.=~]{8,}")
_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/@]+@", re.IGNORECASE)
HIDDEN: Final = "[hidden]"


def clean(text: str, limit: int = MAX_LINE) -> str:
    """One line of at most `limit` characters, without control sequences, and without what looks like a secret."""
    line = _CONTROLS.sub(" ", _ANSI.sub("", str(text)[: 4 * limit])).strip()
    line = _NAMED.sub(rf"\1\2{HIDDEN}", line)
    line = _BEARER.sub(rf"\1 {HIDDEN}", line)
    line = _IN_URL.sub(rf"\1{HIDDEN}@", _SECRET.sub(HIDDEN, line))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def cleaned(value: Any) -> Any:
    """The like for plain JSON values: every text in them."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name), 200): cleaned(inner) for name, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value
