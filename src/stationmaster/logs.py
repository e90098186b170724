"""What the control plane's processes say on stderr: lines for people, or one JSON object a line. Owns: where the standard
library's loggers lead, ours, Django's and uvicorn's alike; what is told at which level; and that no line holds a secret or
does anything to a terminal.

May not know what is logged. Whoever logs leaves secrets out; what is taken out here is the last net. An exception is told by
its type and the lines of code that it came through: its words, and what stood in variables, may hold anything.
"""

import logging
import re
import sys
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, TextIO

from structlog.processors import JSONRenderer, LogfmtRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor, WrappedLogger

Form = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

REQUESTS: Final = "stationmaster.requests"      # the logger of the line that each request gets
FIELDS: Final = ("method", "route", "status", "ms", "request_id", "actor")      # what such a line has, as `extra`
_FRAMES = 8           # of an exception, the innermost
_LONGEST = 8192       # characters of one value
# Our tokens and vendors' keys; what stands behind "Bearer"; the secret in an admin link, or in a URL; an e-mail address.
_SECRETS: Final = (
    (re.compile(r"(?<![A-Za-z0-9])(s[mk]-)[A-Za-z0-9_-][^\s\"'<>,;)}\]]{5,}"), r"\1…"),
    (re.compile(r"\b(Bearer\s+)[^\s\"'<>,;)}\]]+", re.IGNORECASE), r"\1…"),
    (re.compile(r"(/welcome/)[A-Za-z0-9_-]{8,}"), r"\1…"),
    (re.compile(r"(://)[^\s/@]+@"), r"\1…@"),
    (re.compile(r"(?<![\w.%+'-])[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+"), "…@…"),
)


def set_up(form: Form, level: Level, stream: TextIO | None = None) -> None:
    """Have every logger of this process say what it has to on `stream` (None: stderr). Called again, it takes the place of the
    time before."""
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(old)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(form))
    root.addHandler(handler)
    for name, lowest in _levels(form, logging.getLevelNamesMapping()[level.upper()]).items():
        logging.getLogger(name).setLevel(lowest)


def where(error: BaseException) -> str:
    """The lines of code that `error` came through: "module:line", the innermost last."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(found[-_FRAMES:])


def redacted(text: str) -> str:
    """`text` without what looks like a secret of ours, or like an e-mail address."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class _Handler(logging.StreamHandler[TextIO]):
    """Ours. A line that cannot be made or written is lost: the standard library would repeat what was to be in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        """Tell nobody."""


def _levels(form: Form, level: int) -> Mapping[str, int]:
    """From which level on loggers are heard, by the beginning of their names. Libraries that are clients name whole URLs at
    info, and headers at debug; those that serve say at info what we say ourselves."""
    debug = level <= logging.DEBUG
    every_request = debug or form == "json"      # people at a terminal are told of those that broke here
    serving = logging.INFO if debug else max(level, logging.WARNING)
    return {
        "": max(level, logging.WARNING), "stationmaster": level, "django": serving, "uvicorn": serving,
        REQUESTS: level if every_request else logging.ERROR,
        "uvicorn.access": logging.CRITICAL + 1,      # never: its lines have paths as they were sent, with their queries
    }  # fmt: skip


def _formatter(form: Form) -> logging.Formatter:
    before: list[Processor] = [TimeStamper(fmt="iso", utc=True), add_log_level, add_logger_name, ExtraAdder(FIELDS)]
    last: list[Processor] = [JSONRenderer()] if form == "json" else [_escape, _for_people]
    chain: list[Processor] = [ProcessorFormatter.remove_processors_meta, _tell_where, _redact, *last]
    return ProcessorFormatter(processors=chain, foreign_pre_chain=before)


def _tell_where(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """In place of a traceback: what was raised, and where."""
    line.pop("stack_info", None)
    match line.pop("exc_info", None):
        case (type(), BaseException() as error, types.TracebackType() | None):
            line.update(error=type(error).__name__, at=where(error))
    return line


def _redact(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {name: _plain(value) for name, value in line.items()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else redacted(str(value)[:_LONGEST])


def _escape(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Without line breaks, and without what moves a cursor or colours a terminal. JSON escapes by itself."""
    return {name: _printable(value) if isinstance(value, str) else value for name, value in line.items()}


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _for_people(logger: WrappedLogger, name: str, line: EventDict) -> str:
    """ "2027-01-31T18:00:00.000000Z warning stationmaster.web: what happened status=500"."""
    said = f"{line.pop('timestamp')} {line.pop('level'):<7} {line.pop('logger')}: {line.pop('event')}"
    more = LogfmtRenderer()(logger, name, line)
    return f"{said} {more}" if more else said
