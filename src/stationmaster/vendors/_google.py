"""What Google's error answers say (https://google.aip.dev/193). Owns: their reason before their status. Pure."""

from collections.abc import Mapping
from typing import Any

from stationmaster.line.meaning import Said, read_usual


def read(body: Any) -> Said:
    """As everywhere, with `details[].reason` first: a bad key is a 400 `INVALID_ARGUMENT` whose reason is `API_KEY_INVALID`."""
    usual = read_usual(body)
    error = body.get("error") if isinstance(body, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    reasons = [each.get("reason") for each in details if isinstance(each, Mapping)] if isinstance(details, list) else []
    told = tuple(reason for reason in reasons if isinstance(reason, str) and reason)
    return Said((*told, *usual.codes), usual.words)


def read_token(body: Any) -> Said:
    """As a token endpoint says it: `error` is the code (RFC 6749 §5.2)."""
    usual = read_usual(body)
    error = body.get("error") if isinstance(body, Mapping) else None
    return Said((error, *usual.codes), usual.words) if isinstance(error, str) and error else usual
