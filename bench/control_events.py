"""What gateways report, at size: how many requests a second the control plane stores with their sums, and how much
room one takes. Part of `python -m bench.control`; `bench.scale` reckons with it."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from bench.plan import say

BATCHES, EACH, KEYS, MODELS, CREDENTIALS = 60, 500, 1_000, 8, 200
Row = tuple[str, float, str, float | None]


def events(scale: float) -> Iterator[Row]:
    """Figures (name, value, unit, target): stored a second by one connection, and bytes of the database for each."""
    from stationmaster.store.actor import Actor
    from stationmaster.usage import services as usage

    say("storing events")
    gateway = Actor("gateway", "bench", "gateway")
    before, bodies = _size(), [_body(number) for number in range(max(2, int(BATCHES * scale)))]
    began = time.perf_counter()
    stored = sum(usage.store(gateway, body).stored for body in bodies)
    seconds = time.perf_counter() - began
    yield "requests of gateways stored, with their sums", stored / seconds, "a second", None
    yield "… bytes of the database for each", (_size() - before) / stored, "bytes", None


def _body(batch: int) -> bytes:
    found = [_request(batch * EACH + number) for number in range(EACH)]
    return msgspec.msgpack.encode({"gateway": "bench", "batch": uuid.uuid4().hex, "events": found})


def _request(number: int) -> dict[str, Any]:
    return {
        "event": "request", "time": time.time(), "request_id": f"req_{number:016x}", "status": 200, "key": f"key-{number % KEYS}",
        "owner": f"member-{number % KEYS}@example.test", "tenant": f"team-{number % 30}", "endpoint": "chat/completions",
        "dialect": "openai", "method": "POST", "model": f"model-{number % MODELS}", "sent_model": f"model-{number % MODELS}",
        "pool": "main", "credential": f"cred-{number % CREDENTIALS}", "attempts": 1, "upstream_status": 200,
        "tokens": {"input": 900, "cache_read": 100, "cache_write": 0, "output": 200, "reasoning": 0},
        "usage_source": "upstream_final", "cost": 1_500_000, "duration_us": 900_000, "first_byte_us": 300_000,
        "tried": [], "skipped": None,
    }  # fmt: skip


def _size() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA page_count")
        pages = int(cursor.fetchone()[0])
        cursor.execute("PRAGMA page_size")
        return pages * int(cursor.fetchone()[0])
