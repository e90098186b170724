"""How large the body of a request may be. Owns: that a larger one is refused before anybody keeps it: Django writes a body down,
whole, before it asks who is there. May not know what a body means.
"""

from typing import Final

from stationmaster.entrances.internal.call import Call, Receive, Scope, Send, answered, problem
from stationmaster.entrances.requestlines import App
from stationmaster.errors import StationmasterError

MAX_BODY: Final = 10 * 1024 * 1024      # bytes
_TOO_LARGE = StationmasterError("error.api.too_large", "this body is too large", hint=f"at most {MAX_BODY} bytes", status=413)


async def bounded(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Have `app` answer, unless the body is too large, or becomes so while it comes."""
    call = Call(scope, receive)
    stated = call.header("content-length")
    if stated.isdecimal() and int(stated) > MAX_BODY:
        await answered(problem(_TOO_LARGE, call.id), call.id, send)
        return
    meter = _Meter(receive, send)
    await app(scope, meter.receive, meter.send)
    if meter.over and not meter.begun:
        await answered(problem(_TOO_LARGE, call.id), call.id, send)


class _Meter:
    """Counts what comes; beyond the bound, the client has left, as far as anybody behind it knows."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._size = 0
        self.begun = False

    @property
    def over(self) -> bool:
        return self._size > MAX_BODY

    async def receive(self) -> Scope:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.over else message

    async def send(self, message: Scope) -> None:
        self.begun = True
        await self._send(message)
