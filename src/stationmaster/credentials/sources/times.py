"""When a secret that ends is to be replaced, and when to try again. Pure."""

from datetime import datetime, timedelta
from typing import Final

AHEAD: Final = timedelta(hours=1)
SHARE: Final = 0.8                          # of a life that is too short for an hour ahead
UNTOLD: Final = timedelta(hours=1)          # the life of a secret whose issuer tells no end (RFC 6749 §5.1 leaves it open)
LONGEST: Final = timedelta(days=365)
SOONEST: Final = timedelta(seconds=10)      # after it was asked for: a life that is shorter is no reason to ask all the time
FIRST_PAUSE: Final = 5.0                    # seconds, doubled with each failure
LONGEST_PAUSE: Final = 900.0


def refresh_at(asked_at: datetime, ends_at: datetime) -> datetime:
    """One hour ahead of its end, or at 80 % of its life where that is later, which it is for lives under five hours; never
    sooner than `SOONEST`."""
    life = max(timedelta(0), min(ends_at - asked_at, LONGEST))
    return asked_at + max(life - AHEAD, life * SHARE, SOONEST)


def pause(failures: int, chance: float) -> float:
    """Seconds until it is tried again, after so many failures in a row (at least 1): exponential, bounded, and spread by `chance`
    from [0, 1) over the upper half, so that what failed together does not come back together."""
    whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return whole * (0.5 + chance / 2)
