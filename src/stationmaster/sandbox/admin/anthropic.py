"""Anthropic's administration, members and invitations: shapes and errors as anthropic 2.12 types them (types/organization).
Workspaces and what is in them are `anthropic_workspaces`', reports `anthropic_usage`'s."""

from collections.abc import Callable, Sequence
from typing import Any

from stationmaster.sandbox.admin.calls import Answer, Call, Page, Route, after, maybe_rfc3339, rfc3339
from stationmaster.sandbox.admin.rows import Invitation, Person, Table
from stationmaster.sandbox.admin.state import Refused

SETTABLE = ("user", "developer", "billing", "claude_code_user", "managed")
_STATUSES = {
    "not_found": (404, "not_found_error"), "unauthorised": (401, "authentication_error"), "forbidden": (403, "permission_error"),
    "rate": (429, "rate_limit_error"), "failed": (500, "api_error"), "unavailable": (529, "overloaded_error"),
    "conflict": (409, "invalid_request_error"), "taken": (409, "invalid_request_error"),
}  # fmt: skip
_CODES = {
    "already_member": "already_member", "already_invited": "invite_already_exists", "domain": "email_domain_not_allowed",
    "seats": "org_member_limit_exceeded", "last_owner": "cannot_remove_last_member", "conflict": "concurrent_membership_change",
    "on_hold": "organization_on_hold",
}  # fmt: skip


def error(reason: str, message: str) -> Answer:
    """A refusal in Anthropic's envelope, with its code where it has one (`_error_classes.py`)."""
    status, kind = _STATUSES.get(reason, (400, "invalid_request_error"))
    told: dict[str, object] = {"type": kind, "message": message}
    if reason in _CODES:
        told["details"] = {"error_code": _CODES[reason]}
    return Answer({"type": "error", "error": told, "request_id": "req_sandbox"}, status, {"request-id": "req_sandbox"})


def listed(call: Call, table: Table[Any], rows: Sequence[Any], shape: Callable[[Any], dict[str, object]]) -> Answer:
    """A page in the envelope of `SyncPage`."""
    page = after(call, table, rows, call.first("after_id"), call.whole("limit", 20, 1000))
    return Answer(_page(page, [shape(row) for row in page.rows]))


def _page(page: Page, shapes: list[dict[str, object]]) -> dict[str, object]:
    first, last = (shapes[0]["id"], shapes[-1]["id"]) if shapes else (None, None)
    return {"data": shapes, "has_more": page.more, "first_id": first, "last_id": last}


def by_token(call: Call, shapes: list[dict[str, object]], usual: int = 20) -> Answer:
    """A page in the envelope of `SyncPageCursor`; the token is how many rows to pass over."""
    start, limit = int(call.first("page", "0").removeprefix("page_") or 0), call.whole("limit", usual, 1000)
    more = len(shapes) > start + limit
    return Answer({"data": shapes[start : start + limit], "next_page": f"page_{start + limit}" if more else None})


def plain(email: str) -> str:
    """An address as Anthropic's filter compares it: case and plus-tag aside."""
    local, _, domain = email.casefold().partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _me(call: Call) -> Answer:
    return Answer({"id": call.organisation.id, "name": call.organisation.name, "type": "organization"})


def _user(person: Person) -> dict[str, object]:
    return {
        "type": "user", "id": person.id, "email": person.email, "name": person.name, "role": person.role,
        "added_at": rfc3339(person.added_at),
    }  # fmt: skip


def _users(call: Call) -> Answer:
    organisation = call.organisation
    rows = organisation.people.listed(organisation.settings.listed_after)
    email, roles = call.first("email"), call.many("roles")
    rows = [row for row in rows if (not email or plain(row.email) == plain(email)) and (not roles or row.role in roles)]
    return listed(call, organisation.people, rows, _user)


def _get_user(call: Call) -> Answer:
    return Answer(_user(call.organisation.person(call.params["user"])))


def _changeable(call: Call) -> Person:
    """Admins and owners are changed in the vendor's console only."""
    person = call.organisation.person(call.params["user"])
    call.organisation.may_change_people()
    if person.role in call.organisation.traits.owner_roles:
        reason = "last_owner" if len(call.organisation.people.all()) == 1 else "bad_request"
        raise Refused(reason, "Admins and owners cannot be changed through the API.")
    return person


def _set_user(call: Call) -> Answer:
    person = _changeable(call)
    call.organisation.give_role(person.id, call.text("role", SETTABLE))
    return Answer(_user(call.organisation.person(person.id)))


def _delete_user(call: Call) -> Answer:
    person = _changeable(call)
    call.organisation.remove(person)
    return Answer({"id": person.id, "type": "user_deleted"})


def _invite(row: Invitation) -> dict[str, object]:
    return {
        "type": "invite", "id": row.id, "email": row.email, "role": row.role, "status": row.status,
        "invited_at": rfc3339(row.invited_at), "expires_at": rfc3339(row.expires_at),
        "accepted_at": maybe_rfc3339(row.accepted_at), "rbac_group_ids": [],
    }  # fmt: skip


def _invites(call: Call) -> Answer:
    organisation = call.organisation
    rows = [row for row in organisation.invitations_table.listed(organisation.settings.listed_after) if row.status != "deleted"]
    email, statuses, roles = call.first("email"), call.many("statuses"), call.many("roles")
    rows = [row for row in rows if (not email or plain(row.email) == plain(email)) and (not statuses or row.status in statuses)]
    rows = [row for row in rows if not roles or row.role in roles]
    return listed(call, organisation.invitations_table, rows, _invite)


def _get_invite(call: Call) -> Answer:
    found = call.organisation.invitations_table.get(call.params["invite"])
    if found is None:
        raise Refused("not_found", f"No invite {call.params['invite']}.")
    return Answer(_invite(found))


def _create_invite(call: Call) -> Answer:
    return Answer(_invite(call.organisation.invite(call.text("email"), call.text("role", SETTABLE))))


def _delete_invite(call: Call) -> Answer:
    call.organisation.withdraw(call.params["invite"], expired_too=False)
    return Answer({"id": call.params["invite"], "type": "invite_deleted"})


_O = "/v1/organizations"
ROUTES: tuple[Route, ...] = (
    ("GET", f"{_O}/me", _me),
    ("GET", f"{_O}/users", _users),
    ("GET", f"{_O}/users/{{user}}", _get_user),
    ("POST", f"{_O}/users/{{user}}", _set_user),
    ("DELETE", f"{_O}/users/{{user}}", _delete_user),
    ("GET", f"{_O}/invites", _invites),
    ("POST", f"{_O}/invites", _create_invite),
    ("GET", f"{_O}/invites/{{invite}}", _get_invite),
    ("DELETE", f"{_O}/invites/{{invite}}", _delete_invite),
)
