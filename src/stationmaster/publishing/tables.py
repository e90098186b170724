"""What attaches a target: every field, type and range, in the words of gateway.toml's tables. Owns that form."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from stationmaster.gateway.config.tables import Flag, Id, NeededText, Text
from stationmaster.targets._base import PRIORITIES, USUAL_PRIORITY

MAX_MINUTES: Final = 44_640      # between two readings: a month
_Name = Annotated[str, Meta(min_length=1, max_length=256)]


def number(low: int, high: int) -> Meta:
    """What a whole number has to be."""
    return Meta(ge=low, le=high, description=f"a whole number from {low} to {high}")


class TargetTable(msgspec.Struct, frozen=True):
    """Somebody's gateway, how it is reached, and what holds for what is published there."""

    id: Id = ""
    label: Text = ""
    kind: NeededText = ""
    base_url: NeededText = ""
    user: Annotated[str, Meta(min_length=1, max_length=256, description="a user's name, or id")] = ""
    secret: Text = ""
    allow_insecure_http: Flag = False
    concurrency: Annotated[int, number(0, 100_000)] = 0
    priority: Annotated[int, number(PRIORITIES[0], PRIORITIES[-1])] = USUAL_PRIORITY
    groups: Annotated[list[_Name], Meta(max_length=100, description="a list of ids of groups")] = []
    group_names: Annotated[list[_Name], Meta(max_length=100, description="a list of names of groups")] = []
    models: Annotated[list[_Name], Meta(max_length=500, description="a list of models; empty: all")] = []
    default: Flag = False
    read_minutes: Annotated[int, number(0, MAX_MINUTES)] = 0
    calls_per_minute: Annotated[int, number(0, 6000)] = 0
    disabled: Flag = False

    def __repr__(self) -> str:
        return f"TargetTable({self.id!r}, secret=…)"


PLAIN: Final = ("label", "kind", "user", "allow_insecure_http", "concurrency", "priority", "groups", "group_names", "models",
                "read_minutes", "calls_per_minute", "disabled")  # fmt: skip
