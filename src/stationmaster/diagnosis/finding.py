"""What a check found, as a value. Owns its shape and the three grades."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "broken"]


@dataclass(frozen=True)
class Finding:
    """One check's outcome. `id` is stable, `what` one sentence, `fix` one line that a person can act on; it is empty
    where nothing needs to be done."""

    id: str
    severity: Severity
    what: str
    fix: str = ""


def fine(id_: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(id_, "ok", what)


def warning(id_: str, what: str, fix: str) -> Finding:
    """It works, and may not for long, or not for everybody."""
    return Finding(id_, "warning", what, fix)


def broken(id_: str, what: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(id_, "broken", what, fix)
