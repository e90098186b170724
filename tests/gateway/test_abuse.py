"""What was found by attacking stays mended: exhaustion, races, and ways round a key's models."""

import socket
import tracemalloc
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain
from gateway.doors import BOUNDARY, form
from stationmaster.gateway.core.endpoints import Meter
from stationmaster.gateway.core.faults import BODY_TOO_LARGE
from stationmaster.gateway.core.peek import MAX_MEMBERS, Peek, Refused
from stationmaster.gateway.core.replies import read_reply
from stationmaster.gateway.core.snapshot import VirtualKey
from stationmaster.gateway.core.usage import of_body
from stationmaster.gateway.server.decode import decode
from stationmaster.sandbox.server import SandboxServer

zstandard = pytest.importorskip("zstandard")
NARROW = ("authorization", f"Bearer {kit.NARROW}")


@pytest.mark.parametrize("target", ["/healthz", "/nowhere"])
def test_who_does_not_read_gets_no_further_answers(gateway: rig.Gateway, target: str) -> None:
    """Requests sent ahead without reading are held back, and others are served meanwhile."""
    many = plain.head("GET", target) * 2000
    with plain.connected(gateway.port) as sock:
        sock.setblocking(False)
        sent = 0
        for _ in range(400):
            try:
                sent += sock.send(many)
            except BlockingIOError:
                break
            assert plain.ask(gateway.port, "GET", "/healthz").status == 200
        assert max(len(client._buffer) for client in list(gateway.worker.clients)) < 1_000_000
    assert sent


def test_pipelined_requests_are_all_answered(gateway: rig.Gateway) -> None:
    """Many at once, read as they come: each gets its answer, in order."""
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("GET", "/healthz") * 500)
        reader = sock.makefile("rb")
        assert [plain.read_from(reader).status for _ in range(500)] == [200] * 500


def test_a_key_is_what_it_is_when_its_body_is_whole(vendor: SandboxServer) -> None:
    """A request that was begun before a reload has the rights after it, and leaves none behind."""
    wide = kit.wide(vendor.url)
    narrow = msgspec.structs.replace(wide, keys=(VirtualKey("rig", rig.sha256(rig.KEY), models=("gpt-4o-mini",)),))
    body = plain.dump(plain.responses("o1-pro"))
    with rig.running_gateway(wide) as gateway, plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=len(body)) + body[:5])
        kit.wait_for(lambda: gateway.worker.buffered)
        gateway.apply(narrow)
        sock.sendall(body[5:])
        assert plain.read(sock).status == 403
        assert plain.post(gateway.port, "/v1/responses", plain.responses("o1-pro")).status == 403


def test_a_key_revoked_while_a_form_comes(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """A form that has not told its model when its key goes is refused, and reaches no vendor: as a JSON body is."""
    made = rig.snapshot_for(vendor.url)
    body = form(("model", b"gpt-4o-mini"), file_first=True)
    fields = [("authorization", f"Bearer {rig.KEY}"), ("content-type", f"multipart/form-data; boundary={BOUNDARY}")]
    with rig.running_gateway(made) as gateway, gateway.connect() as sock:
        sock.sendall(plain.head("POST", "/v1/audio/transcriptions", fields, length=len(body)) + body[:40])
        kit.wait_for(lambda: any(client.exchange is not None for client in list(gateway.worker.clients)))
        gateway.apply(msgspec.structs.replace(made, keys=made.keys[1:]))
        sock.sendall(body[40:])
        assert plain.read(sock).status == 401
    assert not kit.calls(ledger)


def test_a_bomb_is_stopped_at_its_cap() -> None:
    """However small the body, no more than the cap (and a piece) is ever made of it."""
    bomb = zstandard.ZstdCompressor().compress(bytes(256 * 1024 * 1024))
    tracemalloc.start()
    with pytest.raises(Refused) as refused:
        decode(bomb, b"zstd", 1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.fault is BODY_TOO_LARGE
    assert peak < 16 * 1024 * 1024


@pytest.mark.parametrize("extra", [b"x", b"\0" * 7])
def test_compressed_bodies_are_one_frame(extra: bytes) -> None:
    """Nothing may stand behind a compressed body, and none of it may be missing."""
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(b'{"model":"a"}' * 1000)
    assert decode(whole, b"zstd", 1 << 20) == b'{"model":"a"}' * 1000
    for wrong in (whole + extra, whole[:-1], whole[:-5]):
        with pytest.raises(Refused):
            decode(wrong, b"zstd", 1 << 20)


def test_long_names_and_many_members_are_cheap() -> None:
    """A body's top level is read in room like its own size; more than 1,024 members are refused."""
    tracemalloc.start()
    Peek(b'{ "' + b"a" * (4 << 20) + b'":1,"model":"gpt-4o"}')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
    with pytest.raises(Refused, match="too_many_members"):
        Peek(plain.dump({f"m{number}": 1 for number in range(MAX_MEMBERS + 1)}))


def test_absurd_counts_are_bounded() -> None:
    """A count of thousands of digits is booked as the most there can be, and can be written."""
    absurd = b'{"usageMetadata":{"promptTokenCount":%b,"candidatesTokenCount":3}}' % (b"9" * 4300)
    tokens = of_body(Meter.GEMINI, absurd)
    assert tokens is None or tokens.input <= 2**53


@pytest.mark.parametrize("length", [0, 5])
def test_a_204_that_states_a_length_ends_its_connection(length: int) -> None:
    """Remembered or read anew, it is not used again: its sender may send a body."""
    for stated in (0, length):
        raw = b"HTTP/1.1 204 No Content\r\ncontent-length: %d\r\nx-a: abuse\r\n\r\n" % stated
        assert not read_reply(raw, "POST").head.keep_alive


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"models": ["o1-pro"]}, 403),
        ({"fallbacks": [{"model": "o1-pro"}]}, 403),
        ({"tools": [{"type": "image_generation", "model": "gpt-image-1"}]}, 403),
        ({"tools": [{"type": "image_generation", "model": "gpt-4o-mini"}]}, 200),
        ({"tools": [{"type": "function", "name": "model"}]}, 200),
    ],
)
def test_models_named_elsewhere(gateway: rig.Gateway, more: dict[str, Any], status: int) -> None:
    """A key that may use certain models only does not reach others through what stands beside `model`."""
    body = plain.dump(plain.responses("gpt-4o", **more))
    assert plain.ask(gateway.port, "POST", "/v1/responses", body, [NARROW, plain.JSON]).status == status
    assert plain.ask(gateway.port, "POST", "/v1/responses", body, [plain.BEARER, plain.JSON]).status == 200


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("application/json; charset=utf-7", "application/json"),
        ("application/x-www-form-urlencoded", "application/json"),
        ("text/plain", "application/json"),
    ],
)
def test_what_was_read_as_json_is_sent_as_json(gateway: rig.Gateway, ledger: SandboxServer, kind: str, sent: str) -> None:
    """The vendor reads the body as we did, whatever the caller called it; and Connection takes nothing away."""
    fields = [plain.BEARER, ("content-type", kind), ("connection", "content-type")]
    assert plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status == 200
    assert kit.last(ledger).header("content-type") == sent


def test_batches_go_where_their_models_go(gateway: rig.Gateway) -> None:
    """Models of one pool, no aliases, all allowed; else the batch is refused."""
    def batch(*models: str) -> bytes:
        entries = [{"custom_id": str(at), "params": plain.messages(model)} for at, model in enumerate(models)]
        return plain.dump({"requests": entries})

    for models, status in ((("claude-a", "claude-b"), 200), (("fast-claude",), 400), (("claude-a", "compat-x"), 400), ((), 400)):
        answer = plain.ask(gateway.port, "POST", "/v1/messages/batches", batch(*models), [plain.BEARER, plain.JSON])
        assert answer.status == status, models


def test_too_many_query_parameters(gateway: rig.Gateway) -> None:
    """A query of thousands of parameters is not taken apart."""
    assert plain.ask(gateway.port, "GET", "/v1/models?" + "a&" * 2000).status == 400


def test_only_realtime_is_upgraded(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Asking for WebSocket elsewhere asks the vendor for nothing of the kind."""
    fields = [plain.BEARER, ("connection", "Upgrade"), ("upgrade", "websocket")]
    assert plain.ask(gateway.port, "GET", "/v1/files", None, fields).status == 200
    assert not kit.last(ledger).header("upgrade")


def test_forms_that_wait_count(vendor: SandboxServer) -> None:
    """What is held until a form names its model comes out of the budget for bodies."""
    with rig.running_gateway(kit.wide(vendor.url, body_budget_bytes=300_000)) as gateway:
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(200_000)
        fields = [plain.BEARER, ("content-type", "multipart/form-data; boundary=b")]
        with plain.connected(gateway.port) as first, plain.connected(gateway.port) as second:
            first.sendall(plain.head("POST", "/v1/audio/transcriptions", fields, length=400_000) + form)
            kit.wait_for(lambda: gateway.worker.buffered >= 200_000)
            second.sendall(plain.head("POST", "/v1/audio/transcriptions", fields, length=400_000) + form)
            assert plain.read(second).status == 503
        kit.wait_for(lambda: gateway.worker.buffered == 0)


def test_announced_bodies_take_no_budget(vendor: SandboxServer) -> None:
    """Connections that announce much and send nothing refuse nobody."""
    with rig.running_gateway(kit.wide(vendor.url, max_body_bytes=1_000_000, body_budget_bytes=1_000_000)) as gateway:
        socks: list[socket.socket] = []
        for _ in range(8):
            socks.append(gateway.connect())
            socks[-1].sendall(plain.head("POST", "/v1/responses", [plain.BEARER, plain.JSON], length=1_000_000) + b"{")
        kit.wait_for(lambda: gateway.worker.buffered == 8)
        assert plain.post(gateway.port, "/v1/responses", plain.responses("gpt-4o", "x" * 400_000)).status == 200
        for sock in socks:
            sock.close()
