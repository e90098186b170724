"""What a job leaves to be taken away. Owns: which files there are, and writing them from the rows, piece by piece.

Their names are ours, three in all; nothing is stored as a file, so nothing can be asked for that is one.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import QuerySet

from stationmaster.errors import NotFound
from stationmaster.jobs.models import JobItem, JobLog
from stationmaster.jobs.services import ITEMS, get
from stationmaster.jobs.showing import show_item
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.export import export
from stationmaster.store.listing import Query

ARTIFACTS: Final[Mapping[str, str]] = {"run.log": "text/plain", "result.json": "application/json", "result.csv": "text/csv"}
_BATCH: Final = 500


def artifact(actor: Actor, which: str, name: str) -> Iterator[str]:
    """One of `ARTIFACTS`, as pieces of text. Raises `Forbidden`, `NotFound` at once."""
    require(actor, "jobs:export")
    job = get(actor, which)
    if name not in ARTIFACTS:
        hint = f"there are {', '.join(ARTIFACTS)}"
        raise NotFound("error.job.no_artifact", "a job has no such artifact", hint=hint)
    if name == "run.log":
        return _run_log(job["id"])
    items = JobItem.objects.filter(job=job["id"])
    return export(ITEMS, items, Query(), "csv") if name == "result.csv" else _result(job)


def _run_log(job: str) -> Iterator[str]:
    for row in _paged(JobLog.objects.filter(job=job), "seq"):
        about = f"[{row.item}] " if row.item else ""
        yield f"{_at(row.at)} {row.level.upper():7} {about}{row.text}\n"


def _result(job: Mapping[str, Any]) -> Iterator[str]:
    yield f'{{"job": {_json(job)},\n"items": ['
    comma = "\n"
    for row in _paged(JobItem.objects.filter(job=job["id"]), "position"):
        yield comma + _json(show_item(row))
        comma = ",\n"
    yield "\n]}\n"


def _paged(rows: "QuerySet[Any]", number: str) -> Iterator[Any]:
    """All rows in the order of `number`, some at a time: no cursor stays open while somebody reads slowly."""
    last = 0
    while batch := list(rows.filter(**{f"{number}__gt": last}).order_by(number)[:_BATCH]):
        yield from batch
        last = getattr(batch[-1], number)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda other: other.isoformat())


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
