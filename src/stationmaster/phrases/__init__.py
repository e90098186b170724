"""An error's sentences in the reader's language. Owns: finding the sentence that a text was made of, with its values.

Errors are made in English by whoever raises them, and may have come over REST or out of a row. So a sentence is recognised
when it is shown, and not translated where it is made: logs, rows and REST's answers stay as they are. What is recognised
stands in the modules here, with its values in braces; `{why}` and `{what}` are sentences themselves.
docs/decisions/0024-sentences.md says why.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from stationmaster.i18n import english, known
from stationmaster.phrases import doors, jobs, machine, people, shared, work

SENTENCES: Final = (
    *shared.SENTENCES, *doors.SENTENCES, *people.SENTENCES, *work.SENTENCES, *jobs.SENTENCES, *machine.SENTENCES,
)  # fmt: skip
_LONGEST: Final = 4000      # characters that are looked at; nothing of ours is near
_INNER: Final = frozenset({"why", "what", "step", "got"})
_VALUE: Final = re.compile(r"\{(\w+)\}")
_BETWEEN: Final = ("; ", " — ")


def said(text: str) -> str:
    """`text`, a message, a hint or what is wrong with a field, in the reader's language; what is not ours stays as it is."""
    return text if english() or len(text) > _LONGEST else _said(text)


def _said(text: str) -> str:
    """The text, as much of it as is known: between those words that are not, the rest is said."""
    return _known(text) or next((_apart(text, between) for between in _BETWEEN if between in text), text)


def _known(text: str) -> str:
    """One sentence of ours, or several; empty: it is none."""
    return known(text) or _several(text) or _filled(text) or _labelled(text)


def _several(text: str) -> str:
    """Sentences in a row, all of them ours. They are told apart first: a value may be long, and would swallow the next one."""
    for between in _BETWEEN:
        parts = [_known(part) for part in text.split(between)] if between in text else []
        if parts and all(parts):
            return between.join(parts)
    return ""


def _filled(text: str) -> str:
    """A sentence with values in it."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            values = {name: _said(value) if name in _INNER else value for name, value in found.groupdict().items()}
            return (known(sentence) or sentence).format(**values)
    return ""


def _labelled(text: str) -> str:
    """A sentence behind the name of the field that it is about."""
    name, colon, rest = text.partition(": ")
    return f"{name}: {_said(rest)}" if colon and " " not in name else ""


def _apart(text: str, between: str) -> str:
    return between.join(_known(part) or part for part in text.split(between))


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences with values, those first that say most themselves."""
    return [(each, _pattern(each)) for each in sorted(SENTENCES, key=_own_words, reverse=True) if "{" in each]


def _own_words(sentence: str) -> int:
    return len(_VALUE.sub("", sentence))


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(sentence)), re.DOTALL)


def _pieces(sentence: str) -> Iterator[str]:
    for number, piece in enumerate(_VALUE.split(sentence)):
        yield f"(?P<{piece}>.+?)" if number % 2 else re.escape(piece)
