"""The kinds of jobs of credentials. Called once, when Django is set up."""

from stationmaster.credentials import kinds
from stationmaster.credentials.work.override import EndingOverride
from stationmaster.credentials.work.probe import Probing
from stationmaster.credentials.work.revoke import Revoking
from stationmaster.credentials.work.rotate import Rotating
from stationmaster.jobs.kinds import Kind, register


def register_all() -> None:
    """Make them known. None is exclusive: what keeps two from rotating one credential is its row."""
    rotating = Rotating()
    register(Kind(kinds.MINT, "Mint a key", rotating, "credentials:mint", exclusive=False))
    register(Kind(kinds.ROTATE, "Rotate a key", rotating, "credentials:rotate", exclusive=False))
    register(Kind(kinds.REVOKE, "Revoke keys", Revoking(), "credentials:revoke", exclusive=False,
                  cancels="credentials:revoke"))  # fmt: skip
    register(Kind(kinds.PROBE, "Probe credentials", Probing(), "credentials:probe", exclusive=False))
    register(Kind(kinds.OVERRIDE, "End an override", EndingOverride(), "credentials:hold", exclusive=False))
