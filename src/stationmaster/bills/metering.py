"""Our own side of a workspace's day: what gateways counted of its credentials, and which of the vendor's keys are whose."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from stationmaster.bills.comparing import Counted, Owners, Used
from stationmaster.credentials.models import OVER, Credential, CredentialSecret
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.usage.models import DailyUsage
from stationmaster.workspaces.models import Workspace

_SUMMED = ("requests", "errors", "input", "cache_read", "cache_write", "output", "cost", "unpriced")


def owners_of(workspace: Workspace) -> Owners:
    """Whose the vendor's keys and service accounts are, those that were revoked among them. One that two credentials claim is
    nobody's."""
    rows = CredentialSecret.objects.filter(credential__vendor=workspace.vendor).values_list(
        "vendor_key", "service_account", "credential__name"
    )
    keys, members = [(key, name) for key, _, name in rows], [(member, name) for _, member, name in rows]
    members += [(member, name) for name, member in _federated(workspace.vendor).items()]
    return Owners(_certain(keys), _certain(members))


def names_of(workspace: Workspace) -> list[str]:
    """The credentials whose use is on this workspace's bill."""
    mine = Q(workspace=workspace.id) | Q(generations__workspace=workspace.id)
    rows = Credential.objects.filter(mine, vendor=workspace.vendor).distinct().order_by("name")
    return list(rows.values_list("name", flat=True))


def unidentified(names: Iterable[str]) -> int:
    """How many credentials that have a secret are known to be none of the vendor's keys."""
    known = CredentialSecret.objects.filter(~Q(vendor_key="") | ~Q(service_account="")).exclude(state__in=OVER)
    rows = Credential.objects.filter(name__in=list(names), disabled=False, generation__gt=0)
    rest = [row for row in rows.exclude(generations__in=known) if row.secret]
    federated = {name for vendor in {row.vendor for row in rest} for name in _federated(vendor)}
    return sum(row.name not in federated for row in rest)


def counted(names: Iterable[str], day: datetime) -> list[Counted]:
    """What gateways counted on the day that begins at `day`, by credential and model; a request that failed is none."""
    rows = DailyUsage.objects.filter(start=day, credential__in=list(names)).values("credential", "model")
    summed: Iterable[Any] = rows.annotate(**{f"sum_{name}": Sum(name) for name in _SUMMED}).order_by("credential", "model")
    return [_counted(row) for row in summed]


def _federated(vendor: str) -> dict[str, str]:
    """The vendor's service accounts whose short-lived tokens credentials (by name) serve with; such tokens are no keys there."""
    rows = TokenSource.objects.filter(credential__vendor=vendor).select_related("credential")
    found = {row.credential.name: str(row.options.get("service_account_id") or "") for row in rows}
    return {name: member for name, member in found.items() if member}


def _counted(row: Any) -> Counted:
    read: int = row["sum_cache_read"]
    used = Used(
        row["sum_requests"] - row["sum_errors"], row["sum_input"] + read + row["sum_cache_write"], read, row["sum_output"],
        row["sum_cost"],
    )  # fmt: skip
    return Counted(row["credential"], row["model"], used, row["sum_unpriced"])


def _certain(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for key, name in pairs:
        if key:
            found.setdefault(key, set()).add(name)
    return {key: names.pop() for key, names in found.items() if len(names) == 1}
