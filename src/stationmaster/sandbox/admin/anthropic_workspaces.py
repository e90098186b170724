"""Anthropic's workspaces, their members, API keys, rate and spend limits (anthropic 2.12, its types). Service accounts are
`anthropic_federation`'s."""

from dataclasses import replace

from stationmaster.sandbox.admin.anthropic import by_token, listed
from stationmaster.sandbox.admin.calls import Answer, Call, Route, after, maybe_rfc3339, rfc3339
from stationmaster.sandbox.admin.rows import Key, Place, Project
from stationmaster.sandbox.admin.state import Refused

ROLES = ("workspace_user", "workspace_developer", "workspace_restricted_developer", "workspace_admin")
MODELS = {"claude-sonnet-5": (1_000, 450_000, 90_000), "claude-haiku-5": (2_000, 1_000_000, 200_000)}


def _workspace(row: Project) -> dict[str, object]:
    return {
        "type": "workspace", "id": row.id, "name": row.name, "created_at": rfc3339(row.created_at),
        "archived_at": maybe_rfc3339(row.archived_at), "display_color": "#6C5BB9", "compartment_id": "cmpt_sandbox", "tags": {},
        "external_key_id": None, "user_profile_id": None,
        "data_residency": {"allowed_inference_geos": "unrestricted", "default_inference_geo": "global", "workspace_geo": "us"},
    }  # fmt: skip


def _found(call: Call) -> Project:
    row = call.organisation.projects.get(call.params["workspace"])
    if row is None:
        raise Refused("not_found", f"No workspace {call.params['workspace']}.")
    return row


def _workspaces(call: Call) -> Answer:
    """The default workspace is listed only when it is asked for (workspace_list_params)."""
    organisation = call.organisation
    rows = organisation.projects.listed(organisation.settings.listed_after)
    rows = [row for row in rows if not row.archived_at or call.first("include_archived") == "true"]
    rows = [row for row in rows if not row.default or call.first("include_default") == "true"]
    return listed(call, organisation.projects, rows, _workspace)


def _get_workspace(call: Call) -> Answer:
    return Answer(_workspace(_found(call)))


def _create_workspace(call: Call) -> Answer:
    organisation = call.organisation
    row = Project(organisation.new_id("wrkspc_"), call.text("name"), organisation.clock())
    return Answer(_workspace(organisation.projects.put(row)))


def _member(row: Place) -> dict[str, object]:
    return {"type": "workspace_member", "user_id": row.member, "workspace_id": row.project, "workspace_role": row.role}


def _members(call: Call) -> Answer:
    organisation, workspace = call.organisation, _found(call)
    rows = [row for row in organisation.places.listed(organisation.settings.listed_after) if row.project == workspace.id]
    cursor = call.first("after_id")
    page = after(call, organisation.places, rows, cursor and f"{workspace.id}/{cursor}", call.whole("limit", 20, 1000))
    ends = (page.rows[0].member, page.rows[-1].member) if page.rows else (None, None)
    shapes = [_member(row) for row in page.rows]
    return Answer({"data": shapes, "has_more": page.more, "first_id": ends[0], "last_id": ends[1]})


def _add_member(call: Call) -> Answer:
    organisation, workspace = call.organisation, _found(call)
    person = organisation.person(call.text("user_id"))
    place = Place(workspace.id, person.id, call.text("workspace_role", ROLES), organisation.clock())
    if organisation.places.get(place.id):
        raise Refused("in_project", f"User {person.id} is already a member of this workspace.")
    return Answer(_member(organisation.places.put(place)))


def _placed(call: Call) -> Place:
    row = call.organisation.places.get(f"{call.params['workspace']}/{call.params['user']}")
    if row is None:
        raise Refused("not_found", f"User {call.params['user']} is not in this workspace.")
    return row


def _get_member(call: Call) -> Answer:
    return Answer(_member(_placed(call)))


def _set_member(call: Call) -> Answer:
    row = replace(_placed(call), role=call.text("workspace_role", (*ROLES, "workspace_billing")))
    return Answer(_member(call.organisation.places.put(row)))


def _delete_member(call: Call) -> Answer:
    row = _placed(call)
    call.organisation.places.drop(row.id)
    return Answer({"type": "workspace_member_deleted", "user_id": row.member, "workspace_id": row.project})


def _key(call: Call, row: Key) -> dict[str, object]:
    service = call.organisation.services.get(row.owner)
    actor = {"type": "service_account_actor", "service_account_id": row.owner}
    principal = actor if service else {"type": "user_actor", "user_id": row.owner}
    return {
        "type": "api_key", "id": row.id, "name": row.name, "status": row.status, "partial_key_hint": row.hint,
        "created_at": rfc3339(row.created_at), "expires_at": maybe_rfc3339(row.expires_at),
        "created_by": {"id": row.owner, "type": "service_account" if service else "user"}, "principal": principal,
        "scope": {"type": "workspace", "workspace_id": row.project},
    }  # fmt: skip


def _keys(call: Call) -> Answer:
    organisation = call.organisation
    rows = organisation.keys.listed(organisation.settings.listed_after)
    status, workspace = call.first("status"), call.first("workspace_id")
    rows = [row for row in rows if (not status or row.status == status) and (not workspace or row.project == workspace)]
    return listed(call, organisation.keys, rows, lambda row: _key(call, row))


def _keyed(call: Call) -> Key:
    row = call.organisation.keys.get(call.params["key"])
    if row is None:
        raise Refused("not_found", f"No API key {call.params['key']}.")
    return row


def _get_key(call: Call) -> Answer:
    return Answer(_key(call, _keyed(call)))


def _set_key(call: Call) -> Answer:
    row = _keyed(call)
    status = call.fields.get("status") or row.status
    if status not in ("active", "inactive", "archived"):
        raise Refused("bad_request", "status is not one of its values.")
    if row.status == "archived" and status != "archived":
        raise Refused("bad_request", "An archived key stays archived.")
    made = replace(row, status=str(status), name=str(call.fields.get("name") or row.name))
    return Answer(_key(call, call.organisation.keys.put(made)))


def _group(model: str) -> dict[str, object]:
    return {"type": "model_group", "id": f"group_{model}", "display_name": model}


def _values(model: str) -> list[tuple[str, int]]:
    names = ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute")
    return list(zip(names, MODELS[model], strict=True))


def _rate_limits(call: Call) -> Answer:
    shapes: list[dict[str, object]] = [
        {"type": "rate_limit", "id": f"rl_{model}", "group": _group(model), "models": [model],
         "limits": [{"type": name, "value": value} for name, value in _values(model)]}
        for model in MODELS
    ]  # fmt: skip
    return by_token(call, shapes)


def _workspace_rate_limits(call: Call) -> Answer:
    workspace, inherited = _found(call), call.first("include_inherited") == "true"
    shapes: list[dict[str, object]] = [
        {"type": "workspace_rate_limit", "rate_limit_id": f"rl_{model}", "workspace_id": workspace.id, "group": _group(model),
         "models": [model],
         "limits": [{"type": name, "value": value, "org_limit": value, "source": {"type": "organization"}}
                    for name, value in _values(model)]}
        for model in (MODELS if inherited else ())
    ]  # fmt: skip
    return by_token(call, shapes)


def _spend_limits(call: Call) -> Answer:
    organisation = call.organisation
    amounts = {"": organisation.settings.spend_limit_minor, **organisation.spend_limits}
    wanted = call.many("scope_type")
    shapes = [_spend_limit(call, workspace, amount) for workspace, amount in amounts.items() if amount is not None]
    return by_token(call, [each for each in shapes if not wanted or each["scope"]["type"] in wanted])  # type: ignore[index]


def _spend_limit(call: Call, workspace: str, amount: int) -> dict[str, object]:
    made = rfc3339(call.organisation.projects.all()[0].created_at)
    scope: dict[str, object] = {"type": "workspace", "workspace_id": workspace} if workspace else {"type": "organization"}
    return {
        "type": "spend_limit", "id": f"sl_{workspace or 'organization'}", "amount": str(amount), "currency": "USD",
        "is_enabled": True, "period": "monthly", "scope": scope, "created_at": made, "updated_at": made,
    }  # fmt: skip


_O = "/v1/organizations"
_W = f"{_O}/workspaces/{{workspace}}"
ROUTES: tuple[Route, ...] = (
    ("GET", f"{_O}/workspaces", _workspaces),
    ("POST", f"{_O}/workspaces", _create_workspace),
    ("GET", _W, _get_workspace),
    ("GET", f"{_W}/members", _members),
    ("POST", f"{_W}/members", _add_member),
    ("GET", f"{_W}/members/{{user}}", _get_member),
    ("POST", f"{_W}/members/{{user}}", _set_member),
    ("DELETE", f"{_W}/members/{{user}}", _delete_member),
    ("GET", f"{_W}/rate_limits", _workspace_rate_limits),
    ("GET", f"{_O}/api_keys", _keys),
    ("GET", f"{_O}/api_keys/{{key}}", _get_key),
    ("POST", f"{_O}/api_keys/{{key}}", _set_key),
    ("GET", f"{_O}/rate_limits", _rate_limits),
    ("GET", f"{_O}/spend_limits", _spend_limits),
)
