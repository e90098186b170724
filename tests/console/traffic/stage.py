"""Requests to look at: some that went well, some that did not."""

import time
from typing import Any

from controlkit import ADMIN
from stationmaster.credentials import services as credentials
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from usage.kit import request, sent

ODD = "<script>alert(1)</script>"
FAILED = {"credential": "openai-b", "status": 429, "outcome": "rate_limited", "code": "rate_limit_exceeded", "pool": "main"}


def stage() -> dict[str, str]:
    """Credentials, a pool, a key of a person's, and requests; ids of what there is."""
    for name, vendor in (("openai-a", "openai"), ("openai-b", "openai"), ("claude-a", "anthropic")):
        credentials.create_credential(ADMIN, {"name": name, "vendor": vendor, "secret": f"sk-stage-{name}-0123456789"})
    routing.create_pool(ADMIN, {"name": "main", "members": [{"credential": "openai-a"}, {"credential": "openai-b", "weight": 3}]})
    person = people.create_person(ADMIN, {"user_name": "ada@example.test", "display_name": "Ada", "email": "ada@example.test"})
    routing.create_key(ADMIN, {"name": "team-a", "owner": str(person["id"]), "tenant": "research"})
    owner = str(person["id"])
    sent(
        request(request_id="reqplain", owner=owner),
        request(request_id="reqtried", owner=owner, tried=[FAILED], skipped={"claude-a": "tpm"}, attempts=2, session="header"),
        request(request_id="reqfailed", status=502, upstream_status=500, error="error.upstream.failed", tokens=None, cost=None),
        request(request_id="requnpriced", cost=None, credential="claude-a", sent_model="claude-new"),
        request(request_id="requnknown", key="", owner="", tenant="", credential="", pool="", status=401, upstream_status=0,
                error="error.access.no_such_key", tokens=None, cost=None),
        request(request_id="reqodd", model=ODD, sent_model=ODD, owner=ODD, tenant=ODD, tried=[{**FAILED, "code": ODD}],
                skipped={ODD: ODD}),
    )  # fmt: skip
    return {"person": owner}


def many(number: int) -> None:
    """More of them, each of an owner of its own."""
    now = time.time()
    rows: list[Any] = [
        request(owner=f"p{each}@example.test", key=f"key-{each}", time=now - each, credential="openai-b", tried=[FAILED])
        for each in range(number)
    ]
    sent(*rows)
