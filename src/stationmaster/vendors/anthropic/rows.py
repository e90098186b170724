"""Anthropic's answers as rows. Owns: which field of the SDK's types (anthropic 2.12) is which of ours. Pure; knows no calls."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stationmaster.vendors._base import (
    CostRow,
    FederationRule,
    Invite,
    Issuer,
    Key,
    Limit,
    Match,
    Member,
    Project,
    ProjectMember,
    ServiceAccount,
    SpendLimit,
    UsageRow,
)

NANO_IN_A_CENT = 10**7
_NEVER = datetime.min.replace(tzinfo=UTC)
_REQUESTS = "requests_per_minute"
_TOKENS = ("tokens_per_minute", "input_tokens_per_minute", "input_tokens_per_minute_cache_aware")


def member(row: Any) -> Member:
    """From a `user` of the organisation."""
    return Member(id=row.id, email=row.email or "", name=row.name or "", role=row.role, added_at=row.added_at)


def invite(row: Any) -> Invite:
    """From an `invite`."""
    return Invite(
        id=row.id, email=row.email, role=row.role, status=row.status, invited_at=row.invited_at, expires_at=row.expires_at,
        accepted_at=row.accepted_at,
    )  # fmt: skip


def invited(row: Invite) -> datetime:
    """When, for putting them in order."""
    return row.invited_at or _NEVER


def workspace(*, default: bool) -> Callable[[Any], Project]:
    """From a `workspace`, of which the list does not say whether it is the default one."""
    return lambda row: Project(row.id, row.name, archived=row.archived_at is not None, default=default)


def plain(row: Project) -> Project:
    """The same, not the default one."""
    return replace(row, default=False)


def project_member(row: Any) -> ProjectMember:
    """From a `workspace_member`."""
    return ProjectMember(row.user_id, row.workspace_role)


def key(row: Any) -> Key:
    """From an `api_key`; one of the whole organisation is in no project."""
    return Key(
        id=row.id, name=row.name, hint=row.partial_key_hint or "", owner=_principal(row), status=row.status,
        project=getattr(row.scope, "workspace_id", None) or "", created_at=row.created_at, expires_at=row.expires_at,
    )  # fmt: skip


def _principal(row: Any) -> str:
    """Whom a key acts as; of one that acts as nobody, who made it."""
    acts = row.principal
    if acts is not None:
        return str(getattr(acts, "user_id", None) or getattr(acts, "service_account_id", None) or "")
    return str(row.created_by.id) if row.created_by else ""


def service_account(row: Any) -> ServiceAccount:
    """From a `service_account`."""
    return ServiceAccount(row.id, row.name, role=row.organization_role, created_at=row.created_at)


def issuer(row: Any) -> Issuer:
    """From a `federation_issuer`."""
    return Issuer(row.id, row.name, row.issuer_url, row.jwks.type, row.created_at)


def rule(row: Any) -> FederationRule:
    """From a `federation_rule`."""
    fits, where = row.match, None if row.applies_to_all_workspaces else tuple(row.workspace_ids)
    match = Match(fits.subject_prefix or "", fits.audience or "", fits.claims or {}, fits.condition or "")
    return FederationRule(
        id=row.id, name=row.name, issuer=row.issuer_id, service_account=row.target.service_account_id, match=match,
        scope=row.oauth_scope, lifetime=row.token_lifetime_seconds, projects=where, created_at=row.created_at,
    )  # fmt: skip


def limit(row: Any) -> Limit:
    """From a `rate_limit` of the organisation."""
    return Limit(row.id, "", _models(row), *_amounts(row.limits))


def workspace_limit(row: Any) -> Limit:
    """From a `workspace_rate_limit`."""
    return Limit(row.rate_limit_id, row.workspace_id, _models(row), *_amounts(row.limits))


def _models(row: Any) -> str:
    """Models share limits in groups, which have names; other groups are kinds of work."""
    return str(getattr(row.group, "display_name", None) or row.group.type)


def _amounts(values: Iterable[Any]) -> tuple[int | None, int | None]:
    found = {each.type: each.value for each in values}
    tokens = [found[name] for name in _TOKENS if name in found]
    return found.get(_REQUESTS), min(tokens, default=None)


def spend_limit(row: Any) -> SpendLimit | None:
    """From a `spend_limit`: `amount` is in the smallest unit; None when no amount is set."""
    if row.amount is None:
        return None
    where = getattr(row.scope, "workspace_id", None) or ""
    return SpendLimit(where, int(row.amount), row.currency, row.period, enforced=bool(row.is_enabled))


def usage(row: Any) -> UsageRow:
    """From an item of the usage report. The vendor counts cached input apart; here it is part of the input."""
    used, group = row.usage, row.group
    written = used.cache_creation.ephemeral_1h_input_tokens + used.cache_creation.ephemeral_5m_input_tokens
    return UsageRow(
        start=row.starting_at, end=row.ending_at, model=group.model or "", project=group.workspace_id or "",
        key=group.api_key_id or "", member=_who(group.actor), requests=used.requests or 0,
        input_tokens=used.uncached_input_tokens + used.cache_read_input_tokens + written,
        cached_tokens=used.cache_read_input_tokens, output_tokens=used.output_tokens,
    )  # fmt: skip


def cost(row: Any) -> CostRow:
    """From an item of the cost report: amounts are decimal texts of cents."""
    amount = Decimal(row.cost.amount) * NANO_IN_A_CENT
    return CostRow(
        start=row.starting_at, end=row.ending_at, amount_nano=int(amount.to_integral_value()), currency=row.cost.currency,
        project=row.group.workspace_id or "", key=row.group.api_key_id or "", member=_who(row.group.actor),
        item=row.group.model or "",
    )  # fmt: skip


def _who(actor: Any) -> str:
    """A member or service account; keys are a column of their own."""
    return str(getattr(actor, "user_id", None) or getattr(actor, "service_account_id", None) or "")
