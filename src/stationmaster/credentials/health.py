"""How credentials are doing, as gateways report it, and as vendors say when we ask. Owns: taking that in, and its history.
Decides nothing: gateways did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from stationmaster.credentials import hooks
from stationmaster.credentials.models import Credential, CredentialHealth, HealthEvent
from stationmaster.gateway.core.life import OF_SECRETS
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.vendors._base import Probe

_ROW = ("id", "name", "generation", "secret_since")
_OUT = frozenset({"suspect", "disabled"})
UNWELL = ("cooling", "suspect", "disabled")


@dataclass(frozen=True)
class HealthReport:
    """What a gateway saw of the credential that it knows as `credential`: a state of its table, since `at`. Times are
    seconds since 1970; `until` 0: no end is known. `generation`: the number of the secret, 0: the gateway does not count."""

    gateway: str
    credential: str
    state: str
    cause: str
    code: str
    until: float
    at: float
    generation: int = 0


def report_health(actor: Actor, reports: Iterable[HealthReport]) -> int:
    """Take reports in; return how many told something new. One that is older than what the gateway said last, or is
    about a credential that is gone, counts for nothing, so the same batch may come twice. Raises `Forbidden`."""
    require(actor, "health:report")
    with transaction.atomic():
        told = sorted(reports, key=lambda each: each.at)
        rows = {row.name: row for row in Credential.objects.filter(name__in={each.credential for each in told}).only(*_ROW)}
        _remember(rows, told)
        newest = {(each.credential, each.gateway): each for each in told if _of_live(rows.get(each.credential), each)}
        new = sum(_take(rows[name].id, report) for (name, _), report in newest.items())
        for row, at in _refused(rows, newest.values()).items():
            hooks.tell_refused(row, at)
        return new


def _refused(rows: Mapping[str, Credential], reports: Iterable[HealthReport]) -> dict[str, datetime]:
    """The credentials whose secret, as it is now, the vendor refuses: by id, when it was last seen. One that was refreshed since
    is not among them."""
    found: dict[str, datetime] = {}
    for each in reports:
        row, at = rows[each.credential], datetime.fromtimestamp(each.at, UTC)
        since = row.secret_since
        if each.state in _OUT and each.cause in OF_SECRETS and (since is None or since < at):
            found[row.id] = max(at, found.get(row.id, at))
    return found


def _of_live(row: Credential | None, report: HealthReport) -> bool:
    """Whether it is about the secret that serves: what befalls the one that follows says nothing of the credential yet."""
    return row is not None and report.generation in (0, row.generation)


def _remember(rows: Mapping[str, Credential], told: Iterable[HealthReport]) -> None:
    """Everything becomes history, once."""
    HealthEvent.objects.bulk_create([
        HealthEvent(
            credential_id=rows[each.credential].id, generation=each.generation, gateway=each.gateway, state=each.state[:20],
            cause=each.cause[:64], code=each.code[:128], until=each.until, at=datetime.fromtimestamp(each.at, UTC),
        )
        for each in told if each.credential in rows
    ], ignore_conflicts=True)  # fmt: skip


def of(row: Credential) -> list[Mapping[str, Any]]:
    """What each gateway said last of one credential, the newest first."""
    return [
        {"gateway": each.gateway, "state": each.state, "cause": each.cause, "code": each.code, "until": each.until, "at": each.at}
        for each in CredentialHealth.objects.filter(credential=row).order_by("-at", "gateway")
    ]


def faulty(row: Credential, generation: int) -> bool:
    """Whether a gateway took this secret out of service for a fault of its own."""
    events = HealthEvent.objects.filter(credential=row, generation=generation).exclude(gateway="").order_by("at", "id")
    last = dict(events.values_list("gateway", "state"))      # of each gateway the last
    return "disabled" in last.values()


def note_probe(row: Credential, generation: int, found: Probe) -> None:
    """What the vendor said when we asked; part of the history."""
    now = timezone.now()
    HealthEvent.objects.create(
        credential=row, generation=generation, gateway="", state="healthy" if found.ok else "suspect", cause="probe",
        code=found.code[:128].encode("ascii", "replace").decode(), words=found.words[:1000], at=now,
    )  # fmt: skip
    if generation == row.generation or not row.secret:      # of what serves, or is about to where nothing did
        Credential.objects.filter(id=row.id).observe(
            probed_at=now, probe_ok=found.ok, probe_words=found.words[:1000], organisation_seen=found.organisation[:200],
        )


def unwell() -> QuerySet[Credential]:
    """Those that no operator switched off, and that a gateway takes to be anything but well."""
    return Credential.objects.filter(health__in=UNWELL, disabled=False)


def unwell_by_vendor() -> Mapping[str, int]:
    """How many of those there are at each vendor that has some, by its name."""
    return dict(unwell().order_by("vendor").values_list("vendor").annotate(Count("id")))


def delete_old(before: datetime) -> int:
    """Forget history from before then; how many entries."""
    return int(HealthEvent.objects.filter(at__lt=before).delete()[0])


def show_event(row: HealthEvent) -> Mapping[str, Any]:
    """One entry of the history as plain values; `gateway` empty: we asked the vendor ourselves."""
    return {
        "id": row.id, "at": row.at, "gateway": row.gateway, "generation": row.generation, "state": row.state, "cause": row.cause,
        "code": row.code, "words": row.words, "until": row.until,
    }  # fmt: skip


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
