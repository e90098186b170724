"""Batches as gateways send them."""

import itertools
import time
import uuid
from typing import Any

import msgspec

import databases  # noqa: F401  it sets Django up
from controlkit import GATEWAY
from stationmaster.usage import services as usage

_numbers = itertools.count()
TOKENS = {"input": 10, "cache_read": 5, "cache_write": 1, "output": 7, "reasoning": 3}


def request(**more: Any) -> dict[str, Any]:
    """One request that succeeded, with an id of its own."""
    plain = {
        "event": "request", "time": time.time(), "request_id": f"req{next(_numbers):x}", "status": 200, "key": "team-a",
        "owner": "ada", "tenant": "team-a", "endpoint": "responses", "dialect": "openai", "method": "POST", "model": "fast",
        "sent_model": "gpt-5-mini", "pool": "main", "credential": "openai-a", "attempts": 1, "upstream_status": 200,
        "tokens": TOKENS, "usage_source": "upstream_final", "cost": 1000, "duration_us": 5000, "first_byte_us": 1000,
        "tried": [], "skipped": None,
    }  # fmt: skip
    return {**plain, **more}


def body(*events: Any, gateway: str = "gw-1", batch: str = "") -> bytes:
    """A batch's body."""
    return msgspec.msgpack.encode({"gateway": gateway, "batch": batch or uuid.uuid4().hex, "events": list(events)})


def sent(*events: Any, gateway: str = "gw-1", batch: str = "") -> usage.Stored:
    """Hand a batch over."""
    return usage.store(GATEWAY, body(*events, gateway=gateway, batch=batch))
