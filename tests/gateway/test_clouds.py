"""Bedrock and Vertex on the wire: bytes pass as they are, requests are signed anew, what is damaged goes no further, and limits,
budgets, failover and health hold there as everywhere."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

import rig
from gateway import cloudy, kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.snapshot import Budget, Credential, Member, Settings, VirtualKey
from stationmaster.gateway.server.probes import Checked, check
from stationmaster.gateway.server.proxies import Proxies
from stationmaster.sandbox import frames
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.signatures import secret_of, token_of

CLAUDE = cloudy.CLAUDE.replace(":", "%3A")
ARN = cloudy.PROFILE.replace(":", "%3A").replace("/", "%2F")
PUBLISHED = f"/v1{cloudy.PLACE}/publishers"
PROMPT = 'say Grüße \U0001f310 "now" \\ words:12'
OF_BEDROCK: list[tuple[str, dict[str, Any]]] = [
    (f"/model/{CLAUDE}/invoke", cloudy.messages(PROMPT)),
    (f"/model/{CLAUDE}/invoke-with-response-stream", cloudy.messages(PROMPT)),
    (f"/model/{cloudy.CLAUDE}/invoke-with-response-stream", cloudy.messages(PROMPT)),
    ("/model/meta.llama9-x-v1%3a0/invoke", {"prompt": PROMPT}),
    ("/model/meta.llama9-x-v1%3A0/invoke-with-response-stream", {"prompt": PROMPT}),
    (f"/model/{ARN}/converse", cloudy.said(PROMPT)),
    (f"/model/{ARN}/converse-stream", cloudy.said(PROMPT)),
    (f"/model/{CLAUDE}/converse?b=2&a=%20x&a=1&flag", cloudy.said(PROMPT)),
    ("/model/sandbox-big/converse", cloudy.said(PROMPT)),
    ("/model/sandbox-big/converse-stream", cloudy.said(PROMPT)),
    ("/model/sandbox-long/converse-stream", cloudy.said(PROMPT)),
    ("/model/sandbox-close-delimited/converse-stream", cloudy.said(PROMPT)),
    ("/model/sandbox-trailers/converse-stream", cloudy.said(PROMPT)),
    ("/model/sandbox-1xx/converse", cloudy.said(PROMPT)),
    ("/model/sandbox-no-usage/converse-stream", cloudy.said(PROMPT)),
    ("/model/sandbox-html/converse", cloudy.said(PROMPT)),
    ("/model/sandbox-400/converse", cloudy.said(PROMPT)),
    (f"/model/{CLAUDE}/count-tokens", {"input": {"converse": cloudy.said(PROMPT)}}),
]
OF_VERTEX: list[tuple[str, dict[str, Any]]] = [
    (f"{PUBLISHED}/anthropic/models/{cloudy.OF_VERTEX}:rawPredict", cloudy.messages(PROMPT)),
    (f"{PUBLISHED}/anthropic/models/claude-x%4020260101:streamRawPredict", cloudy.messages(PROMPT)),
    (f"{PUBLISHED}/anthropic/models/count-tokens:rawPredict", {"model": "claude-x", **cloudy.messages(PROMPT)}),
    (f"{PUBLISHED}/google/models/gemini-x:generateContent", plain.gemini(PROMPT)),
    (f"{PUBLISHED}/google/models/gemini-x:streamGenerateContent", plain.gemini(PROMPT)),
    (f"{PUBLISHED}/google/models/gemini-x:streamGenerateContent?alt=sse", plain.gemini(PROMPT)),
    (f"{PUBLISHED}/google/models/gemini-x:countTokens", plain.gemini(PROMPT)),
    (f"{PUBLISHED}/mistralai/models/mistral-x:streamRawPredict", plain.chat("mistral-x", PROMPT)),
]


def loose(value: object) -> bytes:
    """JSON as a person would write it."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


def post(port: int, target: str, body: bytes, *fields: tuple[str, str]) -> plain.Answer:
    """A POST of these bytes."""
    return plain.ask(port, "POST", target, body, [*(fields or [plain.BEARER]), plain.JSON])


@pytest.fixture(scope="module")
def clouds(vendor: SandboxServer) -> Any:
    """A gateway in front of either cloud, by API key and token, so that what the vendor is asked can be asked past it."""
    key = cloudy.bedrock(vendor.url, secret=cloudy.SECRETS["bedrock-key"])
    made = cloudy.snapshot(key, cloudy.vertex(vendor.url))
    with rig.running_gateway(made) as running:
        yield running


@pytest.mark.parametrize(("target", "body"), [*OF_BEDROCK, *OF_VERTEX], ids=[row[0][-60:] for row in [*OF_BEDROCK, *OF_VERTEX]])
def test_bytes(clouds: rig.Gateway, vendor: SandboxServer, ledger: SandboxServer, target: str, body: dict[str, Any]) -> None:
    """A request's path, query and body reach the cloud as they were written, and its answer's bytes the client: the same as
    when it is asked past the gateway."""
    sent = loose(body)
    secret = cloudy.SECRETS["bedrock-key" if target.startswith("/model/") else "vertex"]
    direct = post(int(vendor.url.rpartition(":")[2]), target, sent, ("authorization", f"Bearer {secret}"))
    through = post(clouds.port, target, sent)
    assert (through.status, through.body, through.whole) == (direct.status, direct.body, True)
    kept = {"content-type", "x-amzn-requestid", "x-amzn-errortype", "x-amzn-bedrock-input-token-count"}
    assert {name: value for name, value in through.headers if name in kept} == {
        name.lower(): value for name, value in direct.headers if name.lower() in kept
    }
    before, after = kit.calls(ledger)
    assert (before.path, before.query, before.body_sha256) == (after.path, after.query, after.body_sha256)
    assert after.body_sha256 == hashlib.sha256(sent).hexdigest()
    assert after.credential == fingerprint(secret)


@pytest.mark.parametrize(("target", "body"), OF_BEDROCK, ids=[row[0][-60:] for row in OF_BEDROCK])
def test_signed(signing: rig.Gateway, ledger: SandboxServer, target: str, body: dict[str, Any]) -> None:
    """Each of these is signed so that the simulated AWS, which checks with botocore, takes it."""
    post(signing.port, target, loose(body))
    seen = kit.last(ledger)
    assert seen.credential == fingerprint("AKIASANDBOX")
    assert seen.fault == (seen.model if seen.model.startswith("sandbox-") else "")
    answer = post(signing.port, target, loose(body))
    assert answer.header("x-amzn-errortype") in (None, "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/")


@pytest.fixture(scope="module")
def signing(vendor: SandboxServer) -> Any:
    """A gateway that signs."""
    with rig.running_gateway(cloudy.snapshot(cloudy.bedrock(vendor.url))) as running:
        yield running


# Credentials.


def temporary(url: str, name: str = "temporary", id_: str = "ASIASANDBOX") -> Credential:
    """A Bedrock credential with a session token."""
    return cloudy.bedrock(url, name, cloudy.identity(id_, session_token=token_of(id_)))


def test_temporary_credentials(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """Those of STS are sent with their session token, signed."""
    with rig.running_gateway(cloudy.snapshot(temporary(vendor.url))) as gateway:
        assert plain.post(gateway.port, f"/model/{CLAUDE}/converse", cloudy.said()).status == 200
    assert kit.last(ledger).credential == fingerprint("ASIASANDBOX")
    assert kit.last(ledger).header("x-amz-security-token") == fingerprint(token_of("ASIASANDBOX"))


REFUSED: list[tuple[str, Callable[[str], Credential], str]] = [
    ("expired", lambda url: temporary(url, "bad", "ASIAEXPIRED"), "ExpiredTokenException"),
    (
        "wrong secret",
        lambda url: cloudy.bedrock(url, "bad", cloudy.identity("AKIABAD", secret_access_key="another-secret")),
        "InvalidSignatureException",
    ),
    ("no token", lambda url: cloudy.bedrock(url, "bad", cloudy.identity("ASIABAD")), "UnrecognizedClientException"),
]


@pytest.mark.parametrize(("make", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_bad_identity(vendor: SandboxServer, make: Callable[[str], Credential], code: str) -> None:
    """An identity that AWS refuses is a credential's fault, with AWS' word for it: another serves, and where there is none the
    caller is told that their own key is fine, without a word of the secret."""
    bad = make(vendor.url)
    with rig.running_gateway(cloudy.snapshot(bad, cloudy.bedrock(vendor.url)), calm=False) as gateway:
        answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse", cloudy.said())
        assert answer.status == 200
        (tried,) = gateway.event(answer.request_id)["tried"]
        assert (tried["credential"], tried["code"]) == ("bad", code)
        told = kit.wait_for(lambda: [each for each in gateway.all_events() if each["event"] == "credential"])
        assert (told[0]["credential"], told[0]["state"], told[0]["cause"], told[0]["code"]) == (
            "bad",
            "suspect",
            "invalid_key",
            code,
        )
    with rig.running_gateway(cloudy.snapshot(bad)) as gateway:
        answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse", cloudy.said())
        assert (answer.status, answer.json()["code"]) == (502, "upstream_credential")
        assert answer.header("x-amzn-errortype") == "InternalServerException"
        assert b"another-secret" not in answer.body + json.dumps(gateway.all_events()).encode()


def test_probes(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """A probe of a cloud's credential is signed, or carries its token, and shows how it stands."""
    heard: list[Checked] = []
    good = [
        cloudy.bedrock(vendor.url),
        temporary(vendor.url),
        cloudy.bedrock(vendor.url, "key", cloudy.SECRETS["bedrock-key"]),
        cloudy.vertex(vendor.url),
    ]
    bad = REFUSED[1][1](vendor.url)
    found = check([*good, bad], Settings(), Proxies(), heard.append)
    assert [(one.finding.state, one.finding.code) for one in found] == [("healthy", "")] * 4 + [
        ("suspect", "InvalidSignatureException")
    ]
    assert {entry.path for entry in ledger.asked()} == {"/async-invoke", "/v1beta1/publishers/google/models"}


def test_no_lists_are_asked_for(clouds: rig.Gateway, ledger: SandboxServer) -> None:
    """Clients of clouds have no lists of models: none is fetched for them, and none is shown."""
    assert plain.ask(clouds.port, "GET", "/v1/models").json()["data"] == []
    assert ledger.asked() == []


# Virtual keys.


@pytest.mark.parametrize("scope", ["20261122/us-east-1/bedrock/aws4_request", "x/x"])
def test_a_clients_signature(signing: rig.Gateway, ledger: SandboxServer, scope: str) -> None:
    """The access key id of a client's signature is its virtual key; nothing of the signature goes on."""
    signature = f"AWS4-HMAC-SHA256 Credential={rig.KEY}/{scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    fields = [("authorization", signature), ("x-amz-security-token", "the-clients-own"), ("x-amz-date", "20200101T000000Z")]
    answer = post(
        signing.port, f"/model/{CLAUDE}/converse?X-Amz-Signature=abc&x-amz-credential=def", loose(cloudy.said()), *fields
    )
    assert answer.status == 200
    seen = kit.last(ledger)
    assert (seen.query, seen.header("x-amz-security-token")) == ("", None)
    assert seen.header("x-amz-date") != "20200101T000000Z"


@pytest.mark.parametrize("field", [
    ("authorization", "AWS4-HMAC-SHA256 Credential=AKIANOBODY/20261122/x/bedrock/aws4_request, SignedHeaders=a, Signature=0"),
    ("authorization", f"AWS4-HMAC-SHA256 Signature=0, Credentials={rig.KEY}/x"),
    ("authorization", f"Digest Credential={rig.KEY}/x"),
    ("authorization", "Bearer nobody"),
])  # fmt: skip
def test_keys_that_are_not_known(signing: rig.Gateway, field: tuple[str, str]) -> None:
    """Whoever is not known is refused in AWS' words."""
    answer = post(signing.port, f"/model/{CLAUDE}/converse", loose(cloudy.said()), field)
    assert (answer.status, answer.header("x-amzn-errortype")) == (401, "UnrecognizedClientException")


def keyed(**limits: Any) -> VirtualKey:
    """The rig's key with limits."""
    return VirtualKey("rig", rig.sha256(rig.KEY), "the rig", "rig", **limits)


def test_limits(vendor: SandboxServer) -> None:
    """Models, requests a minute and budgets of a key hold on a cloud's paths, each in the cloud's words."""
    cheap = cloudy.priced(cloudy.bedrock(vendor.url))
    cases: list[tuple[VirtualKey, list[tuple[int, str]]]] = [
        (keyed(models=("meta.*",)), [(403, "AccessDeniedException")]),
        (keyed(rpm=1), [(200, ""), (429, "ThrottlingException")]),
        (keyed(budget=Budget(total=1)), [(402, "ServiceQuotaExceededException")]),
        (keyed(expires=1.0), [(403, "AccessDeniedException")]),
    ]
    for key, expected in cases:
        with rig.running_gateway(cloudy.snapshot(cheap, key=key)) as gateway:
            answers = [plain.post(gateway.port, f"/model/{CLAUDE}/converse", cloudy.said()) for _ in expected]
            assert [(answer.status, answer.header("x-amzn-errortype") or "") for answer in answers] == expected


def test_another_model_in_the_body(vendor: SandboxServer) -> None:
    """Publishers at Vertex that read the model from the body as well may not be asked for another there."""
    key = keyed(models=("mistral-x",))
    with rig.running_gateway(cloudy.snapshot(cloudy.vertex(vendor.url), key=key)) as gateway:
        target = f"{PUBLISHED}/mistralai/models/mistral-x:rawPredict"
        assert plain.post(gateway.port, target, plain.chat("mistral-x")).status == 200
        answer = plain.post(gateway.port, target, plain.chat("mistral-large"))
    assert (answer.status, answer.json()["error"]["details"][0]["reason"]) == (403, "MODELS_ELSEWHERE")


def test_a_conversation_is_a_session(vendor: SandboxServer) -> None:
    """Requests of one conversation are known as one, by what it began with, and stay with one credential; others spread."""
    names = [f"bedrock-{number}" for number in range(4)]
    made = cloudy.snapshot(*(cloudy.bedrock(vendor.url, name) for name in names))
    equals = msgspec.structs.replace(made.pools[0], members=tuple(Member(name) for name in names))
    with rig.running_gateway(msgspec.structs.replace(made, pools=(equals,))) as gateway:
        for target, ask in ((f"/model/{CLAUDE}/converse", cloudy.said), (f"/model/{CLAUDE}/invoke", cloudy.messages)):
            served = {}
            for talk in range(12):
                first, then = ask(f"talk {talk}"), ask(f"talk {talk}")
                then["messages"] += [{**then["messages"][0], "role": "assistant"}, then["messages"][0]]
                answers = [plain.post(gateway.port, target, body) for body in (first, then)]
                events = [gateway.event(answer.request_id) for answer in answers]
                served[talk] = {event["credential"] for event in events if event["session"] == "prompt"}
            assert all(len(credentials) == 1 for credentials in served.values())
            assert len(set.union(*served.values())) > 1


@pytest.mark.parametrize(("path", "told"), [
    ("/inference-profiles?type=SYSTEM_DEFINED", "x-amzn-errortype"), ("/model/x/unknown", "x-amzn-errortype"),
    (f"{PUBLISHED}/google/models/g:unknown", ""),
])  # fmt: skip
def test_no_such_door(clouds: rig.Gateway, path: str, told: str) -> None:
    """What a cloud has and we have not is refused in its words."""
    answer = plain.ask(clouds.port, "GET", path)
    assert answer.status == 404
    assert answer.header(told) == "ResourceNotFoundException" if told else answer.json()["error"]["status"] == "NOT_FOUND"


# Streams.


def test_failover(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """A stream whose first frame is an exception, and an error before it, never reach the client: another member serves."""
    bad, good = cloudy.bedrock(vendor.url, "bad", cloudy.identity("AKIABAD")), cloudy.bedrock(vendor.url)
    for fault, code in (
        ("sandbox-error-first", "ThrottlingException"),
        ("sandbox-429", "ThrottlingException"),
        ("sandbox-503", "ServiceUnavailableException"),
        ("sandbox-close", "upstream_closed"),
    ):
        vendor.spoil("AKIABAD", fault)
        try:
            with rig.running_gateway(cloudy.snapshot(bad, good)) as gateway:
                answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse-stream", cloudy.said())
                event = gateway.event(answer.request_id)
        finally:
            vendor.mend("AKIABAD")
        assert [message.headers[":event-type"] for message in read(answer.body)][-1] == "metadata"
        assert [(one["credential"], one["code"]) for one in event["tried"]] == [("bad", code)]
    assert kit.last(ledger).credential == fingerprint("AKIASANDBOX")


def test_failover_between_projects(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """At Vertex another member is asked in its own project."""
    other = msgspec.structs.replace(
        cloudy.vertex(vendor.url, "other", "ya29.c.other-sandbox-429"),
        base_url=f"{vendor.url}/v1/projects/other/locations/global",
    )
    with rig.running_gateway(cloudy.snapshot(other, cloudy.vertex(vendor.url))) as gateway:
        answer = plain.post(gateway.port, f"{PUBLISHED}/anthropic/models/claude-x:streamRawPredict", cloudy.messages())
        assert answer.status == 200
    first, second = kit.calls(ledger)
    assert first.path.startswith("/v1/projects/other/locations/global/publishers/")
    assert second.path.startswith(PUBLISHED)


def read(body: bytes) -> list[Any]:
    """The frames of an event stream, as botocore reads them."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return list(buffer)


GOOD = [frames.event("messageStart", {"role": "assistant"}), frames.event("contentBlockDelta", {"delta": {"text": "a"}})]
LAST = [
    frames.event("messageStop", {"stopReason": "end_turn"}),
    frames.event("metadata", {"usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}}),
]


def streaming(pieces: list[bytes]) -> Callable[[Request], None]:
    """An upstream that sends these pieces, each in its own chunk, and ends properly."""

    def handle(request: Request) -> None:
        lines = ["HTTP/1.1 200 OK", f"content-type: {frames.MIME}", "transfer-encoding: chunked", "", ""]
        request.wire.sendall("\r\n".join(lines).encode())
        for piece in pieces:
            request.chunk(piece)
        request.wire.sendall(b"0\r\n\r\n")

    return handle


def asked(pieces: list[bytes]) -> tuple[plain.Answer, dict[str, Any]]:
    """What a client gets of these pieces, and the event."""
    with Upstream(streaming(pieces)) as upstream, rig.running_gateway(cloudy.snapshot(cloudy.bedrock(upstream.url))) as gateway:
        answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse-stream", cloudy.said())
        return answer, gateway.event(answer.request_id)


def test_a_stream_in_the_smallest_pieces() -> None:
    """However the upstream cuts its bytes, the client gets all of them, and the usage is read."""
    wire = b"".join([*GOOD, *LAST])
    answer, event = asked([wire[at : at + 1] for at in range(len(wire))])
    assert (answer.body, answer.whole) == (wire, True)
    assert (event["tokens"]["input"], event["tokens"]["output"], event["usage_source"]) == (3, 1, "upstream_final")


DAMAGES: list[tuple[str, list[bytes]]] = [
    ("payload", [*GOOD, LAST[0][:-6] + b"?" + LAST[0][-5:], LAST[1]]),
    ("prelude", [*GOOD, b"\x00\x00" + LAST[0][2:6] + b"?" + LAST[0][7:]]),
    ("noise", [*GOOD, b"event: error\ndata: {}\n\n"]),
    ("half a frame", [*GOOD, LAST[0][:-3]]),
    ("no end", GOOD),
    ("too long", [*GOOD, b"\x7f\xff\xff\xff\x00\x00\x00\x00" + bytes(30)]),
]


@pytest.mark.parametrize("pieces", [row[1] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_a_damaged_stream(pieces: list[bytes]) -> None:
    """What is whole passes; what is damaged does not, nor anything behind it: the client reads an exception instead, and
    what was said is booked as an estimate."""
    answer, event = asked(pieces)
    *passed, last = read(answer.body)
    assert answer.body.startswith(b"".join(GOOD))
    assert len(passed) == len(GOOD)
    assert last.headers[":exception-type"] == "modelStreamErrorException"
    assert (event["error"], event["usage_source"]) == ("upstream_disconnected", "estimated")


def test_damage_at_once(vendor: SandboxServer) -> None:
    """A stream that is damaged before anything of it was passed is another member's to answer, or an ordinary error."""
    damaged = streaming([GOOD[0][:-1] + b"?"])
    with Upstream(damaged) as upstream:
        bad = cloudy.bedrock(upstream.url, "bad")
        with rig.running_gateway(cloudy.snapshot(bad, cloudy.bedrock(vendor.url))) as gateway:
            answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse-stream", cloudy.said())
            assert [one["credential"] for one in gateway.event(answer.request_id)["tried"]] == ["bad"]
            assert read(answer.body)[-1].headers[":event-type"] == "metadata"
        with rig.running_gateway(cloudy.snapshot(bad)) as gateway:
            answer = plain.post(gateway.port, f"/model/{CLAUDE}/converse-stream", cloudy.said())
            assert (answer.status, answer.json()["code"]) == (502, "upstream_disconnected")


def test_an_exception_that_tells_our_secret() -> None:
    """An exception in a stream, or an error, whose text repeats the key that signs is withheld."""
    spoken = [secret_of("AKIASANDBOX"), base64.b64encode(secret_of("AKIASANDBOX").encode()).decode()]
    for text in spoken:
        answer, event = asked([*GOOD, frames.exception("validationException", f"no: {text}")])
        assert event["error"] == "upstream_error_withheld"
        assert text.encode() not in answer.body
        if answer.status == 200:  # else all came at once, and there is no stream
            assert read(answer.body)[-1].headers[":exception-type"] == "modelStreamErrorException"


def test_an_open_stream_at_shutdown() -> None:
    """A gateway that stops tells an open event stream so."""

    def handle(request: Request) -> None:
        request.wire.sendall(f"HTTP/1.1 200 OK\r\ncontent-type: {frames.MIME}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        request.chunk(GOOD[0])
        request.wire.recv(1)

    with Upstream(handle) as upstream:
        made = cloudy.snapshot(cloudy.bedrock(upstream.url), drain_seconds=0.0)
        with rig.running_gateway(made) as gateway, plain.connected(gateway.port) as client:
            body = loose(cloudy.said())
            client.sendall(
                plain.head("POST", f"/model/{CLAUDE}/converse-stream", [plain.BEARER, plain.JSON], length=len(body)) + body
            )
            plain.until(client, b"messageStart")
            gateway.stop()
            rest = rig.read_all(client)
    assert b"serviceUnavailableException" in rest
    assert rest.endswith(b"0\r\n\r\n")
