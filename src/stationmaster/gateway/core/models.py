"""Model lists: the upstreams' read, ours composed. One answer serves OpenAI's and Anthropic's clients (and
parses for Codex), another Gemini's. May not know when or how lists are fetched.
"""

from datetime import UTC, datetime

import msgspec

from stationmaster.gateway.core.endpoints import Dialect
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.pools import PoolState
from stationmaster.gateway.core.snapshot import VirtualKey
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.core.upstreams import Upstream

MAX_MODELS = 5000          # of one upstream's list
_WILD = frozenset("*?[")
_YEAR_9999 = 253_370_764_800
_PATHS = {"anthropic": "/v1/models?limit=1000", "gemini": "/v1beta/models?pageSize=1000"}


class Model(msgspec.Struct, frozen=True):
    """One model as its vendor lists it. `created` in seconds since the epoch, 0 when unknown."""

    id: str
    name: str = ""
    created: int = 0
    owner: str = ""
    gemini: dict[str, object] | None = None


Listing = dict[str, Model]


class _Entry(msgspec.Struct):
    id: str
    display_name: str = ""
    created: int | float | None = None
    created_at: str | None = None
    owned_by: str | None = None


class _List(msgspec.Struct):
    data: list[_Entry]


class _GeminiList(msgspec.Struct):
    models: list[dict[str, object]]


def request(upstream: Upstream) -> bytes:
    """The GET for a credential's model list, whole."""
    path = _PATHS.get(upstream.vendor)
    target = upstream.base + path if path else upstream.path("/models", "openai")
    version = b"anthropic-version: 2023-06-01\r\n" if upstream.vendor == "anthropic" else b""
    return f"GET {target} HTTP/1.1\r\n".encode() + upstream.auth + version + b"\r\n"


def lists(upstream: Upstream) -> bool:
    """Whether its models can be asked for in a dialect that has lists: a cloud's clients name theirs without one."""
    return any(upstream.speaks(dialect) for dialect in ("openai", "anthropic", "gemini"))


def read(upstream: Upstream, body: bytes) -> Listing | None:
    """An upstream's list by model id, or None when it is none."""
    try:
        if upstream.vendor == "gemini":
            return _read_gemini(msgspec.json.decode(body, type=_GeminiList))
        entries = msgspec.json.decode(body, type=_List).data
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return {entry.id: Model(entry.id, entry.display_name, _created(entry), entry.owned_by or upstream.vendor)
            for entry in entries[:MAX_MODELS]}


def _read_gemini(listed: _GeminiList) -> Listing:
    names = {str(entry.get("name", "")).removeprefix("models/"): entry for entry in listed.models[:MAX_MODELS]}
    return {name: Model(name, str(entry.get("displayName", name)), 0, "google", entry)
            for name, entry in names.items() if name}


def _created(entry: _Entry) -> int:
    """Seconds since 1970, or 0 for what is no date."""
    try:
        stated = entry.created if entry.created is not None else datetime.fromisoformat(entry.created_at or "").timestamp()
        return int(stated) if 0 <= stated < _YEAR_9999 else 0
    except (ValueError, OverflowError):
        return 0


def visible(table: Table, key: VirtualKey, lists: dict[str, Listing], dialect: Dialect) -> Listing:
    """What `key` can ask for in `dialect`: listed models and literal route entries whose route leads to a
    member that serves them, and aliases of those."""
    found: Listing = {}
    for name in sorted(_names(table, lists)):
        plan = table.plan_named(key, name)
        model = None if isinstance(plan, Fault) else _served(plan.pools, plan.sent, lists, dialect)
        if model is not None:
            found[name] = model if name == model.id else msgspec.structs.replace(model, id=name, name=name)
    return found


def _names(table: Table, lists: dict[str, Listing]) -> set[str]:
    listed = {name for listing in lists.values() for name in listing}
    literal = {name for route in table.routes for name in route.models if not _WILD & set(name)}
    return listed | literal | {said for route in table.routes for said in route.aliases}


def _served(pools: tuple[PoolState, ...], model: str, lists: dict[str, Listing], dialect: Dialect) -> Model | None:
    """The model as the first member lists it that speaks the dialect; a member whose list could not be read is
    taken at the operator's word."""
    spoken: tuple[Dialect, ...] = ("gemini",) if dialect == "gemini" else ("openai", "anthropic")
    able = [member.id for pool in pools for member in pool.members if any(member.serves(one, model) for one in spoken)]
    listed = [lists[member][model] for member in able if model in lists.get(member, {})]
    if listed:
        return listed[0]
    return Model(model, owner="stationmaster") if any(member not in lists for member in able) else None


def listing(models: Listing, dialect: Dialect) -> bytes:
    """The whole list in the caller's dialect. `models` is empty for Codex, whose own catalogue then stands."""
    if dialect == "gemini":
        return msgspec.json.encode({"models": [_gemini(model) for model in models.values()]})
    names = list(models)
    return msgspec.json.encode({
        "object": "list",
        "data": [_merged(model) for model in models.values()],
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
        "models": [],
    })


def item(models: Listing, name: str, dialect: Dialect) -> bytes | None:
    """One model in the caller's dialect, or None."""
    model = models.get(name)
    if model is None:
        return None
    return msgspec.json.encode(_gemini(model) if dialect == "gemini" else _merged(model))


def _merged(model: Model) -> dict[str, object]:
    created_at = datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": model.id, "object": "model", "created": model.created, "owned_by": model.owner,
        "type": "model", "display_name": model.name or model.id, "created_at": created_at,
    }


def _gemini(model: Model) -> dict[str, object]:
    return {**(model.gemini or {"displayName": model.name or model.id}), "name": f"models/{model.id}"}
