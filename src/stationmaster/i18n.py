"""Text in the reader's language, by gettext. Owns which language that is; the texts are in `locale`.

The English text stands in the code and is its own key. Data, log lines and names of settings are never translated.
"""

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["en", "zh-CN"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
FOLDER = Path(__file__).with_name("locale")
DOMAIN = "stationmaster"

_language: ContextVar[Language | None] = ContextVar("language", default=None)
_insisted: ContextVar[Language | None] = ContextVar("insisted", default=None)


def use(language: str) -> None:
    """Speak this language from here on in this context; "auto": the terminal's. Where somebody insisted on one, it stays.
    Raises ValueError for another."""
    if language not in {*LANGUAGES, "auto"}:
        raise ValueError(language)
    _language.set(_insisted.get() or next((each for each in LANGUAGES if each == language), None))


def insist(language: Language | None) -> None:
    """Speak this language from here on in this context, whatever `use` says later: somebody named it for this one command.
    None: nobody does."""
    _insisted.set(language)
    _language.set(language)


@contextmanager
def spoken(language: Language) -> Iterator[None]:
    """Speak this language in the body, and behind it the one of before."""
    before = _language.get()
    _language.set(language)
    try:
        yield
    finally:
        _language.set(before)


def of_terminal(environ: Mapping[str, str]) -> Language:
    """The language that a terminal asks for, as POSIX orders its variables, with gettext's LANGUAGE before them."""
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next((environ[name] for name in names if environ.get(name)), "")
    return "zh-CN" if asked.lower().startswith("zh") else "en"


def tr(text: str, **values: object) -> str:
    """`text` in the reader's language, with `values` in its braces. `text` is a literal, so that the catalogue can be
    held against the code."""
    return _text(text).format(**values)


def trn(one: str, many: str, number: int, **values: object) -> str:
    """The like for a number of things: `one` for 1, `many` for others; `{number}` is the number."""
    return _texts(_spoken()).ngettext(one, many, number).format(number=number, **values)


def marked(text: str) -> str:
    """`text`, a literal that stands in a table and is shown by `told` elsewhere: the catalogue has what is marked so."""
    return text


def told(text: str, **values: object) -> str:
    """A text that was marked, in the reader's language, with `values` in its braces."""
    return _text(text).format(**values)


def known(text: str) -> str | None:
    """A text that was marked, in the reader's language, its braces as they stand; None: the catalogue has no such text."""
    found = _text(text)
    return found if found != text else None


def english() -> bool:
    """Whether the reader reads English, in which all texts are written."""
    return _spoken() == "en"


def _text(text: str) -> str:
    """In the reader's language; nothing stays nothing, for which gettext would tell the catalogue's own head."""
    return _texts(_spoken()).gettext(text) if text else text


def _spoken() -> Language:
    return _language.get() or of_terminal(os.environ)


@cache
def _texts(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, FOLDER, [language.replace("-", "_")])
