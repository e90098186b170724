"""What tests of older setups share: their files, uploading, running the job here, and secrets that have to be found nowhere."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import connection

from controlkit import ADMIN
from stationmaster.importing import services as rosters
from stationmaster.jobs import claims, runner
from stationmaster.jobs import services as jobs
from stationmaster.jobs.engine._base import Working
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

Shown = Mapping[str, Any]
# By format alone: nobody's.
CANARIES = {
    "password": "canary-Passw0rd-1111", "email_password": "canary-mail-2222", "access_token": "eyJhbGciOiJkaXIifQ.canary3333.x.y",
    "session_token": "sess-canary4444aaaaaaaaaa",
    "refresh_token": "canary-refresh-5555", "cookies": "__Secure-next-auth.x=canary6666",
    "totp_secret": "CANARY7777AAAA",
}  # fmt: skip
KEY = "sk-proj-canary8888bbbbbbbbbbbbbbbbbbbbbbbb"

ACCOUNTS: list[dict[str, Any]] = [
    {"id": 1, "email": "owner@example.com", "type": "mother", "seat_total": 5, "note": "first team", "team_account_id": "acct-1",
     "pool_status": "not_started", **CANARIES},
    {"id": 2, "email": "ada@example.com", "type": "child", "parent_id": 1, "team_join_status": "success",
     "invite_status": "success", "pool_status": "success", "account_id": "acct-ada", **CANARIES},
    {"id": 3, "email": "bob@example.com", "type": "child", "parent_id": 1, "team_join_status": "not_started",
     "invite_status": "running", "pool_status": "idle"},
    {"id": 4, "email": "cyd@example.com", "type": "child", "parent_id": 1, "team_join_status": "idle",
     "invite_status": "success"},
    {"id": 5, "email": "dan@example.com", "type": "child", "parent_id": 1, "team_join_status": "failed", "note": "no seat left"},
]  # fmt: skip
TRACKER: dict[str, Any] = {"teams": [
    {"name": "North", "account_id": "acct-n", "seat_total": 3, "members": [
        {"email": "ada@example.com", "status": "success", "storage_status": "success", "password": CANARIES["password"]},
        {"email": "eve@example.com", "invitation_status": "joined"},
    ]},
    {"name": "South", "members": [{"email": "fay@example.com", "invitation_status": "expired"}]},
]}  # fmt: skip
CONFIG = """
s2a_default_target = "second"
[s2a]
api_base = "https://s2a.example.com"
admin_key = "admin-canary9999cccccccc"
admin_token = "canary-token-0000"
concurrency = 3
priority = 40
group_ids = [1, 2]
group_names = ["paid"]
[[s2a_targets]]
key = "second"
label = "The second one"
[s2a_targets.config]
api_base = "https://second.example.com"
admin_key = "admin-canaryaaaadddddddd"
[crs]
api_base = "https://crs.example.com"
[email]
password = "canary-mail-2222"
"""


def upload(content: str | bytes | object, actor: Actor = ADMIN, name: str = "") -> str:
    """Upload a file, or a value as JSON; the import's id."""
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    made = rosters.begin(actor, {"name": name})
    data = content.encode() if isinstance(content, str) else content
    for offset in range(0, len(data), 4 << 20):
        rosters.add_part(actor, made["id"], offset, data[offset : offset + (4 << 20)])
    return str(made["id"])


def run(which: str, actor: Actor = ADMIN, **how: Any) -> Shown:
    """Start an import and run its job to its end; the import then."""
    return finish(which, rosters.start(actor, which, **how)["job"])


def finish(which: str, job: str) -> Shown:
    """Run a job of an import to its end; the import then."""
    fence = claims.claim(job, "here")
    assert isinstance(fence, claims.Fence)
    assert runner.run_claimed(fence, Working("here", threading.Event())) is None
    assert jobs.get(ADMIN, job)["state"] in ("succeeded", "failed", "cancelled", "partial")
    return rosters.get_roster(ADMIN, which)


def imported(content: str | bytes | object, actor: Actor = ADMIN, name: str = "", **given: Any) -> Shown:
    """Upload, say how it is to be read, bring it in."""
    which = upload(content, actor, name)
    rosters.preview(actor, which, given)
    return run(which, actor)


def problems(of: Shown) -> list[tuple[int, str, str]]:
    """Object, outcome and code of everything that is wrong."""
    found = rosters.list_problems(ADMIN, of["id"], Query(limit=500)).items
    return [(row["row"], row["outcome"], row["code"]) for row in found]


def exported(form: str) -> Any:
    """What is written out."""
    return json.loads("".join(rosters.export_roster(ADMIN, form)))


def everything_stored() -> Iterator[str]:
    """Every value of every table, as the database has it."""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')  # noqa: S608  our own names
                for row in cursor.fetchall():
                    yield from map(_text, row)


def _text(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, memoryview | bytes) else str(value)
