"""What entrances may ask about targets, plans and publications."""

from stationmaster.publishing.kindlist import list_kinds
from stationmaster.publishing.mending import tend
from stationmaster.publishing.plans import (
    PLANS,
    STEPS,
    apply_plan,
    get_plan,
    list_plans,
    list_steps,
    make_plan,
)
from stationmaster.publishing.publications import (
    PUBLICATIONS,
    copies_of,
    export_publications,
    get_publication,
    list_publications,
    read_back,
    withdraw,
)
from stationmaster.publishing.targeting import (
    TARGETS,
    create_target,
    delete_target,
    export_targets,
    get_target,
    list_groups,
    list_targets,
    update_target,
)
from stationmaster.publishing.testing import test_target

__all__ = [
    "PLANS", "PUBLICATIONS", "STEPS", "TARGETS", "apply_plan", "copies_of", "create_target", "delete_target",
    "export_publications", "export_targets", "get_plan", "get_publication", "get_target", "list_groups", "list_kinds",
    "list_plans", "list_publications", "list_steps", "list_targets", "make_plan", "read_back", "tend", "test_target",
    "update_target", "withdraw",
]  # fmt: skip
