"""What entrances may ask about workspaces, who should be in them, who is, and plans between the two."""

from stationmaster.workspaces.assignments import (
    ASSIGNMENTS,
    create_assignment,
    delete_assignment,
    export_assignments,
    get_assignment,
    list_assignments,
    update_assignment,
)
from stationmaster.workspaces.attaching import (
    RUNNABLE,
    WORKSPACES,
    create_workspace,
    delete_workspace,
    export_workspaces,
    get_workspace,
    list_workspaces,
    run_job,
    update_workspace,
)
from stationmaster.workspaces.listed import LISTED, list_listed
from stationmaster.workspaces.plans.approving import apply_plan, approve_plan, refuse_plan
from stationmaster.workspaces.plans.making import make_plan
from stationmaster.workspaces.plans.showing import (
    PLANS,
    STEPS,
    export_plans,
    export_steps,
    get_plan,
    list_plans,
    list_steps,
)
from stationmaster.workspaces.plans.ticking import tick_step
from stationmaster.workspaces.seating import (
    HISTORY,
    SEATS,
    export_seats,
    get_seat,
    list_seats,
    reinvite_seat,
    seat_history,
    skip_removal,
    unskip_removal,
)
from stationmaster.workspaces.vendorlist import list_vendors
from stationmaster.workspaces.work.batches import get_run, start_run, stop_run

__all__ = [
    "ASSIGNMENTS", "HISTORY", "LISTED", "PLANS", "RUNNABLE", "SEATS", "STEPS", "WORKSPACES", "apply_plan", "approve_plan",
    "create_assignment", "create_workspace", "delete_assignment", "delete_workspace", "export_assignments", "export_plans",
    "export_seats", "export_steps", "export_workspaces", "get_assignment", "get_plan", "get_run", "get_seat", "get_workspace",
    "list_assignments", "list_listed", "list_plans", "list_seats", "list_steps", "list_vendors", "list_workspaces", "make_plan",
    "refuse_plan", "reinvite_seat", "run_job", "seat_history", "skip_removal", "start_run",
    "stop_run", "tick_step", "unskip_removal",
    "update_assignment", "update_workspace",
]  # fmt: skip
