"""What is held and what is wanted → the steps between. Pure: asks nothing, changes nothing.

Steps come in an order in which each is allowed when those before it are done: things are made before others name them, and
taken away when no one does. Routes have no names: those of a file are the whole list, and what a route takes (its models and
aliases) says which of the held ones it is. On the way from one valid list to another every list is a part of one of the two in
its order, so none has a route that is never reached.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from stationmaster.cli.declared import sources
from stationmaster.cli.declared.document import DEFAULT_POOL, Entry, Held
from stationmaster.cli.declared.reading import Wanted
from stationmaster.cli.declared.sealed import Takes, handed, shown
from stationmaster.cli.declared.tables import TABLES, UNSAID, USUAL, Kind, Name

Verb = Literal["create", "update", "delete"]
_NAMED: tuple[Kind, ...] = ("workspace", "credential", "pool", "key", "target")


@dataclass(frozen=True)
class Step:
    """One change. `name`: the object's, and for a route what it takes; `route`: the id of a held one, `position` where a new
    one goes. `secrets`: those that are handed over, a key's hash too; `needed`: those of them that are still to be had."""

    verb: Verb
    kind: Kind | Literal["setting"]
    name: str
    before: Entry | None = None
    after: Entry | None = None
    route: str = ""
    position: int = 0
    secrets: tuple[Name, ...] = ()
    needed: tuple[Name, ...] = ()


def plan(held: Held, wanted: Wanted, *, prune: bool, takes: Takes) -> tuple[Step, ...]:
    """The steps. `prune`: what the file does not name goes. `takes` tells whether a secret that the file gives is another
    than the one that is stored for a thing."""
    named = {kind: tuple(_put(kind, held, wanted, takes, prune)) for kind in _NAMED}
    gone = {kind: tuple(_gone(kind, held, wanted)) if prune else () for kind in _NAMED}
    return (
        *named["workspace"], *_lenders_first(named["credential"]), *named["pool"],
        *_routes(held, wanted, prune),
        *named["key"],
        *named["target"],
        *_default_pool(held, wanted, prune),
        *gone["target"], *gone["key"], *gone["pool"], *gone["credential"], *gone["workspace"],
    )  # fmt: skip


def same(one: object, other: object) -> bool:
    """Whether two entries are the same: the order within prices and aliases counts."""
    return json.dumps(one) == json.dumps(other)


def _put(kind: Kind, held: Held, wanted: Wanted, takes: Takes, prune: bool) -> Iterator[Step]:
    there, entries = held.document.by_id(kind), wanted.document.by_id(kind)
    claimed = any(entry.get("default") for entry in entries.values())
    ends = {name for name, so in (("source", prune), ("default", claimed)) if so}
    for name, entry in entries.items():
        before = there.get(name)
        after = entry if before is None else _filled(kind, entry, before, ends)
        secrets = tuple(handed(kind, before, after, wanted.given, takes))
        if before is not None and same(before, after) and not secrets:
            continue
        yield Step(
            "create" if before is None else "update", kind, name, before, shown(kind, after, secrets),
            secrets=tuple(each.name for each in secrets), needed=tuple(each.name for each in secrets if each.needed),
        )  # fmt: skip


def _filled(kind: Kind, entry: Entry, before: Entry, ends: Collection[str]) -> Entry:
    """The entry with what a file need not say as it is held, but for what `ends`, and without what it says though it is usual
    and held so; in the fields' order."""
    unsaid, usual = UNSAID.get(kind, ()), USUAL.get(kind, {})
    kept = {name: before[name] for name in unsaid if name in before and name not in entry and name not in ends}
    idle = {name for name in usual if name in entry and name not in before and entry[name] == usual[name]}
    whole = {**entry, **kept}
    if "source" in kept:
        idle.add("secret")      # which a credential has that has no source
    elif "source" in entry:
        whole["source"] = sources.filled(entry["source"], before.get("source", {}))
    return {name: whole[name] for name in TABLES[kind].__struct_fields__ if name in whole and name not in idle}


def _lenders_first(steps: Iterable[Step]) -> Iterator[Step]:
    """Credentials in an order in which a source stands before those that take their identity from it."""
    waiting = {step.name: step for step in steps}
    while waiting:
        step = _first(next(iter(waiting.values())), waiting)
        yield waiting.pop(step.name)


def _first(step: Step, waiting: Mapping[str, Step]) -> Step:
    """Whoever of those that wait has to go before `step`, or that one. Of sources that lend to each other in a circle any."""
    met = {step.name}
    while (lender := sources.lends((step.after or {}).get("source", {}))) in waiting and lender not in met:
        step = waiting[lender]
        met.add(lender)
    return step


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
