"""Private addresses that stored URLs may name. Owns: their list, and checking a URL against it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from stationmaster.errors import Invalid
from stationmaster.gateway.config.addresses import fault_in_base_url
from stationmaster.operators.access import require
from stationmaster.outbound import allow_entry, fault_in_host
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, Rows, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name
from stationmaster.workspaces.models import AllowedAddress

MAX_REASON = 1000


def show(row: AllowedAddress) -> Mapping[str, Any]:
    """An entry as plain values."""
    return {"id": row.id, "name": row.name, "reason": row.reason, "revision": row.revision, "created_at": row.created_at}


ADDRESSES = Listing(
    noun="addresses", columns=(Column("id"), Column("name"), Column("created_at", kind="time")), show=show, sort="name",
)


def entries() -> frozenset[str]:
    """Every entry: those that an admin saved and those of this process's settings."""
    return frozenset(AllowedAddress.objects.values_list("name", flat=True)) | frozenset(settings.STATIONMASTER_ALLOWED)


def list_addresses(actor: Actor, query: Query) -> Page:
    """One page of the saved entries. Raises `Forbidden`, `Invalid`."""
    require(actor, "addresses:read")
    return page(ADDRESSES, AllowedAddress.objects.all(), query)


def allow_address(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Allow a private address: `name`, `reason`. Raises `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "addresses:create")
    known_only(given, frozenset({"name", "reason"}))
    refuse_odd_text(given)
    if not given.get("name"):
        why = "say which address, network or host name"
        raise Invalid("error.config.missing_key", f"name: {why}", fields={"name": why})
    name, reason = allow_entry(str(given["name"])), str(given.get("reason") or "").strip()
    if not 0 < len(reason) <= MAX_REASON:
        why = f"say in up to {MAX_REASON} characters why it is allowed"
        raise Invalid("error.config.missing_key", f"reason: {why}", fields={"reason": why})
    with change(actor) as edit:
        free_name(AllowedAddress, name)
        row = AllowedAddress(name=name, reason=reason)
        edit.create(row)
    return show(row)


def disallow_address(actor: Actor, which: str) -> None:
    """Take an entry away, by id or name. URLs that are stored stay; they cannot be saved again as they are, and the
    control plane does not connect to them any more. Raises `Forbidden`, `NotFound`."""
    require(actor, "addresses:delete")
    with change(actor) as edit:
        edit.delete(find(AllowedAddress, which))


def check_url(url: str, report: Rows, *, allow_insecure_http: bool) -> None:
    """Report a `base_url` that leads into a private network without an entry; its form was checked before."""
    if not url or fault_in_base_url(url, allow_insecure_http=allow_insecure_http):
        return
    fault = fault_in_host(urlsplit(url).hostname or "", entries())
    if fault:
        report.add("error.config.address", (report.noun, 0, "base_url"), *fault)
