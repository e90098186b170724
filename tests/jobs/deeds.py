"""Kinds of job that only tests have. Imported by the tests and by the workers that they start."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobs.ledger import ask
from stationmaster.jobs.kinds import Done, Failed, Kind, NewItem, Outcome, Postponed, Skipped, register
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.line import errors as vendor

CANARY = "sk-proj-Qc8AZr2vTn5mXw0y"      # must show nowhere


class Deeds:
    """Does each of `count` things at the ledger once, whatever happens: the pattern that every kind follows."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """`deed-0001` and so on; `names` instead, where given."""
        names = run.args.get("names") or [f"deed-{number:04}" for number in range(1, int(run.args["count"]) + 1)]
        for name in names:
            yield NewItem(f"{run.workspace or run.id}-{name}", subject=name)

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Read first, when it was begun before; then fence, then write, then record."""
        url = run.args["url"]
        if item.attempts > 1 or item.intent_at is not None:
            _, body = ask(url, "GET", item.key)
            if body["done"]:
                run.log("it was done before")
                return Done({"found": True}, record=lambda edit: edit.record(f"test:{item.key}:did"))
        run.pacer(float(run.args.get("per_minute", 0)))()
        run.before_write(f"POST /{item.key}")
        status, body = ask(url, "POST", item.key)
        return _outcome(run, item, status, body)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Nothing to add."""
        return {"concluded": run.fence.number}


def _outcome(run: Run, item: JobItem, status: int, body: Mapping[str, Any]) -> Outcome:
    if status == 200:
        return Done({"done": body["done"]}, record=lambda edit: edit.record(f"test:{item.key}:did"))
    raised: Mapping[int, Exception] = {
        429: vendor.RateLimited("slow down", retry_after=float(body.get("after", 1))), 401: vendor.StopRun("the key is refused"),
        409: vendor.AlreadyExists("is there"), 400: vendor.Rejected("no seat is free"), 418: RuntimeError(CANARY),
    }
    raise raised.get(status, vendor.Transient(f"answered {status}", maybe_done=True))


class Odd:
    """Outcomes that come by value, by what `args["way"]` says."""

    def prepare(self, run: Run) -> list[NewItem]:
        """Three; or as many as are too many for one batch; or none that can be read."""
        if run.args["way"] == "unreadable" and run.attempt < int(run.args.get("until", 99)):
            raise vendor.Transient("nobody answers")
        if run.args["way"] == "limited":
            raise vendor.RateLimited("slow down", retry_after=600.0)
        if run.args["way"] == "refused":
            raise vendor.DirectoryManaged("a directory manages this")
        if run.args["way"] == "hang":
            while True:
                run.check()
                time.sleep(0.05)
        count, things = int(run.args.get("count", 3)), int(run.args.get("things", 1))
        return [NewItem(f"item-{number}", data={"way": run.args["way"]}, things=things) for number in range(count)]

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """By its way; `mixed`: another for each."""
        way = run.args["way"]
        number = item.position
        if way == "mixed":
            return (Done(), Skipped("test.skipped", "needs not be"), Failed("test.failed", "cannot be done"))[(number - 1) % 3]
        if way == "partly":      # the first of them whole, of the others all but one
            return Done() if number == 1 else Failed("test.failed", "one of them cannot be done", done=item.things - 1)
        if way == "all failed":
            return Failed("test.failed", "cannot be done")
        if way == "postponed":
            return Postponed(0.2, "test.later") if item.attempts < 3 else Done()
        if way == "long":
            return Postponed(3600.0, "test.later") if number == 1 else Done()
        if way == "slow":
            time.sleep(float(run.args.get("seconds", 0.3)))
            return Done()
        if way == "bad record":
            return Done(record=_half)
        if way == "die":
            os.kill(os.getpid(), 9)
        if way == "write in dry run":
            raise vendor.DryRunRefused("POST", "/things")
        return Done({"threads": str(os.getpid())})

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """What it was."""
        if run.args["way"] == "unconcluded":
            raise vendor.StopRun("refused at the end")
        if run.args["way"] == "limited at the end" and run.attempt < 2:
            raise vendor.RateLimited("slow down", retry_after=600.0)
        return {"way": run.args["way"], "text": f"\x1b[31mred\x1b[0m {CANARY}"}


def _half(edit: Any) -> None:
    """Write half of it."""
    edit.record("test:x:half")
    raise ZeroDivisionError


class Spy:
    """Writes into the file `args["file"]` when it begins and ends: whether two ran at once."""

    def prepare(self, run: Run) -> list[NewItem]:
        """One."""
        return [NewItem("one")]

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Tell, wait, tell."""
        for what in ("begins", "ends"):
            line = json.dumps({"job": run.id, "what": what, "at": time.time(), "pid": os.getpid(), "lock": run.workspace})
            with Path(run.args["file"]).open("a") as file:
                file.write(f"{line}\n")
            if what == "begins":
                time.sleep(float(run.args.get("seconds", 0.2)))
        return Done()

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Nothing."""
        return {}


def _raise_half(edit: Any, ended: Any) -> None:
    """Write half of what follows."""
    _half(edit)


def on_end(edit: Any, ended: Any) -> None:
    """Say in the trail what was told."""
    edit.record(f"test:{ended.job}:ended", None, {"state": ended.state, "cause": ended.cause, "args": ended.args})


KINDS = (
    Kind("test_deeds", "Deeds", Deeds(), "workspaces:update"),
    Kind("test_odd", "Odd", Odd(), "workspaces:update", exclusive=False),
    Kind("test_ended", "Told", Odd(), "workspaces:update", exclusive=False, max_attempts=2, on_end=on_end),
    Kind("test_rude", "Rude", Odd(), "workspaces:update", exclusive=False, on_end=_raise_half),
    Kind("test_spy", "Spy", Spy(), "workspaces:update"),
)
for _kind in KINDS:
    register(_kind)
