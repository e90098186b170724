"""What may be repeated of another side's words. Owns: redaction, and words made fit for one line of a log or an error. Pure."""

import base64
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote

LONGEST = 400                 # characters of a message that are kept
LEFT_OUT = "(the words that came repeat a credential and are left out)"

_SHORTEST = 4                 # a secret under this many characters would be found everywhere
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})|\\u00([0-9a-fA-F]{2})|\\(.)", re.DOTALL)


class Redaction:
    """Says another side's words again without secrets.

    Words that hold one in any spelling (raw, base64 in either alphabet and at any offset, hex, escaped for a URL or for JSON)
    are replaced whole: a part of a secret beside its mask would still be a part.
    """

    __slots__ = ("_forms", "_hexes", "_shortest")

    def __init__(self, secrets: Collection[str]) -> None:
        self._forms: frozenset[str] = frozenset()
        self._hexes: frozenset[str] = frozenset()
        self.hide(secrets)

    def hide(self, secrets: Collection[str]) -> None:
        """Know these too, from now on."""
        kept = [secret for secret in secrets if len(secret) >= _SHORTEST]
        self._forms |= frozenset(form for secret in kept for form in _spellings(secret))
        self._hexes |= frozenset(secret.encode().hex() for secret in kept)
        self._shortest = min(map(len, self._forms), default=0)

    def __call__(self, text: str, longest: int = LONGEST) -> str:
        """`text` in one line of at most `longest` characters; `LEFT_OUT` if it holds a secret."""
        if self.leaks(text):
            return LEFT_OUT
        plain = " ".join(_CONTROL.sub(" ", text).split())
        return plain if len(plain) <= longest else plain[: longest - 1] + "…"

    def leaks(self, text: str) -> bool:
        """Whether `text` holds a secret in some spelling."""
        if len(text) < self._shortest:
            return False
        spoken = (text, _plain(text), "".join(text.split()))
        return any(form in each for form in self._forms for each in spoken) or any(h in text.lower() for h in self._hexes)


def _spellings(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    for offset in range(3):                        # where base64 begins within a longer text changes all its letters
        whole = base64.b64encode(b"\0" * offset + raw).decode()
        middle = whole[(0, 2, 3)[offset] : -4]     # without the letters that neighbours take part in
        if len(middle) >= _SHORTEST:
            yield middle
            yield middle.translate(str.maketrans("+/", "-_"))


def _plain(text: str) -> str:
    """`text` with the escapes of URLs and of JSON undone."""
    return _ESCAPED.sub(lambda hit: chr(int(hit[1] or hit[2], 16)) if hit[1] or hit[2] else hit[3], text)
