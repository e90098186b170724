"""SCIM's door, as an ASGI application in front of Django. Owns: who comes in, how often, and how much of a body is read; that
every error has SCIM's shape. What a request means is found out behind it, on a thread.

Nobody's body is read before they are known, and there are no sessions, forms or languages here. The library is imported when
the first request comes (`serving`).
"""

import asyncio
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http.request import split_domain_port, validate_host

from stationmaster.entrances.api.rates import Rates
from stationmaster.entrances.internal.call import Receive, Scope, Send
from stationmaster.entrances.scim.limits import MAX_BODY, MAX_FIELDS, MAX_QUERY, BeyondLimits, check
from stationmaster.errors import StationmasterError
from stationmaster.operators.services import scim_actor
from stationmaster.store.actor import Actor
from stationmaster.store.rows import new_id

if TYPE_CHECKING:
    from scim2_server.requests import ScimRequest
    from scim2_server.responses import ScimResponse

_T = TypeVar("_T")

PREFIX: Final = "/scim/v2"
MEDIA_TYPE: Final = "application/scim+json"
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_THREADS: Final = 4
_NAMES: Final = frozenset({"Users", "Groups", "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me", ".search"})
_PUBLIC_URL: Final = "STATIONMASTER_PUBLIC_URL"      # of Django's settings, made of ours
_PASSED: Final[tuple[str, ...]] = ("content-type", "if-match", "if-none-match")
_log = logging.getLogger(__name__)

rates = Rates()


class Refusal(Exception):
    """A request that is answered here."""

    def __init__(self, status: int, detail: str, kind: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.detail, self.kind, self.headers = status, detail, kind, headers


class ScimDoor:
    """The application."""

    def __init__(self) -> None:
        self._desk = ThreadPoolExecutor(_THREADS, "scim")

    @staticmethod
    def takes(path: str) -> bool:
        """Tell whether a path is SCIM's."""
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = new_id("req")
        try:
            status, headers, body = await self._answer(scope, receive, request_id)
        except Refusal as refusal:
            status, headers, body = refusal.status, dict(refusal.headers), _error(refusal.status, refusal.detail, refusal.kind)
        except StationmasterError as error:
            status, headers, body = error.status, _challenge(error.status), _error(error.status, error.message)
        except DatabaseError as error:
            _log.warning("request %s: the database cannot be reached: %s", request_id, type(error).__name__)
            status, headers, body = 503, {"Retry-After": "5"}, _error(503, "the database cannot be reached")
        except Exception as error:  # noqa: BLE001  neither its text nor its values are told: they may hold anything
            _log.error("request %s: unexpected %s at %s", request_id, type(error).__name__, _lines(error))
            status, headers, body = 500, {}, _error(500, "something went wrong here")
        _log.info("%s %s %s %s", _method(scope), _route(scope["path"]), status, request_id)
        await _send(status, headers, body, request_id, send)

    def close(self) -> None:
        """Stop threads."""
        self._desk.shutdown()

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> tuple[int, dict[str, str], bytes]:
        given = _headers(scope)
        base = _base(scope, given)
        actor = await self._do(lambda: _who(given, request_id))
        if seconds := rates.wait(actor.id):
            raise Refusal(429, "too many requests", headers=(("Retry-After", str(math.ceil(seconds))),))
        query, body = _query(scope), await _body(given, receive)
        return await self._do(lambda: _served(actor, _request(scope, given, base, query, body, actor)))

    async def _do(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._desk, _connected, work)


def _connected(work: Callable[[], _T]) -> _T:
    try:
        return work()
    finally:
        connection.close()


def _who(given: dict[str, str], request_id: str) -> Actor:
    scheme, _, token = given.get("authorization", "").partition(" ")
    return scim_actor(token.strip() if scheme.lower() == "bearer" else "", request_id)


def _base(scope: Scope, given: dict[str, str]) -> str:
    """The address of the root as clients see it. Raises `Refusal` for a name that is not this host's."""
    host = given.get("host", "")
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise Refusal(421, "this is not the name of this host")
    public = urlsplit(getattr(settings, _PUBLIC_URL))
    if public.netloc:
        return f"{public.scheme}://{public.netloc}{PREFIX}"
    return f"{scope.get('scheme', 'http')}://{host}{PREFIX}"


def _headers(scope: Scope) -> dict[str, str]:
    """By name; one that comes twice counts as joined (RFC 9110 section 5.3), and so is no valid token."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _query(scope: Scope) -> dict[str, str]:
    text = scope["query_string"]
    if len(text) > MAX_QUERY:
        raise Refusal(414, f"a query has at most {MAX_QUERY} bytes")
    try:
        return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Refusal(400, f"a query has at most {MAX_FIELDS} parameters", "invalidSyntax") from None


async def _body(given: dict[str, str], receive: Receive) -> bytes:
    if given.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Refusal(415, "bodies are not compressed")
    announced = given.get("content-length", "0")
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > MAX_BODY:
        raise _too_large()
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the client left")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            raise _too_large()
        more = message.get("more_body", False)
    return b"".join(pieces)


def _too_large() -> Refusal:
    return Refusal(413, f"a body has at most {MAX_BODY} bytes")


def _request(
    scope: Scope, given: dict[str, str], base: str, query: dict[str, str], body: bytes, actor: Actor
) -> "ScimRequest":
    from scim2_server.requests import ScimRequest

    headers = {name: given[name] for name in _PASSED if name in given}
    return ScimRequest(scope["method"], base, scope["path"].removeprefix(PREFIX) or "/", query, headers, body, actor)


def _served(actor: Actor, request: "ScimRequest") -> tuple[int, dict[str, str], bytes]:
    from stationmaster.entrances.scim.serving import serve

    try:
        check(request.body)
    except BeyondLimits as error:
        raise Refusal(error.status, error.detail, error.kind) from None
    response: ScimResponse = serve(actor, request)
    body = b"" if response.body is None else msgspec.json.encode(response.body, enc_hook=str)
    return int(response.status), response.headers, body


def _error(status: int, detail: str, kind: str = "") -> bytes:
    body: dict[str, Any] = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    return msgspec.json.encode({**body, "scimType": kind} if kind else body)


def _challenge(status: int) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="SCIM"'} if status == 401 else {}


def _lines(error: BaseException) -> str:
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(found[-8:])


def _method(scope: Scope) -> str:
    return str(scope["method"]) if scope["method"].isalpha() and len(scope["method"]) < 10 else "-"


def _route(path: str) -> str:
    """What is logged of a path: the endpoint, never an id or what somebody made up."""
    name = path.removeprefix(PREFIX).strip("/").partition("/")[0]
    return f"{PREFIX}/{name if name in _NAMES else '-' if name else ''}"


async def _send(status: int, given: dict[str, str], body: bytes, request_id: str, send: Send) -> None:
    headers = {
        **given, "content-length": str(len(body)), "x-stationmaster-request-id": request_id, "cache-control": "no-store",
        "x-content-type-options": "nosniff", "content-type": MEDIA_TYPE,
    }  # fmt: skip
    headers = {name.lower(): value for name, value in headers.items()}
    if not body:
        del headers["content-type"]
    if status in (204, 304):
        del headers["content-length"]
    pairs = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
