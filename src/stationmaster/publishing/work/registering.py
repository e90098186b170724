"""The kinds of jobs of targets, and who is listened to. Called once, when Django is set up."""

from stationmaster.credentials import copies as asked
from stationmaster.credentials import hooks
from stationmaster.jobs.kinds import Kind, register
from stationmaster.publishing import copies, kinds
from stationmaster.publishing.work.ending import on_end
from stationmaster.publishing.work.publish import Publishing
from stationmaster.publishing.work.readback import ReadingBack
from stationmaster.publishing.work.withdraw import Withdrawing


def register_all() -> None:
    """Make them known."""
    register(Kind(kinds.PUBLISH, "Publish credentials", Publishing(), "publications:apply", on_end=on_end))
    register(Kind(kinds.WITHDRAW, "Withdraw publications", Withdrawing(), "publications:remove",
                  cancels="publications:remove"))  # fmt: skip
    register(Kind(kinds.READ_BACK, "Read publications back", ReadingBack(), "publications:check"))
    hooks.on_promoted(copies.on_promoted)
    hooks.on_revoked(copies.on_revoked)
    asked.answered_by(copies.behind)
    asked.known_by(copies.places)
