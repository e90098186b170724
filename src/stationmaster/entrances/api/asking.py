"""What a call asks, read from its request. Owns: queries of lists, JSON bodies, the version of an edit."""

import re
from collections.abc import Collection
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from stationmaster.errors import Invalid, Stale, StationmasterError
from stationmaster.gateway.config.problems import did_you_mean, shown
from stationmaster.store.export import Format
from stationmaster.store.filters import Filter, bad_filter
from stationmaster.store.listing import Query

LIST = ("search", "filter", "sort", "cursor", "limit", "format")
MAX_FILTERS = 20
_FORMATS: dict[str, Format] = {"csv": "csv", "json": "json", "jsonl": "jsonl"}


def known_only(request: HttpRequest, known: Collection[str], many: Collection[str] = ("filter",)) -> None:
    """Raise `Invalid` for a parameter that means nothing here: one that is misspelt would be left out in silence."""
    for name in request.GET:
        if name not in known:
            hint = did_you_mean(name, known) or (f"there are {', '.join(known)}" if known else "there are none")
            raise bad_parameter(name, "unknown parameter", hint)
        if name not in many and len(request.GET.getlist(name)) > 1:
            raise bad_parameter(name, "is given more than once")
        if any("\0" in value for value in request.GET.getlist(name)):
            raise bad_parameter(name, "holds a NUL")


def query(request: HttpRequest) -> Query:
    """What is asked of a list. Raises `Invalid`."""
    known_only(request, LIST)
    given = request.GET
    return Query(given.get("search", ""), filters(request), given.get("sort", ""), given.get("cursor", ""), _limit(request))


def filters(request: HttpRequest) -> tuple[Filter, ...]:
    """Every `filter=field:op:value`. Raises `Invalid`."""
    texts = request.GET.getlist("filter")
    if len(texts) > MAX_FILTERS:
        raise bad_filter("filter", f"is given at most {MAX_FILTERS} times")
    return tuple(map(_filter, texts))


def export_format(request: HttpRequest) -> Format | None:
    """The kind of file that is wanted instead of a page: by `format`, or by `Accept: text/csv`. Raises `Invalid`."""
    named = request.GET.get("format", "")
    if named and named not in _FORMATS:
        raise bad_parameter("format", f"is one of {', '.join(_FORMATS)}")
    if named:
        return _FORMATS[named]
    return "csv" if request.headers.get("Accept", "").split(";")[0].strip().lower() == "text/csv" else None


def part(request: HttpRequest) -> tuple[int, bytes]:
    """A part of a file: where in the file it begins (`offset`), and its bytes as they were sent. Raises `Invalid`,
    `StationmasterError` 413 and 415."""
    known_only(request, ("offset",))
    offset = request.GET.get("offset", "0")
    if not re.fullmatch(r"\d{1,12}", offset, re.ASCII):
        raise bad_parameter("offset", "is a number")
    if request.headers.get("Content-Encoding"):
        raise StationmasterError("error.api.content_type", "parts are sent as they are, not compressed", status=415)
    return int(offset), _bytes(request)


def body(request: HttpRequest, *, optional: bool = False) -> dict[str, Any]:
    """The JSON object that was sent. `optional`: nothing may have been. Raises `StationmasterError`."""
    sent = _bytes(request)
    if optional and not sent:
        return {}
    if request.content_type != "application/json":
        raise StationmasterError("error.api.content_type", "this takes application/json", status=415)
    try:
        given = msgspec.json.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StationmasterError("error.api.bad_json", "the body is not JSON") from None
    if not isinstance(given, dict):
        raise StationmasterError("error.api.bad_json", "the body is a JSON object")
    return given


def _bytes(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise StationmasterError("error.api.too_large", "this body is too large", status=413) from None


def version(request: HttpRequest) -> int | None:
    """The version that an edit goes out from, by `If-Match` (RFC 9110 section 13.1.1); None for `*`, any. Raises
    `StationmasterError` 428 without it (RFC 6585 section 3), 412 for what can be no version of ours."""
    asked = request.headers.get("If-Match", "").strip()
    if not asked:
        hint = 'read it first, and send its ETag back as If-Match; "*" takes any version'
        raise StationmasterError("error.api.no_version", "an edit says which version it is of", hint=hint, status=428)
    if asked == "*":
        return None
    if not re.fullmatch(r'"\d{1,18}"', asked, re.ASCII):
        raise Stale("error.store.stale", "this is no version of it", hint="read it again and repeat the change")
    return int(asked.strip('"'))


def bad_parameter(name: str, why: str, hint: str = "") -> Invalid:
    """What a parameter that cannot be gets."""
    said = shown(name)      # somebody may have sent a secret in place of a name
    return Invalid("error.api.bad_parameter", f"{said}: {why}", hint=hint, fields={said: why})


def _filter(text: str) -> Filter:
    parts = text.split(":", 2)
    if len(parts) != 3:
        raise bad_filter("filter", "has the form field:op:value")
    return Filter(*parts)


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", "50")
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise bad_filter("limit", "is a number")
    return int(text)
