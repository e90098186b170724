"""What tests of imports share: uploading, and running the job here."""

import threading
from collections.abc import Mapping
from typing import Any

from controlkit import ADMIN
from stationmaster.jobs import claims, runner
from stationmaster.jobs import services as jobs
from stationmaster.jobs.engine._base import Working
from stationmaster.people import imports
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

Shown = Mapping[str, Any]


def upload(content: str | bytes, actor: Actor = ADMIN) -> str:
    """Upload a file; the import's id."""
    made = imports.begin_import(actor, {"name": "people.csv"})
    data = content.encode() if isinstance(content, str) else content
    for offset in range(0, len(data), 4 << 20):
        imports.add_part(actor, made["id"], offset, data[offset : offset + (4 << 20)])
    return str(made["id"])


def outcomes(content: str | bytes, **given: Any) -> list[str]:
    """What the preview says of each row."""
    return [row["outcome"] for row in imports.preview(ADMIN, upload(content), given)["rows"]]


def run(which: str, actor: Actor = ADMIN, **how: Any) -> Shown:
    """Start an import and run its job to its end; the import then."""
    job = imports.start(actor, which, **how)["job"]
    return finish(which, job)


def finish(which: str, job: str) -> Shown:
    """Run a job of an import to its end; the import then."""
    fence = claims.claim(job, "here")
    assert isinstance(fence, claims.Fence)
    assert runner.run_claimed(fence, Working("here", threading.Event())) is None
    assert jobs.get(ADMIN, job)["state"] in ("succeeded", "failed", "cancelled", "partial")
    return imports.get_import(ADMIN, which)


def imported(content: str | bytes, **given: Any) -> Shown:
    """Upload, say how it is to be read, import."""
    which = upload(content)
    imports.preview(ADMIN, which, given)
    return run(which)


def problems(which: str) -> list[tuple[int, str, str]]:
    """Row, outcome and column of everything that is wrong."""
    found = imports.list_problems(ADMIN, which, Query(limit=500)).items
    return [(row["row"], row["outcome"], row["column"]) for row in found]
