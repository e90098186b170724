"""Revoking at the vendor, after gateways let go: of a slot that was leaked, of what was kept long enough, of answers that
were lost."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q

from stationmaster.credentials import acknowledging, copies, generations
from stationmaster.credentials.generations import REVOKING
from stationmaster.credentials.models import FAILED, KEPT, OVER, Credential, CredentialSecret
from stationmaster.credentials.policy import policy
from stationmaster.credentials.sources import clock
from stationmaster.credentials.work import minting
from stationmaster.credentials.work.rotate import revoke
from stationmaster.jobs.kinds import Done, NewItem, Outcome, Skipped
from stationmaster.jobs.models import JobItem
from stationmaster.jobs.run import Run


class Revoking:
    """Implements `jobs.kinds.Handler`. With a credential: all of its secrets that are not revoked yet, whether or not gateways
    know; with a generation: that one; without: what is overdue, and what was to be revoked and is not, whatever kept the job
    that was to do it."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a generation."""
        which, one = run.args.get("credential"), run.args.get("generation")
        rows = CredentialSecret.objects.filter(credential=which, cause=REVOKING).exclude(state__in=OVER) if which else overdue()
        if one:
            rows = CredentialSecret.objects.filter(id=one)
        for row in rows.order_by("number").values_list("id", flat=True):
            yield NewItem(str(row), str(row))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Revoke one, or delete what the vendor has under its name."""
        row = CredentialSecret.objects.filter(id=item.subject).select_related("credential").first()
        if row is None:
            return Skipped("credential.gone", "there is no such credential any more")
        if row.state == FAILED or row.state == "minting":
            return Done({"deleted": minting.remove_named(run, row)}, record=lambda edit: _swept(edit, row))
        slot: Credential = row.credential
        waits = not run.args and row.cause != REVOKING
        if waits and acknowledging.behind(slot.revision, policy().absent):
            return Skipped("credential.absent", "gateways that may still use it do not go by the change yet")
        if waits and _copied(slot, row):
            return Skipped("credential.copied", "copies elsewhere still hold it")
        if row.state not in OVER:
            if not _let_go(run, row.id):
                return Skipped("credential.in_use", "it serves again, or is kept longer: somebody decided so meanwhile")
            revoke(run, slot, row)
        return Done({"credential": slot.name, "generation": row.number})

    def conclude(self, run: Run) -> Mapping[str, Any]:  # noqa: ARG002  the Protocol's
        """Nothing more to say."""
        return {}


def overdue() -> Any:
    """Those that were kept for their time while no job was there to go on, and those whose answers may still turn up."""
    now = clock.now()
    kept = Q(state=KEPT, keep_until__lte=now)
    asked = Q(cause=REVOKING) & ~Q(state__in=OVER)
    return CredentialSecret.objects.filter(kept | asked | Q(state=FAILED, sweep_until__isnull=False))


def _let_go(run: Run, which: str) -> bool:
    """Have no way back lead to it from here on; False: it is not to be revoked any more. Decided where nobody else decides."""
    with run.recording() as edit:
        row = CredentialSecret.objects.select_related("credential").filter(id=which).first()
        if row is None or row.state in OVER or not _doomed(row):
            return False
        generations.let_go(edit, row.credential, row)
        return True


def _doomed(row: CredentialSecret) -> bool:
    """Whether its time is over, or somebody asked for its end."""
    over = row.state == KEPT and row.keep_until is not None and row.keep_until <= clock.now()
    return over or bool(row.cause == REVOKING)


def _copied(slot: Credential, row: CredentialSecret) -> bool:
    """Whether copies elsewhere are still waited for."""
    return (row.keep_until is not None and clock.now() < row.keep_until + policy().copied
            and bool(copies.behind(slot, slot.generation)))  # fmt: skip


def _swept(edit: Any, row: CredentialSecret) -> None:
    """A last look, once nothing can turn up any more."""
    if row.state == "minting":
        until = clock.now() + policy().swept
        generations.give_up(edit, row.credential, row, minting.INTERRUPTED, sweep_until=until)
    elif row.sweep_until is not None and row.sweep_until <= clock.now():
        with edit.updating(row, action="sweep"):
            row.sweep_until = None
