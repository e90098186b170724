"""What a reading says of a seat: what is shown is proved, what is not shown proves nothing while a write is young."""

import pytest

from stationmaster.workspaces.planning.settling import Found, Held, settle

NOTHING, MEMBER, INVITED, EXPIRED = Found(), Found(member=True), Found(invited=True), Found(expired=True)


@pytest.mark.parametrize(
    ("held", "found", "state", "cause"),
    [
        (Held("invited"), MEMBER, "active", "accepted"), (Held("expired"), MEMBER, "active", "accepted"),
        (Held("invited"), EXPIRED, "expired", "expired"), (Held("invited"), NOTHING, "expired", "invite_gone"),
        (Held("expired"), INVITED, "invited", "invited"), (Held("active"), NOTHING, "removed", "gone"),
        (Held("inviting", "invite"), INVITED, "invited", "invited"), (Held("inviting", "invite"), MEMBER, "active", "accepted"),
        (Held("inviting", "invite", old=True), NOTHING, "planned", "not_done"),
        (Held("inviting", "reinvite", old=True), EXPIRED, "expired", "expired"),
        (Held("inviting", "reinvite", old=True), INVITED, "invited", "invited"),
        (Held("inviting", "assign"), MEMBER, "active", "accepted"),
        (Held("removing", "remove"), NOTHING, "removed", "removed"),
        (Held("removing", "remove", old=True), MEMBER, "active", "not_done"),
        (Held("removing", "withdraw"), NOTHING, "removed", "removed"),
        (Held("removing", "withdraw", old=True), INVITED, "invited", "not_done"),
        (Held("active", "role"), MEMBER, "active", ""), (Held("removing"), NOTHING, "removed", "removed"),
    ],
)  # fmt: skip
def test_what_is_shown_counts(held: Held, found: Found, state: str, cause: str) -> None:
    """Each state, with what the vendor has of the person, comes to this state; no write is under way after it."""
    settled = settle(held, found)
    assert settled is not None
    assert (settled.state, settled.cause, settled.clear) == (state, cause, True)


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (Held("inviting", "invite"), NOTHING), (Held("inviting", "reinvite"), INVITED), (Held("removing", "remove"), MEMBER),
        (Held("removing", "unassign"), MEMBER), (Held("inviting", "assign"), NOTHING), (Held("removing", "withdraw"), INVITED),
        (Held("invited"), INVITED), (Held("active"), MEMBER), (Held("expired"), EXPIRED),
    ],
)  # fmt: skip
def test_what_is_not_shown_yet_changes_nothing(held: Held, found: Found) -> None:
    """A write that is so young that lists need not show it stays unconfirmed; a state that the reading agrees with stays."""
    assert settle(held, found) is None
