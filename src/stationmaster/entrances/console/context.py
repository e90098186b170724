"""What every page is given. Owns: those names."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from stationmaster import __version__
from stationmaster.entrances.console import assets
from stationmaster.entrances.console.looks import THEMES, here, theme_of
from stationmaster.entrances.console.navigation import entries
from stationmaster.entrances.web.requests import of
from stationmaster.operators.models import Operator
from stationmaster.operators.services import policy
from stationmaster.store.actor import Actor


def _whoever(request: HttpRequest, user: Operator) -> Actor:
    """Who is signed in, where no page was found and nobody asked yet who that is."""
    return Actor("operator", user.id, user.role, of(request).request_id, person=user.id)


def common(request: HttpRequest) -> dict[str, Any]:
    """The language and the theme, the files' addresses, who is logged in and where they can go, which ways in there are."""
    user = getattr(of(request), "user", None)
    me = user if user is not None and user.is_authenticated else None
    return {
        "language": "zh-CN" if get_language() == "zh-hans" else "en",
        "theme": theme_of(request),
        "themes": THEMES,
        "here": here(request),
        "styles": assets.STYLES_AUTO if theme_of(request) == "auto" else assets.STYLES,
        "scripts": assets.SCRIPTS,
        "me": me,
        "navigation": entries(request.path, of(request).actor or _whoever(request, me)) if me else [],
        "version": __version__,
        "local": policy().local,
        "sso": policy().sso is not None,
    }
