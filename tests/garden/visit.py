"""One visitor of the garden: sends bytes to a port, waits until nothing moves, and asks whether the next visitor is served."""

import contextlib
import itertools
import json
import socket
import time
from typing import NamedTuple

from garden import judge, payloads
from garden.ground import Ground, fingerprint
from garden.proxies import MARK
from wire import raw as wire
from wire.malformed_requests import NAMED

QUIET = 0.15    # seconds without a byte, behind which a client leaves; what comes later is still counted
PATIENCE = 20.0

_numbers = itertools.count(1)


class Outcome(NamedTuple):
    """What came of one connection's bytes: marked requests between proxy and gateway, requests that arrived behind it, and
    what is wrong."""

    forwarded: int
    arrived: int
    complaints: list[str]


def visit(ground: Ground, port: int, data: bytes, *, marked: bool) -> Outcome:
    """Send `data` to `port` (a proxy's, or the tap's own), then a good request of somebody else."""
    data = data.replace(b"row-NNNN", b"row-%04d" % (next(_numbers) % 10_000))
    marks, asked = _marks(ground), len(ground.asked())
    _send(port, data)
    _settle(ground)
    outcome = Outcome(_marks(ground) - marks, len(ground.asked()) - asked, [])
    said = _somebody_else(port)
    _settle(ground)
    said += judge.complaints(ground.wires(), ground.asked(), marked=marked)
    return outcome._replace(complaints=said)


def warm(ground: Ground, port: int) -> None:
    """Forget what was, and serve somebody."""
    ground.clear()
    said = _somebody_else(port)
    assert not said, said


def _marks(ground: Ground) -> int:
    return sum(bytes(each.forwarded).lower().count(MARK) for each in ground.wires())


def _send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client, contextlib.suppress(OSError):
        client.sendall(data)
        client.settimeout(QUIET)
        while client.recv(65536):
            pass


def _settle(ground: Ground) -> None:
    until = time.monotonic() + PATIENCE
    while not all(judge.settled(each) for each in ground.wires()) and time.monotonic() < until:
        time.sleep(0.01)


def _somebody_else(port: int) -> list[str]:
    """Whether another client gets its own answer. A proxy may find that the connection it kept has ended: it is asked again."""
    body = NAMED.replace(b"row-NNNN", b"else-%d" % next(_numbers))
    request = payloads.chat(b"Connection: close", b"Content-Length: %d" % len(body), body=body)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(request)
            heard = wire.listen(client, ["POST"], PATIENCE)
        if len(heard.answers) == 1 and heard.statuses[0] not in (502, 503):
            return _own(heard.answers[0], body)
        time.sleep(0.02)
    return [f"another client is not served: {heard.statuses}"]


def _own(answer: wire.Answer, body: bytes) -> list[str]:
    if answer.status == 200 and json.loads(answer.body).get("echo") == fingerprint(body):
        return []
    return [f"another client got {answer.status} {answer.body[:300]!r}"]
