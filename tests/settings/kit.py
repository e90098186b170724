"""A saved value, as the store hands it over."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A value, who saved it, and when."""

    value: Any
    by: str = "op_1"
    at: str = "2026-11-22"
