"""The things of REST: which services they are, and what they look like. Examples are described once, here: the document's
schemas are made of them, and tests hold answers against those.
"""

from collections.abc import Callable, Mapping
from typing import Any

from stationmaster.audit import services as audit
from stationmaster.credentials import services as credentials
from stationmaster.credentials.tables import LifeTable
from stationmaster.entrances.api import schemas
from stationmaster.entrances.api.resource import Resource
from stationmaster.gateway.config.tables import CredentialTable, KeyTable, PoolTable, RouteTable
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.usage import services as usage
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.tables import WorkspaceTable
from stationmaster.workspaces.vendorlist import shown_vendor

Given = Mapping[str, Any]

_TEXT: schemas.Schema = {"type": ["string", "null"]}
_NAMED = {"name": {"type": "string", "maxLength": 128, "minLength": 1}}
_AT = "2026-11-22T09:30:00.123456+00:00"
_LATER = "2027-02-20T09:30:00.123456+00:00"
_BOOKS = {"revision": 41, "created_at": _AT, "updated_at": _AT}
_REASON = {"disabled_reason": {**_TEXT, "description": "why, for people"}}
_DOMAINS = {"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 1000}, {"type": "null"}]}
_ROWS = frozenset({"health_at", "last_used_at", "last_login_at", "previous_until", "scopes", "before", "after", "cost", "tokens"})


def _id(prefix: str) -> str:
    return f"{prefix}_06f2w4k5y8zq1v3t7b9d0c2m4n"


def _made(create: Callable[[Actor, Given], Given]) -> Callable[[Actor, Given], tuple[Given, Given]]:
    """A service that shows nothing besides the row."""
    return lambda actor, given: (create(actor, given), {})


def _minted(actor: Actor, given: Given) -> tuple[Given, Given]:
    made = routing.create_key(actor, given)
    return made.row, {"key": made.key.key if made.key else None}


def _token(actor: Actor, given: Given) -> tuple[Given, Given]:
    made = operators.create_token(actor, given)
    return made.row, {"token": made.secret.text}


def _gateway_token(actor: Actor, given: Given) -> tuple[Given, Given]:
    made = operators.create_gateway_token(actor, given)
    return made.row, {"token": made.secret.text}


def _disallow(actor: Actor, which: str, version: int | None) -> None:  # noqa: ARG001  there is nothing to edit in one
    addresses.disallow_address(actor, which)


_SEEN = {"organisation_name": "Acme", "directory_managed": False, "seats_total": 50, "seats_used": 12, "seats_pending": 3,
         "seats_ending": 0, "terms": {"buys": False}, "found": {"members": 12, "invites": 3}, "unread": {"keys": "not allowed"},
         "verified_at": _AT, "trouble": "", "read_at": _AT}  # fmt: skip
_DRIFT = {"job": _id("job"), "at": _AT, "read": True, "kinds": {"invite": 1}, "told": {"stranger": 1}, "unconfirmed": 0,
          "plan": "", "more": 0,
          "steps": [{"kind": "invite", "person": _id("per"), "member": "", "invite": "", "reason": "assigned", "facts": {},
                     "sentence": "is assigned here, and not in", "name": "Ada Lovelace"}]}  # fmt: skip
WORKSPACES = Resource(
    "workspaces", "workspace", workspaces.WORKSPACES,
    {"id": _id("ws"), "name": "acme-openai", "vendor": "openai", "base_url": "", "organisation": "org-acme", "secret_set": True,
     "disabled": False, "disabled_reason": "", "allow_insecure_http": False, "fix_drift": "none", "removes": "managed",
     "calls_per_minute": 0, "reconcile_minutes": 60, "allowed_domains": ["example.com"], "seat_limit": 0,
     "remove_inactive_days": 0, "grace_days": 7, "notify": False, "seat_price_minor": 0, "seat_currency": "USD",
     "state": "ready", **_SEEN, **_BOOKS},
    workspaces.list_workspaces, workspaces.export_workspaces, workspaces.get_workspace, _made(workspaces.create_workspace),
    workspaces.update_workspace, workspaces.delete_workspace,
    schemas.of_table(WorkspaceTable, extra={**_REASON, "allowed_domains": _DOMAINS}),
    {"name": "acme-openai", "vendor": "openai", "organisation": "org-acme", "secret": "sk-admin-…"}, {"disabled": True},
    nullable=frozenset({"directory_managed", "seats_total", "seats_used", "verified_at", "read_at", "drift"}),
    maps=frozenset({"terms", "found", "unread", "last_jobs", "capabilities", "kinds", "told", "facts"}),
    detail={"offers": shown_vendor(vendor("openai")), "last_jobs": {}, "drift": _DRIFT},
)  # fmt: skip

LIFE_EXAMPLE: Given = {
    "generation": 3, "incoming": 4, "share": 50, "workspace": _id("ws"), "project": "proj_1", "scopes": ["api.model.request"],
    "lifetime_days": 90, "rotate_days": 30, "keep_hours": 24, "warn_days": 14, "secret_since": _AT, "expires_at": _LATER,
    "expiry": "ok", "override": "", "override_until": _LATER, "override_reason": "", "probed_at": _AT, "probe_ok": True,
    "probe_words": "", "organisation_seen": "org-acme",
}  # fmt: skip
_GENERATION = {
    "id": _id("gen"), "number": 3, "origin": "minted", "state": "live", "since": _AT, "cause": "", "words": "",
    "secret_set": True,
    "vendor_key": "key_1", "service_account": "user-1", "project": "proj_1", "workspace": _id("ws"),
    "scopes": ["api.model.request"], "minted_at": _AT, "expires_at": _LATER, "keep_until": _LATER, "revoked_at": _AT,
    "job": _id("job"),
}  # fmt: skip
_LIVES = frozenset({
    "secret_since", "expires_at", "override_until", "probed_at", "probe_ok", "minted_at", "keep_until", "revoked_at",
})  # fmt: skip
_SCOPES = {"anyOf": [{"type": "array", "items": {"type": "string"}, "maxItems": 100}, {"type": "null"}]}

CREDENTIALS = Resource(
    "credentials", "credential", credentials.CREDENTIALS,
    {"id": _id("cred"), "name": "openai-a", "vendor": "openai", "base_url": "", "organisation": "org-acme", "secret_set": True,
     "disabled": False, "disabled_reason": "", "prices": {"gpt-*": {"input": 1.25, "output": 10.0}}, "allow_insecure_http": False,
     **LIFE_EXAMPLE, "health": "cooling", "health_cause": "rate_limited", "health_at": _AT, **_BOOKS},
    credentials.list_credentials, credentials.export_credentials, credentials.get_credential,
    _made(credentials.create_credential), credentials.update_credential, credentials.delete_credential,
    schemas.of_table(CredentialTable, extra={
        **_REASON, **schemas.of_table(LifeTable, without=("scopes",))["properties"], "scopes": _SCOPES,
    }),
    {"name": "openai-a", "vendor": "openai", "secret": "sk-…"}, {"disabled": True, "disabled_reason": "leaked"},
    nullable=_ROWS | _LIVES, maps=frozenset({"prices"}),
    detail={"reports": [{"gateway": "gw-1", "state": "cooling", "cause": "rate_limited", "code": "rate_limit_exceeded",
                         "until": 1_795_339_800.0, "at": _AT}], "generations": [_GENERATION], "job": _id("job")},
)  # fmt: skip

_MEMBER = {"credential": "openai-a", "weight": 2, "priority": 0, "max_concurrency": 0, "rpm": 0, "tpm": 0, "models": ["*"]}
POOLS = Resource(
    "pools", "pool", routing.POOLS, {"id": _id("pool"), "name": "gpt", "members": [_MEMBER], **_BOOKS},
    routing.list_pools, routing.export_pools, routing.get_pool, _made(routing.create_pool), routing.update_pool,
    routing.delete_pool, schemas.of_table(PoolTable), {"name": "gpt", "members": [{"credential": "openai-a", "weight": 2}]},
    {"members": [_MEMBER]},
)  # fmt: skip

ROUTES = Resource(
    "routes", "route", routing.ROUTES,
    {"id": _id("route"), "position": 1, "models": ["gpt-*"], "pool": "gpt", "aliases": {"fast": "gpt-5-mini"},
     "fallback": ["spare"], **_BOOKS},
    routing.list_routes, routing.export_routes, routing.get_route, _made(routing.create_route), routing.update_route,
    routing.delete_route,
    schemas.of_table(RouteTable, extra={"position": {"type": ["integer", "null"], "minimum": 1,
                                                     "description": "routes are tried in this order"}}),
    {"models": ["gpt-*"], "pool": "gpt", "aliases": {"fast": "gpt-5-mini"}, "fallback": ["spare"]}, {"position": 1},
    maps=frozenset({"aliases"}),
)  # fmt: skip

_HASH: dict[str, schemas.Schema] = {"secret_sha256": {
    "description": "of a key that was made elsewhere; left out, one is made",
    "anyOf": [{"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}, {"const": ""}, {"type": "null"}],
}}
_BUDGET = {"day_usd": 20.0, "month_usd": 300.0, "total_usd": 0.0}
KEYS = Resource(
    "keys", "virtual key", routing.KEYS,
    {"id": _id("vk"), "name": "team-a", "owner": "ada", "person": _id("per"), "tenant": "", "models": ["*"], "pools": ["gpt"],
     "rpm": 600, "tpm": 0, "max_concurrency": 20, "expires": "2027-12-31T00:00:00Z", "budget": _BUDGET,
     "shared_resources": False, "disabled": False, "disabled_reason": "", "previous_until": "2026-11-23T09:30:00Z", **_BOOKS},
    routing.list_keys, routing.export_keys, routing.get_key, _minted, routing.update_key, routing.delete_key,
    schemas.of_table(KeyTable, without=("secret_sha256",), extra={**_REASON, "disabled": {"type": "boolean"}, **_HASH}),
    {"name": "team-a", "owner": "ada", "pools": ["gpt"], "rpm": 600, "budget": {"month_usd": 300}}, {"rpm": 1200},
    shown_once={"key": "sm-…"}, once_nullable=True, many="virtual keys",
)  # fmt: skip

ADDRESSES = Resource(
    "addresses", "allowed address", addresses.ADDRESSES,
    {"id": _id("addr"), "name": "10.1.2.0/24", "reason": "our own inference servers", "revision": 41, "created_at": _AT},
    addresses.list_addresses, None, None, _made(addresses.allow_address), None, _disallow,
    {"type": "object", "additionalProperties": False, "required": ["name", "reason"],
     "properties": {"name": {"type": "string", "minLength": 1}, "reason": {"type": "string", "minLength": 1, "maxLength": 1000}}},
    {"name": "10.1.2.0/24", "reason": "our own inference servers"},
)  # fmt: skip

_ROLE = {"type": "string", "enum": list(operators.ROLES)}
OPERATORS = Resource(
    "operators", "operator", operators.OPERATORS,
    {"id": _id("op"), "email": "ada@example.com", "display_name": "Ada", "role": "operator", "active": True, "language": "auto",
     "password": True, "sso": False, "second_factor": True, "last_login_at": _AT, **_BOOKS},
    operators.list_operators, operators.export_operators, operators.get_operator, _made(operators.create_operator),
    operators.update_operator, operators.delete_operator,
    {"type": "object", "additionalProperties": False, "required": ["email", "role"],
     "properties": {"email": {"type": "string", "format": "email"}, "display_name": {"type": "string", "maxLength": 120},
                    "role": _ROLE, "active": {"type": "boolean"}, "language": {"type": "string"}}},
    {"email": "ada@example.com", "role": "operator", "display_name": "Ada"}, {"active": False}, nullable=_ROWS,
)  # fmt: skip

TOKENS = Resource(
    "tokens", "API token", operators.TOKENS,
    {"id": _id("tok"), "name": "nightly export", "hint": "sm-api-k3Xa…", "role": "viewer", "scopes": ["usage:*"],
     "owner": _id("op"), "made_by": _id("op"), "expires_at": _LATER, "last_used_at": _AT, "revision": 41, "created_at": _AT},
    operators.list_tokens, operators.export_tokens, operators.get_token, _token, None, operators.delete_token,
    {"type": "object", "additionalProperties": False, "required": ["name"], "properties": {
        **_NAMED, "role": {"anyOf": [{**_ROLE, "description": "at most the caller's own, which it is when left out"},
                                     {"enum": ["", None]}]},
        "scopes": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "days": {"type": "integer", "minimum": 1, "maximum": 3650, "default": 90},
    }},
    {"name": "nightly export", "role": "viewer", "scopes": ["usage:*"], "days": 90},
    shown_once={"token": "sm-api-…"}, nullable=_ROWS, many="API tokens",
)  # fmt: skip

GATEWAY_TOKENS = Resource(
    "gateway-tokens", "gateway token", operators.GATEWAY_TOKENS,
    {"id": _id("gwt"), "name": "frankfurt", "hint": "sm-gw-k3Xa…", "expires_at": _LATER, "previous_until": _AT,
     "last_used_at": _AT, "revision": 41, "created_at": _AT},
    operators.list_gateway_tokens, operators.export_gateway_tokens, operators.get_gateway_token, _gateway_token, None,
    operators.delete_gateway_token,
    {"type": "object", "additionalProperties": False, "required": ["name"], "properties": _NAMED},
    {"name": "frankfurt"}, shown_once={"token": "sm-gw-…"}, nullable=_ROWS,
)  # fmt: skip

GATEWAYS = Resource(
    "gateways", "gateway", usage.GATEWAYS,
    {"name": "gw-1", "connected": True, "version": "0.1.0", "revision": 41, "workers": 4, "events_dropped": 0,
     "token": _id("gwt"), "first_seen": _AT, "last_seen": _AT},
    usage.list_gateways, usage.export_gateways,
)  # fmt: skip

AUDIT = Resource(
    "audit", "audit event", audit.EVENTS,
    {"seq": 7, "at": _AT, "source": "credentials", "subject": _id("cred"), "action": "update", "actor_kind": "operator",
     "actor": _id("op"), "role": "admin", "request_id": _id("req"), "revision": 41, "before": {"disabled": False},
     "after": {"disabled": True}},
    audit.list_events, audit.export_events, nullable=_ROWS, maps=frozenset({"before", "after"}), many="audit events",
)  # fmt: skip

USAGE_EVENTS = Resource(
    "usage/events", "request", usage.EVENTS,
    {"request_id": "0c1f2a9b51", "at": _AT, "gateway": "gw-1", "key": "team-a", "owner": "ada", "tenant": "team-a",
     "credential": "openai-a", "pool": "gpt", "model": "gpt-5-mini", "endpoint": "responses", "dialect": "openai", "status": 200,
     "error": "", "usage_source": "upstream_final",
     "tokens": {"input": 812, "cache_read": 4096, "cache_write": 0, "output": 230, "reasoning": 64}, "cost": 1_840_000,
     "duration_us": 2_310_000, "first_byte_us": 410_000, "detail": {"method": "POST", "attempts": 1}},
    usage.list_events, usage.export_events, usage.get_event, nullable=_ROWS, maps=frozenset({"detail"}), many="requests",
)  # fmt: skip

RESOURCES = (
    WORKSPACES, CREDENTIALS, POOLS, ROUTES, KEYS, ADDRESSES, OPERATORS, TOKENS, GATEWAY_TOKENS, GATEWAYS, AUDIT, USAGE_EVENTS,
)
