"""The file's tables, where they differ from gateway.toml's. Owns those differences."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from stationmaster.credentials.tables import Keep, LifeTable, Lifetime, Rotate, Scopes, Warn
from stationmaster.gateway.config.tables import CredentialTable, Flag, KeyTable, PoolTable, RouteTable, Text
from stationmaster.publishing.rules import needs_secret as target_needs_secret
from stationmaster.publishing.tables import TargetTable
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces.tables import MAX_DAYS, MAX_MINUTES, WorkspaceTable, number

Kind = Literal["workspace", "credential", "pool", "route", "key", "target"]
Sort = Kind | Literal["source", "refresh_token"]      # whose secret it is: a credential's source has up to two
Name = tuple[Sort, str]
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
    """`[[credential]]`, whose secret may be left out, and how its secrets follow one another, which stays as it is where it is
    left out: numbers are below 0 then. The end of a secret is no wish, and not in a file. `source`: where its secret comes from
    (`sources`), which is in no table of gateway.toml and read apart."""

    secret: Text = ""
    disabled_reason: Text = ""
    workspace: Text = ""
    project: Text = ""
    scopes: Scopes = msgspec.field(default_factory=list)
    lifetime_days: Lifetime = -1
    rotate_days: Rotate = -1
    keep_hours: Keep = -1
    warn_days: Warn = -1
    source: dict[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"CredentialEntry({self.id!r}, secret=…)"


class KeyEntry(KeyTable, frozen=True):
    """`[[key]]`, whose hash may be left out."""

    secret_sha256: Text = ""
    disabled: Flag = False
    disabled_reason: Text = ""

    def __repr__(self) -> str:
        return f"KeyEntry({self.id!r}, secret_sha256=…)"


class TargetEntry(TargetTable, frozen=True):
    """`[[target]]`: somebody's gateway that credentials are published into. Which one is the default stays as it is where no
    target says that it is."""

    disabled_reason: Text = ""

    def __repr__(self) -> str:
        return f"TargetEntry({self.id!r}, secret=…)"


TABLES: Mapping[Kind, type[msgspec.Struct]] = {
    "workspace": WorkspaceEntry, "credential": CredentialEntry, "pool": PoolTable, "route": RouteTable, "key": KeyEntry,
    "target": TargetEntry,
}  # fmt: skip
OURS: frozenset[str] = frozenset({"workspace", "target"})              # the tables that gateway.toml does not have
PATHS: Mapping[Kind, str] = {kind: f"{kind}s" for kind in TABLES}      # what the desk calls them
SEALED: frozenset[Kind] = frozenset({"workspace", "credential", "target"})      # whose secret is only ever handed over
# What stays as it is where the file leaves it out; and what of it is usual, so that an export need not say it.
UNSAID: Mapping[Kind, tuple[str, ...]] = {
    "workspace": ("reconcile_minutes", "remove_inactive_days"),
    "credential": ("workspace", "project", "scopes", "lifetime_days", "rotate_days", "keep_hours", "warn_days", "source"),
    "target": ("secret", "default"),
}
USUAL: Mapping[Kind, Mapping[str, Any]] = {
    "credential": {name: value for name, value in msgspec.structs.asdict(LifeTable()).items() if name in UNSAID["credential"]},
}


def needs_secret(kind: Kind, entry: Mapping[str, Any]) -> bool:
    """Whether such a thing has a secret in any case: a workspace where its vendor has an interface, a credential without a
    source, a target by its kind."""
    vendor = entry.get("vendor", "")
    if kind == "workspace":
        return vendor not in VENDORS or VENDORS[vendor].needs_secret
    if kind == "target":
        return target_needs_secret(entry.get("kind", ""), disabled=entry.get("disabled", False))
    return kind == "credential" and not entry.get("source")


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
