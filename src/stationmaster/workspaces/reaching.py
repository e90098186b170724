"""How a workspace's vendor is reached. Owns: taking its admin credential out, for that one use.

Called when a job opens its adapter, and by nobody who shows anything.
"""

from collections.abc import Callable

from stationmaster.errors import Conflict
from stationmaster.line.access import no_pace, nothing
from stationmaster.vendors._base import Access
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.addresses import entries
from stationmaster.workspaces.models import Workspace


def access_to(
    workspace: Workspace, *, pace: Callable[[], None] = no_pace, before_write: Callable[[str], None] = nothing,
    told: Callable[[str], None] = nothing, dry_run: bool = False,
) -> Access:  # fmt: skip
    """What its vendor's adapter is opened with. Raises `Conflict` for a workspace that is out of use, `SealBroken` and
    `UnknownKey` for a credential that does not open."""
    if workspace.disabled:
        raise Conflict("error.workspace.disabled", f"{workspace.name} is disabled", hint="enable it first")
    return Access(
        workspace.vendor, secret=workspace.secret.reveal("vendor admin"), base_url=workspace.base_url,
        organisation=workspace.organisation, allowed=entries(), dry_run=dry_run, pace=pace, before_write=before_write, told=told,
    )  # fmt: skip


def calls_per_minute(workspace: Workspace) -> int:
    """How often its vendor is called at most: the workspace's own rate, or the vendor's."""
    return workspace.calls_per_minute or vendor(workspace.vendor).calls_per_minute
