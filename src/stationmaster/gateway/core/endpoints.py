"""Which doors the gateway has: method and path in, endpoint out. May not know keys, routes or sockets.

A path is matched as it came, never normalised: what is authorised is what is sent (docs/decisions/0003-models.md).
"""

import re
from enum import Enum
from typing import Literal, get_args
from urllib.parse import unquote

import msgspec

Dialect = Literal["openai", "anthropic", "gemini", "azure", "bedrock", "vertex"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


class Meter(Enum):
    """How the answer's usage is written (each vendor's API reference)."""

    NONE = "none"
    CHAT = "chat"              # OpenAI chat/completions, completions, embeddings and kin: `usage`
    RESPONSES = "responses"    # OpenAI Responses: `usage` of the response object
    MESSAGES = "messages"      # Anthropic Messages
    GEMINI = "gemini"          # Gemini `usageMetadata`
    INVOKE = "invoke"          # Bedrock InvokeModel: as the model's maker has it, and Bedrock's own counts beside it
    CONVERSE = "converse"      # Bedrock Converse


class ModelIn(Enum):
    """Where a request names its model."""

    NOWHERE = "nowhere"
    BODY = "body"              # JSON member or multipart field `model`
    PATH = "path"
    QUERY = "query"
    BATCH = "batch"            # Anthropic batches: one in every entry of `requests`


class Endpoint(msgspec.Struct, frozen=True):
    """One door. `kind` names it in events; `local` doors are answered here and never reach an upstream."""

    kind: str
    dialect: Dialect
    methods: tuple[str, ...]
    model_in: ModelIn = ModelIn.NOWHERE
    meter: Meter = Meter.NONE
    local: bool = False
    websocket: bool = False
    inject_usage: bool = False


class Match(msgspec.Struct, frozen=True):
    """An endpoint found. `suffix` is the path behind the vendor's base, `model` what the path names."""

    endpoint: Endpoint
    suffix: str
    model: str = ""


_ANY = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH")
_READ = ("GET", "HEAD")
_SEGMENT = r"(?:[A-Za-z0-9_.~:@!$&'()*+,=-]|%(?!2[EeFf]|5[Cc]|[01]|7[Ff]))+"
_ARN = _SEGMENT.replace("2[EeFf]", "2[Ee]")      # has slashes, written as %2F
_TAIL = rf"(?:/{_SEGMENT})*"


def _openai(kind: str, path: str, methods: tuple[str, ...], model_in: ModelIn = ModelIn.NOWHERE,
            meter: Meter = Meter.NONE, *, inject_usage: bool = False) -> tuple[str, Endpoint]:
    return path, Endpoint(kind, "openai", methods, model_in, meter, inject_usage=inject_usage)


_POST = ("POST",)
_BODY = ModelIn.BODY

# Paths behind `/v1`, `/openai/v1` or nothing. Order matters: the first full match wins.
_OPENAI = [
    _openai("chat", "/chat/completions", _POST, _BODY, Meter.CHAT, inject_usage=True),
    _openai("responses", "/responses", _POST, _BODY, Meter.RESPONSES),
    _openai("responses.compact", "/responses/compact", _POST, _BODY, Meter.RESPONSES),
    _openai("responses.cancel", f"/responses/{_SEGMENT}/cancel", _POST),
    _openai("responses.input_items", f"/responses/{_SEGMENT}/input_items", _READ),
    _openai("responses.item", f"/responses/{_SEGMENT}", (*_READ, "DELETE")),
    _openai("embeddings", "/embeddings", _POST, _BODY, Meter.CHAT),
    _openai("completions", "/completions", _POST, _BODY, Meter.CHAT, inject_usage=True),
    _openai("moderations", "/moderations", _POST, _BODY),
    _openai("images", f"/images{_TAIL}", _POST, _BODY, Meter.RESPONSES),
    _openai("audio", f"/audio{_TAIL}", _POST, _BODY, Meter.RESPONSES),
    _openai("files", f"/files{_TAIL}", _ANY),
    _openai("batches", f"/batches{_TAIL}", _ANY),
    _openai("conversations", f"/conversations{_TAIL}", _ANY),
    _openai("vector_stores", f"/vector_stores{_TAIL}", _ANY),
    ("/realtime", Endpoint("realtime", "openai", ("GET",), ModelIn.QUERY, websocket=True)),
    ("/models", Endpoint("models", "openai", _READ, local=True)),
    (f"/models/{_SEGMENT}", Endpoint("models.item", "openai", _READ, local=True)),
]
_ANTHROPIC = [
    ("/messages", Endpoint("messages", "anthropic", _POST, _BODY, Meter.MESSAGES)),
    ("/messages/count_tokens", Endpoint("messages.count_tokens", "anthropic", _POST, _BODY)),
    ("/messages/batches", Endpoint("messages.batches", "anthropic", _POST, ModelIn.BATCH)),
    (f"/messages/batches{_TAIL}", Endpoint("messages.batches", "anthropic", _ANY)),
]
_DEPLOYMENT = [
    ("/chat/completions", Endpoint("chat", "azure", _POST, ModelIn.PATH, Meter.CHAT, inject_usage=True)),
    ("/completions", Endpoint("completions", "azure", _POST, ModelIn.PATH, Meter.CHAT, inject_usage=True)),
    ("/embeddings", Endpoint("embeddings", "azure", _POST, ModelIn.PATH, Meter.CHAT)),
    (f"/{_SEGMENT}{_TAIL}", Endpoint("deployment", "azure", _POST, ModelIn.PATH, Meter.RESPONSES)),
]
_GEMINI_ACTIONS = {
    "generateContent": Endpoint("generateContent", "gemini", _POST, ModelIn.PATH, Meter.GEMINI),
    "streamGenerateContent": Endpoint("streamGenerateContent", "gemini", _POST, ModelIn.PATH, Meter.GEMINI),
    "embedContent": Endpoint("embedContent", "gemini", _POST, ModelIn.PATH),
    "countTokens": Endpoint("countTokens", "gemini", _POST, ModelIn.PATH),
}
# Bedrock Runtime, API reference. `bedrock.` and `vertex.` keep what others read of these kinds apart from other vendors'.
_BEDROCK_ACTIONS = {
    "invoke": Endpoint("bedrock.invoke", "bedrock", _POST, ModelIn.PATH, Meter.INVOKE),
    "invoke-with-response-stream": Endpoint("bedrock.invoke_stream", "bedrock", _POST, ModelIn.PATH, Meter.INVOKE),
    "converse": Endpoint("bedrock.converse", "bedrock", _POST, ModelIn.PATH, Meter.CONVERSE),
    "converse-stream": Endpoint("bedrock.converse_stream", "bedrock", _POST, ModelIn.PATH, Meter.CONVERSE),
    "count-tokens": Endpoint("bedrock.count_tokens", "bedrock", _POST, ModelIn.PATH),
}
# Vertex AI, projects.locations.publishers.models. Raw predictions are in the dialect of the model's publisher.
_VERTEX_ACTIONS = {
    "generateContent": Endpoint("vertex.generateContent", "vertex", _POST, ModelIn.PATH, Meter.GEMINI),
    "streamGenerateContent": Endpoint("vertex.streamGenerateContent", "vertex", _POST, ModelIn.PATH, Meter.GEMINI),
    "countTokens": Endpoint("vertex.countTokens", "vertex", _POST, ModelIn.PATH),
    "rawPredict": Endpoint("vertex.rawPredict", "vertex", _POST, ModelIn.PATH, Meter.CHAT),
    "streamRawPredict": Endpoint("vertex.streamRawPredict", "vertex", _POST, ModelIn.PATH, Meter.CHAT),
}
_VERTEX_ANTHROPIC = {
    "rawPredict": Endpoint("vertex.rawPredict", "vertex", _POST, ModelIn.PATH, Meter.MESSAGES),
    "streamRawPredict": Endpoint("vertex.streamRawPredict", "vertex", _POST, ModelIn.PATH, Meter.MESSAGES),
}
_VERTEX_COUNT = Endpoint("vertex.count_tokens", "vertex", _POST, ModelIn.BODY)
_GEMINI_MODELS = Endpoint("models", "gemini", _READ, local=True)
_GEMINI_MODEL = Endpoint("models.item", "gemini", _READ, local=True)

_Row = tuple[re.Pattern[str], Endpoint]


def _rows(table: list[tuple[str, Endpoint]], prefix: str) -> list[_Row]:
    return [(re.compile(f"{prefix}({path})"), endpoint) for path, endpoint in table]


_DOORS = _rows(_OPENAI, "(?:/openai)?(?:/v1)?") + _rows(_ANTHROPIC, "(?:/v1)?")
_DEPLOYMENTS = _rows(_DEPLOYMENT, f"/openai/deployments/({_SEGMENT})")
_GEMINI = re.compile(rf"/v1beta/models/({_SEGMENT}?):([A-Za-z]+)")
_GEMINI_ITEM = re.compile(rf"/v1beta/models/({_SEGMENT})")
# What clients put before a cloud's paths when they are given another address than the cloud's.
_BEDROCK = re.compile(rf"(?:/bedrock)?(/model/({_ARN})/([a-z-]+))")
_VERTEX = re.compile(
    rf"(?:/vertex(?:_ai)?)?(?P<version>/v1(?:beta1)?)?(?:/projects/{_SEGMENT}/locations/{_SEGMENT})?"
    rf"(?P<rest>/publishers/(?P<publisher>{_SEGMENT})/models/(?P<model>{_SEGMENT}?):(?P<action>[A-Za-z]+))"
)
_OF_BEDROCK = ("/model/", "/bedrock/", "/inference-profiles")
_OF_VERTEX = ("/v1/projects/", "/v1beta1/", "/projects/", "/vertex_ai/", "/vertex/", "/publishers/", "/v1/publishers/")


def match(method: str, path: str) -> Match | None:
    """Find the door of `path` (no query). None: there is none. A POST door may share a path with a GET one."""
    found: Match | None = None
    for candidate in _matches(path):
        if method in candidate.endpoint.methods:
            return candidate
        found = found or candidate
    return found


def _matches(path: str) -> list[Match]:
    if path.startswith("/v1beta/"):
        return _gemini(path)
    if path.startswith("/openai/deployments/"):
        return [
            Match(endpoint, path.removeprefix("/openai"), unquote(hit[1]))
            for pattern, endpoint in _DEPLOYMENTS
            if (hit := pattern.fullmatch(path)) and _plain(path)
        ]
    if path.startswith(_OF_BEDROCK):
        return _bedrock(path)
    if path.startswith(_OF_VERTEX):
        return _vertex(path)
    return [
        Match(endpoint, hit[1], _local_model(endpoint, hit[1]))
        for pattern, endpoint in _DOORS
        if (hit := pattern.fullmatch(path)) and _plain(path)
    ]


def _plain(path: str) -> bool:
    """No empty, `.` or `..` segment: some server behind us might resolve it to another path."""
    return not any(segment in ("", ".", "..") for segment in path[1:].split("/"))


def _local_model(endpoint: Endpoint, suffix: str) -> str:
    return unquote(suffix.removeprefix("/models/")) if endpoint.kind == "models.item" else ""


def _gemini(path: str) -> list[Match]:
    if path == "/v1beta/models":
        return [Match(_GEMINI_MODELS, path)]
    if (hit := _GEMINI.fullmatch(path)) and hit[2] in _GEMINI_ACTIONS:
        return [Match(_GEMINI_ACTIONS[hit[2]], path, unquote(hit[1]))]
    if (hit := _GEMINI_ITEM.fullmatch(path)) and ":" not in hit[1] and _plain(path):
        return [Match(_GEMINI_MODEL, path, unquote(hit[1]))]
    return []


def _bedrock(path: str) -> list[Match]:
    hit = _BEDROCK.fullmatch(path)
    endpoint = _BEDROCK_ACTIONS.get(hit[3]) if hit and _plain(path) and _plain("/" + unquote(hit[2])) else None
    return [Match(endpoint, hit[1], unquote(hit[2]))] if hit and endpoint else []


def _vertex(path: str) -> list[Match]:
    """The suffix keeps version, publisher and model; project and location are the credential's."""
    hit = _VERTEX.fullmatch(path)
    if hit is None or not _plain(path):
        return []
    suffix, model, action = f"{hit['version'] or '/v1'}{hit['rest']}", unquote(hit["model"]), hit["action"]
    if unquote(hit["publisher"]) != "anthropic":
        return [Match(_VERTEX_ACTIONS[action], suffix, model)] if action in _VERTEX_ACTIONS else []
    if model == "count-tokens" and action == "rawPredict":    # no model: it is in the body
        return [Match(_VERTEX_COUNT, suffix)]
    return [Match(_VERTEX_ANTHROPIC[action], suffix, model)] if action in _VERTEX_ANTHROPIC else []


def dialect_of(path: str, header_names: set[bytes]) -> Dialect:
    """The dialect to speak to a caller whose request may match nothing: by path, then by its headers."""
    if path.startswith(_OF_BEDROCK):
        return "bedrock"
    if path.startswith(_OF_VERTEX):
        return "vertex"
    if path.startswith("/v1beta") or b"x-goog-api-key" in header_names:
        return "gemini"
    if b"anthropic-version" in header_names or "/messages" in path:
        return "anthropic"
    return "azure" if path.startswith("/openai/deployments/") else "openai"
