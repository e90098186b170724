"""What a setting takes, in the reader's language. Owns: the words for each way in which `settings` says it."""

import re
from typing import Final

from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import marked, tr

_PLAIN: Final = {
    "true or false": marked("true or false"), "a path": marked("a path"), "a secret": marked("a secret"),
    "a string": marked("a text"),
    "an IP address or host name, without a port": marked("an IP address or host name, without a port"),
}  # fmt: skip
_NUMBER: Final = re.compile(r"a (whole )?number from (\S+) to (\S+)")


def expected(text: str) -> str:
    """`text` as `settings` has it; what has no words here stays as it is."""
    if found := _NUMBER.fullmatch(text):
        least, most = found[2], found[3]
        if found[1]:
            return tr("a whole number from {least} to {most}", least=least, most=most)
        return tr("a number from {least} to {most}", least=least, most=most)
    if text.startswith("one of "):
        return tr("one of {choices}", choices=text.removeprefix("one of "))
    return told_as(_PLAIN[text]) if text in _PLAIN else text
