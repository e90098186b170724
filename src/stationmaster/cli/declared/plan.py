"""What is held and what is wanted → the steps between. Pure: asks nothing, changes nothing.

Steps come in an order in which each is allowed when those before it are done: things are made before others name them, and
taken away when no one does. Routes have no names: those of a file are the whole list, and what a route takes (its models and
aliases) says which of the held ones it is. On the way from one valid list to another every list is a part of one of the two in
its order, so none has a route that is never reached.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from stationmaster.cli.declared.document import DEFAULT_POOL, Entry, Held
from stationmaster.cli.declared.reading import Wanted
from stationmaster.cli.declared.tables import SEALED, TABLES, UNSAID, Kind, has_secret

Verb = Literal["create", "update", "delete"]
ASKED_FOR = "(asked for)"      # how a secret is shown that is still needed
_NAMED: tuple[Kind, ...] = ("workspace", "credential", "pool", "key")
_ADDRESS = ("vendor", "base_url")


@dataclass(frozen=True)
class Step:
    """One change. `name`: the object's, and for a route what it takes; `route`: the id of a held one, `position` where a new
    one goes. `secret`: whether its secret, or key hash, is handed over; `needed`: whether that is still to be had."""

    verb: Verb
    kind: Kind | Literal["setting"]
    name: str
    before: Entry | None = None
    after: Entry | None = None
    route: str = ""
    position: int = 0
    secret: bool = False
    needed: bool = False


Takes = Callable[[Kind, str, str], bool]


def plan(held: Held, wanted: Wanted, *, prune: bool, takes: Takes) -> tuple[Step, ...]:
    """The steps. `prune`: what the file does not name goes. `takes` tells whether a secret that the file gives is another
    than the one that is stored for a thing."""
    named = {kind: tuple(_put(kind, held, wanted, takes)) for kind in _NAMED}
    gone = {kind: tuple(_gone(kind, held, wanted)) if prune else () for kind in _NAMED}
    return (
        *named["workspace"], *named["credential"], *named["pool"],
        *_routes(held, wanted, prune),
        *named["key"],
        *_default_pool(held, wanted, prune),
        *gone["key"], *gone["pool"], *gone["credential"], *gone["workspace"],
    )  # fmt: skip


def same(one: object, other: object) -> bool:
    """Whether two entries are the same: the order within prices and aliases counts."""
    return json.dumps(one) == json.dumps(other)


def _put(kind: Kind, held: Held, wanted: Wanted, takes: Takes) -> Iterator[Step]:
    there = held.document.by_id(kind)
    for name, entry in wanted.document.by_id(kind).items():
        before, given = there.get(name), wanted.given.get((kind, name))
        sealed = has_secret(kind, entry.get("vendor", ""))
        if before is None:
            needed = sealed and given is None
            shown = given.shown if given else ASKED_FOR if needed else ""
            after = _shown(kind, entry, shown) if shown else entry
            yield Step("create", kind, name, None, after, secret=needed or given is not None, needed=needed)
            continue
        entry = _filled(kind, entry, before)
        moved = sealed and any(before.get(field) != entry.get(field) for field in _ADDRESS)
        other = given is not None and (moved or takes(kind, name, given.value))
        if not same(before, entry) or other:
            shown = given.shown if given and other else ASKED_FOR if moved else ""
            after = _shown(kind, entry, shown) if shown else entry
            yield Step("update", kind, name, before, after, secret=other or moved, needed=moved and given is None)


def _filled(kind: Kind, entry: Entry, before: Entry) -> Entry:
    """The entry with what a file need not say as it is held, in the order of the fields."""
    kept = {name: before[name] for name in UNSAID.get(kind, ()) if name in before and name not in entry}
    whole = {**entry, **kept}
    return {name: whole[name] for name in TABLES[kind].__struct_fields__ if name in whole} if kept else entry


def _shown(kind: Kind, entry: Entry, secret: str) -> Entry:
    """The entry as a diff shows it: where its secret comes from, never what it is."""
    if kind == "key":
        return entry if secret == ASKED_FOR else {**entry, "secret_sha256": secret}
    return {**entry, "secret": secret} if kind in SEALED else entry


def _gone(kind: Kind, held: Held, wanted: Wanted) -> Iterator[Step]:
    kept = wanted.document.by_id(kind)
    yield from (Step("delete", kind, name, entry) for name, entry in held.document.by_id(kind).items() if name not in kept)


def _routes(held: Held, wanted: Wanted, prune: bool) -> Iterator[Step]:
    """Those that stand in both lists in the same order stay; the others go, and come, in the order of the wanted list."""
    there, then = held.document.entries["route"], wanted.document.entries["route"]
    if not then and not prune:
        return
    matcher = SequenceMatcher(None, [*map(_taken, there)], [*map(_taken, then)], autojunk=False)
    pairs = {block.b + step: block.a + step for block in matcher.get_matching_blocks() for step in range(block.size)}
    for number in sorted(set(range(len(there))) - set(pairs.values())):
        yield Step("delete", "route", _called(there[number]), there[number], route=held.routes[number])
    for number, entry in enumerate(then):
        before = there[pairs[number]] if number in pairs else None
        if before is None:
            yield Step("create", "route", _called(entry), None, entry, position=number + 1)
        elif not same(before, entry):
            yield Step("update", "route", _called(entry), before, entry, route=held.routes[pairs[number]])


def _taken(route: Entry) -> str:
    return json.dumps([route["models"], route.get("aliases", {})])


def _called(route: Entry) -> str:
    return ", ".join([*route["models"], *route.get("aliases", {})])


def _default_pool(held: Held, wanted: Wanted, prune: bool) -> Iterator[Step]:
    before, after = held.document.default_pool or "", wanted.document.default_pool
    if after is None and prune and held.saved:
        after = ""
    if after is not None and after != before:
        yield Step("update" if after else "delete", "setting", DEFAULT_POOL, _setting(before), _setting(after))


def _setting(pool: str) -> Entry | None:
    return {"default_pool": pool} if pool else None


def changed_fields(step: Step) -> list[str]:
    """The names of the fields that are different."""
    before: Mapping[str, object] = step.before or {}
    after: Mapping[str, object] = step.after or {}
    return [name for name in {**before, **after} if not same(before.get(name), after.get(name))]
