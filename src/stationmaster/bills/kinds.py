"""Names of the kinds of jobs of bills."""

from typing import Final

RECONCILE: Final = "reconcile-bills"      # args: days (0: as many as may still change)
