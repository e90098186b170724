"""How the answer to an admin call reaches the wire, as it should or as a fault wants it. Knows no vendor's shapes; what is done
with the connection itself is `delivery`'s.
"""

from dataclasses import replace

from aiohttp import web

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.admin.faults import Fault
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.delivery import deliver
from stationmaster.sandbox.values import Reply, dump

BIG = 64 * 2**20

_STATUSES = {
    "timeout": 0, "close": 0, "garbage": 0, "html": 200, "bad-json": 200, "wrong-shape": 200, "big": 200, "cut": 200,
    "redirect": 302,
}  # fmt: skip
_DELIVERED = {
    "timeout": "sandbox-hang", "close": "sandbox-close", "cut": "sandbox-cut", "garbage": "sandbox-garbage",
    "html": "sandbox-html",
}  # fmt: skip


def status_of(answer: Answer, fault: Fault | None) -> int:
    """The status that the peer sees; 0: none."""
    if fault is None:
        return answer.status
    return _STATUSES.get(fault.kind, answer.status)


async def sent(
    request: web.Request, answer: Answer, fault: Fault | None, organisation: Organisation | None
) -> web.StreamResponse:
    """Send an answer; `organisation`: whose headers it carries."""
    headers = {**answer.headers, **(_dressed(organisation) if organisation else {})}
    body = b"" if answer.body is None else dump(answer.body)
    reply = Reply((body,), status=status_of(answer, fault) or 200, headers=headers)
    if fault is None:
        return await deliver(request, reply, "")
    if fault.kind == "429-bare":
        reply = replace(reply, headers={name: value for name, value in headers.items() if name != "retry-after"})
    return await deliver(request, _spoilt(reply, body, fault.kind), _DELIVERED.get(fault.kind, ""))


def _spoilt(reply: Reply, body: bytes, kind: str) -> Reply:
    """An answer that is whole as HTTP and wrong in what it says; one that is to be cut has something to lose."""
    if kind == "cut":
        return replace(reply, frames=(body or b'{"object":"sandbox"}',))
    if kind == "bad-json":
        return replace(reply, frames=(body[: len(body) // 2] or b"{",))
    if kind == "wrong-shape":
        return replace(reply, frames=(b'{"unexpected":[{"shape":true}],"data":{"id":7}}',))
    if kind == "redirect":
        return replace(reply, headers={**reply.headers, "location": "/redirected"})
    return replace(reply, frames=(b'{"data":[],"padding":"', b"x" * BIG, b'"}')) if kind == "big" else reply


def _dressed(organisation: Organisation) -> dict[str, str]:
    """Headers that vendors answer an admin call with."""
    if organisation.vendor == "openai":
        return {"openai-organization": organisation.id, "x-request-id": "req_sandbox"}
    if organisation.vendor == "github_copilot":
        return {"x-github-request-id": "0000:SANDBOX", "x-github-api-version-selected": "2026-03-10"}
    return {"request-id": "req_sandbox"} if organisation.vendor == "anthropic" else {}
