"""A client that leaves: its upstream is read a little longer, for the count, and then let go."""

import threading
from collections.abc import Iterator

import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="module")
def brief(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that reads on for one second."""
    with rig.running_gateway(kit.wide(vendor.url, drain_after_disconnect=1.0)) as running:
        yield running


def leave(gateway: rig.Gateway, target: str, value: object, *, after: bytes) -> str:
    """Begin a request, read up to `after`, hang up; the request's id."""
    body = plain.dump(value)
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", target, [plain.BEARER, plain.JSON], length=len(body)) + body)
        head = plain.until(sock, b"\r\n\r\n")
        if after:
            plain.until(sock, after)
    return head.split(b"x-stationmaster-request-id: ")[1].split(b"\r\n")[0].decode()


def test_a_short_answer_is_counted_exactly(vendor: SandboxServer) -> None:
    """An answer that ends within the window is read to its end: exact numbers, though nobody reads it."""
    value = plain.responses("sandbox-slow", "say OK", stream=True)
    with rig.running_gateway(kit.wide(vendor.url, drain_after_disconnect=60.0)) as gateway:
        event = gateway.event(leave(gateway, "/v1/responses", value, after=b"response.created"))
    assert (event["client_left"], event["usage_source"]) == (True, "upstream_final")
    assert event["tokens"]["output"] == 20


STREAMS = [
    ("/v1/chat/completions", plain.chat("sandbox-stall", stream=True), b"data: ", "estimated"),
    ("/v1/responses", plain.responses("sandbox-stall", stream=True), b"created", "estimated"),
    ("/v1/messages", plain.messages(stream=True), b"message_start", "estimated"),
    ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(), b"data: ", "upstream_partial"),
]


@pytest.mark.parametrize(("target", "value", "after", "source"), STREAMS)
def test_a_long_answer_is_given_up(
    brief: rig.Gateway, ledger: SandboxServer, target: str, value: dict[str, object], after: bytes, source: str
) -> None:
    """What does not end within the window is ended: the vendor sees the caller leave, the numbers are flagged."""
    target += ("&" if "?" in target else "?") + "sandbox_fault=sandbox-stall"
    event = brief.event(leave(brief, target, value, after=after))
    assert (event["client_left"], event["usage_source"]) == (True, source)
    assert event["tokens"]["input"] > 0
    assert event["duration_us"] > 0.5e6, "not before the window's end"
    kit.until_last(ledger, outcome="left")
    kit.wait_for(lambda: not brief.worker.orphans)


def test_before_any_answer(brief: rig.Gateway, ledger: SandboxServer) -> None:
    """A client that leaves before the answer is recorded as 499; the upstream is let go."""
    body = plain.dump(plain.responses("sandbox-hang"))
    with plain.connected(brief.port) as sock:
        fields = [plain.BEARER, plain.JSON, ("x-sandbox-nonce", "499")]
        sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(body)) + body)
        kit.wait_for(lambda: kit.asked(ledger, "499"))
    kit.wait_for(lambda: kit.asked(ledger, "499")[0].outcome == "left")
    event = kit.wait_for(lambda: [event for event in brief.events() if event["model"] == "sandbox-hang"])[0]
    assert (event["status"], event["client_left"]) == (499, True)


def test_before_the_head_of_a_long_answer(brief: rig.Gateway, ledger: SandboxServer) -> None:
    """A client that leaves before an answer that then goes on and on: the window counts from its leaving."""
    body = plain.dump(plain.responses("sandbox-slow", "say OK words:2000", stream=True))
    with plain.connected(brief.port) as sock:
        fields = [plain.BEARER, plain.JSON, ("x-sandbox-nonce", "5a")]
        sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(body)) + body)
        kit.wait_for(lambda: kit.asked(ledger, "5a"))
    kit.wait_for(lambda: kit.asked(ledger, "5a")[0].outcome == "left")
    kit.wait_for(lambda: not brief.worker.orphans)


def test_in_the_middle_of_an_upload(ledger: SandboxServer) -> None:
    """A client that leaves while it sends: the upstream's connection is cut, never completed."""
    ended = threading.Event()
    got: list[bytes] = []

    def read_on(request: Request) -> None:
        while piece := request.wire.recv(65536):
            got.append(piece)
        ended.set()

    with Upstream(read_on, reads_bodies=False) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        with plain.connected(gateway.port) as sock:
            kind = ("content-type", "application/octet-stream")
            sock.sendall(plain.head("POST", "/v1/files", [plain.BEARER, kind], length=1000) + b"x" * 500)
            kit.wait_for(lambda: upstream.requests)
        assert ended.wait(20)
        event = kit.wait_for(lambda: [event for event in gateway.events() if event["endpoint"] == "files"])[0]
        assert event["client_left"]
    assert sum(map(len, got)) <= 500


def test_without_a_window(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """With a window of zero the upstream is let go at once."""
    with rig.running_gateway(kit.wide(vendor.url, drain_after_disconnect=0.0)) as gateway:
        leave(gateway, "/v1/responses", plain.responses("sandbox-stall", stream=True), after=b"created")
        kit.until_last(ledger, within=4, outcome="left")    # where no window is set it is five seconds
        kit.wait_for(lambda: not gateway.worker.orphans)


def test_many_leave_at_once(brief: rig.Gateway, ledger: SandboxServer) -> None:
    """Fifty that leave together leave nothing behind."""
    value = plain.responses("sandbox-stall", stream=True)
    threads = [kit.in_background(lambda: leave(brief, "/v1/responses", value, after=b"data")) for _ in range(50)]
    for thread in threads:
        thread.join()
    kit.wait_for(lambda: not brief.worker.orphans and not brief.worker.clients)
    kit.wait_for(lambda: all(entry.outcome != "open" for entry in ledger.asked()))
    assert brief.worker.buffered == 0
