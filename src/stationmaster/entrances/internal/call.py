"""One ASGI request and its answer (https://asgi.readthedocs.io/en/latest/specs/www.html). Owns: reading the one and
writing the other. May not know what they mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from stationmaster.entrances.problems import AGAIN, as_json
from stationmaster.errors import StationmasterError
from stationmaster.store.rows import new_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_FIELDS = 20
_PIECE = 256 * 1024       # bytes handed to the server at a time, so that it can do something else in between


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    type: str = ""
    body: bytes = b""
    again: int = 0      # seconds after which to come again; 0: nothing is said


class Call:
    """A request. `id` is ours, `actor` the id of who asks, once it is known."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.id = new_id("req")
        self.actor = ""
        self.method: str = scope["method"]
        # As it was sent, where the server says: a path that only looks like ours once it is decoded is not ours.
        self.path: str = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        self._query: str = scope["query_string"].decode("latin-1")
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._receive = receive

    def header(self, name: str) -> str:
        """A header's value; empty when it is not there, or more than once."""
        found = [value for each, value in self._headers if each.lower() == name.encode()]
        return found[0].decode("latin-1") if len(found) == 1 else ""

    def number(self, name: str, default: int, most: int) -> int:
        """A number of the query, at most `most`. Raises `StationmasterError`."""
        text = self._asked().get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 20):
            raise StationmasterError("error.internal.bad_query", f"{name} is a whole number", fields={name: "is a whole number"})
        return min(int(text), most)

    def _asked(self) -> dict[str, str]:
        try:
            return dict(parse_qsl(self._query, keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except ValueError:
            message = f"a query has at most {MAX_FIELDS} fields"
            raise StationmasterError("error.internal.bad_query", message) from None

    async def body(self, most: int) -> bytes:
        """The body, of at most `most` bytes. Raises `StationmasterError`."""
        pieces, size, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise StationmasterError("error.internal.gone", "the client left")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > most:
                raise StationmasterError("error.internal.too_large", f"a body has at most {most} bytes", status=413)
            more = message.get("more_body", False)
        return b"".join(pieces)

    async def gone(self) -> None:
        """Returns once the client has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def problem(error: StationmasterError, request_id: str) -> Answer:
    """An error as an answer."""
    again = AGAIN if error.status == 503 and error.retryable else 0
    return Answer(error.status, "application/json", msgspec.json.encode(as_json(error, request_id)), again)


async def answered(answer: Answer, request_id: str, send: Send) -> None:
    """Send an answer. One of status 401 says what is wanted (RFC 9110 section 11.6.1)."""
    headers = [(b"content-length", str(len(answer.body)).encode()), (b"x-stationmaster-request-id", request_id.encode()),
               (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if answer.type:
        headers.append((b"content-type", answer.type.encode()))
    if answer.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if answer.again:
        headers.append((b"retry-after", b"%d" % answer.again))      # RFC 9110, 10.2.3
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    view = memoryview(answer.body)
    for at in range(0, len(view), _PIECE):
        await send({"type": "http.response.body", "body": bytes(view[at : at + _PIECE]), "more_body": True})
    await send({"type": "http.response.body", "body": b""})
