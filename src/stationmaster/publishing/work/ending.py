"""What an ended job leaves on rows that it did not come to. Owns that sentence."""

from typing import Final

from stationmaster.jobs.kinds import Ended
from stationmaster.publishing.models import FAILED, PENDING, Publication
from stationmaster.store.changes import Change

_WORDS: Final = "the job ended before it came to it"


def on_end(edit: Change, ended: Ended) -> None:
    """Nobody is about to publish them any more."""
    rows = Publication.objects.filter(target=ended.workspace, job=ended.job, state=PENDING)
    for row in rows.select_related("credential", "target"):
        with edit.updating(row, action="fail"):
            row.state, row.cause, row.words = FAILED, (ended.cause or f"job.{ended.state}")[:128], _WORDS
