"""OpenAI's projects: members, rate and spend limits (openai 3.54, types/admin/organization/projects). Service
accounts and keys are `openai_keys'`."""

from dataclasses import replace

from stationmaster.sandbox.admin.calls import Answer, Call, Route, after, unix
from stationmaster.sandbox.admin.openai import deleted, listed
from stationmaster.sandbox.admin.rows import Place, Project
from stationmaster.sandbox.admin.state import Refused

MODELS = {"gpt-5": (500, 500_000), "gpt-4o-mini": (10_000, 2_000_000)}


def _project(row: Project) -> dict[str, object]:
    status = "archived" if row.archived_at else "active"
    return {
        "object": "organization.project", "id": row.id, "name": row.name, "status": status, "created_at": int(row.created_at),
        "archived_at": unix(row.archived_at),
    }  # fmt: skip


def found(call: Call) -> Project:
    """The project that a path names. Raises `Refused`."""
    row = call.organisation.projects.get(call.params["project"])
    if row is None:
        raise Refused("not_found", f"No project {call.params['project']}.")
    return row


def _projects(call: Call) -> Answer:
    organisation = call.organisation
    rows = organisation.projects.listed(organisation.settings.listed_after)
    rows = rows if call.first("include_archived") == "true" else [row for row in rows if not row.archived_at]
    page = after(call, organisation.projects, rows, call.first("after"), call.whole("limit", 20, 100))
    return listed(page, [_project(row) for row in page.rows])


def _get_project(call: Call) -> Answer:
    return Answer(_project(found(call)))


def _create_project(call: Call) -> Answer:
    organisation = call.organisation
    row = Project(organisation.new_id("proj_"), call.text("name"), organisation.clock())
    return Answer(_project(organisation.projects.put(row)))


def _archive_project(call: Call) -> Answer:
    row = replace(found(call), archived_at=call.organisation.clock())
    return Answer(_project(call.organisation.projects.put(row)))


def _member(call: Call, place: Place) -> dict[str, object]:
    person = call.organisation.person(place.member)
    return {
        "object": "organization.project.user", "id": person.id, "email": person.email, "name": person.name, "role": place.role,
        "added_at": int(place.added_at),
    }  # fmt: skip


def _members(call: Call) -> Answer:
    organisation, project = call.organisation, found(call)
    rows = [row for row in organisation.places.listed(organisation.settings.listed_after) if row.project == project.id]
    rows = [row for row in rows if organisation.people.get(row.member)]
    cursor = call.first("after")
    page = after(call, organisation.places, rows, cursor and f"{project.id}/{cursor}", call.whole("limit", 20, 100))
    return listed(page, [_member(call, row) for row in page.rows])


def _add_member(call: Call) -> Answer:
    organisation, project = call.organisation, found(call)
    person = organisation.member(str(call.fields.get("user_id") or call.fields.get("email") or ""))
    if person is None:
        raise Refused("not_found", "The user is not a member of this organization.")
    place = Place(project.id, person.id, call.text("role", ("owner", "member")), organisation.clock())
    if organisation.places.get(place.id):
        raise Refused("already_member", f"{person.email} is already a member of this project.")
    return Answer(_member(call, organisation.places.put(place)))


def _placed(call: Call) -> Place:
    row = call.organisation.places.get(f"{call.params['project']}/{call.params['user']}")
    if row is None:
        raise Refused("not_found", f"No user {call.params['user']} in this project.")
    return row


def _get_member(call: Call) -> Answer:
    return Answer(_member(call, _placed(call)))


def _set_member(call: Call) -> Answer:
    row = replace(_placed(call), role=call.text("role", ("owner", "member")))
    return Answer(_member(call, call.organisation.places.put(row)))


def _delete_member(call: Call) -> Answer:
    call.organisation.places.drop(_placed(call).id)
    return deleted("organization.project.user", call.params["user"])


def _rate_limits(call: Call) -> Answer:
    project = found(call)
    shapes: list[dict[str, object]] = [
        {"object": "project.rate_limit", "id": f"rl-{model}", "model": model, "max_requests_per_1_minute": requests,
         "max_tokens_per_1_minute": tokens}
        for model, (requests, tokens) in (MODELS.items() if not project.archived_at else ())
    ]  # fmt: skip
    first, last = (shapes[0]["id"], shapes[-1]["id"]) if shapes else (None, None)
    return Answer({"object": "list", "data": shapes, "first_id": first, "last_id": last, "has_more": False})


def _spend_limit(call: Call) -> Answer:
    project = call.params.get("project")
    amount = call.organisation.spend_limits.get(found(call).id) if project else call.organisation.settings.spend_limit_minor
    if amount is None:
        raise Refused("not_found", "No spend limit is set.")
    return _spend(project, amount)


def _set_spend_limit(call: Call) -> Answer:
    amount, project = call.fields.get("threshold_amount"), call.params.get("project")
    if not isinstance(amount, int):
        raise Refused("bad_request", "threshold_amount is missing.")
    if project:
        call.organisation.spend_limits[found(call).id] = amount
    else:
        call.organisation.settings.spend_limit_minor = amount
    return _spend(project, amount)


def _spend(project: str | None, amount: int) -> Answer:
    kind = "project.spend_limit" if project else "organization.spend_limit"
    told = {"object": kind, "currency": "USD", "interval": "month", "threshold_amount": amount}
    return Answer({**told, "enforcement": {"status": "enforcing"}})


_P = "/organization/projects/{project}"
ROUTES: tuple[Route, ...] = (
    ("GET", "/organization/projects", _projects),
    ("POST", "/organization/projects", _create_project),
    ("GET", _P, _get_project),
    ("POST", f"{_P}/archive", _archive_project),
    ("GET", f"{_P}/users", _members),
    ("POST", f"{_P}/users", _add_member),
    ("GET", f"{_P}/users/{{user}}", _get_member),
    ("POST", f"{_P}/users/{{user}}", _set_member),
    ("DELETE", f"{_P}/users/{{user}}", _delete_member),
    ("GET", f"{_P}/rate_limits", _rate_limits),
    ("GET", f"{_P}/spend_limit", _spend_limit),
    ("POST", f"{_P}/spend_limit", _set_spend_limit),
    ("GET", "/organization/spend_limit", _spend_limit),
    ("POST", "/organization/spend_limit", _set_spend_limit),
)
