"""The simulated issuers on the wire: `/tokens/NAME/...`. Owns the order of a call: broken or done, noted, answered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import quote

from aiohttp import web

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.admin.faults import Fault
from stationmaster.sandbox.admin.sending import sent, status_of
from stationmaster.sandbox.delivery import deliver
from stationmaster.sandbox.tokens.grants import Call, Told, answer
from stationmaster.sandbox.tokens.provider import Provider
from stationmaster.sandbox.tokens.world import Tokens
from stationmaster.sandbox.values import Reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOLD_POLL = 0.01
_STATUSES = {"500": 500, "503": 503, "401": 401, "403": 403, "429": 429, "echo-secret": 400}


def doors(tokens: Tokens) -> Iterator[tuple[str, str, Handler]]:
    """Every (method, path, handler)."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            provider = tokens.find(request.match_info["name"])
        except KeyError:
            raise web.HTTPNotFound(text="no such issuer") from None
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, "/" + request.match_info["rest"], headers, await request.read())
        return await _answered(provider, call, request)

    yield "*", "/tokens/{name}/{rest:.*}", handle


async def _answered(provider: Provider, call: Call, request: web.Request) -> web.StreamResponse:
    fault = provider.faults.take(call.method, call.path)
    if fault is not None and not fault.after:
        await _wait(provider, fault)
    works = fault is None or fault.after or fault.kind in ("hold", "slow")
    told = answer(provider, call) if works else Told({"sandbox": True}, grant="broken")
    told = _spoilt(provider, call, told, fault)
    if told.grant:
        provider.note(told.grant, status_of(Answer(None, told.status), fault), told.used)
    if fault is not None and fault.after:
        await _wait(provider, fault)
    if told.words:
        return await deliver(request, Reply((told.words.encode(),), status=told.status, headers={"content-type": "text/xml"}), "")
    headers = {"content-type": "application/json"} | ({"retry-after": "7"} if told.status == 429 else {})
    return await sent(request, Answer(told.body, told.status, headers), fault, None)


def _spoilt(provider: Provider, call: Call, told: Told, fault: Fault | None) -> Told:
    if fault is None or fault.kind not in _STATUSES:
        return told
    words = f"Sandbox: {fault.kind}"
    if fault.kind == "echo-secret":
        body = call.body.decode("utf-8", "replace")
        words = f"{body} {quote(body)} {provider.secret} {provider.refresh_token}"
    body_of = {"error": "sandbox", "error_description": words}
    return Told(body_of, _STATUSES[fault.kind], told.grant or "broken", told.used)


async def _wait(provider: Provider, fault: Fault) -> None:
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds or 1.0)
    if fault.kind != "hold":
        return
    turn = provider.faults.turn
    provider.faults.held += 1
    try:
        while provider.faults.turn == turn:    # noqa: ASYNC110  # released from any thread
            await asyncio.sleep(HOLD_POLL)
    finally:
        provider.faults.held -= 1
