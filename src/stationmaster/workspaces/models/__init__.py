"""Rows of workspaces: what the company owns, what was read there, who should be there and who is, and plans between the two."""

from stationmaster.workspaces.models.observed import VendorInvite, VendorKey, VendorLimit, VendorMember, VendorProject
from stationmaster.workspaces.models.plans import Plan, PlanStep, PlanWorkspace
from stationmaster.workspaces.models.seats import Assignment, Seat, SeatRequest
from stationmaster.workspaces.models.workspace import AllowedAddress, Workspace

__all__ = [
    "AllowedAddress", "Assignment", "Plan", "PlanStep", "PlanWorkspace", "Seat", "SeatRequest",
    "VendorInvite", "VendorKey", "VendorLimit", "VendorMember", "VendorProject", "Workspace",
]  # fmt: skip
