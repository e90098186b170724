"""A request head, understood once: its door, its key, its framing, what of it goes upstream. May not know
sockets or which credential will serve it. Heads repeat, so these values are cached by their bytes.
"""

import hashlib
import re
from collections.abc import Mapping
from enum import Enum
from urllib.parse import quote, unquote_plus

from stationmaster.gateway.core import affinity, faults
from stationmaster.gateway.core.callers import Caller
from stationmaster.gateway.core.endpoints import Dialect, Endpoint, Match, Meter, ModelIn, dialect_of, match
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.forward import as_json, to_vendor, value
from stationmaster.gateway.core.multipart import BadMultipart, boundary_of
from stationmaster.gateway.core.pools import Plan
from stationmaster.gateway.core.sessions import PROMPTED, of_headers
from stationmaster.gateway.core.sessions import Source as SessionSource
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.wire import RequestLine, tokens

Keys = Mapping[bytes, Caller]    # by the SHA-256 of the key

_SPELLINGS = (b"ontent-length: ", b"ontent-Length: ")


def find_length(data: bytes, end: int) -> tuple[int, int, int] | None:
    """Where the Content-Length line of the head `data[:end]` begins and ends, and its value, or None.

    That one line is cut out of a head before it is looked up: it alone differs between two otherwise equal
    requests. On a miss the whole head, this line included, goes through llhttp. An unusual spelling is not
    found here and stays part of the head.
    """
    at = data.find(_SPELLINGS[0], 0, end)
    if at < 0:
        at = data.find(_SPELLINGS[1], 0, end)
        if at < 0:
            return None
    stop = data.find(b"\r\n", at)
    digits = data[at + 15 : stop]
    if not digits.isdigit() or len(digits) > 12 or data[at - 3 : at] not in (b"\r\nc", b"\r\nC"):
        return None
    return at - 3, stop, int(digits)


class Body(Enum):
    """How a request's body is taken in."""

    NONE = "none"
    JSON = "json"              # buffered whole, then read
    FORM = "form"              # multipart that names a model: read as it passes
    STREAM = "stream"          # passed on as it comes


class Public(Enum):
    """Doors without a key."""

    ROOT = "/"
    HELLO = "/api/hello"
    HEALTH = "/healthz"
    READY = "/readyz"


_NOWHERE = Endpoint("none", "openai", ())


class RequestHead:
    """What a head means. `fault` is set when it can only be refused; then little else holds."""

    __slots__ = (
        "_before", "_behind", "_digits_at", "_fields", "_path_dialect", "_places_model", "_prefixes", "asks_usage", "bare",
        "body",
        "boundary", "caller", "chunked", "dialect", "encoding", "endpoint", "expects", "fault", "guarded",
        "head_only", "http11", "json", "keep_alive", "key", "key_id", "keys", "kind", "length", "limited", "line",
        "listing", "makes", "meter", "metered", "method", "model", "named", "names_model", "owner", "plans",
        "prompted", "public", "query", "reads_body", "retry", "session", "session_by", "simple", "suffix", "tenant",
        "websocket",
    )

    def __init__(self, line: RequestLine, keys: Keys) -> None:
        path, _, query = line.target.partition("?")
        self.line = line
        self.keys = keys                   # of the snapshot this was understood by
        self.method = line.method
        self.head_only = line.method == "HEAD"
        self.http11 = line.http11
        self.keep_alive = line.keep_alive
        self.length = line.length
        self.chunked = line.chunked
        self.expects = value(line.headers, b"expect").strip().lower() if line.http11 else b""  # RFC 9110 10.1.1
        self.encoding = value(line.headers, b"content-encoding").strip().lower()
        self.retry = value(line.headers, b"x-stainless-retry-count").strip(b" 0") != b""
        self.query = _without_key(query)
        self.public = _public(line.method, path)
        found = match(line.method, path)
        self.endpoint = found.endpoint if found else _NOWHERE
        self.suffix = found.suffix if found else ""
        self.websocket = self.endpoint.websocket and _wants_websocket(line)
        self.meter: Meter = self.endpoint.meter
        self.metered = self.meter is not Meter.NONE
        self.names_model = self.endpoint.model_in is ModelIn.BODY    # in a member or field `model`
        self.asks_usage = self.endpoint.inject_usage
        self._places_model = self.endpoint.model_in in (ModelIn.PATH, ModelIn.QUERY)
        self.dialect: Dialect = _dialect(found, path, line)
        # Azure's client asks for what has no deployment without `/v1` and with an `api-version`, which belong together.
        azure = path.startswith("/openai/") and not path.startswith("/openai/v1/")
        self._path_dialect: Dialect = "azure" if azure else self.dialect
        self.model = _named_model(found, query)
        self.caller = _find_key(line, query, keys)
        self.key = self.caller.key if self.caller is not None else None
        self.guarded = self.caller is not None and self.caller.guarded
        self.key_id, self.owner, self.tenant = (self.key.id, self.key.owner, self.key.tenant) if self.key else ("", "", "")
        self.kind = self.endpoint.kind
        self.session = of_headers(self.caller.scope, line.headers) if self.caller is not None else 0
        self.session_by: SessionSource = "header" if self.session else ""
        self.prompted = self.endpoint.kind in PROMPTED
        self.named = affinity.in_path(self.endpoint.kind, self.suffix)
        self.listing = affinity.is_listing(self.endpoint.kind, self.method, self.suffix)
        self.makes = affinity.may_make(self.endpoint.kind, self.method, self.suffix)
        self.limited = self.key is not None and not self.key.unlimited
        self.body = _body_kind(self.endpoint, line)
        self.json = self.body is Body.JSON
        self.bare = line.method in ("GET", "HEAD", "DELETE")   # needs no Content-Length when it has no body
        self.reads_body = self._reads_body()
        self.boundary = b""
        self.fault = self._refusal(found, path)
        self.simple = self._is_simple()
        self._digits_at = 0                # where its length stands, and the head's bytes round it
        self._before = self._behind = b""
        self._fields: dict[str, bytes] = {}
        self.plans: Mapping[str, Plan | Fault] = {}   # where its key's requests go, by model
        self._prefixes: dict[Upstream | tuple[Upstream, str], bytes] = {}

    def _refusal(self, found: Match | None, path: str) -> Fault | None:
        if self.public is not None:
            return None
        if _wants_websocket(self.line) and path.endswith("/responses"):
            return faults.UPGRADE_REQUIRED
        if found is None:
            return faults.NOT_FOUND
        if self.method not in found.endpoint.methods:
            return faults.method_refused(found.endpoint.methods)
        if self.key is None:
            return faults.UNKNOWN_KEY if _carries_key(self.line, self.line.target) else faults.MISSING_KEY
        if self.endpoint.websocket and not self.websocket:
            return faults.NEEDS_WEBSOCKET
        return self._body_refusal()

    def _body_refusal(self) -> Fault | None:
        if self.expects and self.expects != b"100-continue":
            return faults.BAD_EXPECTATION
        if self.body is Body.JSON and self.encoding not in (b"", b"identity", b"gzip", b"x-gzip", b"zstd"):
            return faults.UNKNOWN_ENCODING
        if self.body in (Body.FORM, Body.STREAM) and self.encoding not in (b"", b"identity"):
            return faults.UNKNOWN_ENCODING
        if self.body is Body.FORM:
            try:
                self.boundary = boundary_of(value(self.line.headers, b"content-type"))
            except BadMultipart:
                return faults.BAD_MULTIPART
        return None

    def remember(self, raw: bytes, line: int, stop: int) -> None:
        """Keep the head's own bytes, so that the same head with another length is known at a glance. `line`
        and `stop` are where `find_length` found the line."""
        self._digits_at = line + len(b"\r\nContent-Length: ")
        self._before, self._behind = raw[: self._digits_at], raw[stop:]

    def body_again(self, data: bytes) -> bytes | None:
        """The body, if `data` is this head again, perhaps with another length, its whole body and nothing more."""
        at, behind = self._digits_at, self._behind
        if not at or not data.startswith(self._before):
            return None
        stop = data.find(b"\r", at, at + 13)
        digits, start = data[at:stop], stop + len(behind)
        if digits.isdigit() and int(digits) == len(data) - start and data.startswith(behind, stop):
            return data[start:]
        return None

    def _is_simple(self) -> bool:
        """The usual request: a plain JSON body for an upstream, nothing to wait for or to refuse."""
        return (
            self.fault is None and self.public is None and self.body is Body.JSON and self.reads_body
            and self.encoding in (b"", b"identity") and not self.endpoint.local
        )

    def _reads_body(self) -> bool:
        """Whether the JSON body tells something: the model, or whether a stream's usage must be asked for."""
        endpoint = self.endpoint
        if self.body is Body.NONE and endpoint.model_in is ModelIn.BODY:
            return True  # it should be there: an empty one is refused where it is read
        asks = endpoint.model_in is ModelIn.BODY or endpoint.inject_usage or endpoint.kind in PROMPTED
        return self.body is Body.JSON and asks

    @property
    def generates(self) -> bool:
        """Whether a model works for this request, named or not."""
        endpoint = self.endpoint
        return endpoint.model_in is not ModelIn.NOWHERE or (endpoint.kind == "batches" and self.method == "POST")

    def prefix(self, upstream: Upstream, sent_model: str) -> bytes:
        """The upstream request up to where its framing fields go. Cached for every credential."""
        key = (upstream, sent_model) if self._places_model else upstream
        found = self._prefixes.get(key)
        if found is None:
            if len(self._prefixes) > 64:
                self._prefixes.clear()
            found = self._prefixes[key] = self._prefix(upstream, sent_model if self._places_model else "")
        return found

    def _prefix(self, upstream: Upstream, place: str) -> bytes:
        suffix, query = self.suffix, self.query
        if place and self.endpoint.model_in is ModelIn.PATH and place != self.model:
            suffix = _with_model(suffix, self.dialect, place)
        if place and self.endpoint.model_in is ModelIn.QUERY and place != self.model:
            query = _query_with_model(query, place)
        target = upstream.path(suffix, self._path_dialect) + (f"?{query}" if query else "")
        return f"{self.method} {target} HTTP/1.1\r\n".encode() + upstream.auth + self._fields_for(upstream)

    def _fields_for(self, upstream: Upstream) -> bytes:
        found = self._fields.get(upstream.vendor)
        if found is None:
            headers = as_json(self.line.headers) if self.body is Body.JSON else self.line.headers
            found = to_vendor(headers, upstream.vendor, websocket=self.websocket)
            self._fields[upstream.vendor] = found
        return found


def _public(method: str, path: str) -> Public | None:
    if method not in ("GET", "HEAD"):
        return None
    if path == "/api/hello" and method != "HEAD":
        return None
    return next((door for door in Public if door.value == path), None)


def _dialect(found: Match | None, path: str, line: RequestLine) -> Dialect:
    """Of the endpoint; of the caller's headers where one path serves several dialects."""
    if found is None or found.endpoint.local:
        return dialect_of(path, {name for name, _ in line.headers})
    return found.endpoint.dialect


def _wants_websocket(line: RequestLine) -> bool:
    return (
        line.method == "GET"
        and b"websocket" in tokens(line.headers, b"upgrade")
        and b"upgrade" in tokens(line.headers, b"connection")
    )


def _named_model(found: Match | None, query: str) -> str:
    if found is None:
        return ""
    if found.endpoint.model_in is ModelIn.QUERY:
        named = [text for name, text in _pairs(query) if name == "model"]
        return named[0] if len(named) == 1 else ""
    return found.model


# Small bodies that name other things of the vendor organisation: read whatever their content type says.
_FORMS = frozenset({"audio", "images", "files", "deployment"})    # who takes forms; elsewhere one would hide a body
_JSON_ONLY = frozenset({"gemini", "bedrock", "vertex"})
_READ_WHOLE = frozenset({"batches", "conversations", "vector_stores"})


def _body_kind(endpoint: Endpoint, line: RequestLine) -> Body:
    if not line.chunked and line.length is None:
        return Body.NONE
    if endpoint.local or endpoint.model_in is ModelIn.BATCH or endpoint.kind in _READ_WHOLE:
        return Body.JSON
    kind = value(line.headers, b"content-type").lower().lstrip()
    if kind.startswith(b"multipart/") and endpoint.kind in _FORMS:
        return Body.FORM if endpoint.model_in is ModelIn.BODY else Body.STREAM
    if endpoint.model_in is ModelIn.BODY or endpoint.inject_usage or endpoint.kind == "deployment":
        return Body.JSON
    return Body.JSON if b"json" in kind or endpoint.dialect in _JSON_ONLY else Body.STREAM


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in query.split("&") if item)
    return [(unquote_plus(name), unquote_plus(text)) for name, _, text in pairs]


def _without_key(query: str) -> str:
    """The query as it came, less any `key` (ours: it must reach neither upstream nor log) and whatever some vendor
    would take for a credential or another method."""
    return "&".join(item for item in query.split("&") if not _is_ours(unquote_plus(item.partition("=")[0]).lower()))


def _is_ours(name: str) -> bool:
    return name in ("key", "api-key", "api_key", "access_token") or name.startswith(("$http", "x-amz-"))


def _query_with_model(query: str, model: str) -> str:
    items = [item for item in query.split("&") if unquote_plus(item.partition("=")[0]) != "model"]
    return "&".join([*items, f"model={quote(model, safe='')}"])


def _with_model(suffix: str, dialect: Dialect, model: str) -> str:
    """A path with its model segment replaced: `/v1beta/models/{m}:action`, or `/deployments/{m}/…` and `/model/{m}/…`."""
    named = quote(model, safe="")
    if dialect in ("azure", "bedrock"):
        return "/".join([*suffix.split("/")[:2], named, *suffix.split("/")[3:]])
    return f"{suffix[: suffix.rindex('/')]}/{named}{suffix[suffix.rindex(':') :]}"


def _presented(line: RequestLine, query: str) -> list[bytes]:
    """Every virtual key a request may carry, in the order in which they count."""
    found = []
    for carrier in (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"):
        text = value(line.headers, carrier).strip()
        if carrier == b"authorization":
            scheme, _, text = text.partition(b" ")
            text = text.strip() if scheme.lower() == b"bearer" else _signer(scheme, text)
        if text:
            found.append(text)
    found += [text.encode() for name, text in _pairs(query) if name == "key" and text]
    return found


_SIGNER = re.compile(rb"(?:^|[ ,])Credential=([^/, ]+)/")


def _signer(scheme: bytes, text: bytes) -> bytes:
    """The access key id of an AWS signature, or empty. The signature itself proves nothing to us and is dropped: to whom it is
    written, the key is known."""
    found = _SIGNER.search(text) if scheme.upper() == b"AWS4-HMAC-SHA256" else None
    return found[1] if found else b""


def _carries_key(line: RequestLine, target: str) -> bool:
    return bool(_presented(line, target.partition("?")[2]))


def _find_key(line: RequestLine, query: str, keys: Keys) -> Caller | None:
    """The first presented key that is known. Looked up by SHA-256, so timing tells nothing of the key."""
    digests = [hashlib.sha256(text).digest() for text in _presented(line, query)]
    return next((keys[digest] for digest in digests if digest in keys), None)
