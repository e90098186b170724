"""Sending to a receiver that is there, gone, slow or busy: nobody waits, and what is lost is counted."""

import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

from stationmaster.errors import StationmasterError
from stationmaster.telemetry import SCHEMA, otlp, sending
from stationmaster.telemetry.config import Telemetry, checked, from_environ, to_environ
from stationmaster.telemetry.sending import Pusher, Sender
from telemetry.receiver import metrics_of, receiving

TOKEN = "Bearer secret-of-the-collector"


def span(number: int = 1) -> otlp.Span:
    """One with everything that a span may have."""
    said: dict[str, otlp.Value] = {"text": "é", "flag": True, "count": 2**53 + 1, "share": 0.5, "list": ["a", "b"]}
    return otlp.Span(f"{number:032x}", f"{number:016x}", f"{7:016x}", "a name", otlp.SERVER, 1, 2, said, "broken")


def sender(url: str) -> Sender:
    """One for this receiver."""
    return Sender(Telemetry(url, (("authorization", TOKEN),), 1.0, "tests"), {"host.name": "here"}, "1.2.3")


def test_a_span_arrives_whole() -> None:
    """Every kind of attribute, the times, ids, the error, the resource and the schema, read by the protocol's own messages."""
    with receiving() as receiver:
        one = sender(receiver.url)
        one.add([span()])
        receiver.until(lambda: bool(receiver.spans()))
        one.close()
        (found,) = receiver.spans()
        assert (found.trace_id.hex(), found.span_id.hex(), found.parent_span_id.hex()) == (f"{1:032x}", f"{1:016x}", f"{7:016x}")
        assert (found.start_time_unix_nano, found.end_time_unix_nano, found.kind) == (1, 2, 2)
        assert (found.status.code, found.status.message) == (2, "broken")
        values = {each.key: each.value for each in found.attributes}
        assert values["count"].int_value == 2**53 + 1
        assert values["flag"].bool_value
        assert [each.string_value for each in values["list"].array_value.values] == ["a", "b"]
        assert receiver.paths == ["/v1/traces"]
        assert receiver.headers[0]["authorization"] == TOKEN
        assert receiver.headers[0]["content-type"] == "application/json"
        said = json.loads(receiver.bodies[0])["resourceSpans"][0]
        assert said["schemaUrl"] == SCHEMA
        assert {"key": "service.name", "value": {"stringValue": "tests"}} in said["resource"]["attributes"]


def test_metrics_arrive_whole() -> None:
    """A counter, a gauge and a histogram, cumulative since the start; the last push comes at the end."""
    families = [
        otlp.Family("asked_total", "counter", "Asked.", [otlp.Point({"model": "m"}, 3.0)]),
        otlp.Family("state", "gauge", "State.", [otlp.Point({}, 1.0)]),
        otlp.Family("took_seconds", "histogram", "Took.", [otlp.Point({}, counts=[1, 0, 2], total=4.5)], (0.1, 1.0)),
        otlp.Family("empty_total", "counter", "Nothing yet.", []),
    ]
    with receiving() as receiver:
        one = sender(receiver.url)
        Pusher(one, lambda: families).close()
        one.close()
        found = receiver.metrics()
        assert set(found) == {"asked_total", "state", "took_seconds"}
        assert found["asked_total"].sum.is_monotonic
        assert found["asked_total"].sum.aggregation_temporality == 2
        assert found["asked_total"].sum.data_points[0].as_double == 3.0
        (point,) = found["took_seconds"].histogram.data_points
        assert (point.count, point.sum, list(point.bucket_counts), list(point.explicit_bounds)) == (3, 4.5, [1, 0, 2], [0.1, 1.0])
        assert point.start_time_unix_nano < point.time_unix_nano
        assert metrics_of(receiver.bodies[0])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_receiver_is_asked_again(status: int) -> None:
    """After as long as it says; nothing is lost."""
    with receiving() as receiver:
        receiver.statuses, receiver.after = [status, status], "0"
        one = sender(receiver.url)
        one.add([span()])
        receiver.until(lambda: len(receiver.spans()) == 1)
        one.close()
        assert len(receiver.paths) == 3
        assert one.dropped() == 0


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 413, 500])
def test_what_is_refused_is_lost(status: int) -> None:
    """And counted, once; a redirect is not followed, for the header fields are for one address."""
    with receiving() as receiver:
        receiver.statuses = [status]
        one = sender(receiver.url)
        one.add([span()])
        receiver.until(lambda: len(receiver.paths) == 1)
        one.close()
        assert one.dropped() == 1
        assert len(receiver.paths) == 1


def test_nobody_waits_for_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no room is dropped and counted; adding takes no time, ending not for ever."""
    monkeypatch.setattr(sending, "MAX_WAITING", 100)
    with receiving() as receiver:
        gone = receiver.url
    one = sender(gone)
    began = time.monotonic()
    for number in range(50):
        one.add([span(number + 1)] * 100)
    one.close(0.1)
    assert time.monotonic() - began < sending.TIMEOUT, "it did not wait for an answer"
    assert one.dropped() >= 5_000 - 2 * 100 - sending.MAX_BATCH


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: "])
def test_one_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    """A receiver that sends its answer byte by byte, each in time, holds the thread no longer than an answer may take in all."""
    monkeypatch.setattr(sending, "TIMEOUT", 0.5)
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with taken, contextlib.suppress(OSError):
            taken.sendall(said)
            while not over.wait(0.1):
                taken.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        began = time.monotonic()
        with contextlib.suppress(OSError, http.client.HTTPException):
            sending._exchange(Telemetry(f"http://127.0.0.1:{listener.getsockname()[1]}"), "/v1/traces", b"{}")
        took = time.monotonic() - began
        over.set()
        thread.join()
    assert took < 20, "a hundred seconds' worth of bytes were on their way"


SETTINGS = [
    ("http://collector:4318", "", "0.1", True), ("https://collector.example.com/otlp/", "a=b, c = d", "1", True),
    ("collector:4318", "", "1", False), ("ftp://x", "", "1", False), ("http://u:p@x", "", "1", False),
    ("http://x?y", "", "1", False), ("http://x", "no field", "1", False), ("http://x", "a=b\nc", "1", False),
    ("http://x", "", "2", False), ("http://x", "", "nan", False), ("http://x", "", "much", False),
    ("http://x:99999", "", "1", False), ("http://[", "", "1", False), ("http://é", "", "1", False),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "headers", "ratio", "good"), SETTINGS)
def test_settings(endpoint: str, headers: str, ratio: str, good: bool) -> None:
    """What can be used goes through the environment to a process below and back; what cannot is refused, without its value."""
    if not good:
        with pytest.raises(StationmasterError) as told:
            checked(endpoint, headers, ratio, "here")
        assert told.value.hint
        assert "no field" not in str(told.value)
        return
    found = checked(endpoint, headers, ratio, "here")
    assert from_environ(to_environ(found)) == found
    assert "b" not in repr(found).partition("headers")[2]


def test_without_an_endpoint_there_is_none() -> None:
    """Other variables alone turn nothing on."""
    assert from_environ({"STATIONMASTER_TELEMETRY_RATIO": "1"}) is None
