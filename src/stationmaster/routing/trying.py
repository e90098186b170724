"""Where a model would go. Owns: the answer to that, decided as a gateway decides from the same rows; nobody is asked.

What a gateway knows besides (room under limits, where a session moved, what it saw a second ago) is not known here.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from stationmaster.credentials.models import Credential
from stationmaster.errors import Invalid
from stationmaster.gateway.core import faults, snapshot
from stationmaster.gateway.core.endpoints import DIALECTS
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.table import allows, may_use, resolve
from stationmaster.gateway.core.upstreams import spoken_by
from stationmaster.operators.access import require
from stationmaster.routing import records
from stationmaster.routing.models import PoolMember, VirtualKey
from stationmaster.store.actor import Actor
from stationmaster.store.given import Given, known_only
from stationmaster.store.lookup import find

FIELDS: Final = frozenset({"model", "dialect", "key"})
MAX_MODEL: Final = 256
_OUT: Final = frozenset({"cooling", "disabled", "probing"})  # of a credential's states: takes no request


def try_model(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Which route takes `model`, asked in `dialect` (by the virtual key `key`, if one is named), what the vendor would be
    sent, and of each pool which members could serve and why the others not. `error`: the answer that a client would get
    instead. Raises `Forbidden`, `Invalid`, `NotFound`."""
    require(actor, "routes:read")
    require(actor, "pools:read")
    known_only(given, FIELDS)
    model, dialect = _asked(given)
    key = _key(actor, str(given.get("key") or ""))
    routes = tuple(record for _, record in records.routes())
    found = resolve(routes, model)
    fault = _fault(key, model, found)
    shown = {"model": model, "dialect": dialect, "key": key.id if key is not None else "", "error": _error(fault)}
    if found is None:
        return {**shown, "route": "", "position": 0, "sent": "", "pools": []}
    route, sent = found
    pools = list(_pools(route, sent, dialect, key))
    if fault is None and not any(member["eligible"] for pool in pools for member in pool["members"]):
        shown["error"] = _error(_nobody(pools, dialect))
    return {**shown, "route": route.id, "position": route.position, "sent": sent, "pools": pools}


def _asked(given: Given) -> tuple[str, str]:
    model, dialect = given.get("model"), given.get("dialect") or "openai"
    wrong = {}
    if not isinstance(model, str) or not model.strip():
        wrong["model"] = "is needed"
    elif len(model) > MAX_MODEL:
        wrong["model"] = f"expected at most {MAX_MODEL} characters"
    if dialect not in DIALECTS:
        wrong["dialect"] = f"expected one of {', '.join(DIALECTS)}"
    if wrong:
        message = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise Invalid("error.config.bad_value", message, fields=wrong)
    return str(model).strip(), str(dialect)


def _key(actor: Actor, which: str) -> snapshot.VirtualKey | None:
    """The key that is named, as far as it decides where a request goes."""
    if not which:
        return None
    row = find(VirtualKey, which)
    require(actor, "keys:read", row)
    return snapshot.VirtualKey(row.name, "", models=tuple(row.models), pools=tuple(row.pool_names()))


def _fault(key: snapshot.VirtualKey | None, model: str, found: tuple[snapshot.Route, str] | None) -> Fault | None:
    """What a gateway would say before it looks at any member."""
    if found is None:
        return faults.no_route(model) if key is None or allows(key, model) else faults.model_refused(model)
    route, sent = found
    if key is not None and not (allows(key, model) and allows(key, sent)):
        return faults.model_refused(model)
    if key is not None and not any(may_use(key, pool) for pool in (route.pool, *route.fallback)):
        return faults.POOL_REFUSED
    return None


def _pools(route: snapshot.Route, sent: str, dialect: str, key: snapshot.VirtualKey | None) -> Iterator[Mapping[str, Any]]:
    names = (route.pool, *route.fallback)
    rows = PoolMember.objects.filter(pool__name__in=names).select_related("credential", "pool").order_by("priority", "position")
    for name in names:
        allowed = key is None or may_use(key, name)
        members = [_member(row, sent, dialect, allowed=allowed) for row in rows if row.pool.name == name]
        yield {"pool": name, "allowed": allowed, "members": members}


def _member(row: PoolMember, sent: str, dialect: str, *, allowed: bool) -> Mapping[str, Any]:
    held: Credential = row.credential
    why = "" if allowed else "key"
    why = why or _unable(row, sent, dialect) or _out(held)
    return {
        "credential": held.name, "id": held.id, "vendor": held.vendor, "weight": row.weight, "priority": row.priority,
        "health": held.health, "cause": held.health_cause, "eligible": not why, "why": why,
    }  # fmt: skip


def _unable(row: PoolMember, sent: str, dialect: str) -> str:
    """Why it can serve no such request, however well it is."""
    if dialect not in spoken_by(row.credential.vendor):
        return "dialect"
    return "" if any(fnmatchcase(sent, each) for each in row.models) else "model"


def _out(held: Credential) -> str:
    """Why it takes nothing now; what a person said comes before what gateways found."""
    if not held.secret:
        return "no_secret"
    if held.disabled or held.override == "out":
        return "operator"
    return held.health if held.health in _OUT and held.override != "in" else ""


def _nobody(pools: list[Mapping[str, Any]], dialect: str) -> Fault:
    """What a client hears where nobody can serve: none speaks so, none has the model, all rest or are out."""
    members = [member for pool in pools if pool["allowed"] for member in pool["members"]]
    reasons = {member["why"] for member in members}
    if reasons & {"cooling", "probing"}:
        return faults.POOL_COOLING
    if reasons - {"dialect", "model"}:
        return faults.POOL_OUT
    spoken = {each: None for member in members for each in spoken_by(member["vendor"])}
    return faults.NO_MEMBER if dialect in spoken else faults.not_spoken(spoken)


def _error(fault: Fault | None) -> Mapping[str, Any] | None:
    return None if fault is None else {"status": fault.status, "code": fault.code, "message": fault.message, "hint": fault.hint}
