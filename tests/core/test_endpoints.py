"""The doors: every endpoint, with and without its prefix, and nothing beside them."""

import pytest

from stationmaster.gateway.core.endpoints import Meter, ModelIn, dialect_of, match

B, P, Q, N, X = ModelIn.BODY, ModelIn.PATH, ModelIn.QUERY, ModelIn.NOWHERE, ModelIn.BATCH
R, C, M, G, NO = Meter.RESPONSES, Meter.CHAT, Meter.MESSAGES, Meter.GEMINI, Meter.NONE

OPENAI: list[tuple[str, str, str, ModelIn, Meter]] = [
    ("POST", "/responses", "responses", B, R),
    ("GET", "/responses/resp_1", "responses.item", N, NO),
    ("HEAD", "/responses/resp_1", "responses.item", N, NO),
    ("DELETE", "/responses/resp_1", "responses.item", N, NO),
    ("POST", "/responses/resp_1/cancel", "responses.cancel", N, NO),
    ("GET", "/responses/resp_1/input_items", "responses.input_items", N, NO),
    ("POST", "/responses/compact", "responses.compact", B, R),
    ("POST", "/chat/completions", "chat", B, C),
    ("POST", "/completions", "completions", B, C),
    ("POST", "/embeddings", "embeddings", B, C),
    ("POST", "/moderations", "moderations", B, NO),
    ("POST", "/images/generations", "images", B, R),
    ("POST", "/images/edits", "images", B, R),
    ("POST", "/images/variations", "images", B, R),
    ("POST", "/audio/speech", "audio", B, R),
    ("POST", "/audio/transcriptions", "audio", B, R),
    ("POST", "/audio/translations", "audio", B, R),
    ("GET", "/files", "files", N, NO),
    ("POST", "/files", "files", N, NO),
    ("GET", "/files/file-1", "files", N, NO),
    ("DELETE", "/files/file-1", "files", N, NO),
    ("GET", "/files/file-1/content", "files", N, NO),
    ("POST", "/batches", "batches", N, NO),
    ("GET", "/batches", "batches", N, NO),
    ("GET", "/batches/b_1", "batches", N, NO),
    ("POST", "/batches/b_1/cancel", "batches", N, NO),
    ("POST", "/conversations", "conversations", N, NO),
    ("GET", "/conversations/c_1/items", "conversations", N, NO),
    ("DELETE", "/conversations/c_1/items/i_1", "conversations", N, NO),
    ("POST", "/vector_stores", "vector_stores", N, NO),
    ("POST", "/vector_stores/v_1/search", "vector_stores", N, NO),
    ("GET", "/vector_stores/v_1/files/f_1/content", "vector_stores", N, NO),
    ("GET", "/models", "models", N, NO),
    ("HEAD", "/models", "models", N, NO),
    ("GET", "/models/gpt-4o", "models.item", N, NO),
    ("GET", "/realtime", "realtime", Q, NO),
]
ANTHROPIC: list[tuple[str, str, str, ModelIn, Meter]] = [
    ("POST", "/messages", "messages", B, M),
    ("POST", "/messages/count_tokens", "messages.count_tokens", B, NO),
    ("POST", "/messages/batches", "messages.batches", X, NO),
    ("GET", "/messages/batches", "messages.batches", N, NO),
    ("GET", "/messages/batches/b_1", "messages.batches", N, NO),
    ("DELETE", "/messages/batches/b_1", "messages.batches", N, NO),
    ("POST", "/messages/batches/b_1/cancel", "messages.batches", N, NO),
    ("GET", "/messages/batches/b_1/results", "messages.batches", N, NO),
]
GEMINI: list[tuple[str, str, str, str, ModelIn, Meter]] = [
    ("GET", "/v1beta/models", "models", "", N, NO),
    ("GET", "/v1beta/models/gemini-pro", "models.item", "gemini-pro", N, NO),
    ("POST", "/v1beta/models/gemini-pro:generateContent", "generateContent", "gemini-pro", P, G),
    ("POST", "/v1beta/models/gemini-pro:streamGenerateContent", "streamGenerateContent", "gemini-pro", P, G),
    ("POST", "/v1beta/models/gemini-pro:embedContent", "embedContent", "gemini-pro", P, NO),
    ("POST", "/v1beta/models/gemini-pro:countTokens", "countTokens", "gemini-pro", P, NO),
    ("POST", "/v1beta/models/gemini%2dpro:countTokens", "countTokens", "gemini-pro", P, NO),
    ("POST", "/v1beta/models/tuned:one:countTokens", "countTokens", "tuned:one", P, NO),
]
AZURE: list[tuple[str, str, str, ModelIn, Meter]] = [
    ("POST", "/chat/completions", "chat", P, C),
    ("POST", "/completions", "completions", P, C),
    ("POST", "/embeddings", "embeddings", P, C),
    ("POST", "/images/generations", "deployment", P, R),
    ("POST", "/audio/transcriptions", "deployment", P, R),
]


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
@pytest.mark.parametrize(
    ("method", "path", "kind", "model_in", "meter"), OPENAI, ids=[f"{m} {p}" for m, p, *_ in OPENAI]
)
def test_openai_doors(prefix: str, method: str, path: str, kind: str, model_in: ModelIn, meter: Meter) -> None:
    """OpenAI's endpoints, with /v1, without, and Azure's /openai/v1."""
    found = match(method, prefix + path)
    assert found is not None
    assert method in found.endpoint.methods
    assert (found.endpoint.kind, found.endpoint.dialect, found.suffix) == (kind, "openai", path)
    assert (found.endpoint.model_in, found.endpoint.meter) == (model_in, meter)
    assert found.endpoint.local is kind.startswith("models")
    assert found.endpoint.websocket is (kind == "realtime")
    assert found.endpoint.inject_usage is (kind in ("chat", "completions"))


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize(
    ("method", "path", "kind", "model_in", "meter"), ANTHROPIC, ids=[f"{m} {p}" for m, p, *_ in ANTHROPIC]
)
def test_anthropic_doors(prefix: str, method: str, path: str, kind: str, model_in: ModelIn, meter: Meter) -> None:
    """Anthropic's endpoints, with /v1 and without."""
    found = match(method, prefix + path)
    assert found is not None
    assert (found.endpoint.kind, found.endpoint.dialect, found.suffix) == (kind, "anthropic", path)
    assert (found.endpoint.model_in, found.endpoint.meter, found.endpoint.local) == (model_in, meter, False)


@pytest.mark.parametrize(
    ("method", "path", "kind", "model", "model_in", "meter"), GEMINI, ids=[f"{m} {p}" for m, p, *_ in GEMINI]
)
def test_gemini_doors(method: str, path: str, kind: str, model: str, model_in: ModelIn, meter: Meter) -> None:
    """Gemini's endpoints; the model is in the path."""
    found = match(method, path)
    assert found is not None
    assert (found.endpoint.kind, found.endpoint.dialect, found.model, found.suffix) == (kind, "gemini", model, path)
    assert (found.endpoint.model_in, found.endpoint.meter) == (model_in, meter)


@pytest.mark.parametrize("model", ["gpt-4o", "my%20deployment", "a.b_c~d"])
@pytest.mark.parametrize(("method", "path", "kind", "model_in", "meter"), AZURE, ids=[f"{m} {p}" for m, p, *_ in AZURE])
def test_azure_doors(model: str, method: str, path: str, kind: str, model_in: ModelIn, meter: Meter) -> None:
    """Azure's deployments; the deployment is the model."""
    found = match(method, f"/openai/deployments/{model}{path}")
    assert found is not None
    assert (found.endpoint.kind, found.endpoint.dialect, found.model) == (kind, "azure", model.replace("%20", " "))
    assert (found.suffix, found.endpoint.model_in, found.endpoint.meter) == (
        f"/deployments/{model}{path}",
        model_in,
        meter,
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("PUT", "/v1/responses"),
        ("POST", "/v1/responses/resp_1"),
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models/m"),
        ("POST", "/v1/realtime"),
        ("GET", "/v1/messages"),
        ("TRACE", "/v1/files"),
        ("OPTIONS", "/v1/files"),
        ("GET", "/v1beta/models/m:generateContent"),
        ("POST", "/v1beta/models"),
        ("GET", "/openai/deployments/m/chat/completions"),
        ("GET", "/v1/responses/r/cancel"),
        ("CONNECT", "/v1/files"),
    ],
)
def test_doors_with_another_method(method: str, path: str) -> None:
    """The door is known, so that the answer can say which methods it takes."""
    found = match(method, path)
    assert found is not None
    assert method not in found.endpoint.methods


NOWHERE = (
    "",
    "/",
    "/v1",
    "/v1/",
    "/v2/files",
    "/v1/v1/files",
    "/openai",
    "/openai/v1",
    "/v1/openai/files",
    "/openai/deployments",
    "/openai/deployments/",
    "/openai/deployments/m/../x",
    "/openai/deployments//chat/completions",
    "/openai/deployments/a%2fb/chat/completions",
    "/v1beta",
    "/v1beta/models/",
    "/v1beta/models/m:",
    "/v1beta/models/:generateContent",
    "/v1beta/models/m:generatecontent",
    "/v1beta/models/m:batchGenerateContent",
    "/v1beta/models/a/b:generateContent",
    "/v1beta/models/m:generateContent/",
    "/v1beta/models/..",
    "/v1beta/files",
    "/v1beta/../v1/files",
    "/v1beta/models/m%2f:generateContent",
    "/v1beta/models/m%00:generateContent",
    "/v1/chat",
    "/v1/chat/",
    "/v1/chat/completions/",
    "/v1/chat/completions/x",
    "/v1/responses/",
    "/v1/responses//cancel",
    "/v1/responses/r/",
    "/v1/responses/../files",
    "/v1/responses/%2e%2e/cancel",
    "/v1/responses/.",
    "/v1/files/",
    "/v1/files//x",
    "/v1/files/..",
    "/v1/files/../x",
    "/v1/files/./x",
    "/v1/files/%2E%2E",
    "/v1/files/a%2Fb",
    "/v1/files/a%5cb",
    "/v1/files/a%00",
    "/v1/files/a%0a",
    "/v1/files/a%1f",
    "/v1/files/a%7F",
    "/v1/files/a;b",
    "/v1/files/a?b",
    "/v1/files/a#b",
    "/v1/files/a\\b",
    "/v1/files/a b",
    "/v1/files/a\n",
    "/v1/files\n",
    "/v1/files/a\u00e9",
    "/v1/files/\u2024\u2024",
    "//v1/files",
    "/V1/files",
    "/v1/Files",
    "v1/files",
    "/v1/fileshare",
    "/v1/files%20",
    "/v1/messages/",
    "/v1/messages/other",
    "/openai/v1/messages",
    "/openai/messages",
    "/v1/images/",
    "/v1/models/",
    "/v1/models/a/b",
    "/v1/organization/admin_api_keys",
    "/v1/organizations/api_keys",
    "/v1/fine_tuning/jobs",
    "/v1/assistants",
    "/v1/threads",
    "/v1/uploads",
    "/admin",
    "/healthz",
    "/metrics",
    "/v1/evals",
    "/v1/containers",
    "/v1beta/cachedContents",
    "/v1beta/tunedModels/x:generateContent",
)


@pytest.mark.parametrize("path", NOWHERE, ids=repr)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_there_is_no_other_door(method: str, path: str) -> None:
    """A path is matched as it came: no case, no dots, no double slashes, no encodings are forgiven; what vendors
    offer beside the list (administration among it) is not reachable."""
    assert match(method, path) is None


@pytest.mark.parametrize(
    ("path", "names", "dialect"),
    [
        ("/v1/x", set(), "openai"),
        ("/v1beta/x", set(), "gemini"),
        ("/x", {b"x-goog-api-key"}, "gemini"),
        ("/v1/models", {b"anthropic-version"}, "anthropic"),
        ("/v1/messages/x", set(), "anthropic"),
        ("/openai/deployments/m/x", set(), "azure"),
        ("/openai/v1/x", set(), "openai"),
        ("", set(), "openai"),
    ],
)
def test_dialect_of_what_matches_nothing(path: str, names: set[bytes], dialect: str) -> None:
    """Even a 404 is told in the words that the caller's SDK parses."""
    assert dialect_of(path, names) == dialect
