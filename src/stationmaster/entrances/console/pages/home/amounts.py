"""Amounts on the first pages. Owns: money, shares and lengths of time as people read them."""

from typing import Final

from stationmaster.entrances.console.pages.parts import DASH
from stationmaster.i18n import tr

NANO: Final = 1_000_000_000


def usd(nano: int | None) -> str:
    """Nanodollars in US dollars; what is spent and rounds to nothing is said to be less than a cent."""
    if nano is None:
        return DASH
    if 0 < nano < NANO // 100:
        return tr("less than $0.01")
    return f"${nano / NANO:,.2f}"


def share(part: int, whole: int) -> str:
    """A part in per cent; nothing of nothing is no share."""
    if not whole:
        return DASH
    return "0%" if not part else f"{max(part / whole * 100, 0.01):.2f}%" if part / whole < 0.1 else f"{part / whole * 100:.1f}%"


def lasting(microseconds: int | None) -> str:
    """A short length of time."""
    if microseconds is None:
        return DASH
    if microseconds < 1_000_000:
        return tr("{number} ms", number=round(microseconds / 1000))
    return tr("{number} s", number=f"{microseconds / 1_000_000:.1f}")
