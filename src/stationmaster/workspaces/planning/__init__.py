"""Decides what a plan holds: who should be in, who is, and the steps between. Values in, values out.

May not know Django, any database, the time, or how a step is done. See docs/decisions/0015-plans.md.
"""

from stationmaster.workspaces.planning.digest import digest
from stationmaster.workspaces.planning.guards import guards
from stationmaster.workspaces.planning.steps import plan_workspace
from stationmaster.workspaces.planning.values import Invite, Member, Person, Place, Rule, Seat, Step, Wanted
from stationmaster.workspaces.planning.wanted import wanted

__all__ = [
    "Invite", "Member", "Person", "Place", "Rule", "Seat", "Step", "Wanted", "digest", "guards", "plan_workspace", "wanted",
]  # fmt: skip
