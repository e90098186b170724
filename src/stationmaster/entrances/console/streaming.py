"""What a page shows as it happens (server-sent events). Owns: how long a stream lasts, how many there are, who may go on reading,
and how pieces of pages are written into one. Knows no service but operators'; what is new, a page's `Poll` says.

The database is asked once a second, in the request's own thread, which nobody holds in between. A stream ends after ten
minutes and the browser comes back with the id of the last event it has (`Last-Event-ID`), as it does when a line breaks.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.template.loader import render_to_string

from stationmaster.entrances.console.pages.parts import Part
from stationmaster.entrances.console.pages.showing import me
from stationmaster.entrances.web.language import chosen
from stationmaster.i18n import Language, spoken
from stationmaster.logs import where
from stationmaster.operators import services as operators
from stationmaster.operators.models import Operator
from stationmaster.operators.sessions import SessionStore
from stationmaster.store.actor import Actor

EVERY: Final = 1.0  # seconds between two questions to the database
BEAT: Final = 15.0  # seconds after which a comment is sent when nothing happened: proxies cut what is silent
LASTS: Final = 600.0  # seconds
CHECKED: Final = 5.0  # seconds between two looks at whether the session and the right are still there
SLOW: Final = 30.0  # seconds that a reader may take for one piece
MOST: Final = 4  # streams of one operator: a browser opens six connections to one host at a time
ALL: Final = 200  # of a process
_MAX_ID: Final = 200  # characters of a last event's id

Kind = Literal["rows", "lines", "live", "end", "full"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """One event. `part`: what the page shows of it, drawn by its own template: of `rows`, a `Table` that holds just the new
    rows; of `lines`, a `Log` of just the new lines; of `live`, anything that stands in place of what was there. `id`: where to go
    on from when the stream breaks here. `name`: of the place on the page, for `live`."""

    kind: Kind
    part: Part | None = None
    id: str = ""
    name: str = ""


# What is new since the event with this id (empty: since the page was made), asked for by whoever reads. A piece of kind `end`
# ends the stream: nothing more will come.
Poll = Callable[[Actor, str], Sequence[Piece]]


@dataclass
class _Open:
    """The streams of this process. A stream that began before `turn` was raised ends."""

    streams: Counter[str] = field(default_factory=Counter)
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


_open = _Open()


def let_go() -> None:
    """End all streams within a second: the process is about to end. From any thread."""
    _open.turn += 1


def streaming() -> int:
    """How many streams are open in this process."""
    return _open.streams.total()


def streamed(request: HttpRequest, action: str, poll: Poll, start: str = "") -> HttpResponseBase:
    """The stream that `poll` feeds, to whoever may do `action`, for as long as they may. `start`: the id to begin at when the
    browser names none. Raises `Forbidden`."""
    actor = me(request)
    operators.require(actor, action)
    if request.method != "GET":
        return HttpResponse(content_type=_TYPE) if request.method == "HEAD" else HttpResponseNotAllowed(["GET", "HEAD"])
    last = (request.headers.get("last-event-id") or start)[:_MAX_ID]
    reader = _Reader(actor, action, poll, request.session.session_key or "", chosen(request), last)
    return _Stream(_events(reader))


class _Stream(StreamingHttpResponse):
    """An answer whose pieces come from a generator that ends when it does: Django's own ends some time later."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, content_type=_TYPE)
        self["X-Accel-Buffering"] = "no"  # for a reverse proxy that would keep it back
        self._events = events

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._events


_TYPE: Final = "text/event-stream; charset=utf-8"


@dataclass
class _Reader:
    """Who reads, and how far they are. Its `look` runs in the request's thread."""

    actor: Actor
    action: str
    poll: Poll
    session: str
    language: Language
    last: str
    checked: float = field(default_factory=time.monotonic)

    def look(self) -> list[str]:
        """The events that are new; the last of all, when whoever reads may not do so any more."""
        try:
            if time.monotonic() - self.checked >= CHECKED and not self._still():
                return [_END]
            with spoken(self.language):
                return list(self._written())
        finally:
            connection.close()

    def _still(self) -> bool:
        """Look again who is signed in, and whether they may still see this."""
        self.checked = time.monotonic()
        user = _signed_in(self.session)
        if user is None or user.id != self.actor.id:
            return False
        self.actor = replace(self.actor, role=user.role)
        return operators.allowed(self.actor, self.action)

    def _written(self) -> Iterator[str]:
        for piece in self.poll(self.actor, self.last):
            self.last = piece.id or self.last
            yield written(piece)


async def _events(reader: _Reader) -> AsyncGenerator[bytes, None]:
    """The stream. It ends in order, so that the browser comes back, but where there is nothing to come back for."""
    with _counted(reader.actor.id) as fits:
        if not fits:
            yield written(Piece("full")).encode()
            return
        turn, until, silent = _open.turn, time.monotonic() + LASTS, time.monotonic()
        yield b"retry: 2000\n\n"
        while time.monotonic() < until and turn == _open.turn:
            found = await _asked(reader)
            if found is None:
                return
            if time.monotonic() - silent > BEAT and not found:
                found = [": still here\n\n"]
            if found:
                silent = time.monotonic()
                with _in_time():
                    yield "".join(found).encode()
            if found[-1:] == [_END]:
                return
            await asyncio.sleep(EVERY)


async def _asked(reader: _Reader) -> list[str] | None:
    """What is new; None: that could not be found out, which is logged. The browser tries again by itself."""
    try:
        return await sync_to_async(reader.look, thread_sensitive=True)()
    except Exception as error:  # noqa: BLE001  the answer's head is sent long ago: nobody could answer with an error page
        _log.warning("a stream broke: %s, request %s, at %s", type(error).__name__, reader.actor.request_id, where(error))
        return None


@contextmanager
def _counted(operator: str) -> Iterator[bool]:
    """Whether one more stream fits; it is counted in the body."""
    with _open.lock:
        fits = _open.streams[operator] < MOST and _open.streams.total() < ALL
        _open.streams[operator] += fits
    try:
        yield fits
    finally:
        with _open.lock:
            _open.streams[operator] -= fits
            _open.streams += Counter()  # drops those that have none


@contextmanager
def _in_time() -> Iterator[None]:
    """Drop a reader who does not take a piece in time: sending it is given up, and with it the stream."""
    task = asyncio.current_task()
    alarm = asyncio.get_running_loop().call_later(SLOW, task.cancel) if task else None
    try:
        yield
    finally:
        if alarm is not None:
            alarm.cancel()


def written(piece: Piece) -> str:
    """An event as it is sent: a line of HTML is a line of data."""
    text = render_to_string(piece.part.template, {"part": piece.part, "streamed": True}) if piece.part else piece.name
    lines = [f"event: {piece.kind}{f'-{piece.name}' if piece.kind == 'live' else ''}"]
    lines += [f"id: {piece.id}"] if piece.id else []
    lines += [f"data: {line}" for line in text.splitlines()] or ["data:"]
    return "\n".join(lines) + "\n\n"


_END: Final = "event: end\ndata:\n\n"


def _signed_in(session: str) -> Operator | None:
    """Whose session this is by now."""

    class Seen:
        def __init__(self) -> None:
            self.session: Any = SessionStore(session)
            self.META: dict[str, str] = {}

    user = get_user(Seen())  # type: ignore[arg-type]  # it reads no more of a request than that
    return user if isinstance(user, Operator) else None
