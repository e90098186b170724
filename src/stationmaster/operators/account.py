"""One's own account. Owns: password, language, sessions and what was put away of whoever is logged in; nobody else's."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from stationmaster.errors import Forbidden, Invalid, NotFound
from stationmaster.i18n import tr
from stationmaster.operators import people
from stationmaster.operators.access import require_fresh
from stationmaster.operators.models import BrowserSession, Operator
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change

MAX_PASSWORD = 1000      # characters: hashing takes time that grows with them


def myself(actor: Actor) -> Operator:
    """The operator who acts. Raises `Forbidden` for anything but a logged-in person."""
    row = Operator.objects.filter(id=actor.id, active=True).first() if actor.kind == "operator" else None
    if row is None:
        raise Forbidden("error.access.no_account", "this is for people who are logged in")
    return row  # type: ignore[no-any-return]


def set_password(actor: Actor, password: str) -> Operator:
    """Give oneself another password; every other session ends. Raises `Forbidden`, `Invalid`."""
    require_fresh(actor)
    row = myself(actor)
    check_password(password, row)
    with change(actor) as edit:
        with edit.updating(row, action="set_password"):
            row.set_password(password)
        people.end_sessions(edit, row)
    return row


def set_language(actor: Actor, language: str) -> None:
    """Be spoken to in another language. Raises `Forbidden`, `Invalid`."""
    row = myself(actor)
    with change(actor) as edit, edit.updating(row):
        row.language = people.language_of(language)


def steps_put_away(actor: Actor) -> bool:
    """Whether whoever is signed in put the list of first steps away, in whichever browser."""
    return actor.kind == "operator" and Operator.objects.filter(id=actor.id, steps_put_away=True).exists()


def put_steps_away(actor: Actor, *, away: bool) -> None:
    """Have the list of first steps on the overview no more, or again. Raises `Forbidden`."""
    row = myself(actor)
    with change(actor) as edit, edit.updating(row):
        row.steps_put_away = away


def my_sessions(actor: Actor, current: str) -> list[Mapping[str, Any]]:
    """One's own sessions, the latest first; `current` is the id of the one that asks. Raises `Forbidden`."""
    found = BrowserSession.objects.filter(operator=myself(actor)).order_by("-seen_at")
    return [
        {"id": row.id, "agent": row.agent, "created_at": row.created_at, "seen_at": row.seen_at,
         "expires_at": row.expires_at, "current": row.id == current}
        for row in found
    ]


def end_session(actor: Actor, session: str) -> None:
    """Sign one of one's own browsers out. Raises `Forbidden`, `NotFound`."""
    with change(actor) as edit:
        count, _ = BrowserSession.objects.filter(operator=myself(actor), id=session).delete()
        if not count:
            raise NotFound("error.session.not_found", "there is no such session")
        edit.record(f"operators:{actor.id}:end_session")


def forget_expired() -> int:
    """Forget sessions that are over; return how many. Whoever runs the control plane calls this now and then."""
    count, _ = BrowserSession.objects.filter(expires_at__lte=timezone.now()).delete()
    return count


def check_password(password: str, row: Operator) -> None:
    """Raise `Invalid` for a password that is too weak, in the reader's language."""
    if len(password) > MAX_PASSWORD:
        raise _weak(tr("This password has more than {number} characters.", number=MAX_PASSWORD))
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise _weak(" ".join(error.messages)) from None


def _weak(why: str) -> Invalid:
    return Invalid("error.operator.weak_password", why, fields={"password": why})
