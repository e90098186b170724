"""The outermost layer. Owns: that a request is meant for us and can be understood in one way only; its id; the headers that
every answer has; that every error becomes an answer.

Whoever may what is decided by the route that Django found, never by a path as text, so that no other spelling gets around
it; odd spellings are refused here all the same (T5: Host, `//`, `%2f`, `;`, `..`, methods by header).
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.requestlines import note
from stationmaster.entrances.web.answers import answer, from_exception
from stationmaster.entrances.web.requests import of
from stationmaster.entrances.web.setup import SCHEME_HEADER
from stationmaster.errors import StationmasterError
from stationmaster.store.rows import new_id

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_PUBLIC_URL = "STATIONMASTER_PUBLIC_URL"      # of Django's settings, made of ours
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",      # "no-referrer" would take the Origin from forms, which CSRF checks go by
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000"
# A path of ours, decoded: no empty, `.` or `..` segment, no backslash, semicolon or control character.
_ODD = re.compile(r"//|/\.{1,2}(?:/|\Z)|[\\;\x00-\x1f\x7f]")
# The same as it was sent: no dot, slash, backslash, percent sign or control character in disguise.
_DISGUISED = re.compile(rb"%(?:2[ef5]|5c|3b|[01][0-9a-f]|7f)", re.IGNORECASE)


class Front:
    """Django middleware, the first of all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let a request through, or say why not."""
        of(request).request_id = new_id("req")
        of(request).actor = None
        _set_scheme(request)
        fault = _fault(request)
        response = answer(request, fault) if fault else self._next(request)
        _finish(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        """The answer to what a view raised."""
        return from_exception(request, exception)


def _fault(request: HttpRequest) -> StationmasterError | None:
    """What keeps a request out, if anything."""
    try:
        request.get_host()
    except DisallowedHost:
        hint = "set console.public_url to the address that browsers use"
        return StationmasterError("error.request.wrong_host", "this is not the name of this host", hint=hint, status=421)
    if request.method not in METHODS:
        return StationmasterError("error.request.method", "there is no such method here", status=405)
    raw = getattr(request, "scope", {}).get("raw_path") or b""
    if _ODD.search(request.path_info) or _DISGUISED.search(raw):
        return StationmasterError("error.request.path", "this path is written in a way that we do not take")
    return None


def _set_scheme(request: HttpRequest) -> None:
    """Behind a reverse proxy that ends TLS the request says http; that browsers see https is known from the settings."""
    public = urlsplit(getattr(settings, _PUBLIC_URL))
    host = request.META.get("HTTP_HOST", "")
    if public.scheme == "https" and host.lower() == public.netloc.lower():
        request.META[SCHEME_HEADER] = "https"
    else:
        request.META.pop(SCHEME_HEADER, None)


def _finish(request: HttpRequest, response: HttpResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure():
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    response["X-Stationmaster-Request-Id"] = of(request).request_id
    # Django would log the path of what failed, and the path of an admin link holds its secret.
    response._has_been_logged = True  # type: ignore[attr-defined]
    actor = of(request).actor
    note(getattr(request, "scope", {}), _route(request), actor.id if actor else "")


def _route(request: HttpRequest) -> str:
    """The route that was found, as it is declared; empty when none was."""
    return f"/{request.resolver_match.route}" if request.resolver_match else ""
