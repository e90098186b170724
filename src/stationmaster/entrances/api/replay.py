"""Calls that may come twice. Owns: that a write with an Idempotency-Key happens once, and is answered the same again.

After the draft of the header field (draft-ietf-httpapi-idempotency-key-header). The answer is stored in the transaction of
the write itself, so one is never there without the other; what failed is not stored and may be tried again.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from stationmaster.entrances.api.answering import Reply, text
from stationmaster.entrances.api.asking import bad_parameter
from stationmaster.entrances.api.models import GivenAnswer
from stationmaster.errors import Conflict
from stationmaster.store.actor import Actor
from stationmaster.store.keyholder import digests

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NONCE = 12      # bytes


def write(request: HttpRequest, actor: Actor, work: Callable[[], Reply]) -> HttpResponse:
    """Do `work`, unless the same call was answered before: then answer it so again. Raises `Conflict` when the key was
    used for another call, and what `work` raises."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return work().response()
    if not _KEY.fullmatch(key):
        raise bad_parameter("Idempotency-Key", "is up to 255 visible ASCII characters")
    mac = digests().mac
    row = mac("idempotency key", f"{actor.kind}\n{actor.id}\n{key}".encode())
    asked = mac("idempotency request", _asked(request))
    given = _before(row, asked)
    return _now(row, asked, work) if given is None else given


def _asked(request: HttpRequest) -> bytes:
    """What makes a call the same: its method, address and body, and the version that it goes out from."""
    version = request.headers.get("If-Match", "").strip()
    return f"{request.method} {request.get_full_path()}\n{version}\n".encode() + request.body


def _now(row: str, asked: str, work: Callable[[], Reply]) -> HttpResponse:
    GivenAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            # First of all: whoever comes with the same key meanwhile waits here.
            kept = GivenAnswer.objects.create(id=row, request=asked, answer=b"", at=timezone.now())
            reply = work()
            kept.answer = _sealed(row, text(asdict(reply)))
            kept.save()
    except IntegrityError:
        response = _before(row, asked)
        if response is None:
            raise
        return response
    return reply.response()


def _before(row: str, asked: str) -> HttpResponse | None:
    kept = GivenAnswer.objects.filter(id=row, at__gte=timezone.now() - KEPT).first()
    if kept is None:
        return None
    if kept.request != asked:
        message = "this Idempotency-Key was used for another call"
        raise Conflict("error.api.idempotency_key", message, hint="choose a new key for each call")
    response = msgspec.json.decode(_opened(row, bytes(kept.answer)), type=Reply).response()
    response["Idempotency-Replayed"] = "true"
    return response


def _sealed(row: str, answer: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher(row).encrypt(nonce, answer.encode(), row.encode())


def _opened(row: str, sealed: bytes) -> bytes:
    return _cipher(row).decrypt(sealed[:_NONCE], sealed[_NONCE:], row.encode())


def _cipher(row: str) -> AESGCM:
    return AESGCM(bytes.fromhex(digests().mac("idempotency answer", row.encode())))
