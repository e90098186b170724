"""Copies of a credential at all targets. Owns: listening to rotations and revocations, and which copies still hold what.

What is asked of a target here is a job: nothing is sent from within somebody's change.
"""

from contextlib import suppress

from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.errors import Conflict
from stationmaster.jobs import services as jobs
from stationmaster.publishing import kinds
from stationmaster.publishing.models import THERE, Publication
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change


def behind(credential: Credential, number: int) -> list[str]:
    """The targets that hold another secret of it than the generation with this number."""
    rows = Publication.objects.filter(credential=credential).exclude(entry="").exclude(generation=number)
    return list(rows.order_by("target__name").values_list("target__name", flat=True))


def places(credential: Credential) -> list[str]:
    """The targets that have a copy of it, or may have one."""
    rows = Publication.objects.filter(THERE, credential=credential)
    return list(rows.order_by("target__name").values_list("target__name", flat=True))


def on_promoted(_edit: Change, credential: Credential, generation: CredentialSecret) -> None:
    """Another secret serves: every copy gets it."""
    for row in Publication.objects.filter(THERE, credential=credential, wanted=True):
        renew(row, generation.number)


def on_revoked(edit: Change, credential: Credential, generation: CredentialSecret) -> None:
    """A secret may not be used anywhere any more. Copies of a credential that has none left are withdrawn at once; where another
    one serves, they are renewed."""
    rows = Publication.objects.filter(THERE, credential=credential).select_related("credential", "target")
    for row in rows:
        if not credential.secret:
            leave(edit, row)
        elif row.wanted and row.generation == generation.number and generation.number != credential.generation:
            renew(row, credential.generation, priority=kinds.URGENT)


def leave(edit: Change, row: Publication) -> None:
    """It is to be taken away, before anything else is done there; said once."""
    if not row.wanted:
        return
    with edit.updating(row, action="withdraw"):
        row.wanted, row.job = False, ""
    withdraw_one(row, kinds.URGENT)


def renew(row: Publication, number: int, priority: int = 0) -> None:
    """Have a copy brought in line with the secret that serves, by a job; one that waits already will do."""
    _submit(kinds.PUBLISH, row, f"renew:{row.id}:{number}", priority)


def withdraw_one(row: Publication, priority: int = 0) -> None:
    """Have a copy taken away, by a job."""
    _submit(kinds.WITHDRAW, row, f"withdraw:{row.id}", priority)


def _submit(kind: str, row: Publication, dedupe: str, priority: int) -> None:
    with suppress(Conflict):
        jobs.submit(SYSTEM, kind, workspace=row.target_id, args={"credential": row.credential_id}, dedupe=dedupe,
                    priority=priority, item_retries=5)  # fmt: skip
