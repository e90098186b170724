"""Rows for `bench.control_console`: 100,000 of what grows, and something of everything else. Owns what there is and how it is
put in; events of it are left out, since what is measured does not read them.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

ADDRESS, PASSWORD = "bench@example.test", "three wet badgers hum"
PEOPLE, SEATS, KEYS, EVENTS, AUDIT, JOBS, CREDENTIALS, WORKSPACES = (
    100_000, 100_000, 100_000, 100_000, 100_000, 20_000, 10_000, 20,
)  # fmt: skip
GROUP, POOL = 1_000, 100
MODELS: Final = ("gpt-5", "gpt-5-mini", "claude-sonnet", "claude-opus", "gemini-pro")


def fill(scale: float) -> dict[str, str]:
    """Put them in; by the first word of a page's address, the id of one thing."""
    from django.utils import timezone

    now = timezone.now()
    me = _somebody()
    people, group = _people(int(PEOPLE * scale))
    places = _workspaces(now)
    seat = _seats(people, places, int(SEATS * scale), now)
    credentials, pool = _credentials(int(CREDENTIALS * scale), places, now)
    key = _keys(int(KEYS * scale), people)
    event = _events(int(EVENTS * scale), now)
    job = _jobs(int(JOBS * scale), places, now)
    _audit(int(AUDIT * scale))
    return {"people": people[0].id, "groups": group, "workspaces": places[0].id, "seats": seat, "credentials": credentials[0].id,
            "pools": pool, "keys": key, "requests": event, "jobs": job, "operators": me}  # fmt: skip


def _somebody() -> str:
    from stationmaster.operators import services
    from stationmaster.operators.models import Operator
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    services.create_operator(SYSTEM, {"email": ADDRESS, "role": "admin"})
    row = Operator.objects.get(email=ADDRESS)
    with change(SYSTEM) as edit, edit.updating(row):
        row.set_password(PASSWORD)
    return str(row.id)


def _put(model: Any, rows: list[Any]) -> list[Any]:
    """Save rows of configuration as they are."""
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    with change(SYSTEM) as edit:
        for row in rows:
            if hasattr(row, "stamp"):
                row.stamp()
        model.objects.bulk_create(rows, batch_size=500)
        edit.saved.clear()
        edit.record(f"bench:{model.__name__.lower()}:fill", None, {"rows": len(rows)})
    return rows


def _people(number: int) -> tuple[list[Any], str]:
    from stationmaster.people.models import Group, Membership, Person

    rows = [Person(user_name=f"member-{each:06}@example.test", email=f"member-{each:06}@example.test",
                   display_name=f"Member {each:06}", department=f"department {each % 40}") for each in range(number)]  # fmt: skip
    people = _put(Person, rows)
    groups = _put(Group, [Group(name=f"group-{each:03}") for each in range(max(number // GROUP, 1))])
    _put(Membership, [Membership(group=groups[at % len(groups)], person=each) for at, each in enumerate(people)])
    return people, str(groups[0].id)


def _workspaces(now: datetime) -> list[Any]:
    from stationmaster.workspaces.models import Workspace

    vendors = ("openai", "anthropic", "cursor", "github_copilot")
    rows = [Workspace(name=f"workspace-{each:02}", vendor=vendors[each % len(vendors)], secret=f"sk-admin-bench-{each:020}",
                      read_at=now) for each in range(WORKSPACES)]  # fmt: skip
    return _put(Workspace, rows)


def _seats(people: list[Any], places: list[Any], number: int, now: datetime) -> str:
    from stationmaster.workspaces.models.seats import Seat

    states = ("active", "active", "active", "invited", "expired", "failed", "planned")
    rows = [Seat(person=people[at % len(people)], workspace=places[at * 7 % len(places)], state=states[at % len(states)],
                 since=now, role="reader") for at in range(number)]  # fmt: skip
    return str(_put(Seat, rows)[0].id)


def _credentials(number: int, places: list[Any], now: datetime) -> tuple[list[Any], str]:
    from stationmaster.credentials.models import Credential
    from stationmaster.routing.models import Pool, PoolMember, Route

    health = ("healthy", "healthy", "healthy", "cooling", "suspect", "disabled")
    rows = [Credential(name=f"cred-{each:05}", vendor="openai", secret=f"sk-bench-{each:040}", workspace=places[each % 20].id,
                       expires_at=now + timedelta(days=each % 400), health=health[each % len(health)],
                       base_url="http://127.0.0.1:9") for each in range(number)]  # fmt: skip
    made = _put(Credential, rows)
    pools = _put(Pool, [Pool(name=f"pool-{each:03}") for each in range(max(number // POOL, 1))])
    _put(PoolMember, [PoolMember(pool=pools[at // POOL % len(pools)], credential=each, position=at % POOL)
                      for at, each in enumerate(made)])  # fmt: skip
    _put(Route, [Route(pool=each, position=at, models=[f"model-{at}-*"]) for at, each in enumerate(pools)])
    return made, str(pools[0].id)


def _keys(number: int, people: list[Any]) -> str:
    from stationmaster.routing.models import VirtualKey
    from stationmaster.store.keyholder import digests

    digest, rows = digests(), []
    for each in range(number):
        sha256 = hashlib.sha256(b"%d" % each).hexdigest()
        rows.append(VirtualKey(name=f"key-{each:06}", owner=people[each % len(people)].email, tenant=f"team-{each % 31}",
                               key_hash=digest.virtual_key(sha256), key_sha256=sha256))  # fmt: skip
    return str(_put(VirtualKey, rows)[0].id)


def _events(number: int, now: datetime) -> str:
    """Requests of the last 30 days, of 2,000 keys, and their sums."""
    from django.db import transaction

    from stationmaster.usage import rollups
    from stationmaster.usage.models import UsageEvent

    rows = [_event(each, now - timedelta(seconds=each * 30 * 86_400 / max(number, 1))) for each in range(number)]
    UsageEvent.objects.bulk_create(rows, batch_size=500)
    with transaction.atomic():
        rollups.add(rows)
    return str(rows[0].request_id)


def _event(each: int, at: datetime) -> Any:
    from stationmaster.usage.models import UsageEvent

    failed = each % 20 == 0
    return UsageEvent(
        request_id=f"req_bench_{each:08}", at=at, gateway="edge", key=f"key-{each % 2000:06}",
        owner=f"member-{each % 2000:06}@example.test", tenant=f"team-{each % 31}", credential=f"cred-{each % 500:05}",
        pool=f"pool-{each % 5:03}", model=MODELS[each % len(MODELS)], endpoint="/v1/chat/completions", dialect="openai_chat",
        status=500 if failed else 200, error="error.upstream.status" if failed else "", usage_source="upstream_final",
        duration_us=900_000 + each % 5000, first_byte_us=300_000, input=900, cache_read=100, cache_write=0, output=200,
        reasoning=0, cost=None if each % 50 == 0 else 1_500_000, detail={},
    )  # fmt: skip


def _jobs(number: int, places: list[Any], now: datetime) -> str:
    from stationmaster.jobs.models import Job

    states = ("succeeded", "succeeded", "partial", "failed", "cancelled")
    rows = [Job(id=f"job_bench_{each:08}", kind="workspaces.reconcile", workspace=places[each % 20].id, run_after=now,
                state=states[each % len(states)], created_at=now - timedelta(minutes=each), started_at=now, ended_at=now,
                actor_kind="system", actor="system", total=10, ok=9, failed=1) for each in range(number)]  # fmt: skip
    Job.objects.bulk_create(rows, batch_size=500)
    return str(rows[0].id)


def _audit(number: int) -> None:
    """Events as they are written: the chain is whole."""
    from stationmaster.store.actor import SYSTEM
    from stationmaster.store.changes import change

    for first in range(0, number, 1000):
        with change(SYSTEM) as edit:
            for each in range(first, min(first + 1000, number)):
                edit.record(f"routing:key_bench_{each:08}:update", {"rpm": each}, {"rpm": each + 1})
