"""Texts in files that people open in a spreadsheet. Owns: that none of them is taken for a formula. Knows no rows, no Django.

Lists of REST and `--output csv` both write their cells through `safe` (OWASP, "CSV Injection"); files of people are read through
`as_it_was`, so that what was exported comes back.
"""

from typing import Final

# What begins a formula, in half and in full width, which East Asian editions take for the same; and what a spreadsheet may
# leave out before it looks for one.
_BEGINNINGS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", "\0")


def safe(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula: with a quote before it where it would be. Where it has such
    quotes already it gets one more, so that taking one away gives back what was there. Numbers are no texts: whoever has one
    writes it as it is."""
    return f"'{text}" if text.lstrip("'").startswith(_BEGINNINGS) else text


def as_it_was(cell: str) -> str:
    """The text that `safe` made a cell of: without the quote that it put before what a spreadsheet would take for a formula."""
    if cell.startswith("'") and cell.lstrip("'").startswith(_BEGINNINGS):
        return cell[1:]
    return cell
