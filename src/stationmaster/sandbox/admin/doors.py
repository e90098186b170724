"""The simulated admin interfaces on the wire. Owns who a credential is, the order of a call (counted, broken or refused, done,
noted, answered). Knows no vendor's shapes, nor how a broken answer is sent.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from aiohttp import web

from stationmaster.sandbox.admin import (
    anthropic,
    anthropic_federation,
    anthropic_usage,
    anthropic_workspaces,
    cursor,
    github,
    github_billing,
    github_seats,
    openai,
    openai_keys,
    openai_projects,
    openai_usage,
)
from stationmaster.sandbox.admin.calls import Answer, Answerer, Call, Route
from stationmaster.sandbox.admin.faults import Fault
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.sending import sent, status_of
from stationmaster.sandbox.admin.state import Refused
from stationmaster.sandbox.admin.world import Admin
from stationmaster.sandbox.ledger import Entry
from stationmaster.sandbox.values import Asked, Dialect

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Hear = Callable[[web.Request, Dialect], Awaitable[tuple[Asked, Entry]]]
Watched = Callable[[Entry, Awaitable[web.StreamResponse]], Awaitable[web.StreamResponse]]

SAFE = ("GET", "HEAD", "OPTIONS")
HOLD_POLL = 0.01


@dataclass(frozen=True)
class Vendor:
    """What answers for one vendor."""

    name: str
    routes: tuple[Route, ...]
    error: Callable[[str, str], Answer]
    dialect: Dialect = "openai"
    reads: frozenset[str] = frozenset()


VENDORS = (
    Vendor(
        "openai", tuple((method, "/v1" + path, answerer) for method, path, answerer in
                        (*openai.ROUTES, *openai_projects.ROUTES, *openai_keys.ROUTES, *openai_usage.ROUTES)), openai.error,
    ),
    Vendor(
        "anthropic", (*anthropic.ROUTES, *anthropic_workspaces.ROUTES, *anthropic_federation.ROUTES, *anthropic_usage.ROUTES),
        anthropic.error, "anthropic",
    ),
    Vendor("github_copilot", (*github.ROUTES, *github_seats.ROUTES, *github_billing.ROUTES), github.error),
    Vendor("cursor", cursor.ROUTES, cursor.error, reads=cursor.READS),
)  # fmt: skip

_REFUSALS = {
    "500": "failed", "503": "unavailable", "401": "unauthorised", "403": "forbidden", "404": "not_found", "409": "conflict",
    "429": "rate", "429-bare": "rate", "on-hold": "on_hold", "echo-secret": "bad_request",
}  # fmt: skip



def doors(admin: Admin, hear: Hear, watched: Watched) -> Iterator[tuple[str, str, Handler]]:
    """Every (method, path, handler) of every vendor. `hear` notes a request in the sandbox's ledger and gives its body,
    `watched` sees whether the peer stayed."""
    for vendor in VENDORS:
        for method, path, answerer in vendor.routes:
            yield method, path, _door(admin, vendor, answerer, hear, watched)


def _door(admin: Admin, vendor: Vendor, answerer: Answerer, hear: Hear, watched: Watched) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked, entry = await hear(request, vendor.dialect)
        secret = credential(request)
        organisation = admin.opened_by(vendor.name, secret)
        if organisation is None:
            return await watched(entry, sent(request, vendor.error("unauthorised", "The credential is not valid."), None, None))
        visit = _Visit(vendor, organisation, answerer, asked, _call(organisation, request, asked), secret)
        return await watched(entry, visit.answered(request))

    return handle


class _Visit:
    """One call on its way."""

    def __init__(
        self, vendor: Vendor, organisation: Organisation, answerer: Answerer, asked: Asked, call: Call, secret: str
    ) -> None:
        self._vendor, self._organisation, self._answerer = vendor, organisation, answerer
        self._asked, self._call, self._secret = asked, call, secret
        self._whom, self._done = "", False

    async def answered(self, request: web.Request) -> web.StreamResponse:
        """Count, break or refuse, do, note, answer."""
        fault = self._organisation.faults.take(self._call.method, self._call.path)
        await self._wait(fault, after=False)
        with self._organisation.lock:
            answer = self._decide(fault)
            self._note(answer, fault)
        await self._wait(fault, after=True)
        return await sent(request, answer, fault, self._organisation)

    def _decide(self, fault: Fault | None) -> Answer:
        self._organisation.settle()
        self._whom = _subject(self._call)
        wait = self._organisation.overrun()
        if wait:
            return self._refusal("rate", "Rate limit exceeded", wait)
        answer = self._work() if self._works(fault) else Answer({"object": "sandbox"})
        reason = _REFUSALS.get(fault.kind) if fault else None
        return self._refusal(reason, self._words(fault), fault.seconds) if reason and fault else answer

    def _works(self, fault: Fault | None) -> bool:
        return fault is None or fault.after or not self._unsafe or fault.kind in ("hold", "slow")

    def _work(self) -> Answer:
        if self._call.params.get("org", self._organisation.name) != self._organisation.name:
            return self._vendor.error("not_found", "Not Found")
        try:
            answer = self._answerer(self._call)
        except Refused as refused:
            return self._vendor.error(refused.reason, str(refused))
        self._done = True
        return answer

    def _refusal(self, reason: str, words: str, seconds: float = 0.0) -> Answer:
        answer = self._vendor.error(reason, words)
        bare = reason != "rate" or seconds < 0
        return answer if bare else replace(answer, headers={**answer.headers, "retry-after": str(round(seconds) or 1)})

    def _words(self, fault: Fault | None) -> str:
        if fault is None or fault.kind != "echo-secret":
            return f"Sandbox: {fault.kind if fault else ''}"
        encoded = base64.b64encode(f"{self._secret}:".encode()).decode()
        return f"Incorrect API key provided: {self._secret}, {encoded}, {quote(self._secret, safe='')}."

    @property
    def _unsafe(self) -> bool:
        return self._call.method not in SAFE and self._call.path not in self._vendor.reads

    def _note(self, answer: Answer, fault: Fault | None) -> None:
        """In the ledger before anything is sent: the peer may leave."""
        if not self._unsafe:
            return
        operation = f"{self._call.method} {self._call.path}"
        name, status = fault.name if fault else "", status_of(answer, fault)
        self._organisation.ledger.note(self._organisation.clock(), operation, self._whom, self._done, status, name)

    async def _wait(self, fault: Fault | None, *, after: bool) -> None:
        if fault is None or fault.after != after:
            return
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds or 1.0)
        elif fault.kind == "hold":
            await _held(self._organisation)


async def _held(organisation: Organisation) -> None:
    turn = organisation.faults.turn
    organisation.faults.held += 1
    try:
        while organisation.faults.turn == turn:    # noqa: ASYNC110  # released from any thread
            await asyncio.sleep(HOLD_POLL)
    finally:
        organisation.faults.held -= 1


def credential(request: web.Request) -> str:
    """The secret that a request presents: `x-api-key`, Bearer, `token`, or the user name of Basic."""
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return request.headers.get("x-api-key") or (value.strip() if scheme.lower() in ("bearer", "token") else "")


def _call(organisation: Organisation, request: web.Request, asked: Asked) -> Call:
    query = {name: request.query.getall(name) for name in request.query}
    return Call(organisation, request.method, request.path, dict(request.match_info), query, asked.fields)


def _subject(call: Call) -> str:
    """Whom a call is about: the address or login it names, or that of the row it names."""
    for name in ("email", "userEmail"):
        if isinstance(call.fields.get(name), str):
            return str(call.fields[name])
    names = call.fields.get("selected_usernames")
    if isinstance(names, list):
        return ",".join(map(str, names))
    return _of_row(call) or call.params.get("login", "")


def _of_row(call: Call) -> str:
    organisation = call.organisation
    user = call.params.get("user") or call.fields.get("user_id") or call.fields.get("userId")
    person = organisation.people.get(str(user)) if user else None
    invite = organisation.invitations_table.get(call.params.get("invite", ""))
    number = str(call.params.get("invitation") or "")
    invite = invite or next((row for row in organisation.invitations_table.all() if number and str(row.number) == number), None)
    if invite is not None:
        return invite.email or invite.login
    invitee = call.fields.get("invitee_id")
    return person.email if person else organisation.logins.get(invitee, "") if isinstance(invitee, int) else ""
