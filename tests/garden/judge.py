"""Who is right about a connection's bytes: h11, a third reading that is neither ours nor any proxy's, and the sentence.

A connection is judged by four counts: the proxy's marks, what h11 takes for whole requests, the answers of the gateway, and
what arrived at the upstream. More answers than marks is a request that the proxy never knew of. Fewer, although all of it
is there and the connection goes on, is one that we took for another's body. Knows no sockets.
"""

from collections.abc import Sequence
from typing import NamedTuple

import h11

from garden.ground import Arrived, Wire
from garden.proxies import MARK
from wire import raw


class Reading(NamedTuple):
    """A connection as h11 reads it: whole requests as (method, body), and why it went no further."""

    requests: list[tuple[str, bytes]]
    end: str        # "", "waits", "refused", "over"


def reading(data: bytes) -> Reading:
    """Read a client's bytes, each request with an h11 of its own: it knows nothing of empty lines in front (RFC 9112 2.2)."""
    found: list[tuple[str, bytes]] = []
    while data := data.lstrip(b"\r\n") if data.startswith(b"\r\n") else data:
        server = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
        server.receive_data(data)
        try:
            request = _next(server)
        except h11.RemoteProtocolError:
            return Reading(found, "refused")
        if request is None:
            return Reading(found, "waits")
        found.append(request)
        if server.their_state is h11.MUST_CLOSE:
            return Reading(found, "over")
        data = server.trailing_data[0]
    return Reading(found, "")


def _next(server: h11.Connection) -> tuple[str, bytes] | None:
    """The next whole request as (method, body). Raises `h11.RemoteProtocolError`."""
    method, body = "", b""
    while True:
        event = server.next_event()
        if isinstance(event, h11.Request):
            method = event.method.decode()
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return method, body
        else:
            return None


def answers(wire: Wire, requests: Sequence[tuple[str, bytes]]) -> list[raw.Answer]:
    """The gateway's answers on a connection. Raises `raw.Crooked` when they are no good HTTP."""
    found: list[raw.Answer] = []
    data = bytes(wire.answered)
    while data:
        method = requests[len(found)][0] if len(found) < len(requests) else "GET"
        taken = raw.read_answer(data, method, ended=wire.ended)
        if taken is None:
            break
        found.append(taken[0])
        data = taken[1]
    return found


def settled(wire: Wire) -> bool:
    """Whether nothing more will come on a connection by itself."""
    if wire.ended or wire.left:
        return True
    read = reading(bytes(wire.forwarded))
    return len(answers(wire, read.requests)) >= len(read.requests)


def complaints(wires: Sequence[Wire], arrived: Sequence[Arrived], *, marked: bool) -> list[str]:
    """What is wrong with a case; `marked` says that a proxy forwarded it, which marks what it sends."""
    said: list[str] = []
    bodies: list[bytes] = []
    for wire in wires:
        data = bytes(wire.forwarded)
        read = reading(data)
        bodies += [body for _, body in read.requests]
        try:
            given = answers(wire, read.requests)
        except raw.Crooked as crooked:
            said.append(f"our answer is crooked: {crooked}")
            continue
        said += _counted(data, wire, read, [answer.status for answer in given], marked=marked)
    said += _bodies(bodies, arrived)
    return said


def _counted(data: bytes, wire: Wire, read: Reading, statuses: list[int], *, marked: bool) -> list[str]:
    known = data.lower().count(MARK) if marked else len(read.requests) + (read.end in ("refused", "waits"))
    said = []
    if len(statuses) > known:
        said.append(f"{len(statuses)} answers {statuses} to {known} requests: {data[:3000]!r}")
    if not wire.ended and not wire.left and len(statuses) < len(read.requests):
        said.append(f"{len(statuses)} answers {statuses} to {len(read.requests)} whole requests: {data[:3000]!r}")
    served = sum(status < 400 for status in statuses)
    if served > min(known, len(read.requests)):
        said.append(f"{served} served, of {known} known and {len(read.requests)} as h11 reads them: {data[:3000]!r}")
    return said


def _bodies(sent: Sequence[bytes], arrived: Sequence[Arrived]) -> list[str]:
    """Every body that arrived was sent, as often as it was."""
    left = list(sent)
    said = []
    for each in arrived:
        if each.body in left:
            left.remove(each.body)
        else:
            said.append(f"{each.line!r} arrived with a body that nobody sent: {each.body[:500]!r}")
    return said
