"""Secrets of every generation, minted and pasted, live and kept, refused and revoked: none is in a row, a log, an answer or a
message (T9), in any form, but where it is sealed."""

import json
import logging
from collections.abc import Iterator

import pytest
from django.db import connection

from controlkit import ADMIN
from credentials.kit import an_organisation, minted, run_all, run_once, slot, told_of
from gateway.test_secrets import hits
from stationmaster.credentials import services as credentials
from stationmaster.credentials.records import credentials as records
from stationmaster.errors import StationmasterError
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.export import Format
from stationmaster.store.listing import Query

PASTED = "sk-proj-CanaryPasted/7d6c+5b4a==x"
REFUSED = "sk-proj-CanaryRefused/1a2b+3c4d==x-sandbox-401"
CONSUMER = "sk-ant-sid01-CanaryConsumer/9e8f+7a6b==x"


def everything_stored() -> Iterator[tuple[str, bytes]]:
    """Every row of every table, as the database holds it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  a table's own name
            yield table, "\n".join(map(repr, cursor.fetchall())).encode()


def test_no_secret_is_anywhere(
    database: str, sandbox: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole life is driven: minted, an answer with the secret lost, rotated, pasted, refused, gone back, probed, revoked. The
    vendor's errors repeat what they were sent. Then everything that was written or answered is searched."""
    said: list[str] = []
    job = ""
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    org = an_organisation(sandbox)
    minted(sandbox, org, keep_hours=1)
    secrets = {"first": dict(records())["slot"].secret, "pasted": PASTED, "refused": REFUSED, "consumer": CONSUMER,
               "admin": org.secret}  # fmt: skip
    org.faults.set("echo-secret", on="POST */service_accounts", times=1)
    for given in ({}, {"secret": PASTED}, {"secret": REFUSED}, {"secret": CONSUMER}):
        try:
            job = str(credentials.rotate_credential(ADMIN, "slot", given)["id"])
            for _ in range(3):
                if Job.objects.get(id=job).state == "queued":
                    run_once(job)
        except StationmasterError as error:
            said.append(f"{error!r} {error.message} {error.hint} {error.fields}")
        secrets |= {f"live {slot().generation}": dict(records())["slot"].secret}
        said.append(str(told_of(job)))
    credentials.probe_credential(ADMIN, "slot", {})
    credentials.revoke_credential(ADMIN, "slot", {"reason": "leaked"})
    run_all()
    said += [
        json.dumps(credentials.get_credential(ADMIN, "slot"), default=str),
        json.dumps(credentials.list_history(ADMIN, "slot", Query()).items, default=str),
        "".join(credentials.export_credentials(ADMIN, Query(), _json())), repr(list(records())),
        *(json.dumps(jobs.log(ADMIN, job.id), default=str) for job in Job.objects.all()),
    ]  # fmt: skip
    assert len(secrets) > 5
    assert any(row.state == "kept" or row.state == "revoked" for row in slot().generations.all())
    found = {where: hits(data, secrets) for where, data in everything_stored()}
    found |= {"answers": hits("\n".join(said).encode(), secrets), "logs": hits(caplog.text.encode(), secrets)}
    assert {where: there for where, there in found.items() if there} == {}


def _json() -> Format:
    return "json"


def test_the_search_would_find_one(database: str, sandbox: SandboxServer) -> None:
    """The same search finds what stands in a row."""
    minted(sandbox, an_organisation(sandbox))
    credentials.override_credential(ADMIN, "slot", {"state": "out", "reason": f"it was {PASTED}"})
    assert any(hits(data, {"pasted": PASTED}) for _, data in everything_stored())
