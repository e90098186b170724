"""Anthropic's service accounts, federation issuers and rules (anthropic 2.12, types/organization and its folder federation):
shapes, and what its parameters' descriptions say is refused. No tokens are exchanged here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stationmaster.sandbox.admin.anthropic import by_token
from stationmaster.sandbox.admin.calls import Answer, Answerer, Call, Route, maybe_rfc3339, rfc3339
from stationmaster.sandbox.admin.rows import Issuer, Rule, Service, Table
from stationmaster.sandbox.admin.state import Refused

SCOPES = ("workspace:developer", "workspace:inference")     # that a token may give; others are the console's
LIFETIMES = range(60, 86_401)                               # seconds of a token

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_JWKS = ("discovery", "explicit_url", "inline")
_LONGEST_ASSERTION = 3600


def _kept(row: Any) -> dict[str, object]:
    """What all of them have."""
    return {
        "id": row.id, "name": row.name, "created_at": rfc3339(row.created_at), "updated_at": rfc3339(row.created_at),
        "archived_at": maybe_rfc3339(row.archived_at), "created_by_actor_id": None, "updated_by_actor_id": None,
        "archived_by_actor_id": None,
    }  # fmt: skip


def _service(row: Service) -> dict[str, object]:
    return {**_kept(row), "type": "service_account", "description": None, "organization_role": "developer"}


def _issuer(row: Issuer) -> dict[str, object]:
    return {
        **_kept(row), "type": "federation_issuer", "issuer_url": row.url, "jwks": row.jwks, "check_jti": True,
        "max_jwt_lifetime_seconds": _LONGEST_ASSERTION, "jwks_polling_disabled_at": None, "poll_status": None,
    }  # fmt: skip


def _rule(row: Rule) -> dict[str, object]:
    return {
        **_kept(row), "type": "federation_rule", "description": None, "issuer_id": row.issuer, "match": row.match,
        "oauth_scope": row.scope, "target": {"type": "service_account", "service_account_id": row.service},
        "token_lifetime_seconds": row.lifetime, "applies_to_all_workspaces": row.projects is None,
        "workspace_ids": [*(row.projects or ())],
    }  # fmt: skip


def _only_federated(answerer: Answerer) -> Answerer:
    """Admin keys are refused here: all of it takes a token with the scope org:admin."""

    def answered(call: Call) -> Answer:
        if not call.organisation.settings.federated:
            raise Refused("forbidden", "This endpoint requires an OAuth token with the org:admin scope.")
        return answerer(call)

    return answered


def _listed(call: Call, rows: Sequence[Any], shape: Callable[[Any], dict[str, object]]) -> Answer:
    shown = [row for row in rows if not row.archived_at or call.first("include_archived") == "true"]
    return by_token(call, [shape(row) for row in shown])


def _archived(call: Call, table: Table[Any], which: str, shape: Callable[[Any], dict[str, object]]) -> Answer:
    """For good; again is the same."""
    row = table.get(which)
    if row is None:
        raise Refused("not_found", f"No {which}.")
    return Answer(shape(row if row.archived_at else table.put(replace(row, archived_at=call.organisation.clock()))))


def _name(call: Call, table: Table[Any]) -> str:
    """A slug that nothing live of its kind has."""
    name = call.text("name")
    if not _SLUG.fullmatch(name):
        raise Refused("bad_request", "name: lowercase letters, digits and hyphens.")
    if any(row.name == name and not row.archived_at for row in table.all()):
        raise Refused("taken", f"The name {name} is taken.")
    return name


def _services(call: Call) -> Answer:
    return _listed(call, call.organisation.services.listed(call.organisation.settings.listed_after), _service)


def _create_service(call: Call) -> Answer:
    organisation = call.organisation
    name = _name(call, organisation.services)
    row = Service(organisation.new_id("svac_"), name, "", "developer", organisation.clock())
    return Answer(_service(organisation.services.put(row)))


def _issuers(call: Call) -> Answer:
    return _listed(call, call.organisation.issuers.listed(call.organisation.settings.listed_after), _issuer)


def _create_issuer(call: Call) -> Answer:
    organisation = call.organisation
    name, url = _name(call, organisation.issuers), call.text("issuer_url")
    if not url.startswith("https://"):
        raise Refused("bad_request", "issuer_url: an https URL.")
    row = Issuer(organisation.new_id("fdis_"), name, url, _jwks(call), organisation.clock())
    return Answer(_issuer(organisation.issuers.put(row)))


def _jwks(call: Call) -> Mapping[str, object]:
    jwks = call.fields.get("jwks", {"type": "discovery"})
    if not isinstance(jwks, Mapping) or jwks.get("type") not in _JWKS:
        raise Refused("bad_request", "jwks: one of its types.")
    if jwks["type"] == "inline" and not jwks.get("keys"):
        raise Refused("bad_request", "jwks.keys: at least one.")
    return jwks


def _archive_issuer(call: Call) -> Answer:
    return _archived(call, call.organisation.issuers, call.params["issuer"], _issuer)


def _rules(call: Call) -> Answer:
    issuer = call.first("issuer_id")
    rows = call.organisation.rules.listed(call.organisation.settings.listed_after)
    return _listed(call, [row for row in rows if not issuer or row.issuer == issuer], _rule)


def _create_rule(call: Call) -> Answer:
    organisation = call.organisation
    row = Rule(
        id=organisation.new_id("fdrl_"), name=_name(call, organisation.rules), match=_match(call), service=_target(call),
        issuer=_live(organisation.issuers, call.text("issuer_id")), scope=call.text("oauth_scope", SCOPES),
        lifetime=_lifetime(call), projects=_where(call), created_at=organisation.clock(),
    )  # fmt: skip
    return Answer(_rule(organisation.rules.put(row)))


def _match(call: Call) -> Mapping[str, object]:
    """An audience alone would be everybody."""
    match = call.fields.get("match")
    if not isinstance(match, Mapping) or not any(match.get(name) for name in ("subject_prefix", "claims", "condition")):
        raise Refused("bad_request", "match: at least one of subject_prefix, claims or condition is required.")
    if match.get("subject_prefix") == "*":
        raise Refused("bad_request", "match.subject_prefix: a wildcard alone matches everybody.")
    return match


def _target(call: Call) -> str:
    target = call.fields.get("target")
    if not isinstance(target, Mapping) or target.get("type") != "service_account":
        raise Refused("bad_request", "target: a service_account.")
    return _live(call.organisation.services, str(target.get("service_account_id")))


def _live(table: Table[Any], which: str) -> str:
    row = table.get(which)
    if row is None or row.archived_at:
        raise Refused("bad_request", f"{which} does not exist or is archived.")
    return which


def _lifetime(call: Call) -> int:
    lifetime = call.fields.get("token_lifetime_seconds", 3600)
    if not isinstance(lifetime, int) or lifetime not in LIFETIMES:
        raise Refused("bad_request", "token_lifetime_seconds: from 60 to 86400.")
    return lifetime


def _where(call: Call) -> tuple[str, ...] | None:
    if call.fields.get("applies_to_all_workspaces") is True:
        return None
    return (_live(call.organisation.projects, call.text("workspace_id")),)


def _archive_rule(call: Call) -> Answer:
    return _archived(call, call.organisation.rules, call.params["rule"], _rule)


_O = "/v1/organizations"
ROUTES: tuple[Route, ...] = tuple((method, f"{_O}/{path}", _only_federated(answerer)) for method, path, answerer in (
    ("GET", "service_accounts", _services),
    ("POST", "service_accounts", _create_service),
    ("GET", "federation_issuers", _issuers),
    ("POST", "federation_issuers", _create_issuer),
    ("POST", "federation_issuers/{issuer}/archive", _archive_issuer),
    ("GET", "federation_rules", _rules),
    ("POST", "federation_rules", _create_rule),
    ("POST", "federation_rules/{rule}/archive", _archive_rule),
))  # fmt: skip
