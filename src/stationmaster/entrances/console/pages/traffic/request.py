"""One request: what was asked and answered, what it used and cost, how it went, and why this credential. Owns that page.

A request's event is all that is known of it: times of single attempts, and who else could have served it then, are not in it, and
the page says so instead of guessing.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Link,
    Note,
    Page,
    Part,
    Row,
    Section,
    Table,
    code,
    flag,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.pictures import Course, Event, Tile, Tiles
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.entrances.console.pages.traffic import columns, telling
from stationmaster.entrances.console.pages.traffic.owners import named
from stationmaster.errors import NotFound
from stationmaster.i18n import tr, trn
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.usage import services as usage

_KINDS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


def one(request: HttpRequest, which: str) -> HttpResponse:
    """The page of a request."""
    actor = me(request)
    row = named(actor, [usage.get_event(actor, which)])[0]
    sections = (
        Section("", (_tiles(row),)),
        Section(tr("Asked and answered"), (_asked(row),), half=True),
        Section(tr("Used"), (_used(row),), half=True),
        Section(tr("How it went"), (_course(row),)),
        Section(tr("Why this credential"), tuple(_why(actor, row))),
    )
    same = (
        (f"stationmaster usage show {row['request_id']}", f"GET /api/v1/usage/events/{row['request_id']}"),
        (f"stationmaster gateway explain {row['request_id']} --events FILE", ""),
    )
    title = tr("Request {id}", id=row["request_id"])
    trail = (Link(tr("Requests"), "/requests"),)
    return shown(request, Page(title, sections, links=tuple(_neighbours(row)), same=same, state=telling.ended(row), trail=trail))


def price_version() -> str:
    """Which list of prices this control plane gives to gateways."""
    return f"genai-prices {version('genai-prices')}"


def _neighbours(row: Row) -> Iterator[Link]:
    """Requests that have something in common with this one."""
    for field, words in (("key", tr("Others of this key")), ("credential", tr("Others of this credential"))):
        if row[field]:
            yield Link(words, lists.filtered("/requests", (field, "eq", str(row[field]))))
    if row["error"]:
        yield Link(tr("Others with this error"), lists.filtered("/requests", ("error", "eq", str(row["error"]))))


def _tiles(row: Row) -> Tiles:
    detail = row["detail"]
    ours = int(detail.get("overhead_us") or 0)
    return Tiles((
        Tile(tr("Took"), telling.milliseconds(row["duration_us"]).text),
        Tile(tr("First byte"), telling.milliseconds(row["first_byte_us"]).text,
             note=tr("{time} ms of it the gateway's", time=f"{ours / 1000:,.2f}") if ours else ""),
        Tile(tr("Attempts"), str(detail["attempts"]) if "attempts" in detail else tr("not known")),
        Tile(tr("Cost"), telling.small(row["cost"]), note="" if row["cost"] is not None else _no_cost(row)),
    ))  # fmt: skip


def _no_cost(row: Row) -> str:
    return tr("no usage was stated") if row["usage_source"] == "none" else tr("the price of this model is not known")


def _asked(row: Row) -> Facts:
    detail = row["detail"]
    return Facts((
        (tr("Request id"), Cell(row["request_id"], code=True, copy=True)),
        (tr("Ended"), moment(row["at"])),
        (tr("Virtual key"), columns.linked(row["key"], "keys") if row["key"] else Cell(tr("none was recognised"), tone="off")),
        (tr("Person"), telling.whose(row)),
        (tr("Team"), text(row["tenant"])),
        (tr("Endpoint"), Cell(f"{detail.get('method', '')} {row['endpoint']}".strip(), note=row["dialect"])),
        (tr("Model"), columns.model(row)),
        (tr("Streamed"), flag(detail.get("stream")) if "stream" in detail else text(None)),
        (tr("The client tried again"), flag(detail.get("client_retry"), good=False)),
        (tr("The client left before the end"), flag(detail.get("client_left"), good=False)),
        (tr("Outcome"), telling.ended(row)),
        (tr("Error"), code(row["error"])),
        (tr("Gateway"), text(row["gateway"])),
        (tr("Vendor's request id"), _copied(detail.get("upstream_request_id"))),
        (tr("Bytes in / out"), Cell(f"{detail.get('bytes_in', 0):,} / {detail.get('bytes_out', 0):,}")),
    ))  # fmt: skip


def _copied(value: object) -> Cell:
    return Cell(str(value), code=True, copy=True) if value else text(None)


def _used(row: Row) -> Facts:
    """Tokens, cost and where both come from. What is not known is not 0."""
    held: Mapping[str, int | None] = row["tokens"] or dict.fromkeys(_KINDS)
    words = (tr("Input, not cached"), tr("Input from a cache"), tr("Input into a cache"), tr("Output"), tr("Of it reasoning"))
    note = tr("reckoned by the gateway when the request ended; prices given to gateways now: {version}", version=price_version())
    return Facts((
        *((name, number(held[kind])) for name, kind in zip(words, _KINDS, strict=True)),
        (tr("Usage"), columns.source(row["usage_source"])),
        (tr("Cost"), Cell(telling.small(row["cost"]), note=note if row["cost"] is not None else _no_cost(row))),
    ))  # fmt: skip


def _course(row: Row) -> Course:
    """From the client's request to its answer, an attempt below the other."""
    began = row["at"] - timedelta(microseconds=row["duration_us"])
    asked = tr("{key} asked for {model}", key=row["key"] or tr("Somebody without a known key"),
               model=row["detail"].get("asked_model") or row["model"] or tr("no model"))  # fmt: skip
    how = tr("Session: {how}", how=_session(row)) if row["pool"] else ""
    last = telling.ended(row)
    return Course((
        Event(began, asked, note=how),
        *(_failed(place, each, row) for place, each in enumerate(_tried(row), 1)),
        *_answered(row),
        Event(row["at"], tr("The client got: {outcome}", outcome=last.text), last.tone or "", str(row["error"] or "")),
    ))  # fmt: skip


def _tried(row: Row) -> list[Mapping[str, Any]]:
    found = row["detail"].get("tried") or ()
    return [each for each in found if isinstance(each, dict)]


def _failed(place: int, one: Mapping[str, Any], row: Row) -> Event:
    """An attempt that failed, and why another one followed."""
    name, status = str(one.get("credential", "")), one.get("status") or 0
    came = f"HTTP {status}" if status else tr("no answer")
    cause = telling.why(telling.FAILED, one.get("outcome", ""))
    pool = str(one.get("pool") or "")
    facts = [(tr("Cause"), Cell(cause)), (tr("The vendor's word"), code(one.get("code")))]
    facts += [(tr("Pool"), columns.linked(pool, "pools"))] if pool and pool != row["pool"] else []
    told = tr("Attempt {number}: {credential}: {came}", number=place, credential=name, came=came)
    on = tr("nothing had reached the client yet, so another one was asked")
    return Event(None, told, "bad", on, f"/credentials/{name}" if name else "", tuple(facts))


def _answered(row: Row) -> Iterator[Event]:
    name, status = str(row["credential"]), int(row["detail"].get("upstream_status") or 0)
    if not name:
        yield Event(None, tr("No credential was asked at the end"), "off")
        return
    came = f"HTTP {status}" if status else tr("no answer")
    told = tr("Attempt {number}: {credential}: {came}", number=len(_tried(row)) + 1, credential=name, came=came)
    theirs = str(row["detail"].get("upstream_request_id") or "")
    facts = ((tr("Vendor's request id"), _copied(theirs)),) if theirs else ()
    yield Event(None, told, "good" if 0 < status < 400 else "bad", "", f"/credentials/{name}", facts)


def _session(row: Row) -> str:
    if "session" not in row["detail"]:
        return tr("By what its session was known, the gateway did not tell.")
    return telling.why(telling.SESSIONS, row["detail"]["session"])


def _why(actor: Actor, row: Row) -> Iterator[Part]:
    """The trail of the choice: the pool's members, what became of each in this request."""
    yield Facts((
        (tr("Pool"), columns.linked(row["pool"], "pools") if row["pool"] else Cell(_no_pool(row), tone="off")),
        (tr("Session"), Cell(_session(row)) if row["pool"] else text(None)),
        (tr("Passed over"), Cell(_passed(row))),
    ))  # fmt: skip
    yield _members(actor, row)
    yield Note(tr("A session stays with one member: among those with room, of the best priority, its hash and their weights "
                  "decide. Members, priorities and weights are those of now; who else had room at that moment is not "
                  "recorded."))  # fmt: skip


def _no_pool(row: Row) -> str:
    """Why no pool was chosen."""
    known = {
        "model_not_allowed": tr("none: the key may not use this model, or not the one that an alias stands for"),
        "pool_not_allowed": tr("none: the key may use no pool that the route names"),
        "model_not_found": tr("none: no route takes this model"),
    }
    refused = tr("none: it was refused before one was chosen") if row["error"] else tr("none: none was needed")
    return known.get(str(row["error"]), refused)


def _passed(row: Row) -> str:
    skipped = row["detail"].get("skipped") or {}
    if skipped:
        return trn("{number} credential", "{number} credentials", len(skipped))
    return tr("none, or all was well and nobody looked")


def _members(actor: Actor, row: Row) -> Table:
    """Everybody who had to do with it, and the pool's other members."""
    skipped, tried = row["detail"].get("skipped") or {}, {str(each.get("credential")): each for each in _tried(row)}
    now = _pool(actor, str(row["pool"]))
    names = dict.fromkeys([*filter(None, [str(row["credential"])]), *tried, *skipped, *now])
    rows = [{"name": name, "cell": _part(name, row, tried, skipped), **now.get(name, {})} for name in names]
    shown_as = (
        Column(tr("Credential"), lambda each: columns.linked(each["name"], "credentials")),
        Column(tr("In this request"), lambda each: each["cell"]),
        Column(tr("Priority now"), lambda each: number(each.get("priority")), number=True),
        Column(tr("Weight now"), lambda each: number(each.get("weight")), number=True),
    )
    return lists.plain(shown_as, rows, tr("No credential had to do with it."))


def _part(name: str, row: Row, tried: Mapping[str, Any], skipped: Mapping[str, Any]) -> Cell:
    if name == row["credential"]:
        return Cell(tr("was chosen, and answered"), tone="good", icon="circle-check")
    if name in tried:
        return Cell(tr("was asked, and failed"), note=telling.why(telling.FAILED, tried[name].get("outcome", "")), tone="bad",
                    icon="circle-x")  # fmt: skip
    if name in skipped:
        return Cell(tr("was passed over"), note=telling.why(telling.SKIPPED, skipped[name]), tone="busy", icon="circle-minus")
    return Cell(tr("was not needed, as far as is known"), tone="off", icon="circle-dashed")


def _pool(actor: Actor, name: str) -> Mapping[str, Mapping[str, Any]]:
    """The pool's members as they are now, by name; nothing where there is none, or it is not theirs to see."""
    if not name or not operators.allowed(actor, "pools:read"):
        return {}
    try:
        return {str(each["credential"]): each for each in routing.get_pool(actor, name)["members"]}
    except NotFound:
        return {}
