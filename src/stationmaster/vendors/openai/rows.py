"""OpenAI's answers as rows. Owns: which field of the SDK's types (openai 3.54) is which of ours. Pure; knows no calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from stationmaster.vendors._base import (
    CostRow,
    Invite,
    Key,
    Limit,
    Member,
    Minted,
    Project,
    ProjectMember,
    ServiceAccount,
    SpendLimit,
    UsageRow,
)

NANO = 10**9
_NEVER = datetime.min.replace(tzinfo=UTC)


def moment(seconds: int | None) -> datetime | None:
    """From seconds of the Unix clock."""
    return None if seconds is None else at(seconds)


def at(seconds: int) -> datetime:
    """From seconds of the Unix clock."""
    return datetime.fromtimestamp(seconds, UTC)


def member(row: Any) -> Member:
    """From an `organization.user`. Activity is when one of their keys was used last: the vendor reports no other."""
    return Member(
        id=row.id, email=row.email or "", name=row.name or "", role=row.role or "", added_at=moment(row.added_at),
        last_active_at=moment(row.api_key_last_used_at), directory_managed=bool(row.is_scim_managed),
        is_service_account=bool(row.is_service_account),
    )  # fmt: skip


def invite(row: Any) -> Invite:
    """From an `organization.invite`."""
    return Invite(
        id=row.id, email=row.email, role=row.role, status=row.status, invited_at=at(row.created_at),
        expires_at=moment(row.expires_at), accepted_at=moment(row.accepted_at),
        projects=tuple(each.id for each in row.projects or ()),
    )  # fmt: skip


def invited(row: Invite) -> datetime:
    """When, for putting them in order."""
    return row.invited_at or _NEVER


def project(row: Any) -> Project:
    """From an `organization.project`."""
    return Project(id=row.id, name=row.name or "", archived=row.archived_at is not None or row.status == "archived")


def project_member(row: Any) -> ProjectMember:
    """From an `organization.project.user`."""
    return ProjectMember(member=row.id, role=row.role)


def key_in(where: str) -> Callable[[Any], Key]:
    """From an `organization.project.api_key`. One whose owner lost the project is useless while that lasts."""

    def read(row: Any) -> Key:
        return Key(
            id=row.id, name=row.name or "", hint=row.redacted_value or "", project=where, owner=_owner(row.owner),
            status=_status(row), created_at=at(row.created_at), expires_at=moment(row.expires_at),
            last_used_at=moment(row.last_used_at),
        )  # fmt: skip

    return read


def _owner(owner: Any) -> str:
    found = owner.user or owner.service_account
    return str(found.id) if found else ""


def _status(row: Any) -> str:
    if row.expires_at is not None and at(row.expires_at) <= datetime.now(UTC):
        return "expired"
    return "inactive" if row.owner_project_access == "inactive" else "active"


def service_account_in(where: str) -> Callable[[Any], ServiceAccount]:
    """From an `organization.project.service_account`."""
    return lambda row: ServiceAccount(row.id, row.name, project=where, role=row.role, created_at=at(row.created_at))


def minted(row: Any, where: str, account: str) -> Minted:
    """From the key that comes once with its `value`."""
    key = Key(id=row.id, name=row.name, project=where, owner=account, created_at=at(row.created_at),
              expires_at=moment(row.expires_at))  # fmt: skip
    return Minted(key, str(row.value), service_account=account)


def limit_in(where: str) -> Callable[[Any], Limit]:
    """From a `project.rate_limit`."""
    return lambda row: Limit(row.id, where, row.model, row.max_requests_per_1_minute, row.max_tokens_per_1_minute)


def spend_limit(row: Any, where: str) -> SpendLimit:
    """From a `spend_limit`: `threshold_amount` is in cents."""
    return SpendLimit(where, int(row.threshold_amount), row.currency, row.interval, row.enforcement.status == "enforcing")


def usage(bucket: Any, row: Any) -> UsageRow:
    """From a result in a bucket; kinds without tokens have requests only. Input counts cached tokens already."""
    return UsageRow(
        start=at(bucket.start_time), end=at(bucket.end_time), model=row.model or "", project=row.project_id or "",
        key=row.api_key_id or "", member=row.user_id or "", requests=row.num_model_requests or 0,
        input_tokens=getattr(row, "input_tokens", None) or 0, cached_tokens=getattr(row, "input_cached_tokens", None) or 0,
        output_tokens=getattr(row, "output_tokens", None) or 0,
    )  # fmt: skip


def cost(bucket: Any, row: Any) -> CostRow:
    """From a result in a bucket: amounts are numbers of whole dollars."""
    amount = row.amount
    return CostRow(
        start=at(bucket.start_time), end=at(bucket.end_time), currency=((amount and amount.currency) or "usd").upper(),
        amount_nano=int((Decimal(str((amount and amount.value) or 0)) * NANO).to_integral_value()),
        project=row.project_id or "", key=row.api_key_id or "", item=row.line_item or "",
    )  # fmt: skip
