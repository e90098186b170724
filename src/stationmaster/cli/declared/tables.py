"""The file's tables, where they differ from gateway.toml's. Owns those differences."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from stationmaster.gateway.config.tables import CredentialTable, Flag, KeyTable, PoolTable, RouteTable, Text
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces.tables import MAX_DAYS, MAX_MINUTES, WorkspaceTable, number

Kind = Literal["workspace", "credential", "pool", "route", "key"]
STORED = "stored:"      # begins a reference to a secret that the control plane holds under that name


class WorkspaceEntry(WorkspaceTable, frozen=True):
    """`[[workspace]]`: an organisation at a vendor, and what may be done there. What the control plane's own settings decide for
    workspaces that say nothing about it is below 0 where it is left out."""

    disabled_reason: Text = ""
    reconcile_minutes: Annotated[int, number(MAX_MINUTES)] = -1
    remove_inactive_days: Annotated[int, number(MAX_DAYS)] = -1

    def __repr__(self) -> str:
        return f"WorkspaceEntry({self.id!r}, secret=…)"


class CredentialEntry(CredentialTable, frozen=True):
    """`[[credential]]`, whose secret may be left out."""

    secret: Text = ""
    disabled_reason: Text = ""

    def __repr__(self) -> str:
        return f"CredentialEntry({self.id!r}, secret=…)"


class KeyEntry(KeyTable, frozen=True):
    """`[[key]]`, whose hash may be left out."""

    secret_sha256: Text = ""
    disabled: Flag = False
    disabled_reason: Text = ""

    def __repr__(self) -> str:
        return f"KeyEntry({self.id!r}, secret_sha256=…)"


TABLES: Mapping[Kind, type[msgspec.Struct]] = {
    "workspace": WorkspaceEntry, "credential": CredentialEntry, "pool": PoolTable, "route": RouteTable, "key": KeyEntry,
}  # fmt: skip
PATHS: Mapping[Kind, str] = {kind: f"{kind}s" for kind in TABLES}      # what the desk calls them
SEALED: frozenset[Kind] = frozenset({"workspace", "credential"})       # those with a secret that is only ever handed over
UNSAID: Mapping[Kind, tuple[str, ...]] = {"workspace": ("reconcile_minutes", "remove_inactive_days")}      # stay as they are


def has_secret(kind: Kind, vendor: str) -> bool:
    """Whether there is a secret of such a thing: of a workspace only where its vendor has an interface."""
    return kind in SEALED and (kind != "workspace" or vendor not in VENDORS or VENDORS[vendor].needs_secret)


def defaults(table: type[msgspec.Struct]) -> dict[str, Any]:
    """What each field is when it is left out, in plain values."""
    return {field.name: plain(_default(field)) for field in msgspec.structs.fields(table)}


def compact(table: msgspec.Struct) -> dict[str, Any]:
    """A table's plain values, without those that are the default."""
    fields = msgspec.structs.fields(table)
    return {each.name: plain(getattr(table, each.name)) for each in fields if getattr(table, each.name) != _default(each)}


def plain(value: Any) -> Any:
    """Tables within tables made plain too, without their defaults."""
    if isinstance(value, msgspec.Struct):
        return compact(value)
    return [plain(each) for each in value] if isinstance(value, list) else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
