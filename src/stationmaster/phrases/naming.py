"""Names in place of people's ids, in texts that are shown. Owns: which ids a text holds, and putting names there.

What is stored, logged and told over REST holds ids, since it outlives the names. Whoever shows it looks them up first.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_PERSON: Final = re.compile(r"\bper_[0-9a-hjkmnp-tv-z]{26}\b")


def people_in(texts: Iterable[str]) -> list[str]:
    """The ids of people in these texts, each once."""
    return sorted({each for text in texts for each in _PERSON.findall(text)})


def named(text: str, names: Mapping[str, str]) -> str:
    """`text` with a name for each id that has one."""
    return _PERSON.sub(lambda found: names.get(found[0]) or found[0], text)
