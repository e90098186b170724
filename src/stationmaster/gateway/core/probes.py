"""Probes: what a vendor is asked to find out whether a credential works, when, and what the answer means.

Owns: each vendor's question, the calendar, what an answer moves. May not know sockets or the clock: `now` is the
caller's clock in seconds, `wall` seconds since 1970. docs/reference/credential-life.md tells operators the same.

A probe lists models and never generates: every vendor answers that without charge (the API references' "list models").
Bedrock lists none where it serves: there it is asynchronous calls, which few credentials may list; a bad one shows all the same.
So a list cannot show that there is money, and a key that may call models need not be allowed to list them.
"""

import zlib
from collections.abc import Iterable, Mapping

import msgspec

from stationmaster.gateway.core import models
from stationmaster.gateway.core.life import OPERATOR, UNKNOWN, UPSTREAM, Happening, Life, Rules, advance
from stationmaster.gateway.core.memory import Standing
from stationmaster.gateway.core.snapshot import Vendor
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.verdict import judge
from stationmaster.gateway.core.wire import Headers

TRIAL_AFTER = 6            # failed probes, which is about an hour: 30 s + 1 min + 2 min + … + 32 min
_BILLING = "billing"


class Probe(msgspec.Struct, frozen=True):
    """One vendor's question: a GET of `path`, spelt as `Upstream.path` takes it."""

    path: str


PROBES: dict[Vendor, Probe] = {
    "openai": Probe("/models"),                       # takes no page size, nor do the next two
    "openai_compatible": Probe("/models"),
    "azure_openai": Probe("/models"),
    "anthropic": Probe("/models?limit=1"),
    "gemini": Probe("/v1beta/models?pageSize=1"),
    "bedrock": Probe("/async-invoke?maxResults=1"),        # ListAsyncInvokes: of what the runtime's host offers, the one read
    "vertex": Probe("/v1beta1/publishers/google/models?pageSize=1"),
}


class Answer(msgspec.Struct, frozen=True):
    """What came back. `status` 0: nothing, and `fault` is our code for why. `body` may be a long one's beginning."""

    status: int = 0
    headers: Headers = []
    body: bytes = b""
    fault: str = ""


def request(upstream: Upstream, wall: float) -> bytes:
    """The whole GET. Its fields are those with which the credential's model list is fetched for callers."""
    target = upstream.path(PROBES[upstream.vendor].path, "openai")
    start = f"GET {target} HTTP/1.1\r\n".encode() + models.request(upstream).partition(b"\r\n")[2].removesuffix(b"\r\n")
    return upstream.proven(start, b"", wall) + b"\r\n"


# When.


def due(standings: Iterable[Standing], now: float, interval: float, last: Mapping[str, float]) -> list[str]:
    """The credentials to probe now. `last`: when each was probed last, or first seen; who is not in it is not due.

    A disabled one when its next probe has come, never one that an operator disabled. One that is still `probing` lost
    its answer (it left the configuration and came back, say) and is asked again. All others once every `interval`
    seconds, each in its own part of it.
    """
    return [each.id for each in standings if _is_due(each, now, interval, last)]


def _is_due(standing: Standing, now: float, interval: float, last: Mapping[str, float]) -> bool:
    life = standing.life
    if life.state in ("disabled", "probing"):
        return life.cause != OPERATOR and now >= life.next_probe
    before = last.get(standing.id, now)
    return _round(standing.id, now, interval) > _round(standing.id, before, interval)


def _round(credential: str, moment: float, interval: float) -> float:
    """How many of its rounds have begun; a hash of the id says at which part of the interval they do."""
    phase = zlib.crc32(credential.encode()) / 2**32
    return (moment / interval - phase) // 1.0


# What it means.


def verdict_of(vendor: Vendor, answer: Answer, life: Life, *, now: float, wall: float) -> Happening | None:
    """What `answer` does to a credential that stands as `life` says; None: nothing.

    In service: a list is `probe_ok`, a refused key `probe_failed`, and what says nothing of the key moves nothing: no
    list under this address (a compatible server need not have one), or a key that may not list.

    Out of service: the same, but that what says nothing counts as a failed probe; so does a list where money was
    missing. After about an hour of these, or once the time has passed that the vendor named, its pause is over
    (`limited` until now): `unknown`, so that real requests show how it stands.
    """
    said = _said(vendor, answer, now, wall)
    if life.state not in ("disabled", "probing"):
        return said
    if said is not None and (life.cause != _BILLING or said.signal not in ("probe_ok", "limited")):
        return said
    if life.probes >= TRIAL_AFTER or 0.0 < life.until <= now:
        return Happening("limited", life.cause, life.code, now)
    return Happening("probe_failed")


def _said(vendor: Vendor, answer: Answer, now: float, wall: float) -> Happening | None:
    """What the answer says of any key, in a probe's signals."""
    seen = _seen(vendor, answer, now, wall)
    if seen is None or (seen.signal == "credential_fault" and seen.cause == "denied"):
        return None
    if seen.signal == "ok":
        return Happening("probe_ok")
    if seen.signal == "credential_fault":
        return Happening("probe_failed", seen.cause, seen.code)
    return seen


def _seen(vendor: Vendor, answer: Answer, now: float, wall: float) -> Happening | None:
    """The same as of any request, but that a page for people (200 from a proxy, a wrong address) is no list."""
    if not answer.status:
        return Happening("upstream_fault", UPSTREAM, answer.fault)
    seen = judge(vendor, answer.status, answer.headers, answer.body, now=now, wall=wall).happening
    if seen is not None and seen.signal == "ok" and answer.body.lstrip()[:1] not in (b"{", b"["):
        return None
    return seen


class Finding(msgspec.Struct, frozen=True):
    """What one probe shows by itself: the state and cause it points to, and the vendor's word, else the status, else
    our code. `failed`: somebody should look."""

    state: str
    cause: str
    code: str
    failed: bool


_ONCE = Rules(breaker_threshold=1)


def finding(vendor: Vendor, answer: Answer, *, now: float, wall: float) -> Finding:
    """How a credential stands of which nothing but this answer is known."""
    seen = _seen(vendor, answer, now, wall)
    life = UNKNOWN if seen is None else advance(UNKNOWN, seen, now, _ONCE)
    code = life.code or (str(answer.status) if answer.status >= 300 else answer.fault)
    return Finding(life.state, life.cause, code, life.state in ("suspect", "disabled") or life.cause == UPSTREAM)
