"""Realtime over WebSocket: handshake by hand (RFC 6455), frames through the gateway both ways."""

import base64
import hashlib
import json
import os
import socket
import struct
from typing import Any

import pytest

import rig
from gateway import kit, plain
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NONCE = base64.b64encode(bytes(range(16))).decode()
UPGRADE = [
    ("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", NONCE),
]  # fmt: skip


def say(sock: socket.socket, value: object) -> None:
    """Send a masked text frame."""
    data, mask = json.dumps(value).encode(), os.urandom(4)
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    sock.sendall(b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))


def exactly(sock: socket.socket, size: int) -> bytes:
    """Read `size` bytes."""
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, "closed inside a frame"
        data += piece
    return data


def hear(sock: socket.socket) -> Any:
    """Read one text frame."""
    kind, length = exactly(sock, 2)
    assert kind == 0x81
    if length == 126:
        length = struct.unpack("!H", exactly(sock, 2))[0]
    return json.loads(exactly(sock, length))


def shake(sock: socket.socket, target: str, *fields: tuple[str, str]) -> bytes:
    """Ask for an upgrade; the answer's head."""
    sock.sendall(plain.head("GET", target, [*UPGRADE, *fields]))
    return plain.until(sock, b"\r\n\r\n")


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
def test_a_conversation(gateway: rig.Gateway, ledger: SandboxServer, prefix: str) -> None:
    """The handshake is accepted end to end, events pass both ways, and the event of it says so."""
    with plain.connected(gateway.port) as sock:
        head = shake(sock, f"{prefix}/realtime?model=gpt-realtime", plain.BEARER)
        accept = base64.b64encode(hashlib.sha1(NONCE.encode() + GUID, usedforsecurity=False).digest())
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-accept: " + accept in head
        assert hear(sock)["type"] == "session.created"
        say(sock, {"type": "response.create", "response": {"input": "say OK now"}})
        kinds: list[str] = []
        text = ""
        while not kinds or kinds[-1] != "response.done":
            event = hear(sock)
            kinds.append(event["type"])
            text += event.get("delta", "")
        assert text == "OK now"
    request_id = head.split(b"x-stationmaster-request-id: ")[1].split(b"\r\n")[0].decode()
    event = gateway.event(request_id)
    assert (event["endpoint"], event["status"], event["model"]) == ("realtime", 101, "gpt-realtime")
    assert event["bytes_in"] > 0
    seen = kit.wait_for(lambda: [entry for entry in ledger.asked() if entry.path.endswith("/realtime")])[-1]
    assert (seen.query, seen.credential) == ("model=gpt-realtime", fingerprint(kit.SECRETS["openai"]))


def test_bytes_sent_with_the_handshake(gateway: rig.Gateway) -> None:
    """Frames that a hasty client sends before our 101 reach the upstream behind it."""
    with plain.connected(gateway.port) as sock, socket.socket():
        frame = b"\x81\x8d" + bytes(4) + b'{"type":"xx"}'
        sock.sendall(plain.head("GET", "/v1/realtime?model=gpt-realtime", [*UPGRADE, plain.BEARER]) + frame)
        assert plain.until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")


def test_a_key_as_subprotocol_is_not_passed_on(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Browsers offer a key as a subprotocol: that offer stays here, the others pass."""
    offers = f"realtime, openai-insecure-api-key.{rig.KEY}, openai-beta.realtime-v1"
    with plain.connected(gateway.port) as sock:
        head = shake(sock, "/v1/realtime?model=gpt-realtime", plain.BEARER, ("sec-websocket-protocol", offers))
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-protocol: realtime\r\n" in head
    assert kit.last(ledger).header("sec-websocket-protocol") == "realtime, openai-beta.realtime-v1"


def test_an_alias(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """An alias is replaced in the query."""
    with plain.connected(gateway.port) as sock:
        assert shake(sock, "/v1/realtime?model=fast&x=1", plain.BEARER).startswith(b"HTTP/1.1 101 ")
    assert sorted(kit.last(ledger).query.split("&")) == ["model=gpt-4o-mini", "x=1"]


def test_refusals(gateway: rig.Gateway) -> None:
    """No upgrade, no key, no model, a refused model, an upstream's refusal: ordinary answers in JSON."""
    door = "/v1/realtime?model=gpt-realtime"
    assert plain.ask(gateway.port, "GET", door).status == 426
    assert plain.ask(gateway.port, "GET", door, None, UPGRADE).status == 401
    assert plain.ask(gateway.port, "GET", "/v1/realtime", None, [*UPGRADE, plain.BEARER]).status == 400
    narrow = ("authorization", f"Bearer {kit.NARROW}")
    assert plain.ask(gateway.port, "GET", door, None, [*UPGRADE, narrow]).status == 403
    refused = plain.ask(gateway.port, "GET", "/v1/realtime?model=sandbox-429", None, [*UPGRADE, plain.BEARER])
    assert (refused.status, refused.header("retry-after")) == (429, "1")


def test_responses_over_websocket_is_426(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Codex tries a WebSocket first and falls back on 426; the vendor is not asked."""
    for target in ("/v1/responses", "/responses"):
        answer = plain.ask(gateway.port, "GET", target, None, [*UPGRADE, plain.BEARER])
        assert (answer.status, answer.json()["error"]["code"]) == (426, "upgrade_not_offered")
    assert not [entry for entry in ledger.asked() if "responses" in entry.path]


def test_the_upstream_hangs_up(gateway: rig.Gateway) -> None:
    """When the upstream drops the connection the client's ends as well, and the event is written."""
    with plain.connected(gateway.port) as sock:
        head = shake(sock, "/v1/realtime?model=sandbox-cut", plain.BEARER)
        hear(sock)
        say(sock, {"type": "response.create", "response": {"input": "say one two three four"}})
        assert rig.read_all(sock)
    request_id = head.split(b"x-stationmaster-request-id: ")[1].split(b"\r\n")[0].decode()
    assert gateway.event(request_id)["status"] == 101
