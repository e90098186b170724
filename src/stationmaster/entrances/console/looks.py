"""How pages look to one browser. Owns: the cookie that holds its theme, and the way back to the page where it was chosen."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

THEMES: Final = ("auto", "light", "dark")
_COOKIE: Final = "theme"
_YEAR: Final = 31_536_000


def theme_of(request: HttpRequest) -> str:
    """One of `THEMES`."""
    chosen = request.COOKIES.get(_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def theme(request: HttpRequest) -> HttpResponse:
    """Be shown pages in another theme."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    chosen = request.POST.get("theme", "")
    response = HttpResponseRedirect(back(request))
    secure = bool(getattr(settings, "SESSION_COOKIE_SECURE", False))
    if chosen in THEMES:
        response.set_cookie(_COOKIE, chosen, max_age=_YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


def here(request: HttpRequest) -> str:
    """The page that is shown, to come back to; where there is none, or its address holds a secret, the first one."""
    match = request.resolver_match
    return "/" if match is None or "secret" in match.kwargs else request.get_full_path()


def back(request: HttpRequest, otherwise: str = "/") -> str:
    """The page of ours that a form was sent from."""
    wanted = request.POST.get("back", "")
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, None)
    return wanted if safe else otherwise
