"""The desk of this machine's own control plane: its services, called directly. Owns: which service a noun's verb is.

Imported once Django is set up. Whoever can read this machine's keys and database is an admin.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from stationmaster.alerts import services as alerts
from stationmaster.audit import services as audit
from stationmaster.bills import services as bills
from stationmaster.cli.desk import MAX_PAGE, Asked, Happened, Made, Page, Row, Step, UsageAsked
from stationmaster.cli.machine import ThisMachine, link_of
from stationmaster.credentials import services as credentials
from stationmaster.entrances import live
from stationmaster.errors import Conflict, NotFound
from stationmaster.importing import services as rosters
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import artifact
from stationmaster.mail import services as mail
from stationmaster.operators import services as operators
from stationmaster.operators.gateways import OVERLAP
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.publishing import exporting
from stationmaster.publishing import services as publishing
from stationmaster.routing import services as routing
from stationmaster.store import changes
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter, bad_filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces


class _Services(NamedTuple):
    """One noun's. Those that are None do not exist."""

    page: Callable[..., Any] | None
    get: Callable[..., Row] | None = None
    create: Callable[..., Any] | None = None
    update: Callable[..., Row] | None = None
    delete: Callable[..., None] | None = None


def _export(product: str, actor: Actor, given: Row) -> Row:
    return exporting.export_declared(actor, product, given)


_NOUNS: Mapping[str, _Services] = {
    "workspaces": _Services(workspaces.list_workspaces, workspaces.get_workspace, workspaces.create_workspace,
                            workspaces.update_workspace, workspaces.delete_workspace),
    "credentials": _Services(credentials.list_credentials, credentials.get_credential, credentials.create_credential,
                             credentials.update_credential, credentials.delete_credential),
    "sources": _Services(credentials.list_sources, credentials.get_source, None, credentials.put_source,
                         credentials.delete_source),
    "calendars": _Services(credentials.list_feeds, credentials.get_feed, credentials.create_feed, None, credentials.delete_feed),
    "pools": _Services(routing.list_pools, routing.get_pool, routing.create_pool, routing.update_pool, routing.delete_pool),
    "routes": _Services(routing.list_routes, routing.get_route, routing.create_route, routing.update_route, routing.delete_route),
    "keys": _Services(routing.list_keys, routing.get_key, routing.create_key, routing.update_key, routing.delete_key),
    "alerts": _Services(alerts.list_alerts, alerts.get_alert, alerts.create_alert, alerts.update_alert, alerts.delete_alert),
    "alert-deliveries": _Services(alerts.list_deliveries, alerts.get_delivery),
    "gateway-tokens": _Services(operators.list_gateway_tokens, operators.get_gateway_token, operators.create_gateway_token,
                                None, operators.delete_gateway_token),
    "operators": _Services(operators.list_operators, operators.get_operator, operators.create_operator, operators.update_operator,
                           operators.delete_operator),
    "tokens": _Services(operators.list_tokens, operators.get_token, operators.create_token, None, operators.delete_token),
    "addresses": _Services(addresses.list_addresses, None, addresses.allow_address, None,
                           lambda actor, which, _version: addresses.disallow_address(actor, which)),
    "gateways": _Services(usage.list_gateways),
    "audit": _Services(audit.list_events),
    "usage/events": _Services(usage.list_events, usage.get_event),
    "bills": _Services(bills.list_bills, bills.get_bill),
    "jobs": _Services(jobs.list_jobs, jobs.get),
    "assignments/several": _Services(None, create=workspaces.assign_several),
    "assignments": _Services(workspaces.list_assignments, workspaces.get_assignment, workspaces.create_assignment,
                             workspaces.update_assignment, workspaces.delete_assignment),
    "plans": _Services(workspaces.list_plans, workspaces.get_plan, workspaces.make_plan),
    "seats": _Services(workspaces.list_seats, workspaces.get_seat),
    "seat-requests": _Services(workspaces.list_seat_requests, workspaces.get_seat_request, workspaces.ask_for_seat),
    "runs": _Services(None, workspaces.get_run),
    "mail/test": _Services(None, create=mail.send_test),
    "targets": _Services(publishing.list_targets, publishing.get_target, publishing.create_target, publishing.update_target,
                         publishing.delete_target),
    "publish-plans": _Services(publishing.list_plans, publishing.get_plan, publishing.make_plan),
    "publications": _Services(publishing.list_publications, publishing.get_publication),
    **{f"exports/{name}": _Services(None, create=partial(_export, name)) for name in exporting.PRODUCTS},
    "people": _Services(people.list_people, people.get_person, people.create_person, people.update_person, people.delete_person),
    "people/conflicts": _Services(people.list_conflicts),
    "people/imports": _Services(imports.list_imports, imports.get_import, imports.begin_import),
    "imports": _Services(rosters.list_rosters, rosters.get_roster, rosters.begin, None,
                         lambda actor, which, _version: rosters.delete_roster(actor, which)),
    "import-mappings": _Services(rosters.list_mappings, rosters.get_mapping, rosters.save_mapping, None, rosters.delete_mapping),
    "groups": _Services(people.list_groups, people.get_group, people.create_group, people.update_group, people.delete_group),
}  # fmt: skip


def _forgotten(actor: Actor, which: str) -> Row:
    publishing.delete_target(actor, which, forget=True)
    return {}


def _listed(name: str, actor: Actor, which: str, query: Query) -> Any:
    return workspaces.list_listed(actor, which, name, query)


# What can be done to one thing beside editing it, by noun and verb, and lists that belong to one thing, by noun and name.
_ACTS: Mapping[tuple[str, str], Callable[[Actor, str, Row], Any]] = {
    ("alerts", "test"): alerts.test_alert,
    ("alert-deliveries", "send"): alerts.resend,
    ("jobs", "cancel"): lambda actor, which, _: jobs.cancel(actor, which),
    ("jobs", "retry"): lambda actor, which, _: jobs.retry_failed(actor, which),
    ("plans", "approve"): workspaces.approve_plan,
    ("plans", "refuse"): workspaces.refuse_plan,
    ("plans", "apply"): workspaces.apply_plan,
    ("plans", "tick"): workspaces.tick_step,
    ("seat-requests", "grant"): workspaces.grant_seat_request,
    ("seat-requests", "refuse"): workspaces.refuse_seat_request,
    ("seat-requests", "withdraw"): workspaces.withdraw_seat_request,
    ("seats", "skip"): workspaces.skip_removal,
    ("seats", "unskip"): workspaces.unskip_removal,
    ("seats", "reinvite"): workspaces.reinvite_seat,
    ("workspaces", "run"): workspaces.run_job,
    ("workspaces", "rotate"): credentials.rotate_workspace,
    ("workspaces", "bills"): bills.read_bills,
    ("credentials", "mint"): credentials.mint_credential,
    ("credentials", "rotate"): credentials.rotate_credential,
    ("credentials", "rollback"): credentials.roll_back,
    ("credentials", "revoke"): credentials.revoke_credential,
    ("credentials", "revoke-kept"): credentials.revoke_kept,
    ("credentials", "revoked"): credentials.mark_revoked,
    ("credentials", "probe"): credentials.probe_credential,
    ("credentials", "override"): credentials.override_credential,
    ("credentials", "refresh"): credentials.refresh_credential,
    ("vendors", "recognise"): credentials.recognise,
    ("vendors", "guide"): credentials.guide,
    ("routes", "try"): lambda actor, _, given: routing.try_model(actor, given),
    ("credentials", "paste"): credentials.paste_credential,
    ("targets", "forget"): lambda actor, which, _: _forgotten(actor, which),
    ("targets", "test"): lambda actor, which, given: publishing.test_target(actor, given, which),
    ("target-kinds", "test"): lambda actor, which, given: publishing.test_target(actor, {**given, "kind": which}),
    ("targets", "groups"): lambda actor, which, _: {"items": publishing.list_groups(actor, which)},
    ("targets", "read-back"): lambda actor, which, _: publishing.read_back(actor, which),
    ("targets", "withdraw"): lambda actor, which, given: publishing.withdraw(actor, {**given, "target": which}),
    ("publish-plans", "apply"): publishing.apply_plan,
    ("runs", "start"): workspaces.start_run,
    ("runs", "stop"): workspaces.stop_run,
    ("people", "deactivate"): lambda actor, which, _: people.deactivate_person(actor, which),
    ("people", "reactivate"): lambda actor, which, _: people.reactivate_person(actor, which),
    ("people", "erase"): lambda actor, which, _: people.erase_person(actor, which),
    ("people", "logins"): lambda actor, which, given: people.link_login(actor, which, **given),
    ("people", "logins/remove"): lambda actor, which, given: people.unlink_login(actor, which, **given),
    ("people/imports", "preview"): imports.preview,
    ("imports", "preview"): rosters.preview,
    ("imports", "start"): lambda actor, which, given: rosters.start(actor, which, dry_run=given["dry_run"]),
    ("people/imports", "start"): lambda actor, which, given: imports.start(actor, which, dry_run=given["dry_run"]),
    ("people/imports", "approve"): lambda actor, which, given: imports.approve(actor, which, given["leavers"]),
    ("groups", "members"): lambda actor, which, given: people.change_members(
        actor, which, given.get("add", ()), given.get("remove", ())),
}
_PARTS: Mapping[tuple[str, str], Callable[[Actor, str, Query], Any]] = {
    ("jobs", "items"): jobs.items, ("credentials", "history"): credentials.list_history,
    ("bills", "parts"): bills.list_parts,
    ("publish-plans", "steps"): publishing.list_steps,
    ("plans", "steps"): workspaces.list_steps, ("seats", "history"): workspaces.seat_history,
    **{("workspaces", f"listed/{name}"): partial(_listed, name) for name in workspaces.LISTED},
    ("groups", "members"): people.list_members, ("people/imports", "problems"): imports.list_problems,
    ("imports", "problems"): rosters.list_problems,
}


class Local:
    """Implements `Desk` for `actor`."""

    local = True

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def page(self, noun: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """By the noun's service."""
        query = Query(asked.search, tuple(map(_filter, asked.filters)), asked.sort, cursor, limit)
        found = _there(_NOUNS[noun].page)(self._actor, query)
        return Page([_row(row) for row in found.items], found.next, found.total)

    def get(self, noun: str, which: str) -> Row:
        """By the noun's service."""
        return _row(_there(_NOUNS[noun].get)(self._actor, which))

    def create(self, noun: str, given: Row) -> Made:
        """By the noun's service."""
        return _made(_there(_NOUNS[noun].create)(self._actor, given))

    def update(self, noun: str, which: str, given: Row, version: int | None = None) -> Row:
        """By the noun's service."""
        return _row(_there(_NOUNS[noun].update)(self._actor, which, given, version))

    def delete(self, noun: str, which: str, version: int | None = None) -> None:
        """By the noun's service."""
        _there(_NOUNS[noun].delete)(self._actor, which, version)

    def rotate(self, noun: str, which: str, given: Row) -> Made:
        """A virtual key's secret, a gateway's token, or what signs an alert's webhooks."""
        if noun == "alerts":
            return _made(alerts.rotate_alert(self._actor, which, timedelta(seconds=given["overlap_seconds"])))
        if noun == "gateway-tokens":
            overlap = timedelta(seconds=given.get("overlap_seconds", OVERLAP.total_seconds()))
            return _made(operators.rotate_gateway_token(self._actor, which, overlap))
        return _made(routing.rotate_key(self._actor, which, given.get("grace_seconds", 0), given.get("secret_sha256", "")))

    def act(self, noun: str, which: str, verb: str, given: Row) -> Row:
        """By what `_ACTS` names."""
        return _row(_there(_ACTS.get((noun, verb)))(self._actor, which, given))

    def part(self, noun: str, which: str, name: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """By what `_PARTS` names."""
        query = Query(asked.search, tuple(map(_filter, asked.filters)), asked.sort, cursor, limit)
        found = _there(_PARTS.get((noun, name)))(self._actor, which, query)
        return Page([_row(row) for row in found.items], found.next, found.total)

    def log(self, which: str, after: int) -> Row:
        """By the jobs' service."""
        return _row(jobs.log(self._actor, which, after))

    def workers(self) -> list[Row]:
        """By the jobs' service."""
        return [_row(row) for row in jobs.workers(self._actor)]

    def artifact(self, which: str, name: str) -> Iterator[str]:
        """Written from the rows."""
        return artifact(self._actor, which, name)

    def upload(self, which: str, offset: int, data: bytes, noun: str = "people/imports") -> Row:
        """By the imports' service."""
        add_part = rosters.add_part if noun == "imports" else imports.add_part
        return _row(add_part(self._actor, which, offset, data))

    def roster(self, form: str) -> Iterator[str]:
        """Written from the rows."""
        return rosters.export_roster(self._actor, form)

    def invite(self, which: str) -> Row:
        """By the operators' service."""
        return link_of(operators.invite(self._actor, which))

    def erase(self, which: str) -> None:
        """By the operators' service."""
        operators.erase_operator(self._actor, which)

    def totals(self, asked: UsageAsked) -> Row:
        """By the usage service."""
        return _row(asdict(usage.totals(self._actor, _question(asked))))

    def series(self, asked: UsageAsked, step: Step) -> Row:
        """By the usage service."""
        return _row(asdict(usage.series(self._actor, _question(asked), step)))

    def verify(self, since: Row | None) -> Row:
        """By the audit service."""
        head = audit.Head(since["count"], since["hash"]) if since else None
        verdict = audit.verify(self._actor, head)
        faults = [{"seq": each.seq, "what": each.what} for each in verdict.faults]
        return {"ok": verdict.ok, "head": {"count": verdict.head.count, "hash": verdict.head.hash}, "faults": faults}

    def settings(self) -> list[Row]:
        """This machine's, with what admins saved."""
        return [_row(row) for row in live.list_settings(self._actor)]

    def setting(self, name: str) -> Row:
        """One of them."""
        return _row(live.get_setting(self._actor, name))

    def save_setting(self, name: str, value: Any) -> Row:
        """Save one."""
        return _row(live.save_setting(self._actor, name, value))

    def clear_setting(self, name: str) -> Row:
        """Take a saved one away."""
        return _row(live.clear_setting(self._actor, name))

    def rehearse(self, work: Callable[[], object]) -> list[Happened]:
        """In a change of which nothing stays."""
        with changes.rehearsal(self._actor) as edit:
            work()
            return [Happened(each.what, each.before, each.after) for each in edit.events]

    def together(self) -> AbstractContextManager[object]:
        """One change."""
        return changes.change(self._actor)

    def takes(self, noun: str, which: str, secret: str) -> bool:
        """Try it, and look whether anything would be written down."""
        if noun == "keys":
            return not self._same_hash(which, secret) and bool(
                self.rehearse(lambda: self.rotate("keys", which, {"secret_sha256": secret}))
            )
        held = self.get(noun, which) if noun == "sources" else {}      # of which the rest is said with the secret
        rest = {name: held[name] for name in ("kind", "options") if name in held}
        return bool(self.rehearse(lambda: self.update(noun, which, {**rest, "secret": secret})))

    def here(self, what: str) -> ThisMachine:  # noqa: ARG002  everything works here
        """This machine."""
        return ThisMachine(self._actor)

    def _same_hash(self, which: str, sha256: str) -> bool:
        """Tell whether a key has this hash already: then it is free as soon as that key is gone, and not before."""

        def moved() -> None:
            self.delete("keys", which)
            self.create("keys", {"name": which, "secret_sha256": sha256})

        try:
            self.rehearse(lambda: self.create("keys", {"secret_sha256": sha256, "name": _FREE}))
        except Conflict:
            self.rehearse(moved)      # raises what is said of a hash that is another key's
            return True
        return False


_FREE = "stationmaster-apply-tries-a-hash"      # a name that no key has


def plain(value: Any) -> Any:
    """A service's answer as JSON has it, times in REST's spelling."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _row(value: Any) -> Row:
    found: Row = plain(value)
    return found


def _made(answer: Any) -> Made:
    """What a service made: a row, or a row and its secret."""
    if isinstance(answer, routing.Minted):
        return Made(_row(answer.row), answer.key.key if answer.key else "")
    if isinstance(answer, alerts.MadeAlert):
        return Made(_row(answer.row), answer.secret)
    return Made(_row(answer)) if isinstance(answer, Mapping) else Made(_row(answer.row), answer.secret.text)


def _there(service: Callable[..., Any] | None) -> Callable[..., Any]:
    if service is None:
        raise NotFound("error.usage.no_such_verb", "there is no such verb for this noun")
    return service


def _question(asked: UsageAsked) -> usage.Question:
    return usage.Question(asked.since, asked.until, tuple(map(_filter, asked.filters)), asked.by)


def _filter(text: str) -> Filter:
    parts = text.split(":", 2)
    if len(parts) != 3:
        raise bad_filter("filter", "has the form field:op:value")
    return Filter(*parts)
