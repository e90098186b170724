"""What an older setup's states mean here. Owns the tables of translation. Pure.

A seat's state is what was last known of it; a job that ran there then is none of ours, so that `running` is never believed: the
seat is planned, and what the vendor has is read before anything is done. An answer that nobody recorded is not taken for one.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

VALUES: Final = ("not_started", "idle", "running", "success", "failed")      # of the preset *accounts*
# `team_join_status`: what became of joining. "" here: it says nothing, and the invitation's state decides.
JOINED: Final[Mapping[str, str]] = {"not_started": "", "idle": "", "running": "", "success": "active", "failed": "failed"}
INVITED: Final[Mapping[str, str]] = {
    "not_started": "planned", "idle": "planned", "running": "planned", "success": "invited", "failed": "failed",
}  # fmt: skip
# `status` and `invitation_status` of the preset *tracker*: words that trackers use beside those.
TRACKED: Final[Mapping[str, str]] = {
    **INVITED, "new": "planned", "pending": "planned", "queued": "planned", "processing": "planned", "inviting": "planned",
    "invited": "invited", "sent": "invited", "accepted": "active", "joined": "active", "active": "active", "member": "active",
    "completed": "active", "expired": "expired", "removed": "removed", "left": "removed", "kicked": "removed", "error": "failed",
    "planned": "planned", "removing": "active",
}  # fmt: skip
# `pool_status` and `storage_status`: the state of a publication that it would be here.
PUBLISHED: Final[Mapping[str, str]] = {
    "not_started": "pending", "idle": "pending", "running": "pending", "pending": "pending", "success": "published",
    "published": "published", "stored": "published", "skipped": "skipped", "failed": "failed", "error": "failed",
}  # fmt: skip
_UNBELIEVED: Final = frozenset({"running", "processing", "inviting"})


class Read(NamedTuple):
    """A seat's state; `unbelieved`: something was running; `unknown`: fields whose value means nothing here."""

    state: str
    unbelieved: bool = False
    unknown: tuple[str, ...] = ()


def seat_state(join: str = "", invite: str = "", tracked: str = "") -> Read:
    """The state that a seat had, of the fields that say so (empty: not there). Joining counts more than the invitation."""
    given = {"team_join_status": (join, JOINED), "invite_status": (invite, INVITED), "invitation_status": (tracked, TRACKED)}
    said = {name: (value.strip().casefold(), table) for name, (value, table) in given.items() if value.strip()}
    unknown = tuple(name for name, (value, table) in said.items() if value not in table)
    states = [table.get(value, "") for value, table in said.values()]
    unbelieved = any(value in _UNBELIEVED for value, _ in said.values())
    return Read(next(filter(None, states), "planned"), unbelieved, unknown)


def published(value: str) -> str:
    """A publication's state; empty for a value that means nothing here."""
    return PUBLISHED.get(value.strip().casefold(), "")


# Back again. A seat that moves at this moment is no success yet.
_JOIN_OF: Final[Mapping[str, str]] = {"active": "success", "failed": "failed", "removing": "success"}
_INVITE_OF: Final[Mapping[str, str]] = {"active": "success", "invited": "success", "failed": "failed", "removing": "success"}
_TRACKED_OF: Final[Mapping[str, str]] = {
    "active": "active", "invited": "invited", "failed": "failed", "expired": "expired", "removed": "removed",
    "removing": "active",
}  # fmt: skip


def written(state: str) -> Mapping[str, str]:
    """A seat's state in the words of both presets, by the names of their fields."""
    return {
        "team_join_status": _JOIN_OF.get(state, "not_started"), "invite_status": _INVITE_OF.get(state, "not_started"),
        "invitation_status": _TRACKED_OF.get(state, "not_started"),
    }  # fmt: skip


def believed(value: str) -> str:
    """A value that came in, as it goes out again while nothing has changed: what ran there is not said to run."""
    return "not_started" if value.strip().casefold() in _UNBELIEVED else value
