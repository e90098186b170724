"""Vendors, opened for a run: by a workspace's admin credential, or by a credential's own secret to ask whether it works. Owns the
adapter with the run's pace, fence and log.
"""

from typing import Any, Final

from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict
from stationmaster.jobs.run import Run
from stationmaster.vendors._base import Access, Mints, Probe
from stationmaster.vendors.registry import open_vendor
from stationmaster.workspaces.addresses import entries
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.reaching import access_to, calls_per_minute

PROBES_PER_MINUTE: Final = 600       # of one credential's vendor, by us
# What a gateway's base_url may end in that an adapter adds itself.
_TAILS: Final = {"anthropic": "/v1", "gemini": "/v1beta"}


def admin(run: Run, workspace: str) -> Any:
    """The adapter of a workspace, the same one for all of a run. Raises `Conflict` for one that is out of use or gone."""
    return run.once(f"admin {workspace}", lambda: _open(run, workspace))


def minting(run: Run, workspace: str) -> Mints:
    """The same, where keys can be made. Raises `Conflict`."""
    adapter = admin(run, workspace)
    if not isinstance(adapter, Mints):
        raise Conflict("error.credential.not_minted", "this vendor lets nobody make keys by interface", hint="paste one instead")
    return adapter


def probe(run: Run, row: Credential, secret: str) -> Probe:
    """Whether a secret of a credential works, by its vendor's list of models. Raises `Transient` when nobody answered."""
    base = row.base_url.removesuffix(_TAILS.get(row.vendor, "\0"))
    pace = run.pacer(PROBES_PER_MINUTE, 16, of=f"probe {row.vendor}"[:64])
    access = Access(vendor=row.vendor, secret=secret, base_url=base, organisation=row.organisation, allowed=entries(), pace=pace)
    found: Probe = open_vendor(access).probe()
    return found


def _open(run: Run, workspace: str) -> Any:
    row: Workspace | None = Workspace.objects.filter(id=workspace).first() if workspace else None
    if row is None:
        raise Conflict("error.credential.no_workspace", "no workspace is attached that reaches this credential's vendor",
                       hint="name one, or do it in the vendor's console")  # fmt: skip
    pace = run.pacer(calls_per_minute(row), 5, of=row.id)
    return open_vendor(access_to(
        row, pace=pace, before_write=run.before_write, told=lambda line: run.log(line, level="debug"), dry_run=run.dry_run,
    ))  # fmt: skip
