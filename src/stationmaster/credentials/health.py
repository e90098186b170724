"""How credentials are doing, as gateways report it. Owns: taking reports in. Decides nothing: gateways did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from stationmaster.credentials.models import Credential, CredentialHealth
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor


@dataclass(frozen=True)
class HealthReport:
    """What a gateway saw of the credential that it knows as `credential`: a state of its table, since `at`. Times are
    seconds since 1970; `until` 0: no end is known."""

    gateway: str
    credential: str
    state: str
    cause: str
    code: str
    until: float
    at: float


def report_health(actor: Actor, reports: Iterable[HealthReport]) -> int:
    """Take reports in; return how many told something new. One that is older than what the gateway said last, or is
    about a credential that is gone, counts for nothing, so the same batch may come twice. Raises `Forbidden`."""
    require(actor, "health:report")
    with transaction.atomic():
        newest = {(each.credential, each.gateway): each for each in sorted(reports, key=lambda each: each.at)}
        ids = dict(Credential.objects.filter(name__in={name for name, _ in newest}).values_list("name", "id"))
        return sum(_take(ids[name], report) for (name, _), report in newest.items() if name in ids)


def of(row: Credential) -> list[Mapping[str, Any]]:
    """What each gateway said last of one credential, the newest first."""
    return [
        {"gateway": each.gateway, "state": each.state, "cause": each.cause, "code": each.code, "until": each.until, "at": each.at}
        for each in CredentialHealth.objects.filter(credential=row).order_by("-at", "gateway")
    ]


def _take(credential: str, report: HealthReport) -> bool:
    at = datetime.fromtimestamp(report.at, UTC)
    said = {"state": report.state[:20], "cause": report.cause[:64], "code": report.code[:128], "until": report.until, "at": at}
    row, made = CredentialHealth.objects.get_or_create(credential_id=credential, gateway=report.gateway, defaults=said)
    if not made and row.at >= at:
        return False
    if not made:
        CredentialHealth.objects.filter(pk=row.pk).update(**said)
    rows = Credential.objects.filter(id=credential).filter(Q(health_at=None) | Q(health_at__lte=at))
    rows.observe(health=said["state"], health_cause=said["cause"], health_at=at)
    return True
