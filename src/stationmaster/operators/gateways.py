"""Gateways' tokens. Owns: their making and rotation, who a presented one stands for, warnings before they run out."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from django.db.models import Q
from django.utils import timezone

from stationmaster.errors import Invalid
from stationmaster.gateway.config.tables import ID_PATTERN
from stationmaster.operators import bearer
from stationmaster.operators.access import require
from stationmaster.operators.models import GatewayToken
from stationmaster.operators.policy import policy
from stationmaster.operators.tokens import unauthenticated
from stationmaster.store.actor import SYSTEM, Actor
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name

OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)
WARN_DAYS: Final = (30, 7, 1)      # before a token runs out


class MadeGatewayToken(NamedTuple):
    """A gateway token's row as plain values, and the token itself, which is shown this once."""

    row: Mapping[str, Any]
    secret: bearer.Fresh


def show(row: GatewayToken) -> Mapping[str, Any]:
    """A gateway token as plain values, without any hash of it."""
    return {
        "id": row.id, "name": row.name, "hint": f"{row.hint}…", "expires_at": row.expires_at,
        "previous_until": row.previous_until, "last_used_at": row.last_used_at, "revision": row.revision,
        "created_at": row.created_at,
    }


GATEWAY_TOKENS = Listing(
    noun="gateway_tokens",
    columns=(
        Column("id"), Column("name"), Column("expires_at", kind="time"), Column("created_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show,
)


def list_gateway_tokens(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "gateways:read")
    return page(GATEWAY_TOKENS, GatewayToken.objects.all(), query)


def export_gateway_tokens(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "gateways:export")
    return export(GATEWAY_TOKENS, GatewayToken.objects.all(), query, form)


def get_gateway_token(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name. Raises `Forbidden`, `NotFound`."""
    require(actor, "gateways:read")
    return show(find(GatewayToken, which))


def create_gateway_token(actor: Actor, given: Given) -> MadeGatewayToken:
    """Let a gateway, or several, in under `name`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "gateways:create")
    known_only(given, frozenset({"name"}))
    name = _name(given)
    secret = bearer.new("gateway token")
    with change(actor) as edit:
        free_name(GatewayToken, name)
        row = GatewayToken(name=name)
        _put(row, secret)
        edit.create(row)
    return MadeGatewayToken(show(row), secret)


def rotate_gateway_token(
    actor: Actor, which: str, overlap: timedelta = OVERLAP, version: int | None = None
) -> MadeGatewayToken:
    """Make a new token for the same gateways; the one before is let in for `overlap` more, but not longer than it was
    valid. An older one is not any more. Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`."""
    require(actor, "gateways:rotate")
    if not timedelta() <= overlap <= MAX_OVERLAP:
        why = f"expected at most {MAX_OVERLAP.days} days"
        raise Invalid("error.gateway_token.bad_value", f"overlap: {why}", fields={"overlap": why})
    secret = bearer.new("gateway token")
    with change(actor) as edit:
        row = find(GatewayToken, which)
        with edit.updating(row, version, action="rotate"):
            row.previous_hash, row.previous_until = row.secret_hash, min(timezone.now() + overlap, row.expires_at)
            _put(row, secret)
    return MadeGatewayToken(show(row), secret)


def delete_gateway_token(actor: Actor, which: str, version: int | None = None) -> None:
    """Let these gateways in no more. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "gateways:delete")
    with change(actor) as edit:
        edit.delete(find(GatewayToken, which), version)


def gateway_actor(text: str, request_id: str = "") -> Actor:
    """The gateway that a presented token stands for. Raises `StationmasterError` 401, the same for every token that is
    not valid."""
    row = _presented(text, timezone.now())
    if row is None:
        raise unauthenticated()
    bearer.note_use(row)
    return Actor("gateway", row.id, "gateway", request_id)


def warn_of_expiry(now: datetime | None = None) -> list[Mapping[str, Any]]:
    """Write an event for each token that runs out within 30, 7 or 1 days, once for each of these; return those tokens.
    Whoever runs the control plane calls this now and then."""
    now = now or timezone.now()
    soon = GatewayToken.objects.filter(expires_at__lte=now + timedelta(days=max(WARN_DAYS)))
    return [show(row) for row in soon if _warn(row, now)]


def _warn(row: GatewayToken, now: datetime) -> bool:
    step = min(days for days in WARN_DAYS if row.expires_at <= now + timedelta(days=days))
    if row.warned_days is not None and row.warned_days <= step:
        return False
    with change(SYSTEM) as edit:
        if not GatewayToken.objects.filter(id=row.id, warned_days=row.warned_days).observe(warned_days=step):
            return False      # another process was first
        edit.record(f"operators:{row.id}:expires_soon", after={"name": row.name, "expires_at": row.expires_at.isoformat()})
    return True


def _presented(text: str, now: datetime) -> GatewayToken | None:
    if not text.startswith("sm-gw-") or len(text) > bearer.MAX_LENGTH:
        return None
    hashed = bearer.hashed("gateway token", text)
    valid = Q(secret_hash=hashed, expires_at__gt=now) | Q(previous_hash=hashed, previous_until__gt=now)
    return cast("GatewayToken | None", GatewayToken.objects.filter(valid).first())


def _put(row: GatewayToken, secret: bearer.Fresh) -> None:
    row.secret_hash, row.hint, row.warned_days = secret.hashed, secret.hint, None
    row.expires_at = timezone.now() + policy().gateway_token


def _name(given: Given) -> str:
    refuse_odd_text(given)
    name = given.get("name")
    if not isinstance(name, str) or not re.fullmatch(ID_PATTERN, name):
        why = "expected up to 128 letters, digits and . _ : @ / -"
        raise Invalid("error.gateway_token.bad_value", f"name: {why}", fields={"name": why})
    return name
