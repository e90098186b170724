"""What plans took out lately. Owns: counting it, so that a large plan cut into small ones is known for what it is."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from stationmaster.workspaces.models import Plan, PlanStep
from stationmaster.workspaces.planning.values import REMOVALS

WITHIN: Final = timedelta(hours=1)      # as long as the guard over leavers looks back (decision 16)
_REMOVED = Q(kind__in=REMOVALS) | Q(kind="manual", reason="remove_by_hand")


def taken_out(workspaces: Collection[str], but: str = "") -> Mapping[str, int]:
    """How many people plans other than `but` (an id) took out of each workspace (id) within `WITHIN`, or are about to; what
    they have still to do in `workspaces` (ids) is left out, since whoever asks finds those people there. Plans whose removals
    two people approved are not counted: that many were looked at."""
    since = timezone.now() - WITHIN
    plans = Plan.objects.filter(Q(state="applying") | Q(closed_at__gte=since)).exclude(id=but).values_list("id", "guards")
    once = [id_ for id_, guards in plans if "many_removals" not in guards]
    coming = Q(outcome="", plan__state="applying", plan__updated_at__gte=since) & ~Q(workspace_id__in=workspaces)
    rows = PlanStep.objects.filter(_REMOVED, Q(outcome="done", done_at__gte=since) | coming, plan_id__in=once)
    return Counter(rows.values_list("workspace_id", flat=True))
