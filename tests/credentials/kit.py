"""What these tests share: workspaces and credentials in the sandbox, jobs run here to their end, what the vendor holds."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from controlkit import ADMIN
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.credentials.policy import RotationPolicy
from stationmaster.jobs import claims
from stationmaster.jobs import services as jobs
from stationmaster.jobs.claims import Fence
from stationmaster.jobs.engine import Working
from stationmaster.jobs.models import QUEUED, Job, JobItem
from stationmaster.jobs.runner import run_claimed
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace

QUICK: Final = RotationPolicy(
    shares=(50, 100), hold=timedelta(0), drain=timedelta(0), probing=timedelta(seconds=1), look=60.0,
    connected=timedelta(minutes=1), absent=timedelta(minutes=1),
)  # fmt: skip
_numbers: Final = iter(range(1, 1_000_000))


def an_organisation(sandbox: SandboxServer, vendor: str = "openai", **settings: Any) -> Organisation:
    """An organisation of a name that was never used, with a project Research."""
    return sandbox.admin.make(vendor, f"c{next(_numbers)}", 1, **settings)


def attach(sandbox: SandboxServer, org: Organisation) -> Workspace:
    """Attach it; nothing of it is read."""
    made = workspaces.create_workspace(ADMIN, {
        "name": org.name, "vendor": org.vendor, "secret": org.secret, "base_url": org.base_url(sandbox.url),
        "organisation": org.name, "allow_insecure_http": True, "calls_per_minute": 6000,
    })  # fmt: skip
    Job.objects.all().delete()      # its onboarding
    row: Workspace = Workspace.objects.get(id=made["id"])
    return row


def project_of(org: Organisation) -> str:
    """The id of its project Research."""
    return next(each.id for each in org.projects.all() if each.name == "Research")


def minted(sandbox: SandboxServer, org: Organisation, name: str = "slot", **more: Any) -> Credential:
    """A credential whose key the vendor made, live; nothing of it is kept longer than needed."""
    row = Workspace.objects.filter(name=org.name).first() or attach(sandbox, org)
    job = credentials.mint_credential(ADMIN, name, {
        "workspace": row.name, "project": project_of(org), "base_url": f"{sandbox.url}/v1",
        "allow_insecure_http": True, "keep_hours": 0, **more,
    })  # fmt: skip
    assert run(job["id"])["state"] == "succeeded", told_of(job["id"])
    return slot(name)


def slot(name: str = "slot") -> Credential:
    """Its row as it is."""
    row: Credential = Credential.objects.get(name=name)
    return row


def states(name: str = "slot") -> dict[int, str]:
    """The state of each of its generations."""
    return dict(CredentialSecret.objects.filter(credential__name=name).order_by("number").values_list("number", "state"))


def ours(org: Organisation) -> list[str]:
    """What the vendor holds that was made by us: names of service accounts, and of their keys' owners."""
    with org.lock:
        services = {row.id: row.name for row in org.services.all() if row.name.startswith("stationmaster ")}
        owners = [services[row.owner] for row in org.keys.all() if row.owner in services]
    return sorted([*services.values(), *owners])


def run_once(job: str) -> Any:
    """Claim a job, as if it were time for it and its items, and run it here; what is to be run again, if anything. What it waits
    for takes a minute, by the policy: it does not wait here."""
    JobItem.objects.filter(job=job).update(run_after=None)
    Job.objects.filter(id=job).update(run_after=timezone.now() - timedelta(seconds=1))
    fence = claims.claim(job, "here")
    assert isinstance(fence, Fence)
    return run_claimed(fence, Working("here", threading.Event(), backoff=0.02, attempts=5))


def run(job: str, most: int = 30) -> Mapping[str, Any]:
    """Run a job to its end; as it is shown then."""
    for _ in range(most):
        if run_once(job) is None:
            return dict(jobs.get(ADMIN, job))
    raise AssertionError(f"it never ended: {told_of(job)}")


def run_all() -> None:
    """Run all that waits."""
    while (job := Job.objects.filter(state=QUEUED).order_by("-priority", "id").first()) is not None:
        run(job.id)


def told_of(job: str) -> list[tuple[str, str, str]]:
    """A job's items: state, reason, sentence."""
    from stationmaster.store.listing import Query

    return [(str(row["state"]), str(row["reason"]), str(row["sentence"])) for row in jobs.items(ADMIN, job,
        Query(limit=100)).items]
