"""The sandbox as a web application. Owns the check for a credential and the order of things: heard, noted,
refused or broken or answered. Knows no vendor's wire format."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from stationmaster.sandbox.admin.control import controls
from stationmaster.sandbox.admin.doors import doors
from stationmaster.sandbox.admin.world import Admin
from stationmaster.sandbox.delivery import deliver
from stationmaster.sandbox.errors import envelope, failure, fault_reply, refusal
from stationmaster.sandbox.faults import ERRORS, SENTENCES
from stationmaster.sandbox.headers import vendor_headers
from stationmaster.sandbox.hearing import hear
from stationmaster.sandbox.ledger import Entry, Ledger
from stationmaster.sandbox.realtime import converse
from stationmaster.sandbox.routes import routes
from stationmaster.sandbox.shelf import Shelf
from stationmaster.sandbox.signatures import fault_in
from stationmaster.sandbox.targets import control as target_control
from stationmaster.sandbox.targets import doors as target_doors
from stationmaster.sandbox.targets.world import Targets
from stationmaster.sandbox.text import speak
from stationmaster.sandbox.tokens import Tokens
from stationmaster.sandbox.tokens import doors as token_doors
from stationmaster.sandbox.values import Answerer, Asked, Dialect, Reply, answer

MOST_BYTES = 80 * 2**20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BILLED = ("/chat/completions", "/responses", "/messages")      # whose tokens stand in the organisation's reports
_BEFORE_UPGRADE = ("sandbox-hang", "sandbox-close", "sandbox-garbage", "sandbox-html")


def make_app(
    ledger: Ledger, spoiled: dict[str, str] | None = None, admin: Admin | None = None, targets: Targets | None = None,
    tokens: Tokens | None = None,
) -> web.Application:  # fmt: skip
    """The sandbox as an aiohttp application.

    `spoiled` maps credentials to fault names and may be changed while it runs; `admin` holds the simulated organisations,
    `targets` the simulated gateways, `tokens` the simulated issuers.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    organisations = admin or Admin()
    issuers = tokens or Tokens()
    sandbox = _Sandbox(ledger, {} if spoiled is None else spoiled, organisations, issuers)
    for path in ("/v1/realtime", "/realtime", "/openai/v1/realtime", "/openai/realtime"):
        app.router.add_get(path, sandbox.realtime, allow_head=False)
    for method, path, answerer, dialect in routes():
        app.router.add_route(method, path, sandbox.door(answerer, dialect))
        if method == "GET":
            app.router.add_route("HEAD", path, sandbox.door(answerer, dialect))
    app.router.add_get("/", _greet)
    app.router.add_get("/sandbox/faults", _list_faults)
    app.router.add_get("/sandbox/ledger", sandbox.show)
    app.router.add_delete("/sandbox/ledger", sandbox.forget)
    gateways = targets or Targets()
    for method, path, handler in (
        *doors(organisations, sandbox.hear, watched), *controls(organisations), *target_doors.doors(gateways),
        *target_control.controls(gateways), *token_doors.doors(issuers),
    ):  # fmt: skip
        app.router.add_route(method, path, handler)
    app.router.add_route("*", "/{rest:.*}", sandbox.door(_nothing, None, secured=False))
    return app


class _Sandbox:
    def __init__(self, ledger: Ledger, spoiled: dict[str, str], organisations: Admin, issuers: Tokens) -> None:
        self._issuers = issuers
        self._organisations = organisations
        self._ledger = ledger
        self._spoiled = spoiled
        self._shelf = Shelf()

    def door(self, answerer: Answerer, dialect: Dialect | None, *, secured: bool = True) -> Handler:
        """A handler that hears, notes, and then refuses, breaks or answers."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                asked, entry = await self.hear(request, dialect or _told(request))
            except web.HTTPRequestEntityTooLarge as error:
                told = envelope(dialect or _told(request), 413, error.text or "")
                return web.json_response(told, status=413)
            refused = (_unsigned(request, asked) or self._refusal(asked) or self._shelf.refusal(asked)) if secured else None
            reply = refused or answerer(self._shelf.about(asked))
            if reply.status == 200:
                self._shelf.note(asked)
                self._count(asked)
            fault = asked.fault if reply.status == 200 else ""
            return await watched(entry, deliver(request, _dressed(asked, reply), fault))

        return handle

    def _count(self, asked: Asked) -> None:
        """A call that is billed is noted with the organisation whose key it came with."""
        if asked.method == "POST" and asked.path.endswith(_BILLED):
            said = speak(asked)
            self._organisations.used(asked.credential, asked.model, (said.words_in, said.cached, said.words_out + said.thoughts))

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket; without an upgrade, or with a fault that comes before one, an ordinary answer."""
        dialect: Dialect = "azure" if request.path.startswith("/openai") else "openai"
        asked, entry = await self.hear(request, dialect)
        reply = self._refusal(asked)
        if reply is None and request.headers.get("upgrade", "").lower() != "websocket":
            reply = failure(asked, 426, "Realtime is served over WebSocket only.")
        if reply is not None:
            return await watched(entry, deliver(request, _dressed(asked, reply), ""))
        if asked.fault in _BEFORE_UPGRADE:
            return await watched(entry, deliver(request, _dressed(asked, answer({})), asked.fault))
        return await watched(entry, converse(request, asked))

    def _refusal(self, asked: Asked) -> Reply | None:
        if not asked.credential:
            return failure(asked, 401, "No credential was sent.")
        if not self._organisations.serves(asked.credential) or not self._issuers.serves(asked.credential):
            return fault_reply(asked, ERRORS["sandbox-401"])
        fault = ERRORS.get(asked.fault)
        return fault_reply(asked, fault) if fault else None

    async def show(self, _request: web.Request) -> web.Response:
        """`GET /sandbox/ledger`."""
        return web.json_response([entry.plain() for entry in self._ledger.asked()])

    async def forget(self, _request: web.Request) -> web.Response:
        """`DELETE /sandbox/ledger`."""
        return web.json_response({"forgotten": self._ledger.forget()})

    async def hear(self, request: web.Request, dialect: Dialect) -> tuple[Asked, Entry]:
        """Read a request and note it in the ledger."""
        asked = await hear(request, dialect, self._spoiled)
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.raw_headers]
        peer = request.transport.get_extra_info("peername") if request.transport else None
        where = f"{peer[0]}:{peer[1]}" if peer else ""
        return asked, self._ledger.note(asked, request.rel_url.raw_query_string, headers, where)


async def watched(entry: Entry, sending: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    """Note in the ledger whether the peer stayed until the end."""
    try:
        sent = await sending
    except (asyncio.CancelledError, ConnectionError):
        entry.outcome = "left"
        raise
    entry.outcome = "answered"
    return sent


def _dressed(asked: Asked, reply: Reply) -> Reply:
    return replace(reply, headers={**vendor_headers(asked), **reply.headers})


def _unsigned(request: web.Request, asked: Asked) -> Reply | None:
    """AWS' answer when a signature does not hold."""
    fault = fault_in(request, asked.body) if asked.dialect == "bedrock" else None
    return refusal(*fault) if fault else None


def _told(request: web.Request) -> Dialect:
    if "anthropic-version" in request.headers:
        return "anthropic"
    return "gemini" if request.path.startswith("/v1beta") else "openai"


def _nothing(asked: Asked) -> Reply:
    return failure(replace(asked, dialect="openai"), 404, f"Nothing answers {asked.method} {asked.path} here.")


async def _greet(_request: web.Request) -> web.Response:
    return web.json_response({"name": "Stationmaster sandbox", "faults": "/sandbox/faults"})


async def _list_faults(_request: web.Request) -> web.Response:
    return web.json_response([{"name": name, "sentence": sentence} for name, sentence in SENTENCES.items()])
