"""Kinds of targets, as people look them up: what each offers, keeps and gives away. Owns that list."""

from collections.abc import Mapping
from typing import Any

from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.targets._base import Capability
from stationmaster.targets.registry import KINDS, Kind


def list_kinds(actor: Actor) -> list[Mapping[str, Any]]:
    """Which kinds of targets there are. Raises `Forbidden`."""
    require(actor, "targets:read")
    return [shown_kind(each) for each in KINDS.values()]


def shown_kind(row: Kind) -> Mapping[str, Any]:
    """One kind as plain values."""
    return {
        "kind": row.name, "title": row.title, "capabilities": {each.value: each in row.capabilities for each in Capability},
        "credential": row.credential, "optional": row.optional, "vendors": sorted(row.vendors), "keeps": sorted(row.keeps),
        "direction": row.direction, "shows_secret": row.shows_secret, "calls_per_minute": row.calls_per_minute,
        "unknown": [*row.unknown], "traps": [*row.traps],
    }  # fmt: skip
