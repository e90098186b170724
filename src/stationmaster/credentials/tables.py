"""What people decide of a credential's life: every field, type and range, in the words of a file's tables. Owns that form."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from stationmaster.gateway.config.tables import Moment, Text


def number(high: int) -> Meta:
    """What a whole number has to be."""
    return Meta(ge=0, le=high, description=f"a whole number from 0 to {high}")


Scopes = Annotated[list[Text], Meta(description="a list of scopes; empty: all that the project may")]
Lifetime = Annotated[int, number(3650)]       # days that a minted secret is valid; 0: without end
Rotate = Annotated[int, number(3650)]         # days between two rotations; 0: never by itself
Keep = Annotated[int, number(2160)]           # hours that the secret before stays valid
Warn = Annotated[int, number(365)]            # days before the end in which it is told


class LifeTable(msgspec.Struct, frozen=True):
    """How a credential's secrets follow one another. `workspace` and `project`: where they are minted."""

    workspace: Text = ""
    project: Text = ""
    scopes: Scopes = []
    lifetime_days: Lifetime = 0
    rotate_days: Rotate = 0
    keep_hours: Keep = 24
    warn_days: Warn = 14
    expires_at: Moment = ""


LIFE: Final = frozenset(LifeTable.__struct_fields__)
