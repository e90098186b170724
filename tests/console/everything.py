"""All that pages can show, any number of it, and the address of every page as the URLconf has it."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from console import kit
from controlkit import ADMIN
from operators.people import as_actor, somebody
from people import kit as files
from stationmaster.alerts import services as alerts
from stationmaster.alerts.models import Crossing, Delivery
from stationmaster.audit.models import AuditEvent
from stationmaster.bills.models import BillDay, BillPart
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, HealthEvent
from stationmaster.importing import services as rosters
from stationmaster.jobs.models import Job, JobItem, JobLog
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Publication, PublishPlan, PublishStep, Target
from stationmaster.routing import services as routing
from stationmaster.store.changes import change
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace
from usage.kit import request, sent
from workspaces import kit as places

LISTED = ("members", "invites", "projects", "keys", "limits")
# Addresses that are no pages: what pages fetch, files, and what takes nothing but what is sent (by name, and why).
NO_PAGES_END = ("stream", ".csv", ".json", ".jsonl", ".ics")
NO_PAGES: Mapping[str, str] = {}
# What an address asks for beside its path.
ASKS: Mapping[str, str] = {
    "workspaces_several": "?act=publish&id={workspaces}", "people_several": "?id={people}", "people_moving": "?id={people}",
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Everything:
    """The first of each kind, by the beginning of its page's address."""

    stage: kit.Stage
    ids: Mapping[str, str]

    def addresses(self) -> list[str]:
        """The address of every page that there is."""
        return [each for found in self.rooms().values() for each in found]

    def rooms(self) -> dict[str, list[str]]:
        """The same, by the package that shows them."""
        from stationmaster.entrances.console.pages import urls

        found: dict[str, list[str]] = {}
        for pattern in urls.urlpatterns:
            room = str(pattern.callback.__module__).rpartition(".")[0].rpartition(".")[2]
            found.setdefault(room, []).extend(self._of(str(pattern.name), str(pattern.pattern)))
        return found

    def _of(self, name: str, route: str) -> Iterator[str]:
        if name in NO_PAGES or route.endswith(NO_PAGES_END):
            return
        if name == "workspace_listed":
            yield from (f"/workspaces/{self.ids['workspaces']}/{each}" for each in LISTED)
            return
        path = re.sub(r"^(.*?)/<[^>]+>", lambda found: f"{found[1]}/{self.ids[found[1]]}", route)
        assert "<" not in path, f"{name}: what is {route} an address of? (console/everything.py)"
        yield f"/{path}{ASKS.get(name, '').format(**self.ids)}"


def everything(number: int = 1) -> Everything:
    """Make it: a stage, and so many more of each kind."""
    stage = kit.stage(4)
    made = more(stage, number)
    kinds = {
        "workspaces": stage.workspace, "people": stage.people[0], "groups": stage.group, "assignments": stage.assignment,
        "plans": stage.plan, "seats": stage.seat, "jobs": stage.job, "people/imports": stage.upload,
        "credentials": stage.credential, "targets": stage.target, "people/grid": "assign", "settings": "gateway.default_pool",
    }  # fmt: skip
    return Everything(stage, {**kinds, **made})


def more(stage: kit.Stage, number: int) -> dict[str, str]:
    """So many more of each kind, and what belongs to the first; the ids of the first of those that the stage has not."""
    made = [_one_more(stage, next(_numbers)) for _ in range(number)]
    return made[0]


def _one_more(stage: kit.Stage, number: int) -> dict[str, str]:
    _account(stage, number)
    credential = _credential(stage, number)
    members = [{"credential": "first"}, {"credential": credential}]
    pool = str(routing.create_pool(ADMIN, {"name": f"pool-{number}", "members": members})["id"])
    route = str(routing.create_route(ADMIN, {"models": [f"model-{number}-*"], "pool": f"pool-{number}"})["id"])
    asks = {"name": f"key-{number}", "owner": "member-001@example.test", "pools": [f"pool-{number}"]}
    key = str(routing.create_key(ADMIN, asks).row["id"])
    operator = operators.create_operator(ADMIN, {"email": f"operator-{number}@example.com", "role": "viewer"})
    maker = as_actor(somebody("admin", f"maker-{number}@example.com"))
    token = operators.create_token(maker, {"name": f"token-{number}", "role": "viewer"})
    operators.create_gateway_token(ADMIN, {"name": f"gateway-{number}"})
    _worked(stage, number)
    return {
        "pools": pool, "routes": route, "keys": key, "operators": str(operator["id"]), "tokens": str(token.row["id"]),
        "requests": _asked(pool, key, credential, number), "publish": _published(stage, credential, number),
        "bills": _billed(stage, number), "imports": _roster(number), **_told(number),
        "gateways": f"gw-{number}", "audit": str(AuditEvent.objects.latest("seq").seq),
    }  # fmt: skip


def _account(stage: kit.Stage, number: int) -> None:
    """A person in the stage's group, with a seat in its workspace; a group, a workspace that is assigned, a plan, an import."""
    address = f"more-{number}@example.test"
    person = str(people.create_person(ADMIN, {"user_name": address, "email": address})["id"])
    people.change_members(ADMIN, stage.group, [person], [])
    people.create_group(ADMIN, {"name": f"group-{number}"})
    kit.seat_of(stage.workspace, person)
    places.attached(f"place-{number}")
    workspaces.create_assignment(ADMIN, {"workspace": f"place-{number}", "group": stage.group})
    workspaces.make_plan(ADMIN, {"workspaces": ["acme"]})
    files.upload(kit.CSV.replace("777", f"8{number}"))


def _credential(stage: kit.Stage, number: int) -> str:
    name = f"more-{number}"
    given = {"name": name, "vendor": "openai", "secret": f"{kit.SECRET}-{number}", "workspace": stage.workspace,
             "expires_at": (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip
    row = credentials.create_credential(ADMIN, given)
    now = timezone.now()
    for place, which in enumerate((str(row["id"]), stage.credential)):
        at = now - timedelta(minutes=2 * number + place)
        HealthEvent.objects.create(
            credential_id=which, gateway="gw-1", state="suspect", cause="invalid_key", code="invalid_api_key", words="bad",
            at=at,
        )  # fmt: skip
    Credential.objects.filter(id=row["id"]).observe(health="suspect", health_cause="invalid_key")
    return name


def _asked(pool: str, key: str, credential: str, number: int) -> str:
    """A request that went well and one that did not, by a gateway of their own; the id of the second."""
    same = {"pool": f"pool-{number}", "key": f"key-{number}", "owner": "member-001@example.test", "credential": credential}
    failed = request(**same, status=502, error="upstream_failed", tried=[{"credential": "first", "status": 500}])
    sent(request(**same), failed, gateway=f"gw-{number}")
    return str(failed["request_id"])


def _published(stage: kit.Stage, credential: str, number: int) -> str:
    """A target, a plan of publishing there, and a copy of a credential at the stage's target."""
    place = f"https://gateway-{number}.example.com"
    given = {"name": f"elsewhere-{number}", "kind": "litellm", "base_url": place, "disabled": True}
    target = str(publishing.create_target(ADMIN, given)["id"])
    row = Credential.objects.get(name=credential)
    with change(ADMIN) as edit:
        digest = hashlib.sha256(target.encode()).hexdigest()
        plan = PublishPlan(target_id=target, digest=digest, counts={"create": 1}, made_by="op_admin")
        edit.create(plan)
        cause = "error.remote.refused"
        edit.create(Publication(credential=row, target_id=stage.target, state="failed", cause=cause, words="no room"))
    PublishStep.objects.create(plan=plan, position=1, credential=row.id, name=row.name, action="create")
    assert Target.objects.filter(id=target).exists()
    return str(plan.id)


def _billed(stage: kit.Stage, number: int) -> str:
    day = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=number)
    place = Workspace.objects.get(id=stage.workspace)
    bill = BillDay.objects.create(
        workspace=place, day=day, verdict="differs", measure="tokens", rate=9000, read_at=timezone.now(),
    )  # fmt: skip
    for part in range(number % 7 + 1):
        BillPart.objects.create(bill=bill, credential="first", model=f"gpt-{part}")
    return str(bill.id)


def _told(number: int) -> dict[str, str]:
    """An alert with something open, and a message of it that did not arrive."""
    given = {"name": f"alert-{number}", "channel": "webhook", "url": f"https://hooks.example.com/{number}", "kinds": ["budget"]}
    alert, now = str(alerts.create_alert(ADMIN, given).row["id"]), timezone.now()
    Crossing.objects.create(alert_id=alert, kind="budget", thing=f"vk_{number}:day", name=f"key-{number}", line=80, at=now)
    body = json.dumps({"type": "budget.raised", "data": {"text": f"key-{number} has used 80 %"}})
    message = Delivery.objects.create(
        alert_id=alert, type="budget.raised", to="hooks.example.com", body=body, state="failed", at=now, ended_at=now, tries=7,
        answer=503, words="the receiver answers 503",
    )  # fmt: skip
    return {"alerts": alert, "alerts/messages": str(message.id)}


def _roster(number: int) -> str:
    which = str(rosters.begin(ADMIN, {"name": f"accounts-{number}.json"})["id"])
    rosters.add_part(ADMIN, which, 0, b'[{"email": "owner@example.com", "type": "mother", "note": "first team"}]')
    rosters.preview(ADMIN, which, {})
    return which


def _worked(stage: kit.Stage, number: int) -> None:
    """A line of the job's log and an item."""
    job = Job.objects.get(id=stage.job)
    now = timezone.now()
    seq = 1000 + number
    JobLog.objects.create(job=job, seq=seq, at=now, level="info", item="", text=f"line {number}")
    reason = "error.remote.refused"
    JobItem.objects.create(job=job, position=seq, key=f"item-{number}", sentence="went wrong", state="failed", reason=reason)
