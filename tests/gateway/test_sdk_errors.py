"""What goes wrong reaches the SDKs as the exception their users catch, with what they need to act on it."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

import rig
from gateway import kit, plain
from stationmaster.sandbox.server import SandboxServer

MIB = 1 << 20
GEMINI = "/v1beta/models/gemini-x:generateContent"
SAID: list[anthropic.types.MessageParam] = [{"role": "user", "content": "say OK"}]


def ask_openai(url: str, key: str, model: str, said: str = "say OK") -> openai.APIStatusError:
    """Ask for a response that will be refused."""
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        client.responses.create(model=model, input=said)
    return caught.value


def ask_anthropic(url: str, key: str, model: str, said: str = "say OK") -> anthropic.APIStatusError:
    """Ask for a message that will be refused."""
    with (
        anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        client.messages.create(model=model, max_tokens=9, messages=[{"role": "user", "content": said}])
    return caught.value


@pytest.fixture(scope="module")
def strict(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that takes bodies of 1 MiB, and routes three kinds of models only."""
    made = kit.wide(vendor.url, max_body_bytes=MIB)
    with rig.running_gateway(kit.without_catch_all(made)) as running:
        yield running


OURS = [
    # key, model, prompt, status, code, class name in both SDKs
    ("sm-unknown", "gpt-4o", "say OK", 401, "unknown_key", "AuthenticationError"),
    (kit.NARROW, "o9-large", "say OK", 403, "model_not_allowed", "PermissionDeniedError"),
    (rig.KEY, "nobody-serves-this", "say OK", 404, "model_not_found", "NotFoundError"),
    (rig.KEY, "gpt-4o", "x" * (MIB + 1), 413, "body_too_large", "APIStatusError"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "model", "said", "status", "code", "kind"), OURS, ids=[row[4] for row in OURS])
def test_ours_in_openai(
    strict: rig.Gateway, key: str, model: str, said: str, status: int, code: str, kind: str
) -> None:
    """Our refusals: class, status, code, distinct type, hint and request id, and the client does not try again."""
    error = ask_openai(strict.url, key, model, said)
    assert (type(error).__name__, error.status_code, error.code) == (kind, status, code)
    assert error.type == "stationmaster_error"
    body = error.body
    assert isinstance(body, dict)
    assert body["hint"]
    assert body["hint"] in error.message
    assert body["request_id"] == error.response.headers["x-stationmaster-request-id"]
    assert strict.event(body["request_id"])["error"] == code
    assert "server_error" not in str(body)


@pytest.mark.parametrize(("key", "model", "said", "status", "code", "kind"), OURS, ids=[row[4] for row in OURS])
def test_ours_in_anthropic(
    strict: rig.Gateway, key: str, model: str, said: str, status: int, code: str, kind: str
) -> None:
    """The same in Anthropic's envelope, whose clients read `request_id` beside the error."""
    error = ask_anthropic(strict.url, key, "claude-x" if model == "gpt-4o" else model, said)
    name = {413: "ContentTooLargeError"}.get(status, kind)
    assert (type(error).__name__, error.status_code) == (name, status)
    body = error.body
    assert isinstance(body, dict)
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == ("error", "stationmaster_error", code)
    assert body["error"]["hint"]
    assert strict.event(body["request_id"])["error"] == code


def test_no_key(strict: rig.Gateway) -> None:
    """A request without a key is 401 and says how to send one, in each dialect."""
    for target, value in (
        ("/v1/responses", plain.responses()),
        ("/v1/messages", plain.messages()),
        (GEMINI, plain.gemini()),
    ):
        answer = plain.ask(strict.port, "POST", target, plain.dump(value), [plain.JSON])
        assert answer.status == 401
        assert b"missing_key" in answer.body.lower()
        assert b"x-api-key" in answer.body


def test_ours_in_gemini(strict: rig.Gateway) -> None:
    """Google's envelope: numeric code, status word, and ErrorInfo with our reason, id and hint."""
    answer = plain.post(strict.port, "/v1beta/models/nobody-serves-this:generateContent", plain.gemini())
    error = answer.json()["error"]
    assert (answer.status, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
    info = error["details"][0]
    assert (info["reason"], info["domain"]) == ("MODEL_NOT_FOUND", "stationmaster")
    assert info["metadata"]["request_id"] == answer.request_id


VERBATIM = ["400", "402", "404", "429", "429-bare", "429-long", "quota", "500", "503", "529"]


@pytest.mark.parametrize("fault", VERBATIM)
def test_the_vendors_own_pass_verbatim(gateway: rig.Gateway, vendor: SandboxServer, fault: str) -> None:
    """The vendor's 4xx and 5xx reach the caller byte for byte, with Retry-After and the vendor's request id."""
    for target, body, credential in (
        ("/v1/chat/completions", plain.chat(f"sandbox-{fault}"), ("authorization", "Bearer x")),
        ("/v1/responses", plain.responses(f"sandbox-{fault}"), ("authorization", "Bearer x")),
        ("/v1/messages", plain.messages(fault=1), ("x-api-key", "x")),
        (GEMINI, plain.gemini(), ("x-goog-api-key", "x")),
    ):
        wish = ("x-sandbox-fault", f"sandbox-{fault}")
        there = plain.ask(vendor.port, "POST", target, plain.dump(body), [credential, plain.JSON, wish])
        here = plain.post(gateway.port, target, body, wish)
        assert (here.status, here.body) == (there.status, there.body)
        assert here.status >= 400
        for name in ("content-type", "retry-after", "x-request-id", "request-id"):
            assert here.header(name) == there.header(name), name
    event = gateway.event(here.request_id)
    assert (event["status"], event["upstream_status"], event["error"]) == (here.status, here.status, "")


def test_a_429_in_the_sdks(gateway: rig.Gateway) -> None:
    """A rate limit is each SDK's RateLimitError, with the vendor's words and Retry-After."""
    error = ask_openai(gateway.url, rig.KEY, "sandbox-429-long")
    assert isinstance(error, openai.RateLimitError)
    assert (error.code, error.response.headers["retry-after"]) == ("rate_limit_exceeded", "120")


@pytest.mark.parametrize("fault", ["sandbox-401", "sandbox-403", "sandbox-deactivated", "sandbox-echo-secret-401"])
def test_a_refused_credential_is_ours_to_mend(gateway: rig.Gateway, fault: str) -> None:
    """The vendor's 401 and 403 are about our credential: 502 `upstream_credential`, never the vendor's text."""
    error = ask_openai(gateway.url, rig.KEY, fault)
    assert (type(error).__name__, error.status_code, error.code) == ("InternalServerError", 502, "upstream_credential")
    assert error.response.headers["x-should-retry"] == "false"
    assert rig.SECRET not in error.response.text
    event = gateway.event(error.response.headers["x-stationmaster-request-id"])
    assert (event["status"], event["error"]) == (502, "upstream_credential")
    assert event["upstream_status"] in (401, 403)


@pytest.mark.parametrize("fault", ["sandbox-401", "sandbox-403", "sandbox-deactivated"])
@pytest.mark.parametrize("target", ["/v1/messages", GEMINI, "/openai/deployments/azure-x/chat/completions"])
def test_a_refused_credential_in_other_dialects(gateway: rig.Gateway, target: str, fault: str) -> None:
    """The same in every dialect's own envelope."""
    body = plain.messages() if "messages" in target else plain.gemini() if "beta" in target else plain.chat()
    answer = plain.post(gateway.port, target, body, ("x-sandbox-fault", fault))
    assert answer.status == 502
    assert b"upstream_credential" in answer.body.lower()
    assert b"Sandbox" not in answer.body


def test_a_refused_credential_on_head(gateway: rig.Gateway) -> None:
    """HEAD, whose answers have no body to judge, is no way round that."""
    answer = plain.ask(gateway.port, "HEAD", "/v1/files", None, [plain.BEARER, ("x-sandbox-fault", "sandbox-401")])
    assert answer.status == 502


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/chat/completions", plain.chat()),
        ("/v1/messages", plain.messages()),
        (GEMINI, plain.gemini()),
    ],
)
def test_an_error_that_repeats_our_secret(gateway: rig.Gateway, target: str, body: dict[str, object]) -> None:
    """An error text with our secret in it is withheld whole, and said to be."""
    answer = plain.post(gateway.port, target, body, ("x-sandbox-fault", "sandbox-echo-secret"))
    assert answer.status == 502
    assert b"upstream_error_withheld" in answer.body.lower()
    assert rig.SECRET.encode() not in answer.body


def test_anthropics_own_words(ant: anthropic.Anthropic) -> None:
    """An overloaded vendor is told in its own envelope, with its own type."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        ant.messages.create(
            model="claude-x", max_tokens=9, messages=SAID, extra_headers={"x-sandbox-fault": "sandbox-529"}
        )
    assert caught.value.status_code == 529
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == "overloaded_error"
