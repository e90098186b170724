"""GitHub Copilot: the people of a GitHub organisation and the seats they hold, by an owner's token.

Over githubkit with the schemas of 2026-03-10. The vendor's pages: https://docs.github.com/en/rest/orgs/members and
https://docs.github.com/en/rest/copilot/copilot-user-management (public preview). Answers are turned into rows by
`rows`.

People are known by login: lists hold no addresses. Ids of members are logins, which is what the vendor's paths take.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from typing import Any, NoReturn, TypeVar

from stationmaster.errors import Invalid
from stationmaster.folding import fold
from stationmaster.line.clients import transport1
from stationmaster.line.errors import AlreadyExists, DirectoryManaged, NotFound, RateLimited, Rejected, StopRun, Transient
from stationmaster.line.line import PLACEHOLDER, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import (
    Access,
    CostRow,
    Invite,
    Member,
    Organisation,
    SeatCount,
    SeatTerms,
    UsageRow,
    each_once,
)
from stationmaster.vendors.github_copilot import rows

T = TypeVar("T")
BASE = "https://api.github.com"
VERSION = "2026-03-10"
PAGE = 100                     # rows a page: the most that lists give
MOST_PAGES = 5_000             # of one list: one that is longer has no end
MOST_LOGINS = 100              # of one call that buys or ends seats: our own choice, the vendor names no bound

COST = (
    "Every seat that is assigned is bought: it is billed with the organisation's Copilot plan from then on. A seat that is taken "
    "away stays until the billing cycle ends and is paid for until then. Taking away the last one cancels the plan."
)

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_LIMITED = re.compile(r"rate limit", re.IGNORECASE)
_THERE = re.compile(r"already (a part of|a member|been invited|invited|pending)|already .*pending", re.IGNORECASE)
_DIRECTORY = re.compile(r"enterprise[ -]managed|\bscim\b|identity provider", re.IGNORECASE)
MEANING = Meaning(
    codes={"already_exists": AlreadyExists},
    phrases=((_LIMITED, RateLimited), (_DIRECTORY, DirectoryManaged), (_THERE, AlreadyExists)),
)
_NO_BILL = "GitHub has no usage report of this organisation, or the credential may not see it"
_DAY = timedelta(days=1)
_NO_PLAN = "the organisation has no Copilot plan, or the credential may not see it"


class Adapter:
    """One organisation, named by `access.organisation`. `strict`: answers that the vendor's published schemas do not allow raise
    `Transient` (for tests: vendors add values). Raises `Invalid` without a name."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:
        if not _LOGIN.fullmatch(access.organisation):
            odd = "the login of a GitHub organisation is needed here"
            raise Invalid("error.vendor.bad_organisation", odd, fields={"organisation": odd})
        self._org, self._strict = access.organisation, strict
        passed = frozenset({"x-github-api-version"})
        self._line = Line(
            access, base_url=BASE, authorise=bearer(access.secret), meaning=MEANING, passed=passed, sleep=sleep
        )

    # -- who it is

    def identify(self) -> Organisation:
        """The plan is looked at first, since an organisation's name is public: it proves an owner's credential. GitHub does not
        say whether a directory manages the people."""
        self._billing()
        organisation = self._asked(lambda: self._rest.orgs.get(self._org))
        return Organisation(str(organisation["id"]), str(organisation["login"]))

    # -- use

    def usage(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        """Premium requests by day and model, those that the plan includes among them; tokens are not told. One question a day:
        reports of longer times have no days (https://docs.github.com/en/rest/billing/usage)."""
        asked = self._rest.billing.get_github_billing_premium_request_usage_report_org
        yield from self._reported(asked, since, until, rows.usage)

    def costs(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        """What is billed for Copilot, licences too, by day and item, after discounts. One question a day, as above."""
        asked = self._rest.billing.get_github_billing_usage_report_org
        yield from self._reported(asked, since, until, rows.cost)

    def _reported(
        self, asked: Callable[..., Any], since: datetime, until: datetime, read: Callable[[datetime, Any], T | None]
    ) -> Iterator[T]:
        """Of each day that begins before `until`. A plan of the older billing has no such report: `Rejected`."""
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while day < until:
            when = {"year": day.year, "month": day.month, "day": day.day}
            try:
                answer = self._asked(partial(asked, self._org, **when))
            except NotFound as error:
                raise Rejected(_NO_BILL, remote_code="no_report", request_id=error.request_id) from None
            with self._line.mapped():
                found = [row for each in answer["usageItems"] if (row := read(day, rows.checked(each))) is not None]
            yield from found
            day += _DAY

    # -- people

    def members(self) -> Iterator[Member]:
        """Everybody in the organisation, and whoever holds a seat without being in it (role empty). Three lists: owners, other
        members, seats."""
        seats = {fold(seat.login): seat for seat in self._seats()}
        yield from each_once(self._everybody(seats), lambda member: fold(member.login))

    def _everybody(self, seats: Mapping[str, rows.Seat]) -> Iterator[Member]:
        for role in rows.ROLES:
            for row in self._in_role(role):
                yield rows.member(row, role, seats.get(fold(str(row["login"]))))
        for seat in seats.values():
            yield rows.holder(seat)

    def _in_role(self, role: str) -> Iterator[Any]:
        return self._listed(lambda page: self._rest.orgs.list_members(self._org, role=role, per_page=PAGE, page=page))

    def find_member(self, known_as: str) -> Member | None:
        """By login. An address finds nobody: the vendor does not tell members' addresses."""
        membership = self._membership(known_as)
        if membership is None or membership["state"] != "active":
            return None
        return rows.member(membership["user"], str(membership["role"]), self._seat(known_as))

    def set_role(self, member: str, role: str) -> None:
        """`member` or `admin` (an owner). Whoever is not in is not invited by this: `NotFound`."""
        if role not in rows.ROLES:
            raise Rejected(f"GitHub knows no role {role!r} here", remote_code="role")
        membership = self._membership(member)
        if membership is None or membership["state"] != "active":
            raise NotFound(f"{member} is no member of the organisation")
        self._asked(lambda: self._rest.orgs.set_membership_for_user(self._org, member, role=role))

    def remove_member(self, member: str) -> None:
        """Takes them out of the organisation, and with it the seat, teams and private forks; an invitation of theirs too."""
        with self._really_gone():
            self._asked(lambda: self._rest.orgs.remove_membership_for_user(self._org, _login(member)))

    def _membership(self, login: str) -> Any:
        if not _LOGIN.fullmatch(login):
            return None
        try:
            return self._asked(lambda: self._rest.orgs.get_membership_for_user(self._org, login))
        except NotFound:
            return None

    # -- invitations

    def invites(self) -> Iterator[Invite]:
        """Pending ones, and those that failed: nobody accepted them in time (how long that is no answer says), or the account
        cannot be added."""
        orgs = self._rest.orgs
        pending = self._listed(lambda page: orgs.list_pending_invitations(self._org, per_page=PAGE, page=page))
        yield from each_once((rows.invite(row) for row in pending), lambda row: row.id)
        failed = self._listed(lambda page: orgs.list_failed_invitations(self._org, per_page=PAGE, page=page))
        yield from each_once((rows.invite(row) for row in failed), lambda row: row.id)

    def find_invite(self, email: str) -> Invite | None:
        """By address or by login, whichever they were invited by."""
        pending = self._listed(lambda page: self._rest.orgs.list_pending_invitations(self._org, per_page=PAGE, page=page))
        found = [row for row in map(rows.invite, pending) if fold(email) in (fold(row.email), fold(row.login))]
        return max(found, key=lambda row: int(row.id), default=None)

    def invite(self, email: str, role: str, projects: Sequence[str] = ()) -> Invite:
        """`email`: an address, or a login, which is looked up first. Teams are not given here."""
        if projects or role not in rows.INVITED_AS:
            raise Rejected("GitHub invites members and owners of the organisation, without teams", remote_code="role")
        whom = {"email": email} if "@" in email else {"invitee_id": self._account(email)}
        try:
            row = self._asked(lambda: self._rest.orgs.create_invitation(self._org, role=rows.INVITED_AS[role], **whom))
        except NotFound as error:
            raise Rejected(error.message, request_id=error.request_id, remote_code="404") from None
        return rows.invite(row)

    def withdraw(self, invite: str) -> None:
        """An invitation that ran out is gone already: `NotFound`."""
        if not invite.isdecimal():
            raise NotFound(f"there is no invitation {invite!r}")
        with self._really_gone():
            self._asked(lambda: self._rest.orgs.cancel_invitation(self._org, int(invite)))

    def _account(self, login: str) -> int:
        try:
            return int(self._asked(lambda: self._rest.users.get_by_username(_login(login)))["id"])
        except NotFound:
            raise Rejected(f"GitHub has no account {login!r}", remote_code="no_account") from None

    # -- seats

    def seats(self) -> SeatCount:
        """`total` is unset: there is no pool, each seat is bought when it is assigned."""
        breakdown = self._billing()["seat_breakdown"]
        names = ("total", "pending_invitation", "pending_cancellation")
        used, pending, ending = (int(breakdown.get(name) or 0) for name in names)
        return SeatCount(used=used, pending=pending, ending=ending)

    def seat_terms(self) -> SeatTerms:
        """The price is not told by the interface; when the cycle ends is known only while a seat is cancelled."""
        ending = self._billing()["seat_breakdown"].get("pending_cancellation")
        return SeatTerms(buys=True, cycle_ends=self._cycle_ends() if ending else None, words=COST)

    def assign_seats(self, logins: Sequence[str]) -> int:
        """Buys. Counted are new seats, and those that were about to end and go on."""
        add = self._rest.copilot.add_copilot_seats_for_users
        answers = self._in_parts(logins, lambda part: add(self._org, selected_usernames=part))
        return sum(int(answer["seats_created"]) for answer in answers)

    def unassign_seats(self, logins: Sequence[str]) -> int:
        """They end with the billing cycle. A seat that is held through a team stays, and is not counted."""
        cancel = self._rest.copilot.cancel_copilot_seat_assignment_for_users
        answers = self._in_parts(logins, lambda part: cancel(self._org, selected_usernames=part))
        return sum(int(answer["seats_cancelled"]) for answer in answers)

    def _in_parts(self, logins: Sequence[str], call: Callable[[list[str]], Any]) -> Iterator[Any]:
        known = [_login(login) for login in logins]
        for start in range(0, len(known), MOST_LOGINS):
            try:
                yield self._asked(partial(call, known[start : start + MOST_LOGINS]))
            except NotFound as error:
                _no_plan(error)

    def _billing(self) -> Any:
        try:
            return self._asked(lambda: self._rest.copilot.get_copilot_organization_details(self._org))
        except NotFound as error:
            _no_plan(error)

    def _seats(self) -> Iterator[rows.Seat]:
        asked = self._rest.copilot.list_copilot_seats
        try:
            listed = self._listed(lambda page: asked(self._org, per_page=PAGE, page=page), "seats")
            yield from (seat for row in listed if (seat := rows.seat(row)))
        except NotFound as error:
            _no_plan(error)

    def _seat(self, login: str) -> rows.Seat | None:
        try:
            return rows.seat(self._asked(lambda: self._rest.copilot.get_copilot_seat_details_for_user(self._org, login)))
        except NotFound:
            return None

    def _cycle_ends(self) -> date | None:
        ends = [seat.ends_at for seat in self._seats() if seat.ends_at]
        return min(ends).date() if ends else None

    # -- how it is asked

    @cached_property
    def _kit(self) -> Any:
        from githubkit import GitHub, TokenAuthStrategy

        return GitHub(
            TokenAuthStrategy(PLACEHOLDER), base_url=self._line.base_url, transport=transport1(self._line),
            http_cache=False, auto_retry=False, trust_env=False, follow_redirects=False,
        )  # fmt: skip

    @property
    def _rest(self) -> Any:
        return self._kit.rest(VERSION)

    @contextmanager
    def _really_gone(self) -> Iterator[None]:
        """GitHub says 404 to a credential that may not look, too, and whoever removes takes that for success: what only an
        owner's credential can see is asked for before it is believed."""
        try:
            yield
        except NotFound:
            self._billing()
            raise

    def _asked(self, call: Callable[[], Any]) -> Any:
        """The JSON of one call. Read as it came, not as a model: a new value of a field must not lose the row."""
        with self._line.mapped():
            answer = call()
            if self._strict and answer.content:
                answer.parsed_data  # noqa: B018  # raises for what the schema does not allow
            return answer.json() if answer.content else None

    def _listed(self, call: Callable[[int], Any], name: str = "") -> Iterator[Any]:
        """The rows of a list that is asked for by page number; `name`: of the field that holds them."""
        for page in range(1, MOST_PAGES + 1):
            with self._line.mapped():
                answer = call(page)
                if self._strict:
                    answer.parsed_data  # noqa: B018
                found = answer.json()[name] if name else answer.json()
                more = 'rel="next"' in answer.headers.get("link", "")
                checked = [rows.checked(row) for row in found]
            yield from checked
            if not more:
                return
        raise Transient("the vendor's list does not end")


def _login(text: str) -> str:
    """A login that can stand in a path. Raises `Rejected`."""
    if not _LOGIN.fullmatch(text):
        raise Rejected(f"{text[:100]!r} is no GitHub login", remote_code="no_login")
    return text


def _no_plan(error: NotFound) -> NoReturn:
    raise StopRun(_NO_PLAN, request_id=error.request_id, remote_code="404") from None
