"""An error's sentences in the reader's language. Owns: finding the sentence that a text was made of, with its values.

Errors are made in English by whoever raises them, and may have come over REST or out of a row. So a sentence is recognised
when it is shown, and not translated where it is made: logs, rows and REST's answers stay as they are. What is recognised
stands in the modules here, with its values in braces; `{why}` and `{what}` are sentences themselves.
docs/decisions/0024-sentences.md says why.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final

from stationmaster.i18n import english, known
from stationmaster.phrases import credentials, doors, importing, jobs, machine, people, shared, targets, work

SENTENCES: Final = (
    *shared.SENTENCES, *doors.SENTENCES, *people.SENTENCES, *work.SENTENCES, *jobs.SENTENCES, *machine.SENTENCES,
    *credentials.SENTENCES, *targets.SENTENCES, *importing.SENTENCES,
)  # fmt: skip
_LONGEST: Final = 4000      # characters that are looked at; nothing of ours is near
_MOST: Final = 100          # sentences in a row
_DEEP: Final = 4            # sentences within each other, and names of fields before one
_INNER: Final = frozenset({"why", "what", "step", "got"})
_VALUE: Final = re.compile(r"\{(\w+)\}")
_BETWEEN: Final = ("; ", " — ")


def said(text: str) -> str:
    """`text`, a message, a hint or what is wrong with a field, in the reader's language; what is not ours stays as it is. The
    time goes by the text's length, whatever it says: vendors' words and people's are in there."""
    return text if english() or len(text) > _LONGEST else _said(text, _DEEP)


def _said(text: str, deep: int, between: tuple[str, ...] = _BETWEEN) -> str:
    """The text, as much of it as is known: between those words that are not, the rest is said."""
    whole, parted = _read(text, deep, between) if deep else ("", "")
    return whole or parted or text


def _read(text: str, deep: int, between: tuple[str, ...]) -> tuple[str, str]:
    """What is one sentence of ours, or several in a row; then the same with the parts that are ours alone. Empty: nothing is.
    Several are told apart first: a value may be long, and would swallow the next one."""
    whole = known(text)
    rows = [] if whole else [_apart(text, each, deep, between) for each in between if each in text]
    whole = whole or next((row for row, _ in rows if row), "") or _filled(text, deep) or _labelled(text, deep, between)
    return whole, rows[0][1] if rows else ""


def _apart(text: str, by: str, deep: int, between: tuple[str, ...]) -> tuple[str, str]:
    """Sentences in a row, if all of them are ours; and with those that are not. A part is not taken apart by the same again."""
    parts = text.split(by)
    if len(parts) > _MOST:
        return "", ""
    rest = tuple(each for each in between if each != by)
    found = [_read(part, deep, rest)[0] for part in parts]
    mixed = by.join(ours or part for ours, part in zip(found, parts, strict=True))
    return mixed if all(found) else "", mixed


def _filled(text: str, deep: int) -> str:
    """A sentence with values in it, some of which are sentences themselves."""
    found = _matched(text)
    if found is None:
        return ""
    sentence, values = found
    told = {name: _said(value, deep - 1) if name in _INNER else value for name, value in values.items()}
    return (known(sentence) or sentence).format(**told)


def _labelled(text: str, deep: int, between: tuple[str, ...]) -> str:
    """A sentence behind the name of the field that it is about."""
    name, colon, rest = text.partition(": ")
    return f"{name}: {_said(rest, deep - 1, between)}" if colon and " " not in name else ""


@lru_cache(maxsize=512)
def _matched(text: str) -> tuple[str, dict[str, str]] | None:
    """The sentence that a text was made of, with its values. Pages say the same few again and again."""
    found = ((sentence, pattern.fullmatch(text)) for sentence, own, pattern in _patterns() if own in text)
    return next(((sentence, match.groupdict()) for sentence, match in found if match), None)


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    """The sentences with values, those first that say most themselves; each with the longest of its own words in a row."""
    filled = sorted((each for each in SENTENCES if "{" in each), key=_own_words, reverse=True)
    return [(each, max(_VALUE.split(each)[::2], key=len), _pattern(each)) for each in filled]


def _own_words(sentence: str) -> int:
    return len(_VALUE.sub("", sentence))


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(sentence)), re.DOTALL)


def _pieces(sentence: str) -> Iterator[str]:
    """A value ends where the words behind it are met first, and that is never thought over: a text is gone through once."""
    start, *rest = _VALUE.split(sentence)
    yield re.escape(start)
    last = len(rest) // 2 - 1
    for place, (name, words) in enumerate(zip(rest[::2], rest[1::2], strict=True)):
        value = f"(?P<{name}>.+{'' if place == last else '?'})"
        yield f"{value}{re.escape(words)}" if place == last else f"(?>{value}{re.escape(words)})"
