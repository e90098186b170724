"""What is odd about a configuration that can be served from. Owns: the sentences. Looks at a snapshot only, so that
nobody is kept from starting; what keeps from starting is an error of the file's.
"""

from collections.abc import Iterator

from stationmaster.gateway.config.patterns import meets
from stationmaster.gateway.config.problems import quoted
from stationmaster.gateway.core.snapshot import Route, Snapshot, VirtualKey
from stationmaster.gateway.core.table import allows, may_use

_PLACEHOLDER = "0" * 64


def cautions(snapshot: Snapshot, wall: float) -> tuple[str, ...]:
    """One sentence for each, in the file's order. `wall`: seconds since 1970."""
    return tuple(_all(snapshot, wall))


def _all(snapshot: Snapshot, wall: float) -> Iterator[str]:
    if not snapshot.credentials:
        yield "no credential: nothing can be served (add a [[credential]])"
    if not snapshot.keys:
        yield "no key: nobody can be served (`stationmaster key new` makes one)"
    for key in snapshot.keys:
        name = f"key {quoted(key.id)}"
        if key.secret_sha256 == _PLACEHOLDER:
            yield f"{name}: its secret_sha256 is a placeholder, so nobody has it (`stationmaster key new` makes one)"
        if 0 < key.expires <= wall:
            yield f"{name}: expires is in the past"
        if not _served(key, snapshot):
            yield f"{name}: no route serves any of its models"


def _served(key: VirtualKey, snapshot: Snapshot) -> bool:
    """A key for every model may also go where no model is named."""
    if key.unlimited and snapshot.settings.default_pool:
        return True
    return any(_reaches(key, route) for route in snapshot.routes)


def _reaches(key: VirtualKey, route: Route) -> bool:
    if not any(may_use(key, pool) for pool in (route.pool, *route.fallback)):
        return False
    if any(meets(mine, theirs) for mine in key.models for theirs in route.models):
        return True
    return any(allows(key, said) and allows(key, sent) for said, sent in route.aliases.items())
