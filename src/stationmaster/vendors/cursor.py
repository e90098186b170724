"""Cursor: the people of a team, what they used and spent, by the team's admin key.

There is no SDK; the vendor's page: https://cursor.com/docs/account/teams/admin-api. Teams of the enterprise plan only, twenty
calls a minute of most kinds (https://cursor.com/docs/api). Nobody can be invited or given a role over it.
"""

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from stationmaster.folding import fold
from stationmaster.line.errors import DirectoryManaged, NotFound, Rejected, RemoteError, Transient
from stationmaster.line.line import Line, fit
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access, CostRow, Member, Organisation, UsageRow, each_once

BASE = "https://api.cursor.com"
MEMBERS, REMOVE, DAILY, SPEND = "/teams/members", "/teams/remove-member", "/teams/daily-usage-data", "/teams/spend"
WINDOW = timedelta(days=7)     # of one question for daily use: a month of a large team would be too much for one answer
LOOKED_BACK = timedelta(days=30)
PAGE = 100
MOST_PAGES = 1_000
CENT = 10_000_000              # nanodollars

_COUNTED = ("subscriptionIncludedReqs", "usageBasedReqs", "apiKeyReqs")
_GONE = re.compile(r"\b(not found|not a member|no such (user|member))\b", re.IGNORECASE)
_DIRECTORY = re.compile(r"\bscim\b|identity provider|directory[ -](managed|sync)", re.IGNORECASE)
MEANING = Meaning(phrases=((_DIRECTORY, DirectoryManaged), (_GONE, NotFound)))


class Adapter:
    """One team. `access.organisation` is only a name for it: the key says which it is, and the vendor does not."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        self._name = access.organisation
        basic = base64.b64encode(f"{fit(access.secret)}:".encode()).decode()
        self._line = Line(
            access, base_url=BASE, authorise={"authorization": f"Basic {basic}"}, meaning=MEANING, secrets=(basic,),
            reads=frozenset({DAILY, SPEND}), sleep=sleep,
        )  # fmt: skip

    def identify(self) -> Organisation:
        """Whether the key works is seen from the list of members; the vendor tells no name."""
        try:
            self._rows("GET", MEMBERS, "teamMembers")
        except NotFound as error:
            raise self._line.no_administration(error) from None
        return Organisation("", self._name)

    def members(self) -> Iterator[Member]:
        """All at once. The last day of activity is that of the last thirty days' use."""
        people = self._rows("GET", MEMBERS, "teamMembers")
        active = self._last_active()
        here = (_member(row, active) for row in people if not row.get("isRemoved"))
        yield from each_once(here, lambda member: fold(member.email))

    def find_member(self, known_as: str) -> Member | None:
        """In the list, without activity: there is no question for one."""
        rows = self._rows("GET", MEMBERS, "teamMembers")
        here = (_member(row, {}) for row in rows if not row.get("isRemoved"))
        return next((member for member in here if fold(known_as) in (fold(member.email), fold(member.id))), None)

    def set_role(self, member: str, role: str) -> NoReturn:
        """The interface has no such call."""
        raise Rejected(f"Cursor gives {member} the role {role!r} in its dashboard only", remote_code="by_hand")

    def remove_member(self, member: str) -> None:
        """By id or address. The seat is billed until the cycle ends if it was used in it."""
        named = {"email": member} if "@" in member else {"userId": member}
        answer = self._line.ask("POST", REMOVE, body=named)
        if not isinstance(answer, Mapping) or answer.get("success") is not True:
            raise Transient("the vendor does not say that it was done", maybe_done=True)

    def usage(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        """Requests of each member by day; the interface counts no tokens by day."""
        yield from each_once(self._used(since, until), lambda row: f"{row.start.isoformat()} {fold(row.member)}")

    def costs(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        """What was spent beyond the plan, by member, in the billing cycle that is running, as one row from its beginning to
        `until`; nothing when the cycle began after `until`. Earlier cycles are not told."""
        yield from each_once(self._spent(since, until), lambda row: fold(row.member))

    def _used(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        for row in self._daily(since, until):
            count = sum(int(row.get(name) or 0) for name in _COUNTED)
            if count:
                start = _day(row)
                yield UsageRow(start, start + timedelta(days=1), member=str(row["email"]), requests=count)

    def _spent(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        for page in range(1, MOST_PAGES + 1):
            with self._line.mapped():
                answer = self._line.ask("POST", SPEND, body={"page": page, "pageSize": PAGE})
                begun, more = _moment(answer["subscriptionCycleStart"]), page < int(answer["totalPages"])
                found = [_cost(row, begun, until) for row in answer["teamMemberSpend"]]
            if begun >= until or until <= since:
                return
            yield from (row for row in found if row.amount_nano)
            if not more:
                return
        raise Transient("the vendor's list does not end")

    def _last_active(self) -> Mapping[str, datetime]:
        """The last active day by folded address; none of it where the credential may not see use."""
        found: dict[str, datetime] = {}
        now = datetime.now(UTC)
        try:
            for row in self._daily(now - LOOKED_BACK, now):
                if row.get("isActive"):
                    email = fold(str(row["email"]))
                    found[email] = max(_day(row), found.get(email, _day(row)))
        except RemoteError as error:
            if error.answered not in {400, 403, 404}:
                raise
        return found

    def _daily(self, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
        start = since
        while start < until:
            end = min(start + WINDOW, until)
            yield from self._rows("POST", DAILY, "data", {"startDate": _milliseconds(start), "endDate": _milliseconds(end)})
            start = end

    def _rows(self, method: str, path: str, name: str, body: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        with self._line.mapped():
            found = self._line.ask(method, path, body=body)[name]
            if not isinstance(found, list) or not all(isinstance(row, Mapping) and row.get("email") for row in found):
                raise TypeError("no list of people")
            return found


def _member(row: Mapping[str, Any], active: Mapping[str, datetime]) -> Member:
    """The vendor's own id where it is one that it takes back, else the address."""
    email, given = str(row["email"]), str(row.get("id") or "")
    return Member(
        id=given if given.startswith("user_") else email, email=email, name=str(row.get("name") or ""),
        role=str(row.get("role") or ""), last_active_at=active.get(fold(email)),
    )  # fmt: skip


def _cost(row: Mapping[str, Any], start: datetime, end: datetime) -> CostRow:
    amount = round(float(row.get("spendCents") or 0) * CENT)
    return CostRow(start, end, amount, member=str(row["email"]), item="beyond the plan, this billing cycle")


def _day(row: Mapping[str, Any]) -> datetime:
    return _moment(row["date"]).replace(hour=0, minute=0, second=0, microsecond=0)


def _moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
