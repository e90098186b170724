"""Taking in what gateways report. Owns: that every batch and every request is stored once, with its sums."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from stationmaster.credentials.health import report_health
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.usage import gateways, rollups
from stationmaster.usage.models import Batch, Gateway, UsageEvent
from stationmaster.usage.reading import Batch as Given
from stationmaster.usage.reading import Request, Tokens, ascii_, clean, moment, read

_log = logging.getLogger(__name__)
_CHUNK = 500
_DETAIL = (
    "method", "attempts", "upstream_status", "stream", "client_left", "client_retry", "overhead_us", "bytes_in",
    "bytes_out", "session",
)


@dataclass(frozen=True)
class Stored:
    """What became of a batch: how many of its requests are new, whether it was known already, how many of its events
    could not be read."""

    stored: int
    known: bool
    refused: int = 0


def store(actor: Actor, body: bytes) -> Stored:
    """Take in a batch (msgpack). Everything of it is stored in one transaction, or nothing. Raises `Forbidden`, and
    `StationmasterError` when it is no batch."""
    require(actor, "events:write")
    now = timezone.now()
    given = read(body, now)
    if given.refused:
        _log.warning("gateway %s: %d events of batch %s could not be read", given.gateway, given.refused, given.batch)
    try:
        return _store(actor, given, now)
    except IntegrityError:       # another connection stored some of it at the same moment; by now that shows
        return _store(actor, given, now)


def _store(actor: Actor, given: Given, now: datetime) -> Stored:
    with transaction.atomic():
        gateways.touch(actor, given.gateway, now)
        if Batch.objects.filter(gateway=given.gateway, batch=given.batch).exists():
            return Stored(0, known=True)
        Batch.objects.create(gateway=given.gateway, batch=given.batch, at=now)
        fresh = [_row(given.gateway, request, now) for request in _unseen(given.requests)]
        UsageEvent.objects.bulk_create(fresh, batch_size=_CHUNK)
        rollups.add(fresh)
        report_health(actor, given.health)
        if given.lost:
            Gateway.objects.filter(name=given.gateway).update(events_dropped=F("events_dropped") + given.lost)
    return Stored(len(fresh), known=False, refused=given.refused)


def _unseen(requests: Iterable[Request]) -> list[Request]:
    """Those whose ids are not stored yet, each once."""
    by_id = {request.request_id: request for request in requests}
    ids = list(by_id)
    for at in range(0, len(ids), _CHUNK):
        for stored in UsageEvent.objects.filter(pk__in=ids[at : at + _CHUNK]).values_list("pk", flat=True):
            del by_id[stored]
    return list(by_id.values())


def _row(gateway: str, request: Request, now: datetime) -> UsageEvent:
    tokens = request.tokens or Tokens()
    return UsageEvent(
        request_id=request.request_id, at=moment(request.time, now), gateway=gateway,
        key=ascii_(request.key), owner=clean(request.owner), tenant=clean(request.tenant),
        credential=ascii_(request.credential), pool=ascii_(request.pool), model=clean(request.sent_model or request.model),
        endpoint=ascii_(request.endpoint, 64), dialect=ascii_(request.dialect, 32), status=request.status,
        error=ascii_(request.error), usage_source=ascii_(request.usage_source, 32) if request.tokens else "none",
        duration_us=request.duration_us, first_byte_us=request.first_byte_us,
        input=tokens.input, cache_read=tokens.cache_read, cache_write=tokens.cache_write, output=tokens.output,
        reasoning=tokens.reasoning, cost=request.cost, detail=_detail(request),
    )  # fmt: skip


def _detail(request: Request) -> dict[str, Any]:
    plain = {name: getattr(request, name) for name in _DETAIL}
    return {
        **plain,
        "method": ascii_(request.method, 32), "session": ascii_(request.session, 32),
        "asked_model": clean(request.model), "upstream_request_id": ascii_(request.upstream_request_id),
        "tried": [_text_only(each) for each in request.tried[:100]], "skipped": _text_only(request.skipped or {}),
    }


def _text_only(given: dict[str, Any]) -> dict[str, Any]:
    """Small plain values: texts and numbers, up to a hundred."""
    few = list(given.items())[:100]
    return {ascii_(str(name)): each if isinstance(each, int) else ascii_(str(each)) for name, each in few}
