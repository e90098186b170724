"""Names within one file. Owns: each name once, and every name that is used exists.

May not know what a credential, pool or key does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stationmaster.gateway.config.problems import Place, did_you_mean, quoted
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.tables import CredentialTable, KeyTable, PoolTable, RouteTable

Ids = Mapping[str, Place]


def check_pools(pools: Sequence[Placed[PoolTable]], credentials: Ids, report: Report) -> None:
    """Every member is a credential of the file, and stands once in its pool."""
    for pool in pools:
        first: dict[str, Place] = {}
        for number, member in enumerate(pool.table.members):
            place = (*pool.place, "members", number, "credential")
            _check_known(member.credential, credentials, "credential", place, report)
            _check_once(member.credential, place, first, "the pool has this credential already", report)


def check_workspaces(credentials: Iterable[Placed[Any]], workspaces: Ids, report: Report) -> None:
    """A credential that names a workspace names one that there is."""
    for row in credentials:
        _check_known(row.table.workspace, workspaces, "workspace", (*row.place, "workspace"), report)


def check_routes(routes: Iterable[Placed[RouteTable]], pools: Ids, report: Report) -> None:
    """Every route leads to pools of the file, and to each once."""
    for route in routes:
        _check_known(route.table.pool, pools, "pool", (*route.place, "pool"), report)
        first: dict[str, Place] = {route.table.pool: (*route.place, "pool")}
        for number, name in enumerate(route.table.fallback):
            place = (*route.place, "fallback", number)
            _check_known(name, pools, "pool", place, report)
            _check_once(name, place, first, "the route leads to this pool already", report)


def check_key_pools(keys: Iterable[Placed[KeyTable]], pools: Ids, report: Report) -> None:
    """A key is restricted to pools of the file."""
    for key in keys:
        for number, name in enumerate(key.table.pools):
            _check_known(name, pools, "pool", (*key.place, "pools", number), report)


def check_default_pool(name: str, pools: Ids, report: Report) -> None:
    """`default_pool`, when given, is a pool of the file."""
    _check_known(name, pools, "pool", ("gateway", "default_pool"), report)


def check_hashes(keys: Iterable[Placed[KeyTable]], report: Report) -> None:
    """No two virtual keys have one hash: the second would never be told from the first."""
    first: dict[str, Place] = {}
    for key in keys:
        place = (*key.place, "secret_sha256")
        _check_once(key.table.secret_sha256.lower(), place, first, "another key has this hash", report)


def places_by_id(
    rows: Iterable[Placed[CredentialTable] | Placed[PoolTable] | Placed[KeyTable]], report: Report
) -> dict[str, Place]:
    """Map each id to where it is given first, reporting those given again."""
    first: dict[str, Place] = {}
    for row in rows:
        message = f"the id {quoted(row.table.id)} is taken"
        _check_once(row.table.id, (*row.place, "id"), first, message, report)
    return first


def _check_once(name: str, place: Place, first: dict[str, Place], message: str, report: Report) -> None:
    if name and first.setdefault(name, place) != place:
        report.add("error.config.duplicate", place, f"{message} ({report.unit} {report.line(first[name])})")


def _check_known(name: str, known: Ids, noun: str, place: Place, report: Report) -> None:
    if name and name not in known:
        hint = did_you_mean(name, known) or _those(known, noun, report)
        report.add("error.config.dangling", place, f"no {noun} has the id {quoted(name)}", hint)


def _those(known: Ids, noun: str, report: Report) -> str:
    if not known:
        return report.nothing.format(noun=noun)
    return f"the ids are {', '.join(map(quoted, sorted(known)))}" if len(known) <= 8 else ""
