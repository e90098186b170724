"""What a run knows of who is in, and for how long it believes it."""

from collections.abc import Iterator

from stationmaster.vendors._base import Invite, Member
from stationmaster.workspaces.work.fresh import FRESH, Lists


class Vendor:
    """Lists members and invitations, and counts how often it is asked."""

    def __init__(self) -> None:
        self.people = [Member("m1", "Ada@Corp.test")]
        self.asked = [Invite("i1", "bob@corp.test", "reader", "pending"), Invite("i2", "eve@corp.test", "reader", "expired")]
        self.calls = 0

    def members(self) -> Iterator[Member]:
        """Who is in."""
        self.calls += 1
        return iter(self.people)

    def invites(self) -> Iterator[Invite]:
        """Who is invited."""
        return iter(self.asked)

    def find_invite(self, email: str) -> Invite | None:
        """Not asked."""
        raise AssertionError(email)

    def invite(self, email: str, role: str) -> Invite:
        """Not asked."""
        raise AssertionError(email, role)

    def withdraw(self, invite: str) -> None:
        """Not asked."""
        raise AssertionError(invite)


def test_lists_are_read_once_while_they_are_fresh() -> None:
    """However many are looked for, the vendor is asked once; a list that grew old is read anew, and shows who came since."""
    vendor, now = Vendor(), 100.0
    lists = Lists(vendor, clock=lambda: now)
    for _ in range(3):
        assert lists.find_member("ada@corp.test") == vendor.people[0]
        assert lists.find_invite("BOB@corp.test") == vendor.asked[0]
        assert lists.find_invite("eve@corp.test") is None      # it is over
        assert lists.find_member("zoe@corp.test") is None
    assert vendor.calls == 1
    vendor.people.append(Member("m2", "zoe@corp.test"))
    now += FRESH - 1
    assert lists.find_member("zoe@corp.test") is None
    now += 1
    assert lists.find_member("zoe@corp.test") == vendor.people[1]
    assert vendor.calls == 2


def test_what_was_read_for_another_purpose_counts() -> None:
    """A reading that was made anyway is not made again, and its age is that of its beginning."""
    vendor, now = Vendor(), 100.0
    lists = Lists(vendor, clock=lambda: now)
    lists.keep(100.0 - FRESH + 1, [Member("m9", login="octo")], [])
    assert lists.find_member("OCTO") == Member("m9", login="octo")
    assert vendor.calls == 0
    now += 1
    assert lists.find_member("octo") is None
    assert vendor.calls == 1
