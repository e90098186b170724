"""What a worker of these tests knows besides: how long the sandbox may take to list what was written.

As long as the file `LAGS` is in the data folder, its lists lag behind for longer than any test; else by no more than a call under
way can take.
"""

from datetime import timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from stationmaster.workspaces import policy
from stationmaster.workspaces.policy import SeatPolicy
from stationmaster.workspaces.work import doing

LAGS: Final = "lists-lag"
_LONG, _SHORT = SeatPolicy(listed_after=timedelta(hours=2)), SeatPolicy(listed_after=timedelta(seconds=4))


def lagging() -> Path:
    """The file that says so."""
    return Path(settings.STATIONMASTER_DATA) / LAGS


def use() -> None:
    """Have this process ask the file, and look often at what is not known yet."""
    policy.use(lambda: _LONG if lagging().exists() else _SHORT)
    doing.LONGEST = 1.0  # type: ignore[misc]  # for everybody else it is final
