"""The language of an answer. Owns: which one: the operator's choice, else the installation's, else the browser's."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from stationmaster.i18n import LANGUAGES, spoken
from stationmaster.i18n import Language as Spoken

_INSTALLATION = "STATIONMASTER_LANGUAGE"      # of Django's settings, made of ours
_DJANGO = {"en": "en", "zh-CN": "zh-hans"}


class Language:
    """Django middleware, behind the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Speak the reader's language while the request lasts."""
        language = chosen(request)
        with spoken(language), translation.override(_DJANGO[language]):
            response = self._next(request)
        response.headers.setdefault("Content-Language", language)
        return response


def chosen(request: HttpRequest) -> Spoken:
    """One of `LANGUAGES`."""
    asked = (getattr(request.user, "language", "auto"), getattr(settings, _INSTALLATION), _of_browser(request))
    return next(each for each in asked if each in LANGUAGES)


def _of_browser(request: HttpRequest) -> str:
    for name, _ in parse_accept_lang_header(request.headers.get("accept-language", "").lower()):
        if name.startswith("zh"):
            return "zh-CN"
        if name.startswith("en"):
            return "en"
    return "en"
