"""The kinds of jobs of workspaces, and who is listened to. Called once, when Django is set up."""

from stationmaster.jobs.kinds import Kind, register
from stationmaster.workspaces import kinds
from stationmaster.workspaces.work import apply, leaving
from stationmaster.workspaces.work.apply import Applying
from stationmaster.workspaces.work.invite import Inviting
from stationmaster.workspaces.work.offboard import Offboarding
from stationmaster.workspaces.work.onboard import Onboarding
from stationmaster.workspaces.work.reconcile import Reconciling
from stationmaster.workspaces.work.remind import Reminding


def register_all() -> None:
    """Make them known."""
    register(Kind(kinds.ONBOARD, "Onboard", Onboarding(), "workspaces:update"))
    register(Kind(kinds.APPLY, "Apply a plan", Applying(), "plans:apply", on_end=apply.on_end))
    register(Kind(kinds.INVITE, "Invite", Inviting(), "seats:update"))
    register(Kind(kinds.RECONCILE, "Reconcile", Reconciling(), "workspaces:update"))
    register(Kind(kinds.OFFBOARD, "Look for inactive people", Offboarding(), "workspaces:update"))
    register(Kind(kinds.REMIND, "Remind who was invited", Reminding(), "workspaces:update"))
    leaving.connect()
