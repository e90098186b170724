"""API tokens. Owns: their making, who a presented one stands for, and their end.

Whoever makes one gives away at most what they may do themselves, at that moment and later: a token shrinks with its
holder, ends with them, and ends with the token that made it.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, cast

from django.db.models import QuerySet
from django.utils import timezone

from stationmaster.errors import Forbidden, Invalid, NotFound, StationmasterError
from stationmaster.operators import bearer
from stationmaster.operators.access import ACTIONS, ROLES, grants, only_own, require, rights
from stationmaster.operators.models import ApiToken, Operator
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page

FIELDS = frozenset({"name", "role", "scopes", "days"})
DAYS, MAX_DAYS = 90, 3650
_LONGEST_NAME = 128


class MadeToken(NamedTuple):
    """A token's row as plain values, and the token itself, which is shown this once."""

    row: Mapping[str, Any]
    secret: bearer.Fresh


def show(row: ApiToken) -> Mapping[str, Any]:
    """A token as plain values, without any hash of it."""
    return {
        "id": row.id, "name": row.name, "hint": f"{row.hint}…", "role": row.role, "scopes": row.scopes, "owner": row.owner,
        "made_by": row.parent_id or row.owner, "expires_at": row.expires_at, "last_used_at": row.last_used_at,
        "revision": row.revision, "created_at": row.created_at,
    }


TOKENS = Listing(
    noun="tokens",
    columns=(
        Column("id"), Column("name"), Column("role", values=(*ROLES, "scim")), Column("hint"), Column("expires_at", kind="time"),
        Column("created_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_tokens(actor: Actor, query: Query) -> Page:
    """One page of them; one's own, for whom only those are. Raises `Forbidden`, `Invalid`."""
    require(actor, "tokens:read")
    return page(TOKENS, _seen_by(actor), query)


def export_tokens(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "tokens:export")
    return export(TOKENS, _seen_by(actor), query, form)


def get_token(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    require(actor, "tokens:read")
    return show(_find(actor, which))


def create_token(actor: Actor, given: Given) -> MadeToken:
    """Make a token: `name`, `role`, `scopes` (patterns over the actions; none: all that the role may), `days` of
    validity. Raises `Forbidden` when it could do more than its maker, `Invalid`."""
    require(actor, "tokens:create")
    known_only(given, FIELDS)
    refuse_odd_text(given)
    role, scopes = _role(given, actor), _scopes(given)
    if not grants(actor, role, scopes):
        message = "this token could do what you may not"
        raise Forbidden("error.access.grants_more", message, hint="choose a lesser role, or fewer scopes")
    secret = bearer.new("api token")
    with change(actor) as edit:
        row = ApiToken(
            name=_name(given), hint=secret.hint, secret_hash=secret.hashed, role=role, holder=_holder(actor),
            parent=ApiToken.objects.get(id=actor.id) if actor.kind == "token" else None,
            scopes=None if scopes is None else sorted(scopes), expires_at=timezone.now() + timedelta(days=_days(given)),
        )
        if row.parent is not None:
            row.expires_at = min(row.expires_at, row.parent.expires_at)
        edit.create(row)
    return MadeToken(show(row), secret)


def delete_token(actor: Actor, which: str, version: int | None = None) -> None:
    """End a token, and those that it made. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "tokens:delete")
    with change(actor) as edit:
        _end(edit, _find(actor, which), version)


def actor_of(text: str, request_id: str = "") -> Actor:
    """Whom a presented API token stands for. Raises `StationmasterError` 401, the same for every token that is not
    valid."""
    row = _presented(text)
    if row is None or not _still_held(row):
        raise unauthenticated()
    bearer.note_use(row)
    role, scopes = _narrowed(row)
    return Actor("token", row.id, role, request_id, scopes, person=row.owner)


def rights_of(token: str) -> frozenset[str]:
    """The actions that a token, by its id, takes now; none, when it is over."""
    row = ApiToken.objects.select_related("holder").filter(id=token, expires_at__gt=timezone.now()).first()
    return rights(*_narrowed(row)) if row is not None and _still_held(row) else frozenset()


def unauthenticated() -> StationmasterError:
    """What somebody gets who has to say who they are."""
    hint = "send a valid token as `Authorization: Bearer …`, or log in"
    return StationmasterError("error.access.unauthenticated", "who are you?", hint=hint, status=401)


def _presented(text: str) -> ApiToken | None:
    """The valid row of it, if there is one."""
    if not text.startswith("sm-api-") or len(text) > bearer.MAX_LENGTH:
        return None
    rows = ApiToken.objects.select_related("holder")
    found = rows.filter(secret_hash=bearer.hashed("api token", text), expires_at__gt=timezone.now()).first()
    return cast("ApiToken | None", found)


def _still_held(row: ApiToken) -> bool:
    return row.holder is None or row.holder.active


def _narrowed(row: ApiToken) -> tuple[str, frozenset[str] | None]:
    """Role and scopes, less what the holder may not any more."""
    scopes = None if row.scopes is None else frozenset(row.scopes)
    if row.holder is None or row.holder.role == row.role:
        return row.role, scopes
    both = rights(row.role, scopes) & rights(row.holder.role)
    lesser = rights(row.role) <= rights(row.holder.role)
    return (row.role if lesser else row.holder.role), both


def _end(edit: Change, row: ApiToken, version: int | None = None) -> None:
    for made in row.made.all():
        _end(edit, made)
    edit.delete(row, version)


def _find(actor: Actor, which: str) -> ApiToken:
    row = _seen_by(actor).filter(id=which).first()
    if row is None:
        raise NotFound("error.token.not_found", "there is no such token")
    return cast("ApiToken", row)


def _seen_by(actor: Actor) -> "QuerySet[Any]":
    rows = ApiToken.objects.select_related("holder")
    return rows.filter(holder_id=actor.person or actor.id) if only_own(actor, "tokens:read") else rows


def _holder(actor: Actor) -> Operator | None:
    """The person behind the new token; nobody, at the command line."""
    person = actor.id if actor.kind == "operator" else actor.person
    return Operator.objects.get(id=person) if person else None


def _name(given: Given) -> str:
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise _wrong("name", f"expected a text of up to {_LONGEST_NAME} characters")
    return name.strip()


def _role(given: Given, actor: Actor) -> str:
    role = given.get("role") or actor.role
    if role not in ROLES or role == "member":
        raise _wrong("role", f"expected one of {', '.join(each for each in ROLES if each != 'member')}")
    return str(role)


def _scopes(given: Given) -> frozenset[str] | None:
    scopes = given.get("scopes")
    if scopes is None:
        return None
    if not isinstance(scopes, list | tuple) or not all(isinstance(each, str) for each in scopes):
        raise _wrong("scopes", 'expected a list like ["keys:*", "usage:read"]')
    for each in scopes:
        if not any(fnmatchcase(action, each) for action in ACTIONS):
            raise _wrong("scopes", f"no action is like {each[:40]!r}")
    return frozenset(scopes)


def _days(given: Given) -> int:
    days = given.get("days", DAYS)
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise _wrong("days", f"expected a number of days from 1 to {MAX_DAYS}")
    return days


def _wrong(field: str, why: str) -> Invalid:
    return Invalid("error.token.bad_value", f"{field}: {why}", fields={field: why})
