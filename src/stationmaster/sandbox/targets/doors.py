"""The simulated gateways on the wire: `/targets/KIND/NAME/...`. Owns the order of a call: heard, broken or refused, done, noted,
answered. Knows no kind's shapes.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from aiohttp import web

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.admin.faults import Fault, Faults
from stationmaster.sandbox.admin.sending import sent, status_of
from stationmaster.sandbox.targets.frame import Call, Gateway, Malformed
from stationmaster.sandbox.targets.world import Targets

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOLD_POLL = 0.01
ROOT = "/targets/{kind}/{name}"

_STATUSES = {
    "500": 500, "503": 503, "401": 401, "403": 403, "404": 404, "409": 409, "429": 429, "429-bare": 429, "echo-secret": 400,
}  # fmt: skip


def doors(targets: Targets) -> Iterator[tuple[str, str, Handler]]:
    """Every (method, path, handler)."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            gateway = targets.find(request.match_info["kind"], request.match_info["name"])
        except KeyError:
            raise web.HTTPNotFound(text="no such gateway") from None
        call = await _call(request)
        return await _answered(gateway, call, request)

    for path in (ROOT, ROOT + "/{rest:.*}"):
        yield "*", path, handle


async def _call(request: web.Request) -> Call:
    path = "/" + request.match_info.get("rest", "")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, path, dict(request.query), headers, await request.read())


async def _answered(gateway: Gateway, call: Call, request: web.Request) -> web.StreamResponse:
    fault = gateway.faults.take("GET" if gateway.is_read(call) else call.method, call.path)     # a log-in is no write
    await _wait(gateway.faults, fault, after=False)
    with gateway.lock:
        gateway.hear(call)
        answer = _decided(gateway, call, fault)
    await _wait(gateway.faults, fault, after=True)
    return await sent(request, answer, fault, None)


def _decided(gateway: Gateway, call: Call, fault: Fault | None) -> Answer:
    read = gateway.is_read(call)
    works = fault is None or fault.after or read or fault.kind in ("hold", "slow")
    answer = _work(gateway, call) if works else Answer({"sandbox": True})
    done = works and 200 <= answer.status < 300
    if fault is not None and fault.kind in _STATUSES:
        answer = _refusal(gateway, fault)
    if not read:
        gateway.note(call, done, status_of(answer, fault), fault.name if fault else "")
    return answer


def _work(gateway: Gateway, call: Call) -> Answer:
    try:
        return gateway.answer(call)
    except Malformed as error:
        return gateway.failure(400, str(error))


def _refusal(gateway: Gateway, fault: Fault) -> Answer:
    words = f"Sandbox: {fault.kind}"
    if fault.kind == "echo-secret":
        known = [gateway.secret, *(each.secret for each in gateway.held())]
        spoken = (f"{each}, {base64.b64encode(each.encode()).decode()}, {quote(each, safe='')}" for each in known)
        words = "; ".join(spoken)
    answer = gateway.failure(_STATUSES[fault.kind], words)
    if fault.kind != "429":
        return answer
    return replace(answer, headers={**answer.headers, "retry-after": str(round(fault.seconds) or 1)})


async def _wait(faults: Faults, fault: Fault | None, *, after: bool) -> None:
    if fault is None or fault.after != after:
        return
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds or 1.0)
    elif fault.kind == "hold":
        await _held(faults)


async def _held(faults: Faults) -> None:
    turn = faults.turn
    faults.held += 1
    try:
        while faults.turn == turn:    # noqa: ASYNC110  # released from any thread
            await asyncio.sleep(HOLD_POLL)
    finally:
        faults.held -= 1
