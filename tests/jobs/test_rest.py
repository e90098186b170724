"""Jobs over REST: who may, what comes back, logs that are waited for, files that are taken away."""

import json
import threading
import time
from typing import Any

import httpx
import pytest

from api.kit import Callers, code
from controlkit import ADMIN
from internal.kit import Control
from jobs import deeds  # noqa: F401  registers the kinds
from stationmaster.cli.desk import Asked
from stationmaster.cli.remote import Remote
from stationmaster.errors import StationmasterError
from stationmaster.jobs import claims
from stationmaster.jobs import services as jobs
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.runner import run_claimed


def a_job(way: str = "mixed", *, run: bool = True) -> str:
    """The id of a job, run to its end unless told otherwise."""
    job: str = jobs.submit(ADMIN, "test_odd", workspace="ws_1", args={"way": way})["id"]
    if run:
        fence = claims.claim(job, "here")
        assert isinstance(fence, Fence)
        run_claimed(fence, Working("here", threading.Event()))
    return job


def test_reading(callers: Callers) -> None:
    """Jobs, items and logs are read; a list is filtered; an unknown job or parameter is refused."""
    job = a_job()
    viewer = callers["viewer"]
    assert viewer.get(f"jobs/{job}").json()["state"] == "partial"
    found = viewer.get("jobs", params={"filter": "state:eq:partial", "search": "ws_1"}).json()
    assert ([row["id"] for row in found["items"]], found["total"]) == ([job], 1)
    items = viewer.get(f"jobs/{job}/items", params={"filter": "state:eq:failed"}).json()["items"]
    assert [row["reason"] for row in items] == ["test.failed"]
    log = viewer.get(f"jobs/{job}/log").json()
    assert (log["ended"], log["lines"][0]["text"]) == (True, "started")
    assert viewer.get(f"jobs/{job}/log", params={"after": log["next"], "wait": 20}).json()["lines"] == []
    assert code(viewer.get("jobs/job_nothing")) == "error.job.not_found"
    for params in ({"after": "x"}, {"wait": 21}, {"limit": 0}, {"tail": 1}, {"after": "1e3"}):
        assert viewer.get(f"jobs/{job}/log", params=params).status_code == 422
    assert viewer.get("workers").json() == {"items": []}
    assert "test_odd" in {row["kind"] for row in viewer.get("job-kinds").json()["items"]}


def test_who_may(callers: Callers) -> None:
    """Members see no jobs; viewers see them and end none, nor take files; nobody is nobody."""
    job = a_job("fine", run=False)
    for path in ("jobs", f"jobs/{job}", f"jobs/{job}/items", f"jobs/{job}/log", f"jobs/{job}/artifacts", "workers", "job-kinds"):
        assert callers["anonymous"].get(path).status_code == 401, path
        assert callers["member"].get(path).status_code == 403, path
        assert callers["auditor"].get(path).status_code == 200, path
    assert callers["viewer"].get(f"jobs/{job}/artifacts/run.log").status_code == 403
    for verb in ("cancel", "retry"):
        assert callers["viewer"].post(f"jobs/{job}/{verb}", json={}).status_code == 403
    assert callers["operator"].post(f"jobs/{job}/cancel", json={}).json()["state"] == "cancelled"


def test_a_job_is_cancelled_once(callers: Callers) -> None:
    """The same cancelling with the same key is answered the same again; another is refused, since the job has ended."""
    job = a_job("fine", run=False)
    key = {"idempotency-key": "one"}
    first, again = (callers["admin"].post(f"jobs/{job}/cancel", json={}, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert code(callers["admin"].post(f"jobs/{job}/cancel", json={})) == "error.job.ended"


def test_trying_again(callers: Callers) -> None:
    """Trying again answers with the new job, and where it is."""
    job = a_job()
    answer = callers["admin"].post(f"jobs/{job}/retry", json={})
    made = answer.json()
    assert (answer.status_code, made["retry_of"], made["total"]) == (201, job, 1)
    assert answer.headers["location"] == f"/api/v1/jobs/{made['id']}"


@pytest.mark.parametrize(("name", "type_"), [("run.log", "text/plain; charset=utf-8"), ("result.json", "application/json"),
                                             ("result.csv", "text/csv; charset=utf-8")])  # fmt: skip
def test_files_are_taken_away(callers: Callers, name: str, type_: str) -> None:
    """A job's files come as attachments with names of ours, and are never shown as pages."""
    job = a_job()
    JobItem.objects.filter(job=job, position=1).update(sentence="<script>alert(1)</script>")
    answer = callers["auditor"].get(f"jobs/{job}/artifacts/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, type_)
    assert answer.headers["content-disposition"] == f'attachment; filename="{job}-{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert callers["auditor"].get(f"jobs/{job}/artifacts").json()["items"][0] == {"name": "run.log", "type": "text/plain"}


@pytest.mark.parametrize("path", ["..%2f..%2fmaster.keys", "run.log%00", "%2e%2e/jobs", "run.log/", "Run.log", "..%5crun.log"])
def test_no_other_file(callers: Callers, path: str) -> None:
    """No spelling of a name leads to another file."""
    answer = callers["admin"].get(f"jobs/{a_job()}/artifacts/{path}")
    assert answer.status_code in (404, 400, 422)
    assert "attachment" not in answer.headers.get("content-disposition", "")


def test_a_log_is_waited_for(callers: Callers) -> None:
    """Who waits for a line is answered when there is one."""
    job = a_job("fine", run=False)
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    answers: list[Any] = []

    def ask() -> None:
        answers.append(callers["viewer"].get(f"jobs/{job}/log", params={"wait": 20}).json())

    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.6)      # for what must not come there is no sign to wait for
    assert not answers
    run_claimed(fence, Working("here", threading.Event()))
    waiting.join()
    assert answers[0]["lines"][0]["text"] == "started"


def test_the_command_lines_desk(control: Control, callers: Callers) -> None:
    """What the command line needs of jobs over REST is there: pages, logs, files, workers; an error is one of ours."""
    job = a_job()
    with Remote(control.url, _token(callers["admin"])) as desk:
        assert desk.part("jobs", job, "items", Asked(), limit=2).total == 3
        assert desk.log(job, 0)["state"] == "partial"
        assert json.loads("".join(desk.artifact(job, "result.json")))["job"]["id"] == job
        assert desk.workers() == []
        with pytest.raises(StationmasterError, match="no such artifact"):
            "".join(desk.artifact(job, "nothing"))
        again = desk.act("jobs", job, "retry", {})
        assert desk.act("jobs", again["id"], "cancel", {})["state"] == "cancelled"


def _token(client: httpx.Client) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")
