"""What keys spent, told to the control plane and heard of it: by gateways as people run them, and by their parts."""

import shutil
import time
from collections.abc import Mapping

import msgspec
import pytest

from gateway import kit
from gateway.link.conftest import Host, with_key
from gateway.link.plane import Plane
from stationmaster.gateway.core.authority import Authority, Report
from stationmaster.gateway.core.cluster import Cluster
from stationmaster.gateway.core.prices import Clause, ModelPrice, Rates, rate
from stationmaster.gateway.core.records import Records
from stationmaster.gateway.core.snapshot import Budget
from stationmaster.gateway.core.spend import Spent, day_of
from stationmaster.gateway.server.booked import Booked

DAY, NOON = "2027-01-31", 1801396800.0
DOLLARS = 1000 * 10**9           # nanodollars


def priced(records: Records) -> dict[str, object]:
    """The rig's key with a budget, and credentials of which every call costs some of it."""
    key = msgspec.structs.replace(records.key["rig"], budget=Budget(total=DOLLARS))
    prices = (ModelPrice(Clause("pattern", "*"), Rates(rate(10**9, 10**9))),)      # a dollar a million tokens
    credentials = {name: msgspec.structs.replace(each, prices=prices) for name, each in records.credential.items()}
    return {"key": {**with_key(records, "free", "sm-free-key"), "rig": key}, "credential": credentials}


def test_a_gateway_that_lost_its_disk_goes_on_from_what_it_told(plane: Plane, host: Host) -> None:
    """What a key spent is told in a moment. A gateway that begins with an empty folder hears of it before it serves, under
    another account, and refuses what is spent; what another gateway tells later is heard too."""
    plane.change(**priced(plane.records))
    gateway = host.start(plane.url)
    assert gateway.status() == 200
    kit.wait_for(lambda: any(value["total"] for value in plane.spent.values()), within=20)
    (account, key), = plane.spent
    gateway.end()
    shutil.rmtree(gateway.data)
    plane.spent[account, key]["total"] = DOLLARS
    second = host.start(plane.url)
    assert second.status() == 402
    assert second.status("sm-free-key") == 200
    assert "has not said yet" not in second.err.read_text()


def test_another_gateways_clock_gives_nothing_away(plane: Plane, host: Host) -> None:
    """An account of a gateway whose clock is far ahead is no reason to take the budgets of day and month for unspent."""
    changed = priced(plane.records)
    changed["key"]["rig"] = msgspec.structs.replace(changed["key"]["rig"], budget=Budget(day=DOLLARS, month=DOLLARS))  # type: ignore[index]
    plane.change(**changed)
    today = day_of(time.time())
    plane.spent["former", "rig"] = {"day": today, "month": today[:7], **dict.fromkeys(("today", "this_month", "total"), DOLLARS)}
    plane.spent["ahead", "rig"] = {"day": "2099-01-01", "month": "2099-01", "today": 1, "this_month": 1, "total": 1}
    gateway = host.start(plane.url)
    assert [gateway.status() for _ in range(3)] == [402] * 3


def test_a_state_file_without_its_name_is_told(plane: Plane, host: Host) -> None:
    """A state file that is moved here without the name of its account is counted under a new one: the gateway says what that may
    mean. With its name nothing is said."""
    plane.change(**priced(plane.records))
    for lost in (False, True):
        gateway = host.start(plane.url)
        assert gateway.status() == 200
        kit.wait_for(lambda: any(value["total"] for value in plane.spent.values()), within=20)
        gateway.end()
        assert ("under a new name" in gateway.err.read_text()) is False
        if lost:
            (gateway.data / "spent.json.cluster").unlink()
    gateway = host.start(plane.url)
    assert gateway.status() == 200
    assert "what the state file counts is told under a new name" in gateway.err.read_text()


def test_a_control_plane_that_knows_no_such_door_is_no_hindrance(plane: Plane, host: Host) -> None:
    """An older control plane does not answer: the gateway says what follows from it, and serves."""
    plane.knows_spending = False
    gateway = host.start(plane.url)
    assert gateway.status() == 200
    assert "the control plane has not said yet what keys spent; budgets count from nothing" in gateway.err.read_text()


def test_what_is_told_last_arrives_though_the_gateway_ends(plane: Plane, host: Host) -> None:
    """A gateway that is ended tells what its keys spent until then."""
    plane.change(**priced(plane.records))
    gateway = host.start(plane.url)
    assert [gateway.status() for _ in range(5)] == [200] * 5
    gateway.end()
    first = sum(value["total"] for value in plane.spent.values())
    again = host.start(plane.url)
    assert again.status() == 200
    again.end()
    assert len(plane.spent) == 1           # its disk is there: its account is
    assert sum(value["total"] for value in plane.spent.values()) == first // 5 * 6 > 0


class Told:
    """A ledger that says what it is made to."""

    def __init__(self, *said: list[tuple[str, str, Spent]]) -> None:
        self.said = list(said)
        self.account = ""
        self.told: dict[str, Spent] = {}

    def open(self, account: str) -> None:
        """Whose."""
        self.account = account

    def tell(self, spent: Mapping[str, Spent]) -> None:
        """Kept."""
        self.told.update(spent)

    def heard(self, wait: float = 0.0) -> list[tuple[str, str, Spent]] | None:
        """The next."""
        return self.said.pop(0) if self.said else None


def entry(account: str, total: int) -> tuple[str, str, Spent]:
    """What a key spent, all of it today."""
    return account, "key", Spent(DAY, DAY[:7], total, total, total)


def begun(ledger: Told, own: int = 0) -> tuple[Authority, Booked, list[str]]:
    """A gateway that had spent so much by its own file, after its start."""
    cluster = Cluster("me", meets=False)
    authority = Authority({"key": entry("me", own)[2]} if own else {}, (), cluster)
    said: list[str] = []
    booked = Booked(ledger, authority, cluster)
    booked.begin(said.append)
    return authority, booked, said


def known(authority: Authority) -> int:
    """What a worker that begins now hears that the key spent."""
    authority.join("worker")
    news = authority.news("worker")
    return news.spent["key"][0].total if news and "key" in news.spent else 0


@pytest.mark.parametrize(
    ("own", "said", "sum_"),
    [(0, [], 0), (0, [entry("me", 7)], 7), (9, [entry("me", 7)], 9), (5, [entry("me", 7)], 7),
     (9, [entry("you", 7)], 16), (9, [entry("you", 7), entry("me", 4), entry("them", 1)], 17)],
)  # fmt: skip
def test_nothing_counts_twice(own: int, said: list[tuple[str, str, Spent]], sum_: int) -> None:
    """Of its own account the greater value counts, what its file says or what the ledger does; those of others are added; and to
    hear it again changes nothing."""
    authority, booked, talk = begun(Told(said, said, said), own)
    booked.look()
    booked.look()
    assert (known(authority), talk) == (sum_, [])


def test_others_spend_on() -> None:
    """What others spent later is heard later, by workers that serve."""
    authority, booked, _ = begun(Told([entry("you", 7)], [entry("you", 12)], [entry("you", 11)]))
    assert known(authority) == 7
    for _ in range(2):
        booked.look()
    news = authority.news("worker")
    assert news is not None
    assert news.spent["key"][0].total == 12


def test_it_is_told_what_is_new_and_no_more() -> None:
    """At first all that is known here is told, then what changed."""
    ledger = Told([])
    authority, booked, _ = begun(ledger, own=5)
    booked.save()
    assert ledger.told.pop("key").total == 5
    booked.save()
    assert ledger.told == {}
    authority.take("worker", Report(spent={"key": 3, "other": 1}), 1.0, NOON)
    booked.save()
    assert {key: value.total for key, value in ledger.told.items()} == {"key": 8, "other": 1}
    assert ledger.account == "me"


def test_silence_is_told() -> None:
    """Where nothing is said in time, people learn what budgets count from."""
    assert "count from nothing until" in begun(Told())[2][0]
    assert "count from what is known here until" in begun(Told(), own=1)[2][0]
