"""What tests of backups share: a control plane with something of every kind in it, and comparing two."""

from pathlib import Path
from typing import Any

from controlkit import ADMIN, CLI, SECRET, a_credential, a_pool, a_workspace
from stationmaster.backup import rows
from stationmaster.backup.locking import Keys
from stationmaster.credentials.services import create_credential
from stationmaster.jobs.models import QUEUED, RUNNING, Job, JobItem
from stationmaster.operators import services as operators
from stationmaster.people.services import create_person
from stationmaster.routing.services import create_key, create_pool, create_route
from stationmaster.store import keyholder
from stationmaster.workspaces.services import create_workspace

PASSPHRASE = "correct horse battery staple"


def keys() -> Keys:
    """A passphrase, and the ring in use."""
    return Keys(PASSPHRASE, keyholder.ring())


def stocked() -> None:
    """Credentials, a workspace, routing, an operator with tokens, people, jobs in every state."""
    from django.utils import timezone

    for number in range(3):
        create_credential(ADMIN, a_credential(f"openai-{number}", secret=f"{SECRET}{number}"))
    create_workspace(ADMIN, a_workspace())
    create_pool(ADMIN, a_pool("main", "openai-0", "openai-1"))
    create_route(ADMIN, {"models": ["gpt-*"], "pool": "main", "aliases": {"fast": "gpt-5", "b": "gpt-4", "a": "gpt-3"}})
    create_key(ADMIN, {"name": "k"})
    operators.create_gateway_token(CLI, {"name": "here"})
    create_person(ADMIN, {"user_name": "müller@example.test", "display_name": "Müller 李"})
    for state in (QUEUED, RUNNING, "succeeded"):
        job = Job.objects.create(
            kind="old.kind", state=state, run_after=timezone.now(), created_at=timezone.now(), claimed_at=timezone.now(),
            actor_kind="operator", actor="op_admin", actor_rest={"role": "admin"},
        )
        JobItem.objects.create(job=job, position=1, key="one", intent="invite", intent_at=timezone.now())


def everything() -> dict[str, list[Any]]:
    """All rows, by table."""
    return {model._meta.label_lower: [row for batch in rows.batches(model) for row in batch] for model in rows.tables()}


def secret_file(folder: Path) -> Path:
    """A file with the passphrase."""
    path = folder / "passphrase"
    path.write_text(PASSPHRASE + "\n")
    return path
