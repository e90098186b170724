"""`stationmaster job` and `--wait`, at this machine's own desk and over REST."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.nouns.kit import Cli
from controlkit import ADMIN
from jobs import deeds  # noqa: F401  registers the kinds
from stationmaster.cli import waiting
from stationmaster.cli.local import Local
from stationmaster.jobs import claims
from stationmaster.jobs import services as jobs
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.runner import run_claimed


def submitted(way: str = "mixed") -> str:
    """The id of a job that waits."""
    made: str = jobs.submit(ADMIN, "test_odd", workspace="ws_1", args={"way": way})["id"]
    return made


def run(job: str) -> None:
    """Run it here."""
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    run_claimed(fence, Working("here", threading.Event()))


def test_looking_at_jobs(cli: Cli) -> None:
    """Jobs are listed and shown, their items listed, their logs printed."""
    job = submitted()
    run(job)
    assert [row["state"] for row in cli.json("job", "list", "--filter", "workspace=ws_1")["jobs"]] == ["partial"]
    assert cli.json("job", "show", job)["failed"] == 1
    items = cli.json("job", "items", job, "--filter", "state=failed")
    assert ([row["key"] for row in items["items"]], items["total"]) == (["item-2"], 1)
    assert "1 of 3" in cli("job", "items", job, "--limit", "1").err
    lines = cli("job", "log", job).out.splitlines()
    assert (lines[0].split()[-1], lines[-1].endswith("1 failed")) == ("started", True)
    rest = cli("job", "log", job, "--after", "2", "--output", "jsonl").out.splitlines()
    assert json.loads(rest[0])["seq"] == 3
    assert 'no job "job_x"' in cli("job", "show", "job_x", code=1).err


def test_following_a_log_ends_with_the_job(cli: Cli) -> None:
    """`--follow` prints all lines, says how it ended, and leaves with the code of that."""
    job = submitted()
    run(job)
    done = cli("job", "log", job, "--follow", code=3)
    assert "Succeeded in part: 1 done, 1 skipped, 1 failed" in done.err
    assert len(done.out.splitlines()) == len(cli("job", "log", job).out.splitlines())


def test_ending_and_trying_again(cli: Cli) -> None:
    """A job is cancelled, and what was not done tried again in another; that one is told how to be followed."""
    job = submitted()
    assert cli.json("job", "cancel", job)["state"] == "cancelled"
    assert "has ended" in cli("job", "cancel", job, code=1).err
    done = cli("job", "retry", job, "--output", "json")
    assert done.json()["retry_of"] == job
    assert f"stationmaster job log {done.json()['id']} --follow" in done.err


def test_a_dry_run_ends_nothing(here: Cli) -> None:
    """With --dry-run a job is not cancelled: what would be written down is shown, and the exit code says so."""
    job = submitted()
    assert f"jobs:{job}:cancel" in here("job", "cancel", job, "--dry-run", code=10).out
    assert here.json("job", "show", job)["state"] == "queued"


def test_taking_files(here: Cli, tmp_path: Path) -> None:
    """A file goes to stdout or into a new file; one that is there is not written over."""
    job = submitted()
    run(job)
    assert json.loads(here("job", "artifact", job, "result.json").out)["job"]["id"] == job
    file = tmp_path / "run.log"
    here("job", "artifact", job, "run.log", "--to", str(file))
    assert file.read_text().count("\n") == jobs.get(ADMIN, job)["lines"]
    assert "cannot be written" in here("job", "artifact", job, "run.log", "--to", str(file), code=2).err
    assert "no such artifact" in here("job", "artifact", job, "../x", code=1).err


def test_no_worker_runs(cli: Cli) -> None:
    """Who looks for workers where there is none is told what a worker is."""
    assert "stationmaster worker" in cli("job", "workers", code=1).err


@pytest.mark.parametrize(("way", "code"), [("fine", 0), ("mixed", 3), ("all failed", 1)])
def test_waiting_leaves_with_the_jobs_code(
    here: Cli, way: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who waits for a job leaves with 0, 3 or 1 when it ends; why it does not begin is told, since no worker runs."""
    monkeypatch.setattr(waiting, "_PATIENCE", 0.0)
    job = submitted(way)
    ran: list[str] = []

    def sleep(_: float) -> None:
        if len(ran) == 1:
            run(job)
        ran.append(job)

    monkeypatch.setattr("stationmaster.cli.waiting.time.sleep", sleep)
    desk: Any = Local(ADMIN)
    assert waiting.wait_for(desk, job) == code
    assert "no worker runs" in capsys.readouterr().err
    assert len(ran) == 2


def test_ctrl_c_leaves_the_job_running(
    here: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends the waiting and not the job, and prints what follows it."""
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stationmaster.cli.waiting.time.sleep", interrupted)
    job = submitted()
    desk: Any = Local(ADMIN)
    with pytest.raises(typer.Exit) as left:
        waiting.wait_for(desk, job)
    assert left.value.exit_code == 130
    assert f"stationmaster job log {job} --follow" in capsys.readouterr().err
    assert jobs.get(ADMIN, job)["state"] == "queued"


def test_what_is_said_of_the_rest() -> None:
    """How long it will take is said in minutes and seconds; when it cannot be told, nothing is said."""
    assert waiting.rest({"eta_seconds": 125.4, "per_minute": 12.5}).endswith("2:05 to go")
    assert waiting.rest({"eta_seconds": None, "per_minute": None}) == ""
