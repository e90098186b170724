"""How many people may go at once before somebody else has to say so. Owns: that one rule, for plans, SCIM and imports, and where
the process takes its figures from: the settings [seats]."""

from dataclasses import dataclass

from stationmaster.asked import Asked


@dataclass(frozen=True)
class Limits:
    """The figures: more than `count` people, or more than `share` per cent, are too many."""

    count: int = 20
    share: int = 10


def beyond(left: int, among: int | None, limits: Limits, *, always: int = 0) -> bool:
    """Tell whether `left` people are too many to go, of the `among` who were there before (None: whatever their share is). Up to
    `always` pass, however few there are. Pure."""
    if left <= always:
        return False
    return left > limits.count or (among is not None and left * 100 > among * limits.share)


limits = Asked(Limits)
