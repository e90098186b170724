"""F12, F13: requests that are too large, and bodies that are no sound JSON or too much of it, many at once."""

import gzip
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain, repeat

import pytest

import rig
from chaos import kit
from chaos.kit import LONG
from gateway import processes
from gateway.station import Station

AT_ONCE, ROUNDS = (100, 5) if LONG else (8, 1)
MIB = 1 << 20
ROOM = 16 * MIB            # by which all workers together may grow
BUDGET = 512 * MIB         # of a worker, for bodies that it holds: `body_budget_mib`
HELD = "a body of 1 GiB, in chunks"
Pieces = Callable[[], Iterable[bytes]]
pytestmark = pytest.mark.timeout(900)

START = f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {rig.KEY}\r\n".encode()
CHUNKED = START + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE, FIELDS = b"x" * 65_536, b"x-field: 1\r\n" * 1000
LARGE: dict[str, tuple[Pieces, set[str]]] = {
    "100,000 fields": (lambda: [START, *repeat(FIELDS, 100), b"\r\n"], {"431"}),
    "a field of 1 MiB": (lambda: [START, b"x-field: ", *repeat(PIECE, 16), b"\r\n\r\n"], {"431"}),
    "a path of 10 MiB": (lambda: [b"GET /v1/", *repeat(PIECE, 160), b" HTTP/1.1\r\n\r\n"], {"414", "431"}),
    "a body of 1 GiB, announced": (lambda: [START, b"content-length: 1073741824\r\n\r\n", *repeat(PIECE, 16_384)], {"413"}),
    HELD: (lambda: [CHUNKED, *repeat(b"10000\r\n" + PIECE + b"\r\n", 16_384)], {"413", "503"}),
    "an extension without end": (lambda: [CHUNKED, b"1;", *repeat(PIECE, 1600)], {"400", "413", "431"}),
    "trailers without end": (lambda: [CHUNKED, b"2\r\n{}\r\n0\r\n", *repeat(FIELDS, 1000)], {"400", "413", "431"}),
}
NO_JSON: dict[str, Callable[[], bytes]] = {
    "no UTF-8": lambda: b'{"model": "plain", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "half a pair": lambda: b'{"model": "plain", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "NaN": lambda: b'{"model": "plain", "temperature": NaN, "messages": []}',
    "a million deep": lambda: b'{"model": "plain", "messages": ' + b"[" * 10**6 + b"]" * 10**6 + b"}",
    "a million keys": lambda: b'{"model": "plain", ' + b", ".join(b'"k%d": 1' % number for number in range(10**6)) + b"}",
    "a number of 10 MB": lambda: b'{"model": "plain", "max_tokens": ' + b"9" * 10**7 + b"}",
    "twice the same": lambda: b'{"model": "plain", "model": "other", "messages": []}',
    "a thousandfold, packed": lambda: b'{"model": "plain", "messages": "' + b"x" * 10**8 + b'"}',
}


def sent(port: int, pieces: Iterable[bytes]) -> str:
    """The status that came; "broke off" where none did."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sending = threading.Thread(target=_send, args=(sock, pieces))
        sending.start()
        try:
            head = sock.recv(65_536)
        except OSError:
            head = b""
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)      # whoever still sends stops
        sending.join()
        return head[9:12].decode("latin-1") if head.startswith(b"HTTP/1.1 ") else "broke off"


def _send(sock: socket.socket, pieces: Iterable[bytes]) -> None:
    try:
        for piece in pieces:
            sock.sendall(piece)
    except OSError:
        pass      # refused, and closed


@contextmanager
def watched(gateway: Station) -> Iterator[Callable[[], int]]:
    """By how much all workers together have grown at most."""
    start, most, over = resident(gateway), [0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], resident(gateway) - start)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        thread.join()


def resident(gateway: Station) -> int:
    """Bytes of memory of all workers."""
    return sum(processes.resident(pid) for pid in gateway.workers())


def at_once(work: Callable[[int], str], times: int) -> Counter[str]:
    """What came of so many at the same time."""
    with ThreadPoolExecutor(times) as threads:
        return Counter(threads.map(work, range(times)))


@pytest.mark.parametrize(("names", "room", "reach"), [
    (set(LARGE) - {HELD}, ROOM, "431, 414, 413; ≤ 16 MiB more memory; no good call fails"),
    ({HELD}, 2 * BUDGET + 4 * ROOM, "413, or 503; no more memory than two workers may hold of bodies, 512 MiB each"),
], ids=["not held", "held"])  # fmt: skip
def test_oversize(names: set[str], room: int, reach: str) -> None:
    """Whatever is too large is refused as that, with little memory, or with what the budget of bodies allows; workers live, and
    calls beside are served."""
    large = {name: each for name, each in LARGE.items() if name in names}
    done = f"{', '.join(large)}: {AT_ONCE} of each at once, {ROUNDS} times; 50 good calls/s beside them"
    with kit.figure("F12", done, reach) as tell, kit.vendor() as url, \
            kit.gateway(url) as gateway, kit.load(gateway.port, rps=50, seconds=(60 if LONG else 6)) as load:  # fmt: skip
        before, odd = gateway.workers(), Counter[str]()
        with watched(gateway) as grown:
            for name, (pieces, right) in chain.from_iterable(repeat(list(large.items()), ROUNDS)):
                found = at_once(lambda _: sent(gateway.port, pieces()), AT_ONCE)      # noqa: B023  called here
                odd += Counter({f"{name}: {status}": number for status, number in found.items() if status not in right})
        seen = load.end()
        wrong = kit.faults(seen, *kit.WRONG)
        refused = len(large) * AT_ONCE * ROUNDS - odd.total()
        tell(f"{refused:,} refused so, else {dict(odd) or 'nothing'}; {grown() / MIB:.1f} MiB more at most; of good calls "
             f"{seen['ok']:,} answered, else {wrong or 'nothing'}, the longest in {seen['max_ms']} ms",
             not wrong and not odd and grown() <= room)  # fmt: skip
        assert gateway.workers() == before
        assert wrong == {}
        assert not odd
        assert grown() <= (room if LONG else 2 * BUDGET)


def test_bombs() -> None:
    """Bodies that are no JSON, or absurd: an answer comes for each, which is none of ours being broken; workers live, and calls
    beside are served."""
    done = f"{', '.join(NO_JSON)}: {AT_ONCE // 4} of each at once, {ROUNDS} times; 50 good calls/s beside them"
    with kit.figure("F13", done, "refused or passed on, no 5xx; no good call fails or waits long") as tell, kit.vendor() as url, \
            kit.gateway(url) as gateway, kit.load(gateway.port, rps=50, seconds=(60 if LONG else 6)) as load:  # fmt: skip
        before, found = gateway.workers(), Counter[str]()
        for name, make in chain.from_iterable(repeat(list(NO_JSON.items()), ROUNDS)):
            pieces = posted(make(), packed="packed" in name)
            found += at_once(lambda _: sent(gateway.port, pieces), AT_ONCE // 4)      # noqa: B023  called here
        seen = load.end()
        wrong, broken = kit.faults(seen, *kit.WRONG), {name: n for name, n in found.items() if not name.startswith(("2", "4"))}
        told = ", ".join(f"{number} times {status}" for status, number in sorted(found.items()))
        tell(f"{told}; of good calls {seen['ok']:,} answered, else {wrong or 'nothing'}, the longest in {seen['max_ms']} ms",
             not wrong and not broken)  # fmt: skip
        assert gateway.workers() == before
        assert wrong == {}
        assert broken == {}


def posted(body: bytes, *, packed: bool) -> Sequence[bytes]:
    """The request for a body."""
    data = gzip.compress(body, 1) if packed else body
    how = b"content-encoding: gzip\r\n" if packed else b""
    return [START, how, b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data), data]


def test_what_is_sound_is_answered() -> None:
    """The same request without anything odd is served, so that what is refused is refused for what is odd of it."""
    with kit.vendor() as url, kit.gateway(url, workers=1) as gateway:
        body = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "hi"}]}).encode()
        assert sent(gateway.port, posted(body, packed=False)) == "200"
        assert sent(gateway.port, posted(body, packed=True)) == "200"
