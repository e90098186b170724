"""Onboarding: a workspace, read for the first time or read anew, part by part. One part that cannot be read loses no other.

Nothing is written at the vendor.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stationmaster.jobs.kinds import NewItem, Outcome
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run
from stationmaster.workspaces.attaching import state_of
from stationmaster.workspaces.work import reading
from stationmaster.workspaces.work.opening import opened, refusals_told, workspace_of


class Onboarding:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """An item a part. A credential that cannot be used at all ends it here, with the cause."""
        with refusals_told(run):
            opened(run)
        for part in (*reading.PARTS, reading.PROBE):
            yield NewItem(part, run.workspace, {"part": part})

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Read one."""
        return reading.read(run, str(item.data["part"]))

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """What there is now, and whether it can be worked with."""
        row = workspace_of(run)
        return {
            "state": state_of(row), "organisation": row.organisation_name, "directory_managed": row.directory_managed,
            "found": row.found, "seats_total": row.seats_total, "seats_used": row.seats_used, "unread": row.unread,
        }  # fmt: skip
