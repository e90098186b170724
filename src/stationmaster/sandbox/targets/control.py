"""`/sandbox/targets/...`: making gateways, setting faults, reading what they hold, from another process."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any

from aiohttp import web

from stationmaster.sandbox.targets.frame import Gateway
from stationmaster.sandbox.targets.world import Targets

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ROOT = "/sandbox/targets"
_ONE = _ROOT + "/{kind}/{name}"


def controls(targets: Targets) -> Iterator[tuple[str, str, Handler]]:
    """Every (method, path, handler)."""
    control = _Control(targets)
    yield "GET", _ROOT, control.all
    yield "POST", _ROOT + "/{kind}", control.make
    yield "GET", _ONE, control.show
    yield "GET", f"{_ONE}/writes", control.writes
    yield "DELETE", f"{_ONE}/writes", control.forget
    yield "GET", f"{_ONE}/faults", control.faults
    yield "POST", f"{_ONE}/faults", control.break_
    yield "DELETE", f"{_ONE}/faults", control.mend
    yield "POST", f"{_ONE}/release", control.release


class _Control:
    """The handlers."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def all(self, request: web.Request) -> web.Response:
        """How each is reached."""
        return web.json_response([_reached(each, request) for each in self._targets.all()])

    async def make(self, request: web.Request) -> web.Response:
        """`{"name", ...settings}`."""
        given = await _body(request)
        try:
            made = self._targets.make(request.match_info["kind"], str(given.pop("name", "")), **given)
        except (TypeError, ValueError) as error:
            return _refused(error)
        return web.json_response(_reached(made, request), status=201)

    async def show(self, request: web.Request) -> web.Response:
        """How it is reached, and what it holds, without the secrets that were published."""
        gateway = self._one(request)
        with gateway.lock:
            held = [{"id": each.id, "marker": each.marker} for each in gateway.held()]
        return web.json_response(_reached(gateway, request) | {"held": held, "duplicates": gateway.duplicates()})

    async def writes(self, request: web.Request) -> web.Response:
        """The ledger."""
        return web.json_response([write.plain() for write in self._one(request).writes()])

    async def forget(self, request: web.Request) -> web.Response:
        """An empty ledger."""
        self._one(request).forget()
        return web.json_response({})

    async def faults(self, request: web.Request) -> web.Response:
        """What is set, and how many answers are held."""
        faults = self._one(request).faults
        return web.json_response({"faults": [asdict(fault) for fault in faults.all()], "held": faults.held})

    async def break_(self, request: web.Request) -> web.Response:
        """`{"name", "on", "times", "seconds", "chance"}`."""
        try:
            self._one(request).faults.set(**await _body(request))
        except (TypeError, ValueError) as error:
            return _refused(error)
        return await self.faults(request)

    async def mend(self, request: web.Request) -> web.Response:
        """No faults any more."""
        self._one(request).faults.clear()
        return await self.faults(request)

    async def release(self, request: web.Request) -> web.Response:
        """Let held answers go."""
        self._one(request).faults.release()
        return await self.faults(request)

    def _one(self, request: web.Request) -> Gateway:
        try:
            return self._targets.find(request.match_info["kind"], request.match_info["name"])
        except KeyError:
            raise web.HTTPNotFound(text="no such gateway") from None


async def _body(request: web.Request) -> dict[str, Any]:
    given = await request.json() if request.can_read_body else {}
    if not isinstance(given, dict):
        raise web.HTTPBadRequest(text="a JSON object is expected")
    return given


def _refused(error: Exception) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)


def _reached(gateway: Gateway, request: web.Request) -> dict[str, Any]:
    """The admin credential is a made-up one and shown, so that an example can be tried."""
    return {
        "kind": gateway.KIND, "name": gateway.name, "base_url": gateway.base_url(f"{request.scheme}://{request.host}"),
        "user": gateway.user, "secret": gateway.secret, "version": gateway.version,
    }  # fmt: skip
