"""Asking vendors whether credentials work, one or all. Nothing is generated: a list of models is asked for."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from stationmaster.credentials import generations, health
from stationmaster.credentials.models import Credential
from stationmaster.credentials.work import opening
from stationmaster.credentials.work.identifying import identify
from stationmaster.jobs.kinds import Done, Failed, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run


def _meant(args: Mapping[str, Any]) -> QuerySet[Credential]:
    """One, or those that are not well, or all."""
    if args.get("credential"):
        return Credential.objects.filter(id=args["credential"])
    return health.unwell() if args.get("only") else Credential.objects.all()


class Probing:
    """Implements `jobs.kinds.Handler`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a credential that has a secret; those out of service too: that is what one wants to know of them."""
        for which in _meant(run.args).order_by("name").values_list("id", flat=True).iterator(chunk_size=1000):
            yield NewItem(f"credential-{which}", str(which))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Ask about one; where a workspace reaches its vendor, find out which of the vendor's keys it is."""
        row: Credential | None = Credential.objects.filter(id=item.subject).first()
        secret = row.secret.reveal("probe") if row is not None else ""
        if row is None or not secret:
            return Skipped("credential.no_secret", "there is no secret to ask about")
        found = opening.probe(run, row, secret)
        health.note_probe(row, row.generation, found)
        current = generations.live(row)
        if found.ok and row.workspace and not current.vendor_key:
            identify(run, row, secret)
        told = {"credential": row.name, "ok": found.ok, "code": found.code, "organisation": found.organisation}
        return Done(told) if found.ok else Failed("credential.refused", found.words or found.code, outcome=told)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """How many work."""
        rows = JobItem.objects.filter(job_id=run.id)
        return {"ok": rows.filter(state="ok").count(), "failed": rows.filter(state="failed").count()}
