"""Bodies in every wrapping: chunked, compressed, ten megabytes of file; streamed where they can be."""

import gzip
import hashlib
import threading
from collections.abc import Iterator

import pytest
import zstandard

import rig
from gateway import kit, plain
from gateway.doors import FORM, form
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer

MIB = 1 << 20


def chunked(body: bytes, size: int) -> Iterator[bytes]:
    """Frame a body in chunks, the last one with a trailer."""
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        yield b"%x;name=value\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\nx-trailer: dropped\r\n\r\n"


def digest(body: bytes) -> str:
    """What the ledger keeps of a body."""
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 16])
@pytest.mark.parametrize(
    ("target", "kind", "body"),
    [
        ("/v1/responses", "application/json", plain.dump(plain.responses())),
        ("/v1/audio/transcriptions", FORM, form(("model", b"whisper-1"), file_first=True)),
        ("/v1/files", FORM, form(("purpose", b"batch"))),
    ],
)
def test_chunked(gateway: rig.Gateway, ledger: SandboxServer, target: str, kind: str, body: bytes, size: int) -> None:
    """A chunked body arrives whole, whatever its pieces; the connection serves the next request."""
    fields = [plain.BEARER, ("content-type", kind), ("transfer-encoding", "chunked")]
    with plain.connected(gateway.port) as sock:
        for _ in range(2):
            sock.sendall(plain.head("POST", target, fields) + b"".join(chunked(body, size)))
            assert plain.read(sock).status == 200
            assert kit.last(ledger).body_sha256 == digest(body)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "zstd", "GZIP"])
@pytest.mark.parametrize("words", [2, 200_000])
def test_compressed(gateway: rig.Gateway, ledger: SandboxServer, encoding: str, words: int) -> None:
    """gzip and zstd bodies reach the vendor plain, small and large (which are decoded off the loop)."""
    noise = hashlib.shake_256(b"x").hexdigest(words)
    body = plain.dump(plain.responses(said=f"say OK {noise}"))
    packed = zstandard.compress(body) if encoding == "zstd" else gzip.compress(body)
    fields = [plain.BEARER, plain.JSON, ("content-encoding", encoding)]
    with plain.connected(gateway.port) as sock:
        for _ in range(2):
            sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(packed)) + packed)
            assert plain.read(sock).status == 200
            heard = kit.last(ledger)
            assert heard.body_sha256 == digest(body)
            assert heard.header("content-encoding") is None


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", b"no gzip", 400, "bad_encoding"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4], 400, "bad_encoding"),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more", 400, "bad_encoding"),
        ("zstd", b"no zstd", 400, "bad_encoding"),
        ("zstd", zstandard.compress(b"{}" * 99)[:-4], 400, "bad_encoding"),
        ("br", b"{}", 415, "unknown_encoding"),
        ("gzip, gzip", b"{}", 415, "unknown_encoding"),
        ("deflate", b"{}", 415, "unknown_encoding"),
    ],
)
def test_badly_compressed(gateway: rig.Gateway, encoding: str, body: bytes, status: int, code: str) -> None:
    """A body that is not what its Content-Encoding says is refused, and nothing is left reserved."""
    fields = [plain.BEARER, plain.JSON, ("content-encoding", encoding)]
    answer = plain.ask(gateway.port, "POST", "/v1/responses", body, fields)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)
    kit.wait_for(lambda: gateway.worker.buffered == 0)


def test_ten_megabytes(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """A file of ten megabytes arrives whole, with and without a length, through a form that names a model or not."""
    file = hashlib.shake_256(b"ten").digest(10 * MIB)
    for target, parts in (("/v1/files", ("purpose", b"batch")), ("/v1/audio/transcriptions", ("model", b"fast"))):
        body = form(parts, ("more", file), file_first=True)
        answer = plain.ask(gateway.port, "POST", target, body, [plain.BEARER, ("content-type", FORM)])
        assert answer.status == 200
        wanted = body.replace(b"\r\n\r\nfast\r\n", b"\r\n\r\ngpt-4o-mini\r\n")
        assert kit.last(ledger).body_sha256 == digest(wanted)


def test_ten_megabytes_of_json(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """A conversation of ten megabytes, too."""
    body = plain.dump(plain.responses(said="say OK", pictures=hashlib.shake_256(b"ten").hexdigest(5 * MIB)))
    assert plain.ask(gateway.port, "POST", "/v1/responses", body, [plain.BEARER, plain.JSON]).status == 200
    assert kit.last(ledger).body_sha256 == digest(body)
    kit.wait_for(lambda: gateway.worker.buffered == 0)


def test_an_upload_is_not_held_back() -> None:
    """The upstream has the first bytes of a file while the client still sends the rest."""
    arrived = threading.Event()

    def take(request: Request) -> None:
        got = request.body
        while got != b"first":
            got += request.wire.recv(5)
        arrived.set()
        while got != b"firstlast":
            got += request.wire.recv(4)
        request.answer(b"{}")

    with (
        Upstream(take, reads_bodies=False) as upstream,
        rig.running_gateway(kit.wide(upstream.url)) as gateway,
        plain.connected(gateway.port) as sock,
    ):
        sock.sendall(plain.head("POST", "/v1/files", [plain.BEARER, ("content-type", FORM)], length=9) + b"first")
        assert arrived.wait(20)
        sock.sendall(b"last")
        assert plain.read(sock).status == 200


def test_a_slow_upstream_slows_the_client() -> None:
    """An upstream that takes no more of a file stops the client: nothing piles up here. In the end it is given up."""
    done = threading.Event()

    def stall(request: Request) -> None:
        done.wait(20)

    with Upstream(stall, reads_bodies=False) as upstream:
        snapshot = kit.wide(upstream.url, answer_timeout=3.0, idle_timeout=3.0, body_timeout=60.0)
        with rig.running_gateway(snapshot) as gateway, plain.connected(gateway.port) as sock:
            sock.sendall(plain.head("POST", "/v1/files", [plain.BEARER, ("content-type", FORM)], length=200 * MIB))
            sock.settimeout(0.7)
            taken = 0
            try:
                while taken < 100 * MIB:
                    taken += sock.send(bytes(MIB))
            except TimeoutError:
                pass
            assert taken < 50 * MIB, "what two sockets hold, not more"
            sock.settimeout(20)
            answer = plain.read(sock)
            assert (answer.status, answer.json()["error"]["code"]) == (504, "upstream_timeout")
        done.set()


def test_the_upstream_answers_before_the_end() -> None:
    """An early answer reaches the client, and its connection is not used again by either side."""

    def refuse(request: Request) -> None:
        request.answer(b'{"error":{"message":"too big for us"}}', "application/json", 413)
        request.wire.recv(1 << 20)

    with (
        Upstream(refuse, reads_bodies=False) as upstream,
        rig.running_gateway(kit.wide(upstream.url)) as gateway,
        plain.connected(gateway.port) as sock,
    ):
        sock.sendall(plain.head("POST", "/v1/files", [plain.BEARER, ("content-type", FORM)], length=9) + b"first")
        answer = plain.read(sock)
        assert (answer.status, answer.header("connection")) == (413, "close")
        assert b"too big for us" in answer.body


def test_expect_100_continue(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """A client that waits to be told sends its large body once it was, JSON and file alike."""
    for target, kind, body in (
        ("/v1/responses", "application/json", plain.dump(plain.responses(pad="x" * 5 * MIB))),
        ("/v1/files", FORM, form(("purpose", b"batch"), ("pad", bytes(5 * MIB)))),
    ):
        fields = [plain.BEARER, ("content-type", kind), ("expect", "100-continue")]
        with plain.connected(gateway.port) as sock:
            sock.sendall(plain.head("POST", target, fields, length=len(body)))
            assert plain.until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(body)
            assert plain.read(sock).status == 200
        heard = kit.last(ledger)
        assert heard.body_sha256 == digest(body)
        assert heard.header("expect") is None


def test_expect_without_need(gateway: rig.Gateway) -> None:
    """A body that is refused by its head is not asked for: no 100, the refusal at once."""
    fields = [("authorization", "Bearer sm-unknown"), plain.JSON, ("expect", "100-continue")]
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", fields, length=9 * MIB))
        assert plain.until(sock, b"\r\n").startswith(b"HTTP/1.1 401")
