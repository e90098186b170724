"""What every page is given. Owns: those names."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language

from stationmaster.entrances.console.assets import STYLE
from stationmaster.entrances.web.requests import of
from stationmaster.operators.services import policy


def common(request: HttpRequest) -> dict[str, Any]:
    """The language, the style sheet's address, who is logged in, which ways in there are."""
    user = getattr(of(request), "user", None)
    return {
        "language": "zh-CN" if get_language() == "zh-hans" else "en",
        "style": STYLE,
        "me": user if user is not None and user.is_authenticated else None,
        "local": policy().local,
        "sso": policy().sso is not None,
    }
