"""`/sandbox/admin/...`: making organisations, letting people accept, setting faults, reading ledgers, from another process."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, fields
from typing import Any

from aiohttp import web

from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.state import Settings
from stationmaster.sandbox.admin.world import Admin

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ROOT = "/sandbox/admin"
_ONE = _ROOT + "/{vendor}/{organisation}"
_KNOWN = frozenset(field.name for field in fields(Settings))
_PEOPLE = ("accept", "expire", "add", "leave")


def controls(admin: Admin) -> Iterator[tuple[str, str, Handler]]:
    """Every (method, path, handler)."""
    control = _Control(admin)
    yield "GET", _ROOT, control.all
    yield "POST", _ROOT + "/{vendor}", control.make
    yield "GET", _ONE, control.show
    yield "PATCH", _ONE, control.change
    yield "DELETE", _ONE, control.drop
    for verb in _PEOPLE:
        yield "POST", f"{_ONE}/{{verb:{verb}}}", control.person
    yield "GET", f"{_ONE}/writes", control.writes
    yield "DELETE", f"{_ONE}/writes", control.forget
    yield "GET", f"{_ONE}/invitations", control.invitations
    yield "GET", f"{_ONE}/faults", control.faults
    yield "POST", f"{_ONE}/faults", control.break_
    yield "DELETE", f"{_ONE}/faults", control.mend
    yield "POST", f"{_ONE}/release", control.release


class _Control:
    """The handlers."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def all(self, _request: web.Request) -> web.Response:
        """Names, without state."""
        return web.json_response([{"vendor": each.vendor, "name": each.name} for each in self._admin.all()])

    async def make(self, request: web.Request) -> web.Response:
        """`{"name", "people", ...settings}`."""
        given = await _body(request)
        try:
            made = self._admin.make(request.match_info["vendor"], str(given.pop("name", "")), **given)
        except (TypeError, ValueError) as error:
            return _refused(error)
        return web.json_response(_state(made, request), status=201)

    async def show(self, request: web.Request) -> web.Response:
        """What is true."""
        return web.json_response(_state(self._one(request), request))

    async def change(self, request: web.Request) -> web.Response:
        """Other settings."""
        organisation, given = self._one(request), await _body(request)
        unknown = set(given) - _KNOWN
        if unknown:
            return _refused(ValueError(f"no settings {', '.join(sorted(unknown))}"))
        for name, value in given.items():
            setattr(organisation.settings, name, set(value) if name == "allowed_domains" else value)
        return web.json_response(_state(organisation, request))

    async def drop(self, request: web.Request) -> web.Response:
        """Forget it."""
        organisation = self._one(request)
        self._admin.drop(organisation.vendor, organisation.name)
        return web.json_response({"dropped": organisation.name})

    async def person(self, request: web.Request) -> web.Response:
        """`{"email"}` accepts, is added, leaves, or their invitation expires."""
        organisation, given = self._one(request), await _body(request)
        act: Callable[..., object] = getattr(organisation, request.match_info["verb"])
        try:
            act(str(given.pop("email", "")), **given)
        except (TypeError, ValueError) as error:
            return _refused(error)
        return web.json_response(_state(organisation, request))

    async def writes(self, request: web.Request) -> web.Response:
        """The ledger."""
        return web.json_response([write.plain() for write in self._one(request).writes()])

    async def forget(self, request: web.Request) -> web.Response:
        """An empty ledger."""
        self._one(request).forget()
        return web.json_response({})

    async def invitations(self, request: web.Request) -> web.Response:
        """`?email=`: how many that address got."""
        email = request.query.get("email", "")
        return web.json_response({"email": email, "count": self._one(request).invitations(email)})

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
        self._one(request).release()
        return await self.faults(request)

    def _one(self, request: web.Request) -> Organisation:
        try:
            return self._admin.find(request.match_info["vendor"], request.match_info["organisation"])
        except KeyError:
            raise web.HTTPNotFound(text="no such organisation") from None


async def _body(request: web.Request) -> dict[str, Any]:
    given = await request.json() if request.can_read_body else {}
    if not isinstance(given, dict):
        raise web.HTTPBadRequest(text="a JSON object is expected")
    return given


def _refused(error: Exception) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)


def _state(organisation: Organisation, request: web.Request) -> dict[str, Any]:
    """Everything that is true; the credential is a made-up one and shown, so that an example can be tried."""
    settings = asdict(organisation.settings) | {"allowed_domains": sorted(organisation.settings.allowed_domains)}
    return {
        "vendor": organisation.vendor, "name": organisation.name, "id": organisation.id, "secret": organisation.secret,
        "base_url": organisation.base_url(f"{request.scheme}://{request.host}"), "settings": settings,
        "members": [asdict(person) for person in organisation.members()],
        "invites": [asdict(invite) for invite in organisation.invites()], "requests": organisation.requests,
    }  # fmt: skip
