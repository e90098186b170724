"""Admin links. Owns: their making, and that each is used once, in time, and only while no newer one exists.

A link says nothing about who opens it: whoever has it becomes an admin, with an e-mail address and password of their
choosing. It is how an installation gets its first admin, and how one that locked itself out gets back in.
"""

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.utils import timezone

from stationmaster.errors import StationmasterError
from stationmaster.operators import account, bearer, people
from stationmaster.operators.access import require
from stationmaster.operators.models import AdminLink, Operator
from stationmaster.operators.policy import policy
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.rows import new_id


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


def issue_link(actor: Actor) -> Link:
    """Make a link, and void all before it. Raises `Forbidden`; `StationmasterError` while there are no passwords."""
    require(actor, "operators:create")
    if not policy().local:
        hint = "set login.local to true, or add an operator who comes by single sign-on"
        raise StationmasterError("error.login.not_local", "passwords are switched off here", hint=hint, fault="operator")
    secret = bearer.new("admin link")
    now = timezone.now()
    with change(actor) as edit:
        AdminLink.objects.filter(closed_at=None).update(closed_at=now)
        row = AdminLink.objects.create(id=new_id("link"), secret_hash=secret.hashed, expires_at=now + policy().admin_link)
        edit.record(f"operators:{row.id}:issue_admin_link", after={"expires_at": row.expires_at.isoformat()})
    return Link(secret, row.expires_at)


def any_admin() -> bool:
    """Tell whether there is an admin who can log in, so that a first start prints no link again."""
    return bool(Operator.objects.filter(role="admin", active=True).exists())


def is_open(secret: str) -> bool:
    """Tell whether a link can still be used. Opening its address does no more than this."""
    return AdminLink.objects.filter(**_usable(secret)).exists()


def redeem(secret: str, newcomer: Newcomer, request_id: str = "") -> Operator:
    """Use a link up and make `newcomer` an admin, whose older sessions and second factors end. Raises `StationmasterError`
    410 when it cannot be used any more, `Invalid` for what is wrong with the newcomer (the link can still be used)."""
    email = people.email_of(newcomer.email)
    language = people.language_of(newcomer.language)
    with change(Actor("system", "admin-link", "admin", request_id)) as edit:
        row = _use_up(secret)
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
        hint = "make a new one with `stationmaster admin link`"
        raise StationmasterError("error.login.link_over", "this link is over, or was used", hint=hint, status=410)
    return AdminLink.objects.get(secret_hash=usable["secret_hash"])


def _usable(secret: str) -> dict[str, object]:
    return {"secret_hash": bearer.hashed("admin link", secret), "closed_at": None, "expires_at__gt": timezone.now()}


def _welcome(operator: Operator, password: str, language: str) -> None:
    operator.role, operator.active, operator.language = "admin", True, language
    operator.set_password(password)


def _start_over(edit: Change, operator: Operator) -> None:
    people.end_sessions(edit, operator)
    if Authenticator.objects.filter(user=operator).delete()[0]:
        edit.record(f"operators:{operator.id}:remove_second_factors")
