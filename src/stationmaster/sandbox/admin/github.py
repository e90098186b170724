"""GitHub organisations: shapes as githubkit's schemas of 2026-03-10 have them, errors as GitHub answers. Seats are
`github_seats'`.

Members are listed without addresses and roles; an invitation by address has no login, one by account no address; what was not
accepted within seven days leaves the pending list for the failed one.
"""

from dataclasses import replace

from stationmaster.sandbox.admin.calls import Answer, Call, Page, Route, numbered, rfc3339
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.rows import Invitation
from stationmaster.sandbox.admin.state import Refused, number_of

_STATUSES = {
    "not_found": 404, "unauthorised": 401, "forbidden": 403, "rate": 429, "failed": 500, "unavailable": 503, "conflict": 409,
}  # fmt: skip
_WORDS = {
    "unauthorised": "Bad credentials", "not_found": "Not Found", "forbidden": "Must have admin rights to Organization.",
    "rate": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", "failed": "Server Error",
    "unavailable": "Service unavailable", "conflict": "Conflict", "on_hold": "This organization has been flagged.",
}  # fmt: skip
_SAID = {
    "already_member": "A user with this email address is already a part of this organization",
    "already_invited": "An invitation for this user is already pending",
}  # fmt: skip
_DOCS = "https://docs.github.com/rest"
_ROLES = ("direct_member", "admin", "billing_manager", "reinstate")


def error(reason: str, message: str) -> Answer:
    """A refusal in GitHub's envelope; what cannot be processed is a 422 with its errors."""
    status = _STATUSES.get(reason, 403 if reason == "on_hold" else 422)
    if status != 422:
        words = message if message.startswith("Incorrect") else _WORDS[reason]
        return Answer({"message": words, "documentation_url": _DOCS, "status": str(status)}, status)
    words = _SAID.get(reason, message)
    fault = {"resource": "OrganizationInvitation", "code": "unprocessable", "field": "data", "message": words}
    return Answer({"message": "Validation Failed", "errors": [fault], "documentation_url": _DOCS, "status": "422"}, 422)


def account(login: str, kind: str = "User") -> dict[str, object]:
    """SimpleUser."""
    api, here = "https://api.github.com/users/", f"https://api.github.com/users/{login}"
    return {
        "login": login, "id": number_of(login), "node_id": f"U_{number_of(login)}", "avatar_url": f"https://github.com/{login}.png",
        "gravatar_id": "", "url": api + login, "html_url": f"https://github.com/{login}", "followers_url": f"{here}/followers",
        "following_url": f"{here}/following{{/other_user}}", "gists_url": f"{here}/gists{{/gist_id}}",
        "starred_url": f"{here}/starred{{/owner}}{{/repo}}", "subscriptions_url": f"{here}/subscriptions",
        "organizations_url": f"{here}/orgs", "repos_url": f"{here}/repos", "events_url": f"{here}/events{{/privacy}}",
        "received_events_url": f"{here}/received_events", "type": kind, "site_admin": False,
    }  # fmt: skip


def simple(organisation: Organisation) -> dict[str, object]:
    """OrganizationSimple."""
    name = organisation.name
    here = f"https://api.github.com/orgs/{name}"
    return {
        "login": name, "id": number_of(name), "node_id": f"O_{number_of(name)}", "url": here, "repos_url": f"{here}/repos",
        "events_url": f"{here}/events", "hooks_url": f"{here}/hooks", "issues_url": f"{here}/issues",
        "members_url": f"{here}/members{{/member}}", "public_members_url": f"{here}/public_members{{/member}}",
        "avatar_url": f"https://github.com/{name}.png", "description": None,
    }  # fmt: skip


def _organisation(call: Call) -> Answer:
    """OrganizationFull."""
    made = rfc3339(call.organisation.projects.all()[0].created_at)
    counts = {"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0}
    return Answer({
        **simple(call.organisation), **counts, "name": call.organisation.name, "has_organization_projects": True,
        "has_repository_projects": True, "html_url": f"https://github.com/{call.organisation.name}", "type": "Organization",
        "created_at": made, "updated_at": made, "archived_at": None,
    })  # fmt: skip


def _user(call: Call) -> Answer:
    """PublicUser. Accounts exist, but those whose name begins with `nobody`."""
    login = call.params["login"]
    if login.startswith("nobody"):
        raise Refused("not_found")
    texts = {"name": None, "company": None, "blog": None, "location": None, "email": None, "hireable": None, "bio": None}
    counts = {"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0}
    made = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    call.organisation.logins[number_of(login)] = login
    return Answer({**account(login), **texts, **counts, **made})


def _listed(call: Call, page: Page, shapes: list[dict[str, object]]) -> Answer:
    return Answer(shapes, headers=link(call, page))


def link(call: Call, page: Page) -> dict[str, str]:
    """The header that says that there is another page."""
    size, number = call.whole("per_page", 30, 100), call.whole("page", 1)
    return {"link": f'<{call.path}?per_page={size}&page={number + 1}>; rel="next"'} if page.more else {}


def _members(call: Call) -> Answer:
    organisation, role = call.organisation, call.first("role", "all")
    rows = [row for row in organisation.people.listed(organisation.settings.listed_after) if role in ("all", row.role)]
    page = numbered(call, organisation.people, rows, call.whole("page", 1), call.whole("per_page", 30, 100))
    return _listed(call, page, [account(row.login) for row in page.rows])


def _membership(call: Call, login: str, role: str, state: str) -> Answer:
    """OrgMembership."""
    here = f"https://api.github.com/orgs/{call.organisation.name}"
    return Answer({
        "url": f"{here}/memberships/{login}", "state": state, "role": role, "organization_url": here,
        "organization": simple(call.organisation), "user": account(login), "direct_membership": True,
    })  # fmt: skip


def _awaited(call: Call, login: str) -> Invitation | None:
    return next((row for row in call.organisation.pending() if row.login.casefold() == login.casefold()), None)


def _get_membership(call: Call) -> Answer:
    login = call.params["login"]
    person = call.organisation.people.get(login.casefold())
    if person:
        return _membership(call, person.login, person.role, "active")
    invitation = _awaited(call, login)
    if invitation is None:
        raise Refused("not_found")
    return _membership(call, login, call.organisation.traits.joined_role(invitation.role), "pending")


def _set_membership(call: Call) -> Answer:
    """Whoever is no member yet is invited by this."""
    organisation, login = call.organisation, call.params["login"]
    role = str(call.fields.get("role") or "member")
    if role not in ("admin", "member"):
        raise Refused("bad_request", "role is not one of its values.")
    person = organisation.people.get(login.casefold())
    if person is None:
        if _awaited(call, login) is None:
            organisation.invite("", "admin" if role == "admin" else "direct_member", login=login)
        return _membership(call, login, role, "pending")
    if person.role == "admin" and role != "admin" and sum(p.role == "admin" for p in organisation.people.all()) == 1:
        raise Refused("forbidden", "The last owner stays.")
    organisation.people.put(replace(person, role=role))
    return _membership(call, person.login, role, "active")


def _delete_membership(call: Call) -> Answer:
    organisation, login = call.organisation, call.params["login"]
    person, invitation = organisation.people.get(login.casefold()), _awaited(call, login)
    if person:
        organisation.remove(person)
    elif invitation:
        organisation.withdraw(invitation.id)
    else:
        raise Refused("not_found")
    return Answer(None, 204)


def _invitation(call: Call, row: Invitation, failed: bool = False) -> dict[str, object]:
    """OrganizationInvitation."""
    owner = next((p.login for p in call.organisation.people.all() if p.role == "admin"), "owner")
    here = f"https://api.github.com/organizations/{number_of(call.organisation.name)}/invitations/{row.number}/teams"
    told: dict[str, object] = {
        "id": row.number, "login": row.login or None, "email": row.email or None, "role": row.role,
        "created_at": rfc3339(row.invited_at), "inviter": account(owner), "team_count": 0, "node_id": f"OI_{row.number}",
        "invitation_teams_url": here, "failed_at": None, "failed_reason": None,
    }  # fmt: skip
    reason = "Invitation expired. User did not accept this invite for 7 days."
    return {**told, "failed_at": rfc3339(row.expires_at), "failed_reason": reason} if failed else told


def _invitations(call: Call) -> Answer:
    return _by_status(call, "pending")


def _failed_invitations(call: Call) -> Answer:
    return _by_status(call, "expired")


def _by_status(call: Call, status: str) -> Answer:
    organisation = call.organisation
    rows = [row for row in organisation.invitations_table.listed(organisation.settings.listed_after) if row.status == status]
    page = numbered(call, organisation.invitations_table, rows, call.whole("page", 1), call.whole("per_page", 30, 100))
    return _listed(call, page, [_invitation(call, row, status == "expired") for row in page.rows])


def _invite(call: Call) -> Answer:
    organisation, email, number = call.organisation, call.fields.get("email"), call.fields.get("invitee_id")
    role = str(call.fields.get("role") or "direct_member")
    if role not in _ROLES or (not email and not number):
        raise Refused("bad_request", "Invite requires either user or email")
    login = organisation.logins.get(number, "") if isinstance(number, int) else ""
    if number and not login:
        raise Refused("not_found")
    return Answer(_invitation(call, organisation.invite("" if login else str(email), role, login=login)), 201)


def _uninvite(call: Call) -> Answer:
    rows = (row for row in call.organisation.invitations_table.all() if str(row.number) == call.params["invitation"])
    found = next((row for row in rows if row.status == "pending"), None)
    if found is None:
        raise Refused("not_found")
    call.organisation.withdraw(found.id)
    return Answer(None, 204)


_O = "/orgs/{org}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/users/{login}", _user),
    ("GET", _O, _organisation),
    ("GET", f"{_O}/members", _members),
    ("GET", f"{_O}/memberships/{{login}}", _get_membership),
    ("PUT", f"{_O}/memberships/{{login}}", _set_membership),
    ("DELETE", f"{_O}/memberships/{{login}}", _delete_membership),
    ("GET", f"{_O}/invitations", _invitations),
    ("POST", f"{_O}/invitations", _invite),
    ("DELETE", f"{_O}/invitations/{{invitation}}", _uninvite),
    ("GET", f"{_O}/failed_invitations", _failed_invitations),
)
