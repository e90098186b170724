"""What a reading says of a seat. Owns: which state a seat is in, once the vendor was looked at.

A reading that shows something proves it. One that does not show something proves nothing while a write is young: vendors
list what they did with a delay.
"""

from typing import NamedTuple

_WAITING = frozenset({"inviting", "invited", "expired"})


class Held(NamedTuple):
    """A seat in our books. `intent`: the write that was begun and whose outcome is not known (invite, reinvite, assign, role,
    projects, remove, withdraw, unassign), or empty; `old`: it was begun so long before the reading that what the reading
    does not show was not done."""

    state: str
    intent: str = ""
    old: bool = False


class Found(NamedTuple):
    """What the vendor has of the person. `member`: they are in, with a licence where there are any; `invited`: an
    invitation is pending; `expired`: one is over, and none is pending. None of them: nothing is known of them any more."""

    member: bool = False
    invited: bool = False
    expired: bool = False


class Settled(NamedTuple):
    """What the seat's state is, and why. `clear`: the intent is settled."""

    state: str
    cause: str = ""
    clear: bool = True


def settle(held: Held, found: Found) -> Settled | None:
    """The state that the reading shows; None: it says nothing new."""
    if held.intent in ("remove", "withdraw", "unassign") or held.state == "removing":
        return _going(held, found)
    if held.intent in ("invite", "reinvite", "assign") or held.state == "inviting":
        return _coming(held, found)
    new = _at_rest(held, found)
    if held.intent:      # role, projects: they may be repeated
        return new or Settled(held.state)
    return new


def _going(held: Held, found: Found) -> Settled | None:
    there = found.invited if held.intent == "withdraw" else found.member or found.invited
    if not there:
        return Settled("removed", "removed")
    if held.intent and not held.old:
        return None
    return Settled("active" if found.member else "invited", "not_done")


def _coming(held: Held, found: Found) -> Settled | None:
    if found.member:
        return Settled("active", "accepted")
    if found.invited and held.intent != "reinvite":
        return Settled("invited", "invited")
    if held.intent and not held.old:
        return None
    if found.invited:
        return Settled("invited", "invited")
    return Settled("expired", "expired") if found.expired else Settled("planned", "not_done")


def _at_rest(held: Held, found: Found) -> Settled | None:
    if held.state in _WAITING and found.member:
        return Settled("active", "accepted")
    if held.state == "invited" and not found.invited:
        return Settled("expired", "expired" if found.expired else "invite_gone")
    if held.state == "expired" and found.invited:
        return Settled("invited", "invited")
    if held.state == "active" and not found.member:
        return Settled("removed", "gone")
    return None
