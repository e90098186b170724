"""F28: a vendor's admin interface that does the work and says that it failed, falls silent, lists late, gives pages that
shift and repeat rows. Whoever should be in is invited once, and no short page removes anybody."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from chaos import kit
from chaos.kit import LONG
from databases import KINDS
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import kinds
from stationmaster.workspaces.models import Seat, Workspace
from work.kit import (
    a_group,
    address,
    an_organisation,
    applied,
    assign,
    attach,
    persons,
    planned,
    rules,
    run,
    run_all,
    run_kind,
    states,
    steps_of,
)

INVITE = "POST *invites*"
PEOPLE, OTHERS, READINGS = (150, 100, 12) if LONG else (8, 98, 4)      # whom we invite; who was there; readings afterwards
LATE = 10.0 if LONG else 0.5                                           # seconds that lists lag behind
FAILS = ("500-after", "close-after", "bad-json-after", "cut-after", "503", "500", "close")
CHANCE = 0.04                                                          # of each of them, at each invitation
pytestmark = pytest.mark.timeout(600)


def trouble(org: Organisation) -> None:
    """From now on: the one that takes longest once, the others by chance."""
    if LONG:
        org.faults.set("timeout-after", on=INVITE, times=1)
    for fault in FAILS:
        org.faults.set(fault, on=INVITE, times=None, chance=CHANCE)
    org.settings.listed_after, org.settings.duplicate_rows, org.settings.shifting = LATE, True, "repeat"


def invited(sandbox: SandboxServer) -> tuple[Organisation, Workspace, str]:
    """All of them, through all that; how their job ended."""
    org = an_organisation(sandbox, people=OTHERS)
    row = attach(sandbox, org, fix_drift="all")
    run_all()
    assign(a_group(persons(PEOPLE)), row)
    (job,) = (str(each) for each in applied(row, item_retries=5)["jobs"].values())
    trouble(org)
    with rules(listed_after=timedelta(seconds=2 * LATE)):
        state = str(run(job, most=500)["state"])
    org.faults.clear()
    org.settings.listed_after = 0.0
    run_kind(row, kinds.RECONCILE)
    if steps_of(planned(row)):      # whose tries were used up
        applied(row)
        run_all()
    return org, row, state


def read_again(org: Organisation, row: Workspace, shifting: Sequence[str]) -> int:
    """Everybody is in; they are read again and again from pages that shift. How often anything was written at the vendor."""
    for number in range(1, PEOPLE + 1):
        org.accept(address(number))
    org.forget()
    for number in range(READINGS):
        org.settings.shifting = shifting[number % len(shifting)]
        run_kind(row, kinds.RECONCILE)
        run_all()
    return len(org.writes())


@pytest.mark.parametrize("database", KINDS if LONG else KINDS[:1], indirect=True)
def test_whatever_it_does(database: str, sandbox: SandboxServer) -> None:
    """Everybody was invited once, though every fourth answer was lost or false; of members whom a page left out nobody is removed
    or invited again."""
    fails = f"{', '.join(FAILS)}{', one timeout' if LONG else ''}"
    done = f"{PEOPLE} invitations, {CHANCE:.0%} each of {fails}; lists {LATE:g} s late, pages that shift, doubled rows; "
    done += f"{READINGS} readings of pages that miss a row; {database}"
    with kit.figure("F28", done, "converges; 0 invited twice, 0 lost, 0 removed") as tell:
        org, row, state = invited(sandbox)
        counts = [org.invitations(address(number)) for number in range(1, PEOPLE + 1)]
        written = read_again(org, row, ("miss", "repeat", "miss"))
        removed = OTHERS + PEOPLE - len(org.members())
        org.settings.shifting = ""
        run_kind(row, kinds.RECONCILE)
        left = len(steps_of(planned(row))) + Seat.objects.filter(workspace=row).exclude(intent="", state="active").count()
        tell(f"job {state}; {sum(max(0, each - 1) for each in counts)} invited twice, {counts.count(0)} lost of {PEOPLE}; "
             f"{removed} removed, {written} writes in {READINGS} readings, {left} left to do",
             set(counts) == {1} and not removed + written + left)  # fmt: skip
    assert set(counts) == {1}
    assert (removed, written, left) == (0, 0, 0)
    assert set(states(row).values()) == {"active"}
