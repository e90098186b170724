"""Service accounts and API keys of OpenAI's projects (openai 3.54, types/admin/organization/projects). A secret is said once."""

from stationmaster.sandbox.admin.calls import Answer, Call, Route, after, unix
from stationmaster.sandbox.admin.openai import deleted, listed
from stationmaster.sandbox.admin.openai_projects import found
from stationmaster.sandbox.admin.rows import Key, Service
from stationmaster.sandbox.admin.state import MINTED, Refused, digest_of


def _service(row: Service) -> dict[str, object]:
    return {
        "object": "organization.project.service_account", "id": row.id, "name": row.name, "role": row.role,
        "created_at": int(row.created_at),
    }  # fmt: skip


def _services(call: Call) -> Answer:
    organisation, project = call.organisation, found(call)
    rows = [row for row in organisation.services.listed(organisation.settings.listed_after) if row.project == project.id]
    page = after(call, organisation.services, rows, call.first("after"), call.whole("limit", 20, 100))
    return listed(page, [_service(row) for row in page.rows])


def _served(call: Call) -> Service:
    row = call.organisation.services.get(call.params["service"])
    if row is None or row.project != call.params["project"]:
        raise Refused("not_found", f"No service account {call.params['service']} in this project.")
    return row


def _get_service(call: Call) -> Answer:
    return Answer(_service(_served(call)))


def _create_service(call: Call) -> Answer:
    organisation, project = call.organisation, found(call)
    bare = call.fields.get("create_service_account_only") is True
    row = Service(
        organisation.new_id("user-"), call.text("name"), project.id, "none" if bare else "member", organisation.clock()
    )
    organisation.services.put(row)
    return Answer({**_service(row), "api_key": None if bare else _mint(call, row, "Secret Key")})


def _delete_service(call: Call) -> Answer:
    row, organisation = _served(call), call.organisation
    organisation.services.drop(row.id)
    for key in organisation.keys.all():
        if key.owner == row.id:
            organisation.keys.drop(key.id)
    return deleted("organization.project.service_account", row.id)


def _create_key(call: Call) -> Answer:
    return Answer(_mint(call, _served(call), str(call.fields.get("name") or "Secret Key")))


def _mint(call: Call, service: Service, name: str) -> dict[str, object]:
    """A key with its secret, which is said here and never again."""
    organisation, now = call.organisation, call.organisation.clock()
    wanted = call.fields.get("expires_in_seconds")
    expires_at = now + wanted if isinstance(wanted, int) and wanted else None
    value = organisation.new_id(MINTED)
    hint = f"sk-svcacct-...{value[-4:]}"
    asked = call.fields.get("scopes")
    scopes = tuple(map(str, asked)) if isinstance(asked, list) else ()
    key = Key(
        organisation.new_id("key_"), name, service.project, service.id, hint, now, expires_at=expires_at, scopes=scopes,
    )  # fmt: skip
    organisation.keys.put(key)
    organisation.secrets[digest_of(value)] = key.id
    return {
        "object": "organization.project.service_account.api_key", "id": key.id, "name": key.name, "value": value,
        "created_at": int(now), "expires_at": unix(expires_at),
    }  # fmt: skip


def _key(call: Call, row: Key) -> dict[str, object]:
    owner, active = _owner(call, row)
    return {
        "object": "organization.project.api_key", "id": row.id, "name": row.name, "redacted_value": row.hint,
        "created_at": int(row.created_at), "last_used_at": unix(row.last_used_at), "expires_at": unix(row.expires_at),
        "owner": owner, "owner_project_access": "active" if active else "inactive",
    }  # fmt: skip


def _owner(call: Call, row: Key) -> tuple[dict[str, object], bool]:
    """The owner's shape, and whether they are in the key's project."""
    service = call.organisation.services.get(row.owner)
    if service:
        told: dict[str, object] = {"id": service.id, "name": service.name, "created_at": int(service.created_at)}
        told["role"] = service.role
        return {"type": "service_account", "service_account": told}, True
    person = call.organisation.person(row.owner)
    place = call.organisation.places.get(f"{row.project}/{person.id}")
    role = place.role if place else "member"
    told = {"id": person.id, "email": person.email, "name": person.name, "created_at": int(person.added_at), "role": role}
    return {"type": "user", "user": told}, place is not None


def _keys(call: Call) -> Answer:
    """Without `owner_project_access` keys of owners outside the project stay hidden (resources/.../projects/api_keys.py)."""
    organisation, project = call.organisation, found(call)
    rows = [row for row in organisation.keys.listed(organisation.settings.listed_after) if row.project == project.id]
    wanted = call.first("owner_project_access", "active")
    rows = [row for row in rows if wanted == "any" or _owner(call, row)[1] == (wanted == "active")]
    page = after(call, organisation.keys, rows, call.first("after"), call.whole("limit", 20, 100))
    return listed(page, [_key(call, row) for row in page.rows])


def _keyed(call: Call) -> Key:
    row = call.organisation.keys.get(call.params["key"])
    if row is None or row.project != call.params["project"]:
        raise Refused("not_found", f"No API key {call.params['key']} in this project.")
    return row


def _get_key(call: Call) -> Answer:
    return Answer(_key(call, _keyed(call)))


def _delete_key(call: Call) -> Answer:
    row = _keyed(call)
    if call.organisation.settings.refuses_service_keys and call.organisation.services.get(row.owner):
        raise Refused("bad_request", "Service account keys cannot be deleted; delete the service account.")
    call.organisation.keys.drop(row.id)
    return deleted("organization.project.api_key", row.id)


_P = "/organization/projects/{project}"
ROUTES: tuple[Route, ...] = (
    ("GET", f"{_P}/service_accounts", _services),
    ("POST", f"{_P}/service_accounts", _create_service),
    ("GET", f"{_P}/service_accounts/{{service}}", _get_service),
    ("DELETE", f"{_P}/service_accounts/{{service}}", _delete_service),
    ("POST", f"{_P}/service_accounts/{{service}}/api_keys", _create_key),
    ("GET", f"{_P}/api_keys", _keys),
    ("GET", f"{_P}/api_keys/{{key}}", _get_key),
    ("DELETE", f"{_P}/api_keys/{{key}}", _delete_key),
)
