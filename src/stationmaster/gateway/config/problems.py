"""What is wrong with a config file. Owns: one problem, its printed line, the error that carries them all.

May not know what a key means, nor how the file was read.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

import msgspec

from stationmaster.errors import StationmasterError

Place = tuple[str | int, ...]  # ("credential", 0, "secret")

CODES = {
    "error.config.unreadable": "The file, or a file it names, cannot be read, or is not UTF-8.",
    "error.config.syntax": "The file is not TOML.",
    "error.config.unknown_key": "A key or table that does not exist.",
    "error.config.missing_key": "A key that has to be there is not.",
    "error.config.bad_value": "A value of the wrong type, out of range, or of the wrong form.",
    "error.config.duplicate": "Two things under one name, or one thing twice.",
    "error.config.dangling": "A name that nothing in the file has.",
    "error.config.unreachable": "A route whose every model an earlier route takes.",
    "error.config.secret": "A secret that is not there, is shorter than 8 characters, or cannot be sent in a header.",
    "error.config.literal_secret": "A secret written into the file itself.",
    "error.config.address": "A base_url that the gateway will not send a credential to.",
    "error.credential.not_for_api_use": "A browser-session or OAuth token: not issued for API use.",
    "error.credential.admin_key": "An organisation's admin key: it cannot call models.",
}

_TOKEN_LIKE = re.compile(
    r"(^|[^A-Za-z0-9])(sk-|sm-|sess-|AIza|AQ\.|eyJ|gsk_|ya29\.)[^/ ]{6}"
    r"|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{24}"
)
_ODD = re.compile(r"[^\x21-\x7e]")


class Problem(msgspec.Struct, frozen=True):
    """One thing to correct; `line` is 0 when it concerns the file as a whole."""

    file: str
    line: int
    key: str
    message: str
    hint: str = ""
    code: str = "error.config.bad_value"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.key}: " if self.key else ""
        tail = f" — {self.hint}" if self.hint else ""
        return f"{where}: {subject}{self.message}{tail}"


class ConfigError(StationmasterError):
    """A file that cannot be served from, with every problem found in it, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        codes = {problem.code for problem in self.problems}
        code = codes.pop() if len(codes) == 1 else "error.config.invalid"
        super().__init__(code, "\n".join(map(str, self.problems)))


def dotted(place: Place) -> str:
    """Write a place as people do: `credential[0].secret`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in place]
    return "".join(parts).removeprefix(".")


def shown(text: str) -> str:
    """Return `text` if it may be repeated in a message: short, printable and nothing like a secret."""
    if len(text) > 128 or not text.isprintable() or _TOKEN_LIKE.search(text):
        return "…"
    return f'"{text}"' if _ODD.search(text) or not text else text


def quoted(text: str) -> str:
    """Return `text` in quotes, left out under the rules of `shown`."""
    return '"{}"'.format(shown(text).strip('"'))


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Hint at the known name nearest to `given`, or say nothing."""
    names = sorted(set(known))
    lower = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(given.lower(), lower, n=1, cutoff=0.6)
    return f'did you mean "{shown(lower[near[0]])}"?' if near else ""
