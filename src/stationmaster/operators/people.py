"""Operators, as entrances may ask about them. Owns: their making, changes and removal, and what is shown of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from stationmaster.audit.services import erase_person, ids_of, name_person
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.i18n import LANGUAGES
from stationmaster.operators.access import ROLES, grants, require
from stationmaster.operators.models import ApiToken, Operator
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page

FIELDS = frozenset({"email", "display_name", "role", "active", "language"})
_LONGEST_NAME = 120
_LONGEST_EMAIL = 254      # RFC 5321 §4.5.3.1.3, less the brackets


def show(row: Operator) -> Mapping[str, Any]:
    """An operator as plain values, without anything to log in with."""
    return {
        "id": row.id, "email": row.email, "display_name": row.display_name, "role": row.role, "active": row.active,
        "language": row.language, "password": row.has_usable_password(), "sso": bool(row.sso_subject),
        "second_factor": getattr(row, "second_factor", False), "last_login_at": row.last_login_at, "revision": row.revision,
        "created_at": row.created_at, "updated_at": row.updated_at,
    }


OPERATORS = Listing(
    noun="operators",
    columns=(
        Column("id"), Column("email"), Column("display_name"), Column("role", values=ROLES), Column("active", kind="flag"),
        Column("created_at", kind="time"), Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)


def list_operators(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "operators:read")
    return page(OPERATORS, rows(), query)


def export_operators(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "operators:export")
    return export(OPERATORS, rows(), query, form)


def get_operator(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or e-mail address. Raises `Forbidden`, `NotFound`."""
    require(actor, "operators:read")
    return show(find(which))


def create_operator(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Let somebody in: `email` and `role`, and perhaps `display_name` and `language`. They have no password until they
    set one by an invitation, or come by single sign-on. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "operators:create")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = Operator(**_checked(actor, {"email": "", "role": "", **given}))
        row.set_unusable_password()
        add(edit, row)
    return show(find(row.id))


def update_operator(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`,
    `Stale`, `Invalid`, and `Conflict` rather than leave no admin."""
    require(actor, "operators:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(which)
        within_reach(actor, row)
        checked = _checked(actor, given)
        if row.email != checked.get("email", row.email):
            _free(checked["email"])
        was_admin = _lets_an_admin_in(row)
        if row.role != checked.get("role", row.role) or not checked.get("active", True):
            row.invitations.filter(closed_at=None).update(closed_at=timezone.now())      # they were for the role of then
        with edit.updating(row, version):
            for name, value in checked.items():
                setattr(row, name, value)
        _some_admin_left(was_admin)
        name_person(row.id, str(row), row.email)
    return show(find(row.id))


def delete_operator(actor: Actor, which: str, version: int | None = None) -> None:
    """Take somebody's way in, with their tokens and sessions. Their name stays with the audit trail until it is erased
    there. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "operators:delete")
    with change(actor) as edit:
        row = find(which)
        within_reach(actor, row)
        _end_tokens(edit, row)
        was_admin = _lets_an_admin_in(row)
        edit.delete(row, version)
        _some_admin_left(was_admin)


def erase_operator(actor: Actor, which: str) -> None:
    """Forget name and e-mail address of somebody whose way in is gone, by id or address: in the audit trail only the id
    stays. Raises `Forbidden`, `NotFound`, and `Conflict` for who is still an operator."""
    require(actor, "audit:erase")
    if rows().filter(Q(id=which) | Q(email=which.strip().lower())).exists():
        hint = "delete the operator first: `stationmaster operator delete`"
        raise Conflict("error.operator.still_there", "this is still an operator, with name and e-mail address", hint=hint)
    with change(actor):
        for person in ids_of(which.strip().lower()) or [which]:
            erase_person(actor, person)


def sign_out_everywhere(actor: Actor, which: str) -> None:
    """End every session of an operator: one's own, or with the right to change operators, anybody's. Raises `Forbidden`,
    `NotFound`."""
    row = find(which)
    if actor.kind != "operator" or actor.id != row.id:
        require(actor, "operators:update")
    with change(actor) as edit:
        end_sessions(edit, row)


def end_sessions(edit: Change, row: Operator) -> None:
    """The same as part of a change."""
    with edit.updating(row, action="sign_out_everywhere"):
        row.session_generation += 1
    row.sessions.all().delete()


def end_access(edit: Change, row: Operator) -> None:
    """Let an operator in no more, as part of a change: out of use, without sessions, tokens, password and open invitations.
    Nobody is asked whether an admin is left: it is for people who must not come in any more, who know the password, and whose
    address somebody else may have when the row is in use again."""
    _end_tokens(edit, row)
    end_sessions(edit, row)
    row.invitations.filter(closed_at=None).update(closed_at=timezone.now())
    with edit.updating(row):
        row.active = False
        row.set_unusable_password()


def find(which: str) -> Operator:
    """The operator with this id or e-mail address. Raises `NotFound`."""
    row = rows().filter(id=which).first() or rows().filter(email=which.strip().lower()).first()
    if row is None:
        raise NotFound("error.operator.not_found", "there is no such operator")
    return cast("Operator", row)


def rows() -> "QuerySet[Any]":
    """All operators, each with whether it has a second factor."""
    factors = Authenticator.objects.filter(user_id=OuterRef("pk"))
    return cast("QuerySet[Any]", Operator.objects.annotate(second_factor=Exists(factors)))


def add(edit: Change, row: Operator) -> None:
    """Save a new operator as part of a change. Raises `Conflict` when the address is taken."""
    _free(row.email)
    edit.create(row)
    name_person(row.id, str(row), row.email)


def email_of(text: Any) -> str:
    """An e-mail address as operators are found by. Raises `Invalid`."""
    refuse_odd_text(text, "email")
    address = text.strip().lower() if isinstance(text, str) else ""
    try:
        validate_email(address)
    except ValidationError:
        raise _wrong("email", "expected an e-mail address") from None
    if len(address) > _LONGEST_EMAIL:
        raise _wrong("email", f"expected at most {_LONGEST_EMAIL} characters")
    return address


def _end_tokens(edit: Change, row: Operator) -> None:
    # The last made first: one that another token made points to it.
    for token in ApiToken.objects.filter(holder=row).order_by("-created_at", "-id"):
        edit.delete(token)


def _checked(actor: Actor, given: Given) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "email": email_of, "display_name": _name, "role": _role, "active": _flag, "language": language_of,
    }
    refuse_odd_text(given)
    values = {name: checks[name](value) for name, value in given.items()}
    if "role" in values and not grants(actor, values["role"]):
        message = f"the role {values['role']} may do what you may not"
        raise Forbidden("error.access.grants_more", message, fields={"role": message})
    return values


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
        raise _wrong("display_name", f"expected a text of up to {_LONGEST_NAME} characters")
    return value.strip()


def _role(value: Any) -> str:
    if value not in ROLES:
        raise _wrong("role", f"expected one of {', '.join(ROLES)}")
    return str(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _wrong("active", "expected true or false")
    return value


def language_of(value: Any) -> str:
    """A language that people may choose, or auto. Raises `Invalid`."""
    if value not in {*LANGUAGES, "auto"}:
        raise _wrong("language", f"expected auto, {' or '.join(LANGUAGES)}")
    return str(value)


def _wrong(field: str, why: str) -> Invalid:
    return Invalid("error.operator.bad_value", f"{field}: {why}", fields={field: why})


def _free(email: str) -> None:
    if Operator.objects.filter(email=email).exists():
        why = "an operator has this address already"
        raise Conflict("error.operator.duplicate", why, fields={"email": why})


def within_reach(actor: Actor, row: Operator) -> None:
    """Raise `Forbidden` for one who may more than `actor`: nobody changes them."""
    if not grants(actor, row.role):
        raise Forbidden("error.access.grants_more", f"an operator with the role {row.role} is not for you to change")


def _lets_an_admin_in(row: Operator) -> bool:
    return row.role == "admin" and row.active


def _some_admin_left(was_admin: bool) -> None:
    if was_admin and not Operator.objects.filter(role="admin", active=True).exists():
        hint = "make somebody else an admin first"
        raise Conflict("error.operator.last_admin", "this would leave no admin", hint=hint)
