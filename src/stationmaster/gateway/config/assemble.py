"""Parsed TOML → `Snapshot`. Owns: the order of the checks, and that one problem anywhere means no snapshot.

Touches no disk: files and variables come through `Surroundings`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from stationmaster.gateway.config import build, reach, references
from stationmaster.gateway.config.problems import ConfigError
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import Surroundings
from stationmaster.gateway.config.shape import check_tables, read_many, read_one
from stationmaster.gateway.config.tables import (
    CredentialTable,
    GatewayTable,
    KeyTable,
    PoolTable,
    RouteTable,
)
from stationmaster.gateway.core.snapshot import Snapshot


class Document(msgspec.Struct, frozen=True):
    """The tables of one file, read but not yet compared with one another."""

    gateway: GatewayTable
    credentials: list[Placed[CredentialTable]]
    pools: list[Placed[PoolTable]]
    routes: list[Placed[RouteTable]]
    keys: list[Placed[KeyTable]]


def assemble(toml: Mapping[str, Any], around: Surroundings, report: Report) -> Snapshot:
    """Check everything in a parsed file. Raises `ConfigError` when anything was reported."""
    document = _read(toml, report)
    _check_names(document, report)
    snapshot = _build(document, around, report)
    if problems := report.problems():
        raise ConfigError(problems)
    return snapshot


def _read(toml: Mapping[str, Any], report: Report) -> Document:
    check_tables(toml, report)
    return Document(
        gateway=read_one(toml, "gateway", GatewayTable, report),
        credentials=read_many(toml, "credential", CredentialTable, report),
        pools=read_many(toml, "pool", PoolTable, report),
        routes=read_many(toml, "route", RouteTable, report),
        keys=read_many(toml, "key", KeyTable, report),
    )


def _check_names(document: Document, report: Report) -> None:
    pools = references.places_by_id(document.pools, report)
    references.check_pools(document.pools, references.places_by_id(document.credentials, report), report)
    references.check_routes(document.routes, pools, report)
    references.check_key_pools(document.keys, pools, report)
    references.check_default_pool(document.gateway.default_pool, pools, report)
    references.places_by_id(document.keys, report)
    references.check_hashes(document.keys, report)
    reach.check_aliases(document.routes, report)
    reach.check_reach(document.routes, report)


def _build(document: Document, around: Surroundings, report: Report) -> Snapshot:
    return Snapshot(
        settings=build.settings(document.gateway, around, report),
        credentials=tuple(build.credential(row, around, report) for row in document.credentials),
        pools=tuple(build.pool(row.table) for row in document.pools),
        routes=tuple(build.route(row.table) for row in document.routes),
        keys=tuple(build.key(row, report) for row in document.keys),
    )
