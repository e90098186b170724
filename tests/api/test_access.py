"""Who may call what: every operation by every role, on what is their own and on what is not, in every spelling."""

import atexit
import functools
import itertools
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from django.utils import timezone

from api.kit import FORM, Callers, browser, code
from controlkit import CLI, a_credential, a_workspace
from internal.kit import Control
from jobs import deeds  # noqa: F401  registers kinds of job
from stationmaster.alerts import services as alerts
from stationmaster.bills.models import BillDay
from stationmaster.credentials import generations
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, TokenSource
from stationmaster.entrances import live
from stationmaster.entrances.api.site import document
from stationmaster.importing import services as rosters
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job
from stationmaster.operators import services as operators
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.people.models import Import, Leaver
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Publication, PublishPlan, Target
from stationmaster.publishing.planning import digest_of
from stationmaster.publishing.reaching import place_of
from stationmaster.routing import services as routing
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage.models import UsageEvent
from stationmaster.workspaces import addresses, seats
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import AllowedAddress, Workspace
from usage.kit import request, sent
from work.kit import Mailbox

ALL: Final = frozenset({"viewer", "operator", "admin", "auditor", "member"})
SEERS: Final = ALL - {"member"}
RUNNERS: Final = frozenset({"operator", "admin"})
ADMINS: Final = frozenset({"admin"})
WATCHERS: Final = RUNNERS | {"auditor"}
CHECKERS: Final = frozenset({"auditor", "admin"})
A_SOURCE: Final = {"kind": "oauth2_client_credentials", "secret": "the-client-and-its-secret",
                   "options": {"token_url": "https://login.example.com/token", "client_id": "stationmaster"}}  # fmt: skip
SOAK: Final = bool(os.environ.get("SOAK"))
_numbers = itertools.count()


@dataclass(frozen=True)
class Cell:
    """How to call an operation for one cell of the table."""

    method: str
    path: str
    body: Any = None


def _name() -> str:
    return f"thing-{next(_numbers)}"


def _credential() -> str:
    return str(credentials.create_credential(CLI, a_credential(_name()))["id"])


def _identity_provider() -> None:
    if not AllowedAddress.objects.filter(name="login.example.com").exists():
        addresses.allow_address(CLI, {"name": "login.example.com", "reason": "the company's"})


def _sourced() -> str:
    """One whose secret comes from a source, which nobody asks here."""
    _identity_provider()
    made = {**A_SOURCE, "vendor": "openai_compatible", "base_url": "https://models.example.com/v1"}
    credentials.put_source(CLI, name := _name(), made)
    TokenSource.objects.all().observe(refresh_at=None)
    return str(credentials.get_credential(CLI, name)["id"])


def _slot() -> str:
    """One that has no secret, and says where it gets one."""
    workspace, name = _workspace(), _name()
    credentials.mint_credential(CLI, name, {"workspace": workspace, "project": "proj_1"})
    Job.objects.filter(kind="mint", state="queued").delete()
    return str(credentials.get_credential(CLI, name)["id"])


def _minting() -> str:
    """A workspace with a credential that is minted there."""
    workspace = _workspace()
    credentials.update_credential(CLI, _credential(), {"workspace": workspace, "project": "proj_1"})
    return workspace


def _rotating() -> str:
    which = _credential()
    credentials.rotate_credential(CLI, which, {"secret": "sk-proj-the-next-one"})
    return which


def _kept() -> str:
    """One whose earlier secret is kept."""
    which = _rotating()
    with change(CLI) as edit:
        row = Credential.objects.get(id=which)
        old = generations.promote(edit, row, row.generations.get())
        assert old is not None
        generations.keep(edit, old, 1)
    return which


@functools.cache
def _sandbox() -> SandboxServer:
    """Where simulated gateways are, for as long as these tests run."""
    server = SandboxServer()
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server


def _unstored() -> dict[str, Any]:
    """How a gateway in the sandbox is reached."""
    if not AllowedAddress.objects.filter(name="127.0.0.1").exists():
        addresses.allow_address(CLI, {"name": "127.0.0.1", "reason": "the sandbox"})
    gateway = _sandbox().targets.make("s2a", _name())
    return {"base_url": gateway.base_url(_sandbox().url), "secret": gateway.secret, "allow_insecure_http": True}


def _heard() -> dict[str, Any]:
    """Where a webhook goes that nobody takes."""
    _unstored()
    return {"channel": "webhook", "url": f"{_sandbox().url}/hook", "allow_insecure_http": True}


def _alert() -> str:
    return str(alerts.create_alert(CLI, {"name": _name(), **_heard()}).row["id"])


def _delivery() -> str:
    """One that did not arrive."""
    which = _alert()
    assert not alerts.test_alert(CLI, which, {})["ok"]
    name = alerts.get_alert(CLI, which)["name"]
    return str(alerts.list_deliveries(CLI, Query(filters=(Filter("alert", "eq", name),))).items[0]["id"])


def _target() -> str:
    """One that was tested."""
    made = publishing.create_target(CLI, {"name": _name(), "kind": "s2a", **_unstored()})
    assert publishing.test_target(CLI, {}, str(made["id"]))["ok"]
    return str(made["id"])


def _publish_plan() -> PublishPlan:
    with change(CLI) as edit:
        row = PublishPlan(target=Target.objects.get(id=_target()), counts={})
        row.digest = digest_of(place_of(row.target), ())
        edit.create(row)
    return row


def _applying_plan() -> Cell:
    row = _publish_plan()
    return Cell("POST", f"publish-plans/{row.id}/apply", {"hash": row.digest})


def _publication(target: str = "") -> Publication:
    with change(CLI) as edit:
        row = Publication(credential=Credential.objects.get(id=_credential()), target=Target.objects.get(id=target or _target()),
                          entry="7")
        edit.create(row)
    return row


def _withdrawing() -> Cell:
    row = _publication(_target())
    return Cell("POST", f"targets/{row.target_id}/withdraw", {"credentials": [row.credential_id]})


def _bill() -> str:
    place = Workspace.objects.get(id=_workspace())
    return str(BillDay.objects.create(workspace=place, day=timezone.now(), read_at=timezone.now()).pk)


def _calendar() -> str:
    return str(credentials.create_feed(CLI, {"name": _name()}).row["id"])


def _pool() -> str:
    made = credentials.create_credential(CLI, a_credential(_name()))
    return str(routing.create_pool(CLI, {"name": _name(), "members": [{"credential": made["name"]}]})["name"])


def _pool_id() -> str:
    return str(routing.get_pool(CLI, _pool())["id"])


def _route() -> str:
    return str(routing.create_route(CLI, {"models": [_name()], "pool": _pool()})["id"])


def _key(owner: str = "somebody") -> str:
    return str(routing.create_key(CLI, {"name": _name(), "owner": owner}).row["id"])


def _workspace() -> str:
    return str(workspaces.create_workspace(CLI, a_workspace(_name()))["id"])


def _address() -> str:
    return str(addresses.allow_address(CLI, {"name": f"10.3.{next(_numbers) % 250}.0/24", "reason": "ours"})["id"])


def _operator() -> str:
    return str(operators.create_operator(CLI, {"email": f"{_name()}@example.com", "role": "viewer"})["id"])


def _gone() -> str:
    made = _operator()
    operators.delete_operator(CLI, made)
    return made


def _token() -> str:
    return str(operators.create_token(CLI, {"name": _name(), "role": "viewer"}).row["id"])


def _request() -> str:
    """A request of somebody else's."""
    told = request(owner="ada")
    sent(told)
    return str(told["request_id"])


def _gateway_token() -> str:
    return str(operators.create_gateway_token(CLI, {"name": _name()}).row["id"])


def _person() -> str:
    return str(people.create_person(CLI, {"user_name": _name()})["id"])


def _leaver() -> str:
    return str(people.deactivate_person(CLI, _person())["id"])


def _held() -> str:
    """Somebody whom SCIM wants to leave."""
    which = _person()
    Leaver.objects.create(person=which, state="held", at=timezone.now(), asked_at=timezone.now())
    return which


def _linked() -> tuple[str, dict[str, str]]:
    which, vendor, login = _person(), "github_copilot", _name()
    people.link_login(CLI, which, vendor, login)
    return which, {"vendor": vendor, "login": login}


def _group() -> str:
    return str(people.create_group(CLI, {"name": _name()})["id"])


def _import() -> str:
    which = str(imports.begin_import(CLI, {})["id"])
    imports.add_part(CLI, which, 0, b"mail\n")
    return which


def _roster() -> str:
    which = str(rosters.begin(CLI, {})["id"])
    rosters.add_part(CLI, which, 0, b"mail\n")
    return which


def _mapping() -> str:
    return str(rosters.save_mapping(CLI, {"name": _name(), "fields": {"who": "email"}})["id"])


def _assignment() -> str:
    return str(workspaces.create_assignment(CLI, {"workspace": _workspace(), "person": _person()})["id"])


def _by_hand() -> str:
    """A plan of one step that a person does."""
    name = str(workspaces.create_workspace(CLI, {"name": _name(), "vendor": "manual"})["name"])
    who = str(people.create_person(CLI, {"user_name": _name(), "email": f"{_name()}@example.test"})["id"])
    workspaces.create_assignment(CLI, {"workspace": name, "person": who})
    return str(workspaces.make_plan(CLI, {"workspaces": [name]})["id"])


def _approved() -> str:
    which = _by_hand()
    workspaces.approve_plan(CLI, which, {})
    return which


def _mail() -> Cell:
    _mailbox().use()
    return Cell("POST", "mail/test", {"to": "ada@example.test"})


@functools.cache
def _mailbox() -> Mailbox:
    """A relay, to the end of the run."""
    box = Mailbox().__enter__()
    atexit.register(box.__exit__, None, None, None)
    return box


def _applying() -> Cell:
    which = _approved()
    workspaces.apply_plan(CLI, which, {})
    step = workspaces.list_steps(CLI, which, _everything()).items[0]["id"]
    return Cell("POST", f"plans/{which}/tick", {"step": step})


def _seat() -> str:
    which = _workspace()
    with change(CLI) as edit:
        return str(seats.seat_for(edit, _person(), which).id)


def _wish() -> str:
    return str(workspaces.ask_for_seat(CLI, {"workspace": _workspace(), "person": _person()})["id"])


def _waiting() -> str:
    which = _import()
    Import.objects.filter(id=which).update(state="waiting", full=True)
    return which


def _unlinking() -> Cell:
    which, given = _linked()
    return Cell("POST", f"people/{which}/logins/remove", given)


def _saved() -> str:
    live.save_setting(CLI, "retention.raw_events_days", 40 + next(_numbers))
    return "retention.raw_events_days"


def _job() -> str:
    made: str = jobs.submit(CLI, "test_odd", args={"way": "fine"})["id"]
    return made


def _cancelled() -> str:
    which = _job()
    jobs.cancel(CLI, which)
    return which


def _crud(path: str, make: Callable[[], str], given: Callable[[], Any], changed: Any) -> dict[str, Callable[[], Cell]]:
    name = path.replace("-", "_")
    return {
        f"list_{name}": lambda: Cell("GET", path),
        f"get_{name}": lambda: Cell("GET", f"{path}/{make()}"),
        f"create_{name}": lambda: Cell("POST", path, given()),
        f"update_{name}": lambda: Cell("PATCH", f"{path}/{make()}", changed),
        f"delete_{name}": lambda: Cell("DELETE", f"{path}/{make()}"),
    }


CALLS: Final[dict[str, Callable[[], Cell]]] = {
    **_crud("workspaces", _workspace, lambda: a_workspace(_name()),
            {"disabled": True}),
    **_crud("credentials", _credential, lambda: a_credential(_name()), {"disabled": True}),
    **_crud("pools", _pool_id, lambda: {"name": _name(), "members": [{"credential": credentials.get_credential(
        CLI, _credential())["name"]}]}, {}),
    **_crud("routes", _route, lambda: {"models": [_name()], "pool": _pool()}, {"aliases": {}}),
    **_crud("keys", _key, lambda: {"name": _name()}, {"rpm": 7}),
    **_crud("addresses", _address, lambda: {"name": f"10.4.{next(_numbers) % 250}.0/24", "reason": "ours"}, {}),
    **_crud("operators", _operator, lambda: {"email": f"{_name()}@example.com", "role": "viewer"}, {"display_name": "X"}),
    **_crud("tokens", _token, lambda: {"name": _name(), "role": "viewer"}, {}),
    **_crud("gateway-tokens", _gateway_token, lambda: {"name": _name()}, {}),
    **_crud("people", _person, lambda: {"user_name": _name()}, {"title": "T"}),
    **_crud("groups", _group, lambda: {"name": _name()}, {"external_id": "x"}),
    "deactivate_people": lambda: Cell("POST", f"people/{_person()}/deactivate", {}),
    "reactivate_people": lambda: Cell("POST", f"people/{_leaver()}/reactivate", {}),
    "erase_people": lambda: Cell("POST", f"people/{_person()}/erase", {}),
    "link_people": lambda: Cell("POST", f"people/{_person()}/logins", {"vendor": "github_copilot", "login": _name()}),
    "unlink_people": _unlinking,
    "list_people_held": lambda: Cell("GET", "people/held"),
    "approve_people_held": lambda: Cell("POST", "people/held/approve", {"persons": [_held()]}),
    "refuse_people_held": lambda: Cell("POST", "people/held/refuse", {"persons": [_held()]}),
    "list_people_conflicts": lambda: Cell("GET", "people/conflicts"),
    "list_groups_members": lambda: Cell("GET", f"groups/{_group()}/members"),
    "change_groups_members": lambda: Cell("POST", f"groups/{_group()}/members", {"add": [_person()]}),
    "list_imports": lambda: Cell("GET", "imports"),
    "get_imports": lambda: Cell("GET", f"imports/{_roster()}"),
    "create_imports": lambda: Cell("POST", "imports", {"name": "x.json"}),
    "delete_imports": lambda: Cell("DELETE", f"imports/{_roster()}"),
    "upload_imports": lambda: Cell("PUT", f"imports/{_roster()}/content?offset=5", {}),
    "preview_imports": lambda: Cell("POST", f"imports/{_roster()}/preview", {}),
    "start_imports": lambda: Cell("POST", f"imports/{_roster()}/start", {}),
    "list_imports_problems": lambda: Cell("GET", f"imports/{_roster()}/problems"),
    "list_import_mappings": lambda: Cell("GET", "import-mappings"),
    "get_import_mappings": lambda: Cell("GET", f"import-mappings/{_mapping()}"),
    "create_import_mappings": lambda: Cell("POST", "import-mappings", {"name": _name(), "fields": {"who": "email"}}),
    "delete_import_mappings": lambda: Cell("DELETE", f"import-mappings/{_mapping()}"),
    "export_roster": lambda: Cell("GET", "rosters/accounts"),
    "list_people_imports": lambda: Cell("GET", "people/imports"),
    "get_people_imports": lambda: Cell("GET", f"people/imports/{_import()}"),
    "create_people_imports": lambda: Cell("POST", "people/imports", {"name": "x.csv"}),
    "delete_people_imports": lambda: Cell("DELETE", f"people/imports/{_import()}"),
    "upload_people_imports": lambda: Cell("PUT", f"people/imports/{_import()}/content?offset=5", {}),
    "preview_people_imports": lambda: Cell("POST", f"people/imports/{_import()}/preview", {}),
    "start_people_imports": lambda: Cell("POST", f"people/imports/{_import()}/start", {}),
    "approve_people_imports": lambda: Cell("POST", f"people/imports/{_waiting()}/approve", {"leavers": 0}),
    "list_people_imports_leavers": lambda: Cell("GET", f"people/imports/{_import()}/leavers"),
    "list_people_imports_problems": lambda: Cell("GET", f"people/imports/{_import()}/problems"),
    "create_several_assignments": lambda: Cell(
        "POST", "assignments/several", {"assignments": [{"workspace": _workspace(), "person": _person()}]}),
    **_crud("assignments", _assignment, lambda: {"workspace": _workspace(), "person": _person()}, {"role": "owner"}),
    **_crud("plans", _by_hand, lambda: {"workspaces": [_workspace()]}, {}),
    "list_plans_steps": lambda: Cell("GET", f"plans/{_by_hand()}/steps"),
    "approve_plans": lambda: Cell("POST", f"plans/{_by_hand()}/approve", {}),
    "refuse_plans": lambda: Cell("POST", f"plans/{_by_hand()}/refuse", {"reason": "no"}),
    "apply_plans": lambda: Cell("POST", f"plans/{_approved()}/apply", {}),
    "tick_plans": _applying,
    "get_runs": lambda: Cell("GET", "runs/all"),
    "start_runs": lambda: Cell("POST", "runs/all/start", {"concurrency": 2}),
    "stop_runs": lambda: Cell("POST", "runs/all/stop", {}),
    "test_mail": _mail,
    **_crud("seats", _seat, dict, {}),
    "list_seats_history": lambda: Cell("GET", f"seats/{_seat()}/history"),
    "skip_seats": lambda: Cell("POST", f"seats/{_seat()}/skip", {"reason": "on leave"}),
    "unskip_seats": lambda: Cell("POST", f"seats/{_seat()}/unskip", {}),
    "reinvite_seats": lambda: Cell("POST", f"seats/{_seat()}/reinvite", {}),
    "list_seat_requests": lambda: Cell("GET", "seat-requests"),
    "get_seat_requests": lambda: Cell("GET", f"seat-requests/{_wish()}"),
    "create_seat_requests": lambda: Cell("POST", "seat-requests", {"workspace": _workspace(), "person": _person()}),
    "grant_seat_requests": lambda: Cell("POST", f"seat-requests/{_wish()}/grant", {}),
    "refuse_seat_requests": lambda: Cell("POST", f"seat-requests/{_wish()}/refuse", {"reason": "no"}),
    "withdraw_seat_requests": lambda: Cell("POST", f"seat-requests/{_wish()}/withdraw", {}),
    "try_routes": lambda: Cell("POST", "routes/all/try", {"model": "gpt-5"}),
    "mint_credentials": lambda: Cell("POST", f"credentials/{_slot()}/mint", {}),
    "paste_credentials": lambda: Cell("POST", f"credentials/{_name()}/paste", {"secret": "sk-proj-pasted"}),
    "guide_vendors": lambda: Cell("POST", "vendors/anthropic/guide", {}),
    "list_bills": lambda: Cell("GET", "bills"),
    "get_bills": lambda: Cell("GET", f"bills/{_bill()}"),
    "list_bills_parts": lambda: Cell("GET", f"bills/{_bill()}/parts"),
    "read_workspaces_bills": lambda: Cell("POST", f"workspaces/{_workspace()}/bills", {}),
    "rotate_credentials": lambda: Cell("POST", f"credentials/{_credential()}/rotate", {"secret": "sk-proj-the-next-one"}),
    "rotate_workspaces": lambda: Cell("POST", f"workspaces/{_minting()}/rotate", {}),
    "rollback_credentials": lambda: Cell("POST", f"credentials/{_rotating()}/rollback", {}),
    "revoke_credentials": lambda: Cell("POST", f"credentials/{_credential()}/revoke", {"reason": "leaked"}),
    "revoke_kept_credentials": lambda: Cell("POST", f"credentials/{_kept()}/revoke-kept", {}),
    "mark_revoked_credentials": lambda: Cell("POST", f"credentials/{_kept()}/revoked", {"generation": 1}),
    "probe_credentials": lambda: Cell("POST", f"credentials/{_credential()}/probe", {}),
    "override_credentials": lambda: Cell("POST", f"credentials/{_credential()}/override", {"state": "out", "reason": "audit"}),
    "list_credentials_history": lambda: Cell("GET", f"credentials/{_credential()}/history"),
    "recognise_vendors": lambda: Cell("POST", "vendors/openai/recognise", {"secret": "sk-proj-anything"}),
    "calendar": lambda: Cell("GET", "calendar"),
    **_crud("alerts", _alert, lambda: {"name": _name(), **_heard()}, {"expiry_days": [3]}),
    "test_alerts": lambda: Cell("POST", f"alerts/{_alert()}/test", {}),
    "rotate_alerts": lambda: Cell("POST", f"alerts/{_alert()}/rotate", {}),
    "list_alert_deliveries": lambda: Cell("GET", "alert-deliveries"),
    "get_alert_deliveries": lambda: Cell("GET", f"alert-deliveries/{_delivery()}"),
    "send_alert_deliveries": lambda: Cell("POST", f"alert-deliveries/{_delivery()}/send", {}),
    **_crud("targets", _target, lambda: {"name": _name(), "kind": "s2a", **_unstored()}, {"label": "X"}),
    "forget_targets": lambda: Cell("POST", f"targets/{_target()}/forget", {}),
    "test_targets": lambda: Cell("POST", f"targets/{_target()}/test", {}),
    "test_target_kinds": lambda: Cell("POST", "target-kinds/s2a/test", _unstored()),
    "list_target_groups": lambda: Cell("POST", f"targets/{_target()}/groups", {}),
    "read_back_targets": lambda: Cell("POST", f"targets/{_target()}/read-back", {}),
    "withdraw_targets": _withdrawing,
    "list_target_kinds": lambda: Cell("GET", "target-kinds"),
    "list_publish_plans": lambda: Cell("GET", "publish-plans"),
    "get_publish_plans": lambda: Cell("GET", f"publish-plans/{_publish_plan().id}"),
    "list_publish_plans_steps": lambda: Cell("GET", f"publish-plans/{_publish_plan().id}/steps"),
    "create_publish_plans": lambda: Cell("POST", "publish-plans", {"target": _target(), "withdraw": True,
                                                                  "credentials": [_credential()]}),
    "apply_publish_plans": _applying_plan,
    "list_publications": lambda: Cell("GET", "publications"),
    "get_publications": lambda: Cell("GET", f"publications/{_publication().id}"),
    "list_sources": lambda: Cell("GET", "sources"),
    "get_credentials_source": lambda: Cell("GET", f"credentials/{_sourced()}/source"),
    "put_credentials_source": lambda: Cell("PUT", f"credentials/{_sourced()}/source", A_SOURCE),
    "delete_credentials_source": lambda: Cell("DELETE", f"credentials/{_sourced()}/source"),
    "refresh_credentials": lambda: Cell("POST", f"credentials/{_sourced()}/refresh", {}),
    "list_credentials_publications": lambda: Cell("GET", f"credentials/{_credential()}/publications"),
    "export_targets": lambda: Cell("POST", "exports/kong", {"credentials": [_credential()]}),
    **_crud("calendars", _calendar, lambda: {"name": _name()}, {}),
    "run_workspaces": lambda: Cell("POST", f"workspaces/{_workspace()}/run", {"kind": "reconcile"}),
    "list_workspaces_listed": lambda: Cell("GET", f"workspaces/{_workspace()}/listed/members"),
    "list_vendors": lambda: Cell("GET", "vendors"),
    "list_jobs": lambda: Cell("GET", "jobs"),
    "get_jobs": lambda: Cell("GET", f"jobs/{_job()}"),
    "list_job_items": lambda: Cell("GET", f"jobs/{_job()}/items"),
    "job_log": lambda: Cell("GET", f"jobs/{_job()}/log"),
    "cancel_job": lambda: Cell("POST", f"jobs/{_job()}/cancel", {}),
    "retry_job": lambda: Cell("POST", f"jobs/{_cancelled()}/retry", {}),
    "list_job_artifacts": lambda: Cell("GET", f"jobs/{_job()}/artifacts"),
    "get_job_artifact": lambda: Cell("GET", f"jobs/{_job()}/artifacts/run.log"),
    "list_workers": lambda: Cell("GET", "workers"),
    "list_job_kinds": lambda: Cell("GET", "job-kinds"),
    "invite_operators": lambda: Cell("POST", f"operators/{_operator()}/invite"),
    "erase_operators": lambda: Cell("POST", f"operators/{_gone()}/erase"),
    "rotate_keys": lambda: Cell("POST", f"keys/{_key()}/rotate", {"grace_seconds": 60}),
    "rotate_gateway_tokens": lambda: Cell("POST", f"gateway-tokens/{_gateway_token()}/rotate", {"overlap_seconds": 60}),
    "list_gateways": lambda: Cell("GET", "gateways"),
    "list_audit": lambda: Cell("GET", "audit"),
    "verify_audit": lambda: Cell("POST", "audit/verify", {}),
    "list_usage_events": lambda: Cell("GET", "usage/events"),
    "get_usage_events": lambda: Cell("GET", f"usage/events/{_request()}"),
    "usage_totals": lambda: Cell("GET", "usage/totals?by=owner"),
    "usage_series": lambda: Cell("GET", "usage/series?step=hour"),
    "list_settings": lambda: Cell("GET", "settings"),
    "get_setting": lambda: Cell("GET", "settings/console.port"),
    "save_setting": lambda: Cell("PUT", "settings/retention.raw_events_days", {"value": 31 + next(_numbers)}),
    "clear_setting": lambda: Cell("DELETE", f"settings/{_saved()}"),
    "health": lambda: Cell("GET", "health"),
    "me": lambda: Cell("GET", "me"),
}  # fmt: skip

# The table: which roles each operation is for. What is listed nowhere fails `test_every_operation_is_in_the_table`.
MAY: Final[dict[str, frozenset[str]]] = {
    "list_workspaces": SEERS, "get_workspaces": SEERS, "create_workspaces": ADMINS, "update_workspaces": ADMINS,
    "delete_workspaces": ADMINS,
    "list_credentials": SEERS, "get_credentials": SEERS, "create_credentials": RUNNERS, "update_credentials": RUNNERS,
    "paste_credentials": RUNNERS, "guide_vendors": RUNNERS, "list_bills": SEERS, "get_bills": SEERS, "list_bills_parts": SEERS,
    "read_workspaces_bills": RUNNERS,
    "delete_credentials": RUNNERS, "mint_credentials": RUNNERS, "rotate_credentials": RUNNERS, "rotate_workspaces": RUNNERS,
    "rollback_credentials": RUNNERS, "revoke_credentials": RUNNERS, "revoke_kept_credentials": RUNNERS,
    "mark_revoked_credentials": RUNNERS, "probe_credentials": RUNNERS, "override_credentials": RUNNERS,
    "list_sources": SEERS, "get_credentials_source": SEERS, "put_credentials_source": RUNNERS,
    "delete_credentials_source": RUNNERS, "refresh_credentials": RUNNERS,
    "list_credentials_history": SEERS, "recognise_vendors": RUNNERS, "calendar": SEERS,
    "list_alerts": WATCHERS, "get_alerts": WATCHERS, "create_alerts": RUNNERS, "update_alerts": RUNNERS, "delete_alerts": RUNNERS,
    "test_alerts": RUNNERS, "rotate_alerts": RUNNERS, "list_alert_deliveries": WATCHERS, "get_alert_deliveries": WATCHERS,
    "send_alert_deliveries": RUNNERS,
    "list_targets": SEERS, "get_targets": SEERS, "create_targets": ADMINS, "update_targets": ADMINS, "delete_targets": ADMINS,
    "forget_targets": ADMINS, "test_targets": RUNNERS, "test_target_kinds": ADMINS, "list_target_groups": RUNNERS,
    "read_back_targets": RUNNERS, "withdraw_targets": RUNNERS, "list_target_kinds": SEERS,
    "list_publish_plans": SEERS, "get_publish_plans": SEERS, "list_publish_plans_steps": SEERS, "create_publish_plans": RUNNERS,
    "apply_publish_plans": RUNNERS, "list_publications": SEERS, "get_publications": SEERS,
    "list_credentials_publications": SEERS, "export_targets": SEERS,
    "list_calendars": SEERS, "get_calendars": SEERS, "create_calendars": RUNNERS, "delete_calendars": RUNNERS,
    "list_pools": SEERS, "get_pools": SEERS, "create_pools": RUNNERS, "update_pools": RUNNERS, "delete_pools": RUNNERS,
    "list_routes": SEERS, "get_routes": SEERS, "create_routes": RUNNERS, "update_routes": RUNNERS, "delete_routes": RUNNERS,
    "list_keys": ALL, "get_keys": SEERS, "create_keys": RUNNERS, "update_keys": RUNNERS, "delete_keys": RUNNERS,
    "rotate_keys": RUNNERS,
    "list_people": ALL, "get_people": SEERS, "create_people": RUNNERS, "update_people": RUNNERS, "delete_people": ADMINS,
    "deactivate_people": RUNNERS, "reactivate_people": RUNNERS, "erase_people": ADMINS, "link_people": RUNNERS,
    "unlink_people": RUNNERS, "list_people_conflicts": RUNNERS | CHECKERS,
    "list_people_held": ALL, "approve_people_held": RUNNERS, "refuse_people_held": RUNNERS,
    "list_groups": SEERS, "get_groups": SEERS, "create_groups": RUNNERS, "update_groups": RUNNERS, "delete_groups": RUNNERS,
    "list_groups_members": SEERS, "change_groups_members": RUNNERS,
    **dict.fromkeys((
        "list_people_imports", "get_people_imports", "create_people_imports", "delete_people_imports", "upload_people_imports",
        "preview_people_imports", "start_people_imports", "approve_people_imports", "list_people_imports_leavers",
        "list_people_imports_problems", "list_imports", "get_imports", "create_imports", "delete_imports", "upload_imports",
        "preview_imports", "start_imports", "list_imports_problems", "list_import_mappings", "get_import_mappings",
        "create_import_mappings", "delete_import_mappings",
    ), RUNNERS),
    "export_roster": RUNNERS | CHECKERS,
    "list_assignments": SEERS, "get_assignments": SEERS, "create_assignments": RUNNERS, "update_assignments": RUNNERS,
    "delete_assignments": RUNNERS, "create_several_assignments": RUNNERS,
    "list_plans": SEERS, "get_plans": SEERS, "create_plans": RUNNERS, "list_plans_steps": SEERS, "approve_plans": RUNNERS,
    "refuse_plans": RUNNERS, "apply_plans": RUNNERS, "tick_plans": RUNNERS,
    "get_runs": SEERS, "start_runs": RUNNERS, "stop_runs": RUNNERS, "test_mail": ADMINS,
    "list_seats": ALL, "get_seats": SEERS, "list_seats_history": SEERS, "skip_seats": RUNNERS, "unskip_seats": RUNNERS,
    "reinvite_seats": RUNNERS,
    "list_seat_requests": ALL, "get_seat_requests": SEERS, "create_seat_requests": RUNNERS, "grant_seat_requests": RUNNERS,
    "refuse_seat_requests": RUNNERS, "withdraw_seat_requests": RUNNERS, "try_routes": SEERS,
    "run_workspaces": ADMINS, "list_workspaces_listed": SEERS, "list_vendors": SEERS,
    "list_jobs": SEERS, "get_jobs": SEERS, "list_job_items": SEERS, "job_log": SEERS, "list_job_artifacts": SEERS,
    "get_job_artifact": RUNNERS | CHECKERS, "cancel_job": RUNNERS, "retry_job": ADMINS, "list_workers": SEERS,
    "list_job_kinds": SEERS,
    "list_addresses": RUNNERS | CHECKERS, "create_addresses": ADMINS, "delete_addresses": ADMINS,
    "list_operators": CHECKERS, "get_operators": CHECKERS, "create_operators": ADMINS, "update_operators": ADMINS,
    "delete_operators": ADMINS, "invite_operators": ADMINS, "erase_operators": ADMINS,
    "list_tokens": RUNNERS | CHECKERS, "get_tokens": CHECKERS, "create_tokens": RUNNERS, "delete_tokens": ADMINS,
    "list_gateway_tokens": SEERS, "get_gateway_tokens": SEERS, "create_gateway_tokens": ADMINS,
    "delete_gateway_tokens": ADMINS, "rotate_gateway_tokens": ADMINS,
    "list_gateways": SEERS, "list_audit": CHECKERS, "verify_audit": CHECKERS,
    "list_usage_events": ALL, "get_usage_events": SEERS, "usage_totals": ALL, "usage_series": ALL,
    "list_settings": SEERS, "get_setting": SEERS, "save_setting": ADMINS, "clear_setting": ADMINS,
    "health": SEERS, "me": ALL,
}  # fmt: skip
# Where somebody gets 404 rather than 403: they may do it with what is their own, and this is not.
HIDDEN: Final = {("get_tokens", "operator"), ("delete_tokens", "operator"), ("get_keys", "member"), ("get_people", "member"),
                 ("get_seats", "member"), ("list_seats_history", "member"),
                 ("get_usage_events", "member")}  # fmt: skip
OPERATIONS: Final = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in json.loads(document())["paths"].items() for method, operation in methods.items()
}  # fmt: skip


def test_every_operation_is_in_the_table() -> None:
    """An operation that nobody decided about, or one that is gone, fails here; each cell calls its own operation."""
    assert set(MAY) == set(OPERATIONS)
    assert set(MAY) <= set(CALLS)


@pytest.mark.parametrize("operation", sorted(MAY))
def test_the_matrix(callers: Callers, operation: str) -> None:
    """Each role gets what the table says, and is otherwise refused: 403, or 404 where others' things are hidden."""
    assert CALLS[operation]().method == OPERATIONS[operation][0]
    for role in sorted(ALL):
        answer = _call(callers[role], CALLS[operation]())
        if role in MAY[operation]:
            assert answer.is_success, (operation, role, answer.text)
        else:
            hidden = (operation, role) in HIDDEN
            assert (answer.status_code in (403, 404) if hidden else answer.status_code == 403), (operation, role, answer.text)
    nobody = _call(callers["anonymous"], CALLS[operation]())
    assert (nobody.status_code, code(nobody)) == (401, "error.access.unauthenticated")


def test_what_is_their_own(callers: Callers) -> None:
    """A member is shown their own key, requests and figures, and none of anybody else's; an operator their own tokens."""
    own, foreign = _key(callers.ids["member"]), _key("ada")
    sent(request(owner=callers.ids["member"]), request(owner="ada"))
    member = callers["member"]
    assert member.get(f"keys/{own}").status_code == 200
    assert member.get(f"keys/{foreign}").status_code in (403, 404)
    assert [item["id"] for item in member.get("keys").json()["items"]] == [own]
    assert {item["owner"] for item in member.get("usage/events").json()["items"]} == {callers.ids["member"]}
    parts = member.get("usage/totals", params={"by": "owner"}).json()["parts"]
    assert [part["owner"] for part in parts] == [callers.ids["member"]]
    for question in ("owner:eq:ada", "owner:ne:x"):
        assert all(item["owner"] != "ada" for item in member.get("usage/events", params={"filter": question}).json()["items"])
    made = callers["operator"].post("tokens", json={"name": "own"}).json()
    assert {item["owner"] for item in callers["operator"].get("tokens").json()["items"]} == {callers.ids["operator"]}
    gone = callers["operator"].delete(f"tokens/{made['id']}", headers={"if-match": f'"{made["revision"]}"'})
    assert gone.status_code == 204


def test_exports_are_for_whom_they_are(callers: Callers) -> None:
    """A file takes the right to export, which seeing a page does not give."""
    may = {"keys": RUNNERS | CHECKERS, "usage/events": RUNNERS | CHECKERS, "audit": CHECKERS, "gateways": RUNNERS | CHECKERS}
    for path, roles in may.items():
        for role in sorted(ALL):
            answer = callers[role].get(path, params={"format": "csv"})
            assert answer.status_code == (200 if role in roles else 403), (path, role)


def test_a_token_may_no_more_than_its_scopes(callers: Callers) -> None:
    """Scopes narrow a token; it can make no token that may more than itself."""
    made = callers["admin"].post("tokens", json={"name": "narrow", "role": "admin", "scopes": ["keys:read", "tokens:*"]}).json()
    narrow = {"authorization": f"Bearer {made['token']}"}
    anybody = callers["anonymous"]
    assert anybody.get("keys", headers=narrow).status_code == 200
    assert anybody.get("pools", headers=narrow).status_code == 403
    assert anybody.get("me", headers=narrow).json()["may"] == ["keys:read", *sorted(f"tokens:{verb}" for verb in (
        "create", "delete", "export", "read", "update"))]  # fmt: skip
    more = anybody.post("tokens", json={"name": "more", "role": "admin"}, headers=narrow)
    assert (more.status_code, code(more)) == (403, "error.access.grants_more")


def test_another_site_cannot_ask_in_a_browsers_name(control: Control, callers: Callers) -> None:
    """A browser's session alone changes nothing: without the form's token, or from another origin, a write has no effect."""
    name = _name()
    with browser(control.url, callers.ids["admin"]) as client:
        assert client.post("keys", json={"name": f"{name}-good"}).status_code == 201
        for headers in ({"x-csrftoken": ""}, {"x-csrftoken": "b" * 32}, {"origin": "https://evil.example"},
                        {"x-csrftoken": "", "content-type": "text/plain"}):  # fmt: skip
            sent_as = {"content-type": "application/json", **headers}
            answer = client.post("keys", content=json.dumps({"name": name}), headers=sent_as)
            assert (answer.status_code, code(answer)) == (403, "error.access.csrf"), headers
    assert FORM
    assert callers["admin"].get("keys", params={"search": name}).json()["total"] == 1


_SPELLINGS: Final[list[Callable[[str], str]]] = [
    lambda path: "/" + path, lambda path: path.replace("/v1/", "//v1/"), lambda path: path.replace("/v1/", "/v1//"),
    lambda path: path.replace("/v1/", "/./v1/"), lambda path: path.replace("/v1/", "/x/../v1/"),
    lambda path: path.replace("/v1/", "/%2e/v1/"), lambda path: path.replace("/v1/", "/%2e%2e/api/v1/"),
    lambda path: path.replace("/v1/", "%2fv1/"), lambda path: path.replace("/v1/", "/v1%2F"),
    lambda path: path.replace("/v1/", "\\v1\\"), lambda path: path.replace("/v1/", "/v1%5c"),
    lambda path: path.replace("/v1/", "/v1;a=b/"), lambda path: path + ";a", lambda path: path + "%00",
    lambda path: path + "/", lambda path: path + "//", lambda path: path + "/.", lambda path: path + "/..;/",
    lambda path: path + "%20", lambda path: path + "%09", lambda path: path + "%0d%0aX-A:%20b", lambda path: path + ".json",
    lambda path: path.upper(), lambda path: path.replace("/api/", "/API/"), lambda path: path.replace("/api/", "/Api/"),
    lambda path: path.replace("/api/", "/%61pi/"), lambda path: path.replace("/api/", "/api%252f"),
    lambda path: path.replace("v1", "V1"), lambda path: path.replace("v1", "%76%31"), lambda path: path + "?format=csv",
    lambda path: path + "?_method=GET", lambda path: path + "#x", lambda path: path + "?a=1&a=2", lambda path: path + "%3f",
    lambda path: "http://127.0.0.1" + path, lambda path: "http://evil.example" + path, lambda path: "/assets/.." + path,
    lambda path: "/login" + path, lambda path: "/welcome/x/../.." + path, lambda path: path.replace("/api/", "/api\u002e/"),
    lambda path: path.replace("/api/", "/api/docs/../"), lambda path: path.replace("/api/", "/internal/../api/"),
]  # fmt: skip
_EVERY: Final = 6      # of the spellings that an operation meets; the next operation meets the ones beside them
_HOSTS: Final = ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:4001@evil", "", "localhost\tx", "admin"]


@pytest.mark.parametrize("role", ["anonymous", "member"])
def test_no_spelling_gets_further(control: Control, callers: Callers, role: str) -> None:
    """However a path, a Host or a method is written: who may not call an operation gets nothing from it, and changes
    nothing. Decided is by the route that is run, so there is no other way to write it. Every spelling is tried with one
    operation of each method, and each operation in some of them; with `SOAK=1` each in all."""
    assert len(_SPELLINGS) >= 40
    before = len(routing.list_keys(CLI, _everything()).items)
    client = callers[role]
    forbidden = {name for name, roles in MAY.items() if role not in roles}
    whole = {OPERATIONS[operation][0]: operation for operation in sorted(forbidden)}
    for number, operation in enumerate(sorted(forbidden)):
        method, path = OPERATIONS[operation]
        path = re.sub(r"\{[^}]*\}", "console.port" if "setting" in operation else "x", path)
        every = 1 if SOAK or operation == whole[method] else _EVERY
        for spell in _SPELLINGS[number % every :: every]:
            status = _raw(control, client, method, spell(path))
            assert status >= 300, (operation, spell(path), status)
        for host in _HOSTS[number % every :: every]:
            assert _raw(control, client, method, path, host=host) >= 400, (operation, host)
    for override in ("X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "X-Forwarded-Prefix"):
        answer = client.get(f"{control.url}/login", headers={override: "/api/v1/operators"})
        assert "operators" not in answer.text
        assert client.post("keys", json={"name": "x"}, headers={override: "GET"}).status_code in (401, 403)
    assert len(routing.list_keys(CLI, _everything()).items) == before
    assert not UsageEvent.objects.exists()


def test_the_page_and_the_document_need_somebody(control: Control, callers: Callers) -> None:
    """The OpenAPI document, its page and its assets are for those who are known; the page fetches nothing from elsewhere."""
    for path in ("openapi.json", "docs", "docs/docs.js", "docs/docs.css", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js"):
        assert callers["anonymous"].get(f"{control.url}/api/{path}").status_code == 401
        answer = callers["viewer"].get(f"{control.url}/api/{path}")
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert callers["viewer"].post(f"{control.url}/api/{path}").status_code == 405
    page = callers["viewer"].get(f"{control.url}/api/docs").text
    assert not re.search(r'(?:src|href)="(?!/\w|#main"|data:,")', page)
    assert callers["viewer"].get(f"{control.url}/api/docs/views.py").status_code == 404


def _everything() -> Any:
    from stationmaster.store.listing import Query

    return Query(limit=500)


def _call(client: httpx.Client, cell: Cell) -> httpx.Response:
    headers = {"if-match": "*"}
    if cell.body is None:
        return client.request(cell.method, cell.path, headers=headers)
    return client.request(cell.method, cell.path, json=cell.body, headers=headers)


def _raw(control: Control, client: httpx.Client, method: str, target: str, host: str = "127.0.0.1") -> int:
    """The status of a request whose target is sent as it is written."""
    import socket

    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nX-CSRFToken: {FORM}\r\nIf-Match: *\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", httpx.URL(control.url).port or 0), timeout=30) as connection:
        connection.sendall(head.encode("utf-8") + body)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return int(answer.split(b" ", 2)[1]) if answer else 400
