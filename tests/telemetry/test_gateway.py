"""What a gateway tells a receiver of a request: what the client asked, what the vendor was asked; and never what is secret."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import rig
from gateway import station
from gateway.test_failover import made, pair
from stationmaster.gateway.core import metrics
from stationmaster.gateway.core.snapshot import Snapshot
from stationmaster.gateway.server.process import ENDPOINT
from stationmaster.gateway.server.tracing import Tracing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.telemetry import config
from stationmaster.telemetry.config import Telemetry
from telemetry.receiver import receiving

LOST: list[int] = []      # spans, each time that the worker asked
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROMPT, ANSWER_OF_IT = "tell-nobody-the-prompt", "tell-nobody-the-header"


@contextlib.contextmanager
def traced(vendor: SandboxServer, url: str, ratio: float = 1.0, snapshot: Snapshot | None = None) -> Iterator[rig.Gateway]:
    """A gateway that sends its spans there."""
    tracing = Tracing(Telemetry(url, (), ratio, "tests"))
    told = tracing.dropped
    tracing.dropped = lambda: LOST.append(told()) or LOST[-1]      # type: ignore[func-returns-value]
    LOST.clear()
    with rig.running_gateway(snapshot or rig.snapshot_for(vendor.url), tracing=tracing) as running:
        yield running


def ask(gateway: rig.Gateway, stream: bool = False, model: str = "fast", traceparent: str = "", **headers: str) -> httpx.Response:
    """One chat completion."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": PROMPT}]}
    given = {"authorization": f"Bearer {rig.KEY}", "x-secret": ANSWER_OF_IT, "user-agent": ANSWER_OF_IT, **headers}
    given |= {"traceparent": traceparent} if traceparent else {}
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=given, trust_env=False)


def said(span: Any) -> dict[str, Any]:
    """A span's attributes."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_two_spans(vendor: SandboxServer, stream: bool) -> None:
    """In the caller's trace: what it asked of us, and below that what we asked of the vendor, with model, tokens and price."""
    with receiving() as receiver, traced(vendor, receiver.url, 0.0) as gateway:
        answer = ask(gateway, stream, traceparent=f"00-{TRACE}-{SPAN}-01")
        event = gateway.event(answer.headers["x-stationmaster-request-id"])
        receiver.until(lambda: len(receiver.spans()) == 2)
        server, client = receiver.spans()
        assert server.trace_id.hex() == client.trace_id.hex() == TRACE
        assert (server.parent_span_id.hex(), client.parent_span_id) == (SPAN, server.span_id)
        assert (server.name, server.kind, client.name, client.kind) == ("POST chat", 2, "chat gpt-4o-mini", 3)
        assert server.start_time_unix_nano <= client.start_time_unix_nano <= client.end_time_unix_nano
        assert client.end_time_unix_nano == server.end_time_unix_nano
        assert server.end_time_unix_nano - server.start_time_unix_nano == event["duration_us"] * 1000
        asked, served = said(server), said(client)
        assert asked["stationmaster.request_id"] == event["request_id"]
        assert asked["http.response.status_code"] == 200
        assert (asked["stationmaster.key"], asked["stationmaster.credential"]) == ("rig", "openai")
        assert (served["gen_ai.operation.name"], served["gen_ai.provider.name"]) == ("chat", "openai")
        assert (served["gen_ai.request.model"], served["gen_ai.request.stream"]) == ("gpt-4o-mini", stream)
        assert served["gen_ai.usage.output_tokens"] == event["tokens"]["output"]
        assert ("gen_ai.response.time_to_first_chunk" in served) is stream
        assert event["trace"] == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(("ratio", "header", "spans"), [
    (0.0, "", 0), (1.0, "", 2), (1.0, f"00-{TRACE}-{SPAN}-00", 0), (1.0, "00-not-a-trace-01", 2),
])  # fmt: skip
def test_who_is_recorded(vendor: SandboxServer, ratio: float, header: str, spans: int) -> None:
    """The caller decides for its own trace; else our share does. What is no trace is none, and is not noted."""
    with receiving() as receiver, traced(vendor, receiver.url, ratio) as gateway:
        answer = ask(gateway, traceparent=header)
        ask(gateway, traceparent=f"00-{'a' * 32}-{SPAN}-01")      # is recorded, behind it
        receiver.until(lambda: any(span.trace_id.hex() == "a" * 32 for span in receiver.spans()))
        assert len([span for span in receiver.spans() if span.trace_id.hex() != "a" * 32]) == spans
        event = gateway.event(answer.headers["x-stationmaster-request-id"])
        assert event.get("trace", "") == (header if header.startswith(f"00-{TRACE}") else "")


def test_strangers_decide_nothing(vendor: SandboxServer) -> None:
    """Who has no key has no say in what is recorded."""
    with receiving() as receiver, traced(vendor, receiver.url, 0.0) as gateway:
        header = f"00-{TRACE}-{SPAN}-01"
        assert ask(gateway, authorization="Bearer sm-nobody-knows-it", traceparent=header).status_code == 401
        ask(gateway, traceparent=f"00-{'a' * 32}-{SPAN}-01")
        receiver.until(lambda: len(receiver.spans()) >= 2)
        assert {span.trace_id.hex() for span in receiver.spans()} == {"a" * 32}


def test_failures_say_what_failed(vendor: SandboxServer) -> None:
    """A request that is refused has one span, whose error is our code only where we failed; a vendor's error is on its span."""
    with receiving() as receiver, traced(vendor, receiver.url) as gateway:
        unknown = ask(gateway, authorization="Bearer sm-nobody-knows-it")
        assert unknown.status_code == 401
        broken = ask(gateway, model="sandbox-500")
        receiver.until(lambda: len(receiver.spans()) >= 3)
        refused, *_ = [span for span in receiver.spans() if said(span).get("http.response.status_code") == 401]
        assert said(refused)["error.type"]
        assert refused.status.code == 0      # a 4xx is the caller's
        assert broken.status_code >= 500
        (failed,) = [span for span in receiver.spans() if span.kind == 3]
        assert (failed.status.code, said(failed)["http.response.status_code"]) == (2, 500)


def test_each_attempt_is_a_span(vendor: SandboxServer) -> None:
    """A request that went on to another credential has a span for each, one after the other and within the request's: the first
    with what it failed by and without usage, the second with what was used."""
    pool, both = pair("two", "openai", vendor.url, vendor.url, "two-bad-sandbox-500")
    with receiving() as receiver, traced(vendor, receiver.url, snapshot=made([pool], both)) as gateway:
        answer = ask(gateway)
        event = gateway.event(answer.headers["x-stationmaster-request-id"])
        receiver.until(lambda: len(receiver.spans()) >= 3)
        server, bad, good = sorted(receiver.spans(), key=lambda span: (span.kind, span.start_time_unix_nano))
        assert (server.kind, bad.parent_span_id, good.parent_span_id) == (2, server.span_id, server.span_id)
        assert server.start_time_unix_nano <= bad.start_time_unix_nano <= bad.end_time_unix_nano
        assert bad.end_time_unix_nano <= good.start_time_unix_nano <= good.end_time_unix_nano == server.end_time_unix_nano
        failed, served = said(bad), said(good)
        assert (failed["stationmaster.credential"], served["stationmaster.credential"]) == ("two.bad", "two.good")
        assert (failed["http.response.status_code"], failed["error.type"], bad.status.code) == (500, "server_error", 2)
        assert (served["http.response.status_code"], good.status.code) == (200, 0)
        assert "gen_ai.usage.output_tokens" in served
        assert not [key for key in failed if key.startswith("gen_ai.usage")]
        (tried,) = event["tried"]
        assert bad.end_time_unix_nano - bad.start_time_unix_nano == tried["duration_us"] * 1000 > 0


def test_nothing_secret_is_told(vendor: SandboxServer) -> None:
    """No prompt, no header, no key and no secret of a vendor is in anything that is sent."""
    with receiving() as receiver, traced(vendor, receiver.url) as gateway:
        for stream in (False, True):
            ask(gateway, stream, tracestate=f"x={ANSWER_OF_IT}", baggage=f"x={ANSWER_OF_IT}")
        ask(gateway, authorization=f"Bearer {ANSWER_OF_IT}")
        receiver.until(lambda: len(receiver.spans()) >= 5)
        text = b"".join(receiver.bodies) + json.dumps(receiver.headers).encode()
        for secret in (PROMPT, ANSWER_OF_IT, rig.KEY, rig.SECRET):
            assert secret.encode() not in text


@pytest.mark.parametrize("how", ["gone", "slow", "refuses"])
def test_no_request_fails_for_it(vendor: SandboxServer, how: str) -> None:
    """A receiver that is gone, slow or refuses costs spans, which are counted, and no request."""
    with receiving() as receiver:
        url = "http://127.0.0.1:9" if how == "gone" else receiver.url
        receiver.slow, receiver.statuses = (3.0 if how == "slow" else 0.0), ([403] * 99 if how == "refuses" else [])
        with traced(vendor, url) as gateway:
            assert [ask(gateway).status_code for _ in range(30)] == [200] * 30
            if how == "refuses":
                receiver.until(lambda: sum(LOST) > 0)


def test_off_is_nothing(gateway: rig.Gateway) -> None:
    """Without a receiver nothing of the caller's trace is noted."""
    answer = ask(gateway, traceparent=f"00-{TRACE}-{SPAN}-01")
    assert gateway.event(answer.headers["x-stationmaster-request-id"]).get("trace") is None


def test_a_whole_gateway(vendor: SandboxServer) -> None:
    """The environment turns it on: spans come from its worker, and its metrics, under the names of its page, from its supervisor,
    at the latest when it ends. The header fields are in no output."""
    with receiving() as receiver:
        headers = f"x-token={ANSWER_OF_IT}"
        environ = {config.ENDPOINT: receiver.url, config.HEADERS: headers, config.RATIO: "1", config.SERVICE: "edge"}
        assert config.ENDPOINT == ENDPOINT
        with station.running(vendor.url, environ=environ) as running:
            url = f"http://127.0.0.1:{running.port}/v1/chat/completions"
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": PROMPT}]}
            assert httpx.post(url, json=body, headers={"authorization": f"Bearer {rig.KEY}"}, trust_env=False).status_code == 200
            receiver.until(lambda: len(receiver.spans()) == 2)
            running.end()
            output = running.out.read_text() + running.err.read_text()
        receiver.until(lambda: bool(receiver.metrics()))
        found = receiver.metrics()
        (asked,) = found[metrics.REQUESTS.name].sum.data_points
        assert asked.as_double == 1
        (took,) = found[metrics.DURATION.name].histogram.data_points
        assert (took.count, len(took.bucket_counts)) == (1, len(took.explicit_bounds) + 1)
        assert all(each["x-token"] == ANSWER_OF_IT for each in receiver.headers)
        assert ANSWER_OF_IT not in output
        assert b'"edge"' in receiver.bodies[0]


def test_a_bad_setting_is_said_at_the_start(vendor: SandboxServer) -> None:
    """A gateway does not start with an address that is none."""
    with pytest.raises(AssertionError, match="no address of a receiver"), station.running(
        vendor.url, environ={config.ENDPOINT: "collector:4318"}
    ):
        pass


def test_a_mistake_of_ours_costs_a_span(vendor: SandboxServer) -> None:
    """Not the events: they are written on, and the span is counted as lost."""
    with receiving() as receiver, traced(vendor, receiver.url) as gateway:
        tracing = gateway.worker._tracing
        assert tracing is not None
        tracing.vendor_of = lambda name: name[99:][0]
        for _ in range(3):
            gateway.event(ask(gateway).headers["x-stationmaster-request-id"])
        receiver.until(lambda: sum(LOST) == 3)
