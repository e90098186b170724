"""Ending an override when its time is over."""

from collections.abc import Iterator, Mapping
from typing import Any

from stationmaster.credentials.models import Credential
from stationmaster.credentials.sources import clock
from stationmaster.jobs.kinds import Done, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run


class EndingOverride:
    """Implements `jobs.kinds.Handler`. One that was changed meanwhile has a job of its own."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """The credential."""
        yield NewItem("override", str(run.args["credential"]))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Take it back, if it is over."""
        with run.recording() as edit:
            row: Credential | None = Credential.objects.filter(id=item.subject).first()
            if row is None or not row.override or row.override_until is None or row.override_until > clock.now():
                return Skipped("credential.override_other", "there is none that is over")
            with edit.updating(row, action="override"):
                row.override, row.override_until, row.override_reason = "", None, ""
        return Done({"credential": row.name})

    def conclude(self, run: Run) -> Mapping[str, Any]:  # noqa: ARG002  the Protocol's
        """Nothing more to say."""
        return {}
