"""GitHub's answers as rows. Owns: which field means what (schemas of 2026-03-10: SimpleUser, OrganizationInvitation,
CopilotSeatDetails). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stationmaster.vendors._base import CostRow, Invite, Member, UsageRow

_PRODUCT = "copilot"
_NANO = 1_000_000_000
_DAY = timedelta(days=1)

ROLES = ("admin", "member")
"""What a member can be; owners are called admins."""
INVITED_AS: Mapping[str, str] = {"member": "direct_member", "direct_member": "direct_member", "admin": "admin"}
"""The same in the words of an invitation."""
_JOINS_AS = {"direct_member": "member", "reinstate": "member"}


@dataclass(frozen=True)
class Seat:
    """A Copilot seat. `ends_at`: cancelled, and gone at the beginning of that day."""

    login: str
    since: datetime | None
    last_active_at: datetime | None
    ends_at: datetime | None


def checked(row: Any) -> Mapping[str, Any]:
    """A row that is an object. Raises `TypeError`."""
    if not isinstance(row, Mapping):
        raise TypeError("a row is no object")
    return row


def usage(day: datetime, row: Mapping[str, Any]) -> UsageRow | None:
    """From an item of the report of premium requests; other products have none. Requests may be parts of one: rounded."""
    if str(row["product"]).casefold() != _PRODUCT:
        return None
    return UsageRow(day, day + _DAY, model=str(row["model"]), requests=round(float(row["grossQuantity"])))


def cost(day: datetime, row: Mapping[str, Any]) -> CostRow | None:
    """From an item of the bill: amounts are numbers of dollars."""
    if str(row["product"]).casefold() != _PRODUCT:
        return None
    amount = int((Decimal(str(row["netAmount"])) * _NANO).to_integral_value())
    return CostRow(day, day + _DAY, amount, item=str(row["sku"]))


def seat(row: Mapping[str, Any]) -> Seat | None:
    """None: nobody holds it any more (the account was deleted)."""
    assignee = row.get("assignee")
    if not assignee:
        return None
    return Seat(str(assignee["login"]), _time(row.get("created_at")), _time(row.get("last_activity_at")),
                _time(row.get("pending_cancellation_date")))  # fmt: skip


def member(user: Mapping[str, Any], role: str, held: Seat | None) -> Member:
    """Somebody of the organisation; without a seat nothing is known of their activity."""
    login = str(user["login"])
    if held is None:
        return Member(id=login, login=login, role=role, has_seat=False)
    return Member(id=login, login=login, role=role, added_at=held.since, last_active_at=held.last_active_at, ends_at=held.ends_at)


def holder(held: Seat) -> Member:
    """Somebody with a seat who is not in the organisation: it comes from an enterprise team."""
    return Member(id=held.login, login=held.login, added_at=held.since, last_active_at=held.last_active_at, ends_at=held.ends_at)


def invite(row: Mapping[str, Any]) -> Invite:
    """`email` holds the login of whoever was invited by account. When it runs out is not told; a failed one did."""
    login, role = str(row.get("login") or ""), str(row["role"])
    return Invite(
        id=str(row["id"]), email=str(row.get("email") or login), role=_JOINS_AS.get(role, role), login=login,
        status="expired" if row.get("failed_at") else "pending", invited_at=_time(row.get("created_at")),
        expires_at=_time(row.get("failed_at")),
    )  # fmt: skip


def _time(text: Any) -> datetime | None:
    """A time or a day, as ISO 8601. Raises `ValueError`."""
    if not text:
        return None
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
