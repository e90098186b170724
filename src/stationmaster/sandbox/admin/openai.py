"""OpenAI's administration, members and invitations: paths and shapes as openai 3.54 types them (types/admin/organization).
Projects and what is in them are `openai_projects`', reports `openai_usage`'s."""

from stationmaster.sandbox.admin.calls import Answer, Call, Page, Route, after, unix
from stationmaster.sandbox.admin.rows import Invitation, Person
from stationmaster.sandbox.admin.state import Refused

STATUSES = {
    "not_found": 404, "unauthorised": 401, "forbidden": 403, "rate": 429, "failed": 500, "unavailable": 503, "conflict": 409,
}  # fmt: skip
_CODES = {
    "unauthorised": "invalid_api_key", "forbidden": "insufficient_permissions", "rate": "rate_limit_exceeded",
    "failed": "server_error", "unavailable": "server_is_overloaded", "not_found": "not_found", "on_hold": "account_deactivated",
}  # fmt: skip


def error(reason: str, message: str) -> Answer:
    """A refusal in OpenAI's envelope. What its API answers to a refused invitation is not published: a message, no code."""
    status = STATUSES.get(reason, 401 if reason == "on_hold" else 400)
    kind = "server_error" if status >= 500 else "requests" if status == 429 else "invalid_request_error"
    return Answer({"error": {"message": message, "type": kind, "param": None, "code": _CODES.get(reason)}}, status)


def listed(page: Page, shapes: list[dict[str, object]]) -> Answer:
    """A page in the envelope of `SyncConversationCursorPage`."""
    first, last = (shapes[0]["id"], shapes[-1]["id"]) if shapes else (None, None)
    return Answer({"object": "list", "data": shapes, "first_id": first, "last_id": last, "has_more": page.more})


def deleted(kind: str, row_id: str) -> Answer:
    """What deleting answers."""
    return Answer({"object": f"{kind}.deleted", "id": row_id, "deleted": True})


def _user(call: Call, person: Person) -> dict[str, object]:
    used = [key.last_used_at for key in call.organisation.keys.all() if key.owner == person.id and key.last_used_at]
    return {
        "object": "organization.user", "id": person.id, "email": person.email, "name": person.name, "role": person.role,
        "added_at": int(person.added_at), "api_key_last_used_at": unix(max(used, default=None)), "is_service_account": False,
        "is_scim_managed": call.organisation.settings.directory_managed, "is_default": False,
        "user": {"object": "user", "id": person.id, "email": person.email, "name": person.name, "enabled": True, "banned": False},
    }  # fmt: skip


def _users(call: Call) -> Answer:
    organisation = call.organisation
    rows = organisation.people.listed(organisation.settings.listed_after)
    wanted = {email.casefold() for email in call.many("emails")}
    rows = [row for row in rows if row.email.casefold() in wanted] if wanted else rows
    page = after(call, organisation.people, rows, call.first("after"), call.whole("limit", 20, 100))
    return listed(page, [_user(call, row) for row in page.rows])


def _get_user(call: Call) -> Answer:
    return Answer(_user(call, call.organisation.person(call.params["user"])))


def _set_user(call: Call) -> Answer:
    organisation = call.organisation
    person = organisation.person(call.params["user"])
    organisation.may_change_people()
    organisation.give_role(person.id, call.text("role", ("owner", "reader")))
    return Answer(_user(call, organisation.person(person.id)))


def _delete_user(call: Call) -> Answer:
    call.organisation.remove(call.organisation.person(call.params["user"]))
    return deleted("organization.user", call.params["user"])


def _invite(row: Invitation) -> dict[str, object]:
    return {
        "object": "organization.invite", "id": row.id, "email": row.email, "role": row.role, "status": row.status,
        "created_at": int(row.invited_at), "expires_at": int(row.expires_at), "accepted_at": unix(row.accepted_at),
        "projects": [{"id": project, "role": role} for project, role in row.projects],
    }  # fmt: skip


def _invites(call: Call) -> Answer:
    organisation = call.organisation
    rows = organisation.invitations_table.listed(organisation.settings.listed_after)
    page = after(call, organisation.invitations_table, rows, call.first("after"), call.whole("limit", 20, 100))
    return listed(page, [_invite(row) for row in page.rows])


def _get_invite(call: Call) -> Answer:
    found = call.organisation.invitations_table.get(call.params["invite"])
    if found is None:
        raise Refused("not_found", f"No invite {call.params['invite']}.")
    return Answer(_invite(found))


def _create_invite(call: Call) -> Answer:
    projects = call.fields.get("projects")
    given = [(str(each["id"]), str(each["role"])) for each in projects] if isinstance(projects, list) else _default(call)
    for project, _ in given:
        if call.organisation.projects.get(project) is None:
            raise Refused("bad_request", f"No project {project}.")
    return Answer(_invite(call.organisation.invite(call.text("email"), call.text("role", ("reader", "owner")), given)))


def _default(call: Call) -> list[tuple[str, str]]:
    """Whoever is invited without projects joins the default one (resources/admin/organization/invites.py)."""
    return [(row.id, "member") for row in call.organisation.projects.all() if row.default]


def _delete_invite(call: Call) -> Answer:
    call.organisation.withdraw(call.params["invite"])
    return deleted("organization.invite", call.params["invite"])


def _admin_keys(call: Call) -> Answer:
    organisation = call.organisation
    key: dict[str, object] = {
        "object": "organization.admin_api_key", "id": f"key_{organisation.name}", "name": "stationmaster",
        "redacted_value": "sk-admin-...", "created_at": 1_790_000_000, "expires_at": None,
        "last_used_at": int(organisation.clock()), "owner": {"type": "user", "object": "organization.user", "role": "owner"},
    }  # fmt: skip
    return Answer({"object": "list", "data": [key], "has_more": False})


ROUTES: tuple[Route, ...] = (
    ("GET", "/organization/users", _users),
    ("GET", "/organization/users/{user}", _get_user),
    ("POST", "/organization/users/{user}", _set_user),
    ("DELETE", "/organization/users/{user}", _delete_user),
    ("GET", "/organization/invites", _invites),
    ("POST", "/organization/invites", _create_invite),
    ("GET", "/organization/invites/{invite}", _get_invite),
    ("DELETE", "/organization/invites/{invite}", _delete_invite),
    ("GET", "/organization/admin_api_keys", _admin_keys),
)
