"""A file's text → `Snapshot`. Owns: reading the file, its TOML syntax.

The only part that touches the disk.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stationmaster.gateway.config.assemble import assemble
from stationmaster.gateway.config.problems import ConfigError, Problem
from stationmaster.gateway.config.report import Report
from stationmaster.gateway.config.secret import Surroundings
from stationmaster.gateway.core.snapshot import Snapshot

_MOST = 16 * 1024 * 1024  # bytes of any one file
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")
_NO_FILE = "name yours with --config; the README has one to begin with, and `stationmaster demo` needs none"
_REPEATING = {
    "Cannot declare": "one table declared twice",
    "Cannot mutate": "a table added to after it was written whole",
    "Cannot redefine": "a table added to after it was written whole",
    "Cannot overwrite": "one key given twice",
    "Duplicate": "one key given twice",
}


def load(path: Path, *, environ: Mapping[str, str], allow_literal_secrets: bool = False) -> Snapshot:
    """Read the file at `path` and everything it refers to. Raises `ConfigError` with all that is wrong."""
    around = Surroundings(environ, read_some, path.parent.absolute(), allow_literal_secrets, Path.is_dir)
    return parse(_text(path), file=str(path), around=around)


def parse(text: str, *, file: str, around: Surroundings) -> Snapshot:
    """Turn the text of a config file into a snapshot. Raises `ConfigError` with all that is wrong."""
    toml = _toml(text, file)
    return assemble(toml, around, Report(file, text))


def read_some(path: Path) -> bytes:
    """Read a file, up to a size that no config, secret or bundle of certificates has."""
    with path.open("rb") as file:
        return file.read(_MOST)


def _text(path: Path) -> str:
    try:
        raw = read_some(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        hint = _NO_FILE if isinstance(error, FileNotFoundError) else ""
        raise _whole(str(path), 0, f"cannot be read: {why}", "error.config.unreadable", hint) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    raise _whole(str(path), line, "not UTF-8", "error.config.unreadable")


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _plain(str(error), text)
    except (ValueError, RecursionError):
        message, line = "a number too long, or lists nested too deep", 0
    raise _whole(file, line, f"not TOML: {message}", "error.config.syntax")


def _plain(message: str, text: str) -> tuple[str, int]:
    """Split the parser's message into a sentence that repeats no key or value, and a line."""
    at = _AT_LINE.search(message)
    line = int(at[1]) if at and at[1] else text.count("\n") + 1
    sentence = _AT_LINE.sub("", message)
    ours = (plain for start, plain in _REPEATING.items() if sentence.startswith(start))
    return next(ours, sentence[:1].lower() + sentence[1:]), line


def _whole(file: str, line: int, message: str, code: str, hint: str = "") -> ConfigError:
    return ConfigError([Problem(file, line, "", message, hint, code)])
