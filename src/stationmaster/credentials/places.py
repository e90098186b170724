"""Where a credential's secrets may be sent. Owns the rules that no other secret follows a slot to an address that it was not
given for: who may edit an address, but sees no secret, could have it sent to themselves.

The live secret comes anew together with another address (`writeonly.stays`); here is what stands beside it: the way back, one
that is about to follow, what a source or the vendor gives next. May not know jobs.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from stationmaster.credentials import generations
from stationmaster.credentials.models import COMING, DRAINING, KEPT, Credential, TokenSource
from stationmaster.errors import Conflict, Forbidden
from stationmaster.operators.access import allowed
from stationmaster.store.actor import Actor
from stationmaster.workspaces.models import Workspace

_OWN: Final = {"openai": "https://api.openai.com"}      # vendors whose interface makes keys, and where they serve
MINTS: Final = frozenset(_OWN)
Place = tuple[str, str, str, str]


def place_of(row: Credential) -> Place:
    """Where its secrets are made, and where they are sent."""
    return row.vendor, row.base_url, row.workspace, row.project


def movable(row: Credential) -> None:
    """Raise `Conflict` when it may not get another vendor or address, since it has more than the secret that serves."""
    found = list(_more(row))
    if found:
        why = f"has to stay: there is {', '.join(found)}"
        raise Conflict("error.credential.not_movable", f"{row.name}: its vendor and address {why[0].lower()}{why[1:]}",
                       hint="end that first, or make another credential", fields={"base_url": why})  # fmt: skip


def minted_here(actor: Actor, row: Credential) -> None:
    """Raise `Forbidden` when keys that a workspace's vendor will make for it would go to another address than the workspace's or
    the vendor's own, unless `actor` may decide where workspaces are reached."""
    if row.vendor not in MINTS or not row.workspace or not row.project or not row.base_url:
        return
    place: Workspace | None = Workspace.objects.filter(id=row.workspace).first()
    known = {_door(_OWN[row.vendor]), _door(place.base_url if place is not None else "")}
    if _door(row.base_url) not in known and not allowed(actor, "workspaces:update"):
        raise Forbidden("error.credential.elsewhere", f"{row.name}: keys that are made for it go to the vendor's own address",
                        hint="leave base_url empty, or ask an admin, who may choose another")  # fmt: skip


def lent(actor: Actor, row: Credential, options: Mapping[str, Any]) -> None:
    """Raise `Forbidden` when a source with these options would ask as the machine, or as what another source is known as, for a
    secret that goes to an address that somebody chose, unless `actor` may decide where workspaces are reached."""
    borrows = options.get("identity") or options.get("mode") in ("ambient", "managed_identity")
    if borrows and row.base_url and not allowed(actor, "workspaces:update"):
        raise Forbidden("error.source.identity", "an identity that is not the source's own takes an admin where the credential "
                        "has an address",
                        hint="ask an admin to set this source, or give it a secret of its own")  # fmt: skip


def unfed(row: Credential) -> None:
    """Raise `Conflict` when a source gives it its secret: the next refresh would put its own over any other."""
    if row.secret and TokenSource.objects.filter(credential=row).exists():
        raise Conflict("error.credential.has_source", f"the secret of {row.name} comes from a source, again and again",
                       hint="delete the source first, or make another credential")  # fmt: skip


def unheld(row: Credential, now: datetime) -> None:
    """Raise `Conflict` when it has a secret that no source gave: the first refresh would put its own over that, and the vendor
    would still know it while nobody here does."""
    if row.secret and (row.expires_at is None or row.expires_at > now):
        raise Conflict("error.credential.has_secret", f"{row.name} has a secret that is valid",
                       hint="make another credential for the source, or revoke the secret first")  # fmt: skip


def _more(row: Credential) -> Iterator[str]:
    if TokenSource.objects.filter(credential=row).exists():
        yield "a source that gives it secrets"
    for each in generations.of(row):
        if each.state in COMING:
            yield f"a secret that is about to follow ({each.number})"
        elif each.state in (DRAINING, KEPT) and each.secret:
            yield f"a way back ({each.number})"
    if row.vendor in MINTS and row.workspace and row.project:
        yield "a workspace and project that its keys are made in"


def _door(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; one that cannot be read is nobody's."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme)
