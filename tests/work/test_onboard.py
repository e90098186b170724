"""Onboarding: what a new workspace is, read part by part."""

from django.db import connection

from controlkit import ADMIN
from stationmaster.audit.models import AuditEvent
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job, JobLog
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import kinds
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import VendorMember
from work.kit import an_organisation, attach, items_of, persons, run, run_all, run_kind, workspace


def test_attaching_reads_the_workspace(database: str, sandbox: SandboxServer) -> None:
    """A workspace that is attached is read by itself: organisation, members, invitations, projects, keys, limits; nothing is
    written at the vendor; the job stands on the workspace, under the name of who attached it."""
    org = an_organisation(sandbox, people=3)
    org.add("person-0001@corp.test")
    who = persons(1)[0]
    row = attach(sandbox, org)
    assert workspaces.get_workspace(ADMIN, row.id)["state"] == "new"
    (job,) = run_all()
    assert (job["kind"], job["state"], job["actor"]) == ("onboard", "succeeded", ADMIN.id)
    shown = workspaces.get_workspace(ADMIN, row.id)
    assert (shown["state"], shown["found"]["members"], shown["unread"]) == ("ready", 4, {})
    assert shown["last_jobs"]["onboard"]["state"] == "succeeded"
    assert VendorMember.objects.get(workspace=row, email="person-0001@corp.test").person_id == who
    assert org.writes() == []


def test_what_is_not_offered_is_skipped(database: str, sandbox: SandboxServer) -> None:
    """Each vendor's onboarding succeeds with what its interface offers, and says what it does not."""
    for vendor in ("anthropic", "github_copilot", "cursor"):
        job = run(Job.objects.get(workspace=attach(sandbox, an_organisation(sandbox, vendor, people=2)).id).id)
        assert job["state"] == "succeeded", job
        assert items_of(job["id"])["people"][0] == "ok"
    row = attach(sandbox, an_organisation(sandbox, "cursor"), "by-hand", vendor="manual", secret="", base_url="")
    job = run(Job.objects.get(workspace=row.id).id)
    assert {state for state, _ in items_of(job["id"]).values()} == {"skipped"}


def test_one_part_that_cannot_be_read_loses_no_other(database: str, sandbox: SandboxServer) -> None:
    """When the credential may not list keys, the rest is read, the job is partial, and the workspace says what is missing and
    why."""
    org = an_organisation(sandbox, people=2)
    row = attach(sandbox, org)
    org.faults.set("403", on="GET *api_keys*", times=None)
    (job,) = run_all()
    assert job["state"] == "partial", items_of(job["id"])
    now = workspace(row.id)
    assert set(now.unread) == {"keys"}
    assert now.found["members"] == 2
    org.faults.clear()
    run_kind(row, kinds.ONBOARD)
    assert workspace(row.id).unread == {}


def test_a_refused_credential_ends_it_with_the_cause(database: str, sandbox: SandboxServer) -> None:
    """A credential that the vendor refuses ends the job; the workspace says so until it is read again, and no secret is in
    the job's rows, its log or the trail."""
    org = an_organisation(sandbox)
    row = attach(sandbox, org)
    org.faults.set("401", on="*", times=None)
    (job,) = run_all()
    assert (job["state"], job["cause"]) == ("failed", "error.vendor.stop_run")
    assert workspaces.get_workspace(ADMIN, row.id)["state"] == "refused"
    org.faults.clear()
    org.faults.set("echo-secret", on="*", times=None)
    assert run_kind(row, kinds.ONBOARD)["state"] in ("partial", "failed")
    told = [*JobLog.objects.values_list("text", flat=True), *AuditEvent.objects.values_list("after", flat=True), str(job),
            workspace(row.id).trouble]  # fmt: skip
    assert not any(org.secret in str(text) for text in told)
    org.faults.clear()
    run_kind(row, kinds.ONBOARD)
    assert workspaces.get_workspace(ADMIN, row.id)["state"] == "ready"


def test_a_directory_managed_workspace_is_read_only(database: str, sandbox: SandboxServer) -> None:
    """Where the vendor says that a directory manages the people, the workspace is read only."""
    org = an_organisation(sandbox, people=2, directory_managed=True)
    row = attach(sandbox, org)
    run_all()
    assert workspaces.get_workspace(ADMIN, row.id)["state"] == "read_only"


def test_a_new_credential_is_tried_at_once(database: str, sandbox: SandboxServer) -> None:
    """Giving a workspace another credential has it read; editing something else does not; one job is enough."""
    row = attach(sandbox, an_organisation(sandbox))
    run_all()
    workspaces.update_workspace(ADMIN, row.id, {"seat_limit": 5})
    assert run_all() == []
    workspaces.update_workspace(ADMIN, row.id, {"secret": row.secret.reveal("vendor admin")})
    workspaces.update_workspace(ADMIN, row.id, {"secret": row.secret.reveal("vendor admin")})
    assert [job["kind"] for job in run_all()] == ["onboard"]


def test_a_workspace_that_was_detached_ends_its_jobs(database: str, sandbox: SandboxServer) -> None:
    """A job of a workspace that is gone fails and says so."""
    row = attach(sandbox, an_organisation(sandbox))
    workspaces.delete_workspace(ADMIN, row.id)
    (job,) = run_all()
    assert (job["state"], job["cause"]) == ("failed", "error.workspace.not_found")
    assert connection.vendor in ("sqlite", "postgresql")
    assert jobs.last_of(row.id)["onboard"]["state"] == "failed"
