"""Copilot seats of a GitHub organisation: shapes as githubkit's schemas of 2026-03-10 have them. Assigning buys; a seat that is
taken away ends with the billing cycle, and the last of all takes the organisation's plan with it ("Managing the GitHub Copilot
plan for your organization" in GitHub's documentation)."""

from dataclasses import replace
from datetime import UTC, datetime

from stationmaster.sandbox.admin.calls import Answer, Call, Route, maybe_rfc3339, numbered, rfc3339
from stationmaster.sandbox.admin.github import account, link, simple
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.admin.rows import Licence, Person
from stationmaster.sandbox.admin.state import Refused


def _with_plan(call: Call) -> None:
    if not call.organisation.settings.copilot:
        raise Refused("not_found")


def _billing(call: Call) -> Answer:
    """CopilotOrganizationDetails."""
    _with_plan(call)
    organisation = call.organisation
    licences = organisation.licences.all()
    active = [row for row in licences if (person := organisation.people.get(row.id)) and person.last_active_at]
    breakdown = {
        "total": len(licences), "added_this_cycle": len(licences), "pending_invitation": 0, "active_this_cycle": len(active),
        "pending_cancellation": sum(row.ends_at is not None for row in licences),
        "inactive_this_cycle": len(licences) - len(active),
    }  # fmt: skip
    policies = {"ide_chat": "enabled", "platform_chat": "enabled", "cli": "enabled", "public_code_suggestions": "block"}
    plan = {"seat_management_setting": "assign_selected", "plan_type": "business"}
    return Answer({"seat_breakdown": breakdown, **policies, **plan})


def _seat(call: Call, row: Licence) -> dict[str, object]:
    """CopilotSeatDetails."""
    person = call.organisation.people.get(row.id)
    ends = datetime.fromtimestamp(row.ends_at, UTC).date().isoformat() if row.ends_at else None
    used = maybe_rfc3339(person.last_active_at if person else None)
    return {
        "assignee": account(person.login if person else row.id), "organization": simple(call.organisation),
        "assigning_team": None, "pending_cancellation_date": ends, "last_activity_at": used,
        "last_activity_editor": "vscode/1.99.0" if used else None, "last_authenticated_at": used,
        "created_at": rfc3339(row.created_at), "plan_type": "business",
    }  # fmt: skip


def _seats(call: Call) -> Answer:
    _with_plan(call)
    organisation = call.organisation
    rows = organisation.licences.listed(organisation.settings.listed_after)
    page = numbered(call, organisation.licences, rows, call.whole("page", 1), call.whole("per_page", 50, 100))
    return Answer({"total_seats": len(rows), "seats": [_seat(call, row) for row in page.rows]}, headers=link(call, page))


def _one_seat(call: Call) -> Answer:
    _with_plan(call)
    row = call.organisation.licences.get(call.params["login"].casefold())
    if row is None:
        raise Refused("not_found")
    return Answer(_seat(call, row))


def _chosen(call: Call) -> list[Person]:
    _with_plan(call)
    names = call.fields.get("selected_usernames")
    if not isinstance(names, list) or not names:
        raise Refused("bad_request", "selected_usernames must have at least one item.")
    found = [call.organisation.people.get(str(name).casefold()) for name in names]
    missing = [str(name) for name, person in zip(names, found, strict=True) if person is None]
    if missing:
        raise Refused("bad_request", f"{', '.join(missing)} are no members of this organization.")
    return [person for person in found if person]


def _add_seats(call: Call) -> Answer:
    """Buys; a seat that was about to end goes on."""
    organisation, people = call.organisation, _chosen(call)
    new = [person for person in people if _ending(organisation, person)]
    limit = organisation.settings.seats
    bought = sum(organisation.licences.get(person.id) is None for person in new)
    if limit is not None and len(organisation.licences.all()) + bought > limit:
        raise Refused("seats", "No more seats can be bought.")
    for person in new:
        organisation.licences.put(Licence(person.id, organisation.clock()))
    return Answer({"seats_created": len(new)}, 201)


def _ending(organisation: Organisation, person: Person) -> bool:
    licence = organisation.licences.get(person.id)
    return licence is None or licence.ends_at is not None


def _end_seats(call: Call) -> Answer:
    """They end with the billing cycle."""
    organisation = call.organisation
    held = [licence for person in _chosen(call) if (licence := organisation.licences.get(person.id)) and licence.ends_at is None]
    for licence in held:
        organisation.licences.put(replace(licence, ends_at=organisation.clock() + organisation.settings.cycle_ends_in))
    return Answer({"seats_cancelled": len(held)})


_O = "/orgs/{org}"
ROUTES: tuple[Route, ...] = (
    ("GET", f"{_O}/copilot/billing", _billing),
    ("GET", f"{_O}/copilot/billing/seats", _seats),
    ("GET", f"{_O}/members/{{login}}/copilot", _one_seat),
    ("POST", f"{_O}/copilot/billing/selected_users", _add_seats),
    ("DELETE", f"{_O}/copilot/billing/selected_users", _end_seats),
)
