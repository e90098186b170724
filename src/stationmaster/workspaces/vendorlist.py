"""Vendors, as people look them up: what each offers, and what stays to be done by hand. Owns that list."""

from collections.abc import Mapping
from typing import Any

from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS, Vendor


def shown_vendor(row: Vendor) -> Mapping[str, Any]:
    """One vendor as plain values: `capabilities` says of each whether its interface offers it."""
    return {
        "vendor": row.name, "title": row.title, "known_by": row.known_by, "roles": [*row.roles],
        "capabilities": {each.value: each in row.capabilities for each in Capability}, "by_hand": [*row.by_hand],
        "needs_secret": row.needs_secret, "calls_per_minute": row.calls_per_minute,
    }  # fmt: skip


def list_vendors(actor: Actor) -> list[Mapping[str, Any]]:
    """All of them. Raises `Forbidden`."""
    require(actor, "workspaces:read")
    return [shown_vendor(row) for row in VENDORS.values()]
