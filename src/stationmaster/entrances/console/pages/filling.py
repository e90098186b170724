"""What stands in the fields of a form about one thing. Owns: that what was sent and not taken comes before what is stored, and
that before what is usual.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stationmaster.entrances.console.pages.acting import Sent
from stationmaster.entrances.console.pages.parts import Control, Field, Row


@dataclass(frozen=True)
class Filling:
    """What was `sent` (None: nothing yet), what was wrong with it by field, the stored `row` (None: a new one), and what is
    `usual`."""

    sent: Sent | None
    wrong: Mapping[str, str]
    row: Row | None
    usual: Mapping[str, Any] = field(default_factory=dict)

    def field(self, name: str, label: str, control: Control = "text", **more: Any) -> Field:
        """A field that is typed or chosen; several values stand apart by commas."""
        return Field(name, label, control, self._now(name), error=self.wrong.get(name, ""), **more)

    def box(self, name: str, label: str, *, held: bool | None = None) -> Field:
        """A box; `held`: whether what is stored has it ticked, where its name is none of the row's."""
        stored = held if held is not None else bool(self.row and self.row[name])
        return Field(name, label, "checkbox", checked=name in self.sent if self.sent is not None else stored)

    def _now(self, name: str) -> str:
        if self.sent is not None:
            return self.sent.get(name, "")
        value = self.row[name] if self.row is not None else self.usual.get(name, "")
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
