"""Links that let people in: admin links and invitations. Owns: their making, and that each is used once, in time, and only
while no newer one exists.

An admin link says nothing about who opens it: whoever has it becomes an admin, with an e-mail address and password of their
choosing. It is how an installation gets its first admin, and how one that locked itself out gets back in. An invitation is
for one operator, and the role they have: whoever has it chooses a password for them, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.utils import timezone

from stationmaster.errors import Conflict, StationmasterError
from stationmaster.i18n import tr
from stationmaster.operators import account, bearer, people
from stationmaster.operators.access import require
from stationmaster.operators.models import AdminLink, Operator
from stationmaster.operators.policy import policy
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.rows import new_id

INVITATION: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Link:
    """A link that was just made. `secret` goes into its address, which is shown once."""

    secret: bearer.Fresh
    expires_at: datetime


@dataclass(frozen=True)
class Newcomer:
    """What somebody says who opened a link."""

    email: str
    password: str
    language: str = "auto"

    def __repr__(self) -> str:
        return "Newcomer(…)"


@dataclass(frozen=True)
class Invitation:
    """What a link opens: for whom an invitation is, and the role they have; both empty: anybody, to become an admin."""

    email: str = ""
    role: str = ""


def issue_link(actor: Actor) -> Link:
    """Make a link, and void all before it. Raises `Forbidden`; `StationmasterError` while there are no passwords."""
    require(actor, "operators:create")
    with change(actor) as edit:
        secret, row = _made(policy().admin_link)
        edit.record(f"operators:{row.id}:issue_admin_link", after={"expires_at": row.expires_at.isoformat()})
    return Link(secret, row.expires_at)


def invite(actor: Actor, which: str) -> Link:
    """Make a link by which one operator chooses a password, within a day, and void those made for them before. Raises
    `Forbidden`, `NotFound`, `Conflict` for one who is switched off; `StationmasterError` while there are no passwords."""
    require(actor, "operators:update")
    with change(actor) as edit:
        operator = people.find(which)
        people.within_reach(actor, operator)
        if not operator.active:
            raise Conflict("error.operator.inactive", "this operator is switched off", hint="switch them on first: active")
        secret, row = _made(INVITATION, operator)
        after = {"link": row.id, "role": row.role, "expires_at": row.expires_at.isoformat()}
        edit.record(f"operators:{operator.id}:invite", after=after)
    return Link(secret, row.expires_at)


def _made(lasts: timedelta, operator: Operator | None = None) -> tuple[bearer.Fresh, AdminLink]:
    """A new link, in place of those for the same. Raises `StationmasterError` while there are no passwords."""
    if not policy().local:
        hint = "set login.local to true, or add an operator who comes by single sign-on"
        raise StationmasterError("error.login.not_local", "passwords are switched off here", hint=hint, fault="operator")
    secret, now = bearer.new("admin link"), timezone.now()
    AdminLink.objects.filter(operator=operator, closed_at=None).update(closed_at=now)
    role = operator.role if operator else ""
    return secret, AdminLink.objects.create(
        id=new_id("link"), operator=operator, role=role, secret_hash=secret.hashed, expires_at=now + lasts
    )


def any_admin() -> bool:
    """Tell whether there is an admin who can log in, so that a first start prints no link again."""
    return bool(Operator.objects.filter(role="admin", active=True).exists())


def is_open(secret: str) -> bool:
    """Tell whether a link can still be used."""
    return opened(secret) is not None


def opened(secret: str) -> Invitation | None:
    """What a link opens, or None when it cannot be used. Opening its address does no more than this."""
    row = AdminLink.objects.filter(**_usable(secret)).select_related("operator").first()
    if row is None or row.operator is None:
        return None if row is None else Invitation()
    return Invitation(row.operator.email, row.role) if _holds(row) else None


def link_over(secret: str = "") -> StationmasterError:
    """What is said of a link that cannot be used: whoever runs the control plane makes another, of the right one."""
    hashed = bearer.hashed("admin link", secret)
    if secret and AdminLink.objects.filter(secret_hash=hashed).exclude(operator=None).exists():
        hint = tr("ask an admin of this installation for another invitation")
    else:
        hint = tr("on the control plane's machine, make a new one with `{command}`", command=policy().link_command)
    return StationmasterError("error.login.link_over", tr("this link is over, or was used"), hint=hint, status=410)


def redeem(secret: str, newcomer: Newcomer, request_id: str = "") -> Operator:
    """Use a link up: make `newcomer` an admin, or give the one who was invited their password. Older sessions and second
    factors of whoever it is end. Raises `StationmasterError` 410 when it cannot be used any more, `Invalid` for what is wrong
    with the newcomer (the link can still be used)."""
    language = people.language_of(newcomer.language)
    with change(Actor("system", "admin-link", "admin", request_id)) as edit:
        row = _use_up(secret)
        return _accepted(edit, row, newcomer, language) if row.operator else _admitted(edit, row, newcomer, language)


def _accepted(edit: Change, row: AdminLink, newcomer: Newcomer, language: str) -> Operator:
    operator: Operator = row.operator  # type: ignore[assignment]  # whoever calls looked
    account.check_password(newcomer.password, operator)
    with edit.updating(operator, action="accept_invitation"):
        operator.language = language
        operator.set_password(newcomer.password)
    _start_over(edit, operator)
    return operator


def _admitted(edit: Change, row: AdminLink, newcomer: Newcomer, language: str) -> Operator:
    email = people.email_of(newcomer.email)
    found = Operator.objects.filter(email=email).first()
    operator = found or Operator(email=email)
    account.check_password(newcomer.password, operator)
    if found is None:
        _welcome(operator, newcomer.password, language)
        people.add(edit, operator)
    else:
        with edit.updating(operator, action="recover"):
            _welcome(operator, newcomer.password, language)
        _start_over(edit, operator)
    edit.record(f"operators:{row.id}:use_admin_link", after={"operator": operator.id})
    return operator


def _use_up(secret: str) -> AdminLink:
    # One statement decides: of ten that come at once, one changes the row.
    usable = _usable(secret)
    if not AdminLink.objects.filter(**usable).update(closed_at=timezone.now()):
        raise link_over(secret)
    row = AdminLink.objects.select_related("operator").get(secret_hash=usable["secret_hash"])
    if not _holds(row):
        raise link_over(secret)
    return row


def _holds(row: AdminLink) -> bool:
    """Whether the one who was invited is still who they were then."""
    return row.operator is None or (row.operator.active and row.operator.role == row.role)


def _usable(secret: str) -> dict[str, object]:
    return {"secret_hash": bearer.hashed("admin link", secret), "closed_at": None, "expires_at__gt": timezone.now()}


def _welcome(operator: Operator, password: str, language: str) -> None:
    operator.role, operator.active, operator.language = "admin", True, language
    operator.set_password(password)


def _start_over(edit: Change, operator: Operator) -> None:
    people.end_sessions(edit, operator)
    if Authenticator.objects.filter(user=operator).delete()[0]:
        edit.record(f"operators:{operator.id}:remove_second_factors")
