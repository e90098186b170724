"""What seats cost, as a plan says it. Owns: that value, and an amount as people read it."""

from typing import Final, TypedDict

# ISO 4217: currencies in use whose smallest unit is no hundredth, and how many decimals they have.
_DECIMALS: Final = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)


class Terms(TypedDict):
    """What is known of one workspace's seats in money: `price_minor` of one a cycle, in the smallest unit of `currency`, None:
    nobody said; `cycle_ends` (a date as ISO 8601) and `words` in English, as the vendor's adapter tells them, or empty."""

    price_minor: int | None
    currency: str
    cycle_ends: str
    words: str


def amount(minor: int, currency: str) -> str:
    """An amount in the smallest unit, as people read it: "19.00 USD", "-1900 JPY"."""
    decimals = _DECIMALS.get(currency, 2)
    return f"{minor / 10**decimals:.{decimals}f} {currency}"
