"""SCIM tokens, by which a company's directory keeps people and groups up to date. Owns: their making, and who a presented one
stands for.

They are rows among the API tokens, listed and revoked with those, under a role and a beginning of their own: REST does not
take them, and SCIM takes no others. They belong to the installation and not to whoever made them, since a directory has to go
on when an admin leaves.
"""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from stationmaster.errors import Forbidden, Invalid, StationmasterError
from stationmaster.operators import bearer, tokens
from stationmaster.operators.access import grants, require
from stationmaster.operators.models import ApiToken
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only, refuse_odd_text

ROLE: Final = "scim"
DAYS: Final = 365
_FIELDS = frozenset({"name", "days"})
_PREFIX = "sm-scim-"
_LONGEST_NAME = 128


def create_scim_token(actor: Actor, given: Given) -> tokens.MadeToken:
    """Make one: `name`, `days` of validity. Raises `Forbidden`, `Invalid`."""
    require(actor, "tokens:create")
    known_only(given, _FIELDS)
    refuse_odd_text(given)
    if not grants(actor, ROLE):
        message = "this token could do what you may not"
        raise Forbidden("error.access.grants_more", message, hint="ask an admin for one")
    secret = bearer.new("scim token")
    with change(actor) as edit:
        row = ApiToken(
            name=_name(given), hint=secret.hint, secret_hash=secret.hashed, role=ROLE, holder=None, scopes=None,
            parent=ApiToken.objects.get(id=actor.id) if actor.kind == "token" else None,
            expires_at=timezone.now() + timedelta(days=_days(given)),
        )  # fmt: skip
        if row.parent is not None:
            row.expires_at = min(row.expires_at, row.parent.expires_at)
        edit.create(row)
    return tokens.MadeToken(tokens.show(row), secret)


def scim_actor(text: str, request_id: str = "") -> Actor:
    """Whom a presented token stands for at SCIM's door. Raises `StationmasterError` 401, the same for every token that is not
    valid, and `Forbidden` for a valid one of another kind."""
    if not text.startswith(_PREFIX):
        tokens.actor_of(text, request_id)
        raise Forbidden("error.access.forbidden", "SCIM takes tokens of its own", hint="stationmaster scim token create NAME")
    row = _presented(text)
    if row is None:
        raise unauthenticated()
    bearer.note_use(row)
    return Actor("token", row.id, ROLE, request_id)


def unauthenticated() -> StationmasterError:
    """What somebody gets who presents no valid token."""
    return tokens.unauthenticated()


def _presented(text: str) -> ApiToken | None:
    if len(text) > bearer.MAX_LENGTH:
        return None
    rows = ApiToken.objects.filter(secret_hash=bearer.hashed("scim token", text), role=ROLE)
    found: ApiToken | None = rows.filter(expires_at__gt=timezone.now()).first()
    return found


def _name(given: Given) -> str:
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise _wrong("name", f"expected a text of up to {_LONGEST_NAME} characters")
    return name.strip()


def _days(given: Given) -> int:
    days = given.get("days", DAYS)
    if type(days) is not int or not 1 <= days <= tokens.MAX_DAYS:
        raise _wrong("days", f"expected a number of days from 1 to {tokens.MAX_DAYS}")
    return days


def _wrong(field: str, why: str) -> Invalid:
    return Invalid("error.token.bad_value", f"{field}: {why}", fields={field: why})
