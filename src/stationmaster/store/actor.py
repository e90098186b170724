"""Who does something. Owns: that value, which every service takes first. May not know what anybody is allowed."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["operator", "token", "system", "cli", "gateway"]


@dataclass(frozen=True)
class Actor:
    """Whoever asks for something, as the entrance made sure of it.

    `id` names them for good (`op_…`, `tok_…`, `gwt_…`); `role` is one of `operators.access.ROLES`, `scopes`
    narrows it to some actions (None: all of the role's), `request_id` ties an audit event to the request's log.
    `person` is the operator behind a token. `fresh` is false for a browser whose person has not proved who they are for
    a while: they may go on, but not do what is sensitive.
    """

    kind: Kind
    id: str = ""
    role: str = ""
    request_id: str = ""
    scopes: frozenset[str] | None = None
    person: str = ""
    fresh: bool = True


# What Stationmaster does by itself: migrations, expiry, what gateways told it.
SYSTEM = Actor("system", "system", "admin")
