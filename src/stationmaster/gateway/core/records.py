"""A configuration by its records: what it consists of, how two differ, what one becomes by an update. Owns: the kinds
of records and their ids. May not know how they travel (`updates`) nor what serves from them (`table`).

A file's snapshot and the control plane's pass through here alike, so that both reach the workers as differences.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar, get_args

import msgspec

from stationmaster.gateway.core.prices import PriceList
from stationmaster.gateway.core.snapshot import Credential, Pool, Route, Settings, Snapshot, VendorPrices, VirtualKey

Kind = Literal["settings", "credential", "pool", "route", "key", "price"]
Record = Settings | Credential | Pool | Route | VirtualKey | VendorPrices

_R = TypeVar("_R", Settings, Credential, Pool, Route, VirtualKey, VendorPrices)

KINDS: tuple[Kind, ...] = get_args(Kind)
TYPES: Mapping[Kind, type[Record]] = {
    "settings": Settings, "credential": Credential, "pool": Pool, "route": Route, "key": VirtualKey, "price": VendorPrices,
}  # fmt: skip


class BadUpdate(Exception):
    """An update that cannot be used. Its text names kinds, ids and numbers, never a value."""


class Records(msgspec.Struct, frozen=True):
    """One whole configuration: of every kind, id → record. There is one settings record, under ""; a price's id is
    its vendor. The dictionaries are never changed once they are here, so that configurations can share them."""

    settings: dict[str, Settings] = {}
    credential: dict[str, Credential] = {}
    pool: dict[str, Pool] = {}
    route: dict[str, Route] = {}
    key: dict[str, VirtualKey] = {}
    price: dict[str, VendorPrices] = {}

    def __repr__(self) -> str:
        return f"Records({self.counts()})"

    def of(self, kind: Kind) -> dict[str, Record]:
        """The records of one kind."""
        found: dict[str, Record] = getattr(self, kind)
        return found

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {kind: len(self.of(kind)) for kind in KINDS}


class Configuration(msgspec.Struct, frozen=True):
    """Records that belong together, and the revision that they are. Revisions begin at 1."""

    revision: int
    records: Records


class Update(msgspec.Struct, frozen=True):
    """What makes `revision` of `base`; `base` None: of nothing. `counts`: how many records of each kind there are then;
    empty: nobody counted. A record is put once, and what is put is not dropped."""

    revision: int
    base: int | None = None
    puts: dict[Kind, list[Record]] = {}
    drops: dict[Kind, list[str]] = {}
    counts: dict[str, int] = {}

    def __bool__(self) -> bool:
        return self.base is None or any(self.puts.values()) or any(self.drops.values())

    def __repr__(self) -> str:
        return f"Update({self.base} → {self.revision}, {self.size()} records)"

    def size(self) -> int:
        """How many records it touches."""
        return sum(len(some) for among in (self.puts, self.drops) for some in among.values())


def id_of(record: Record) -> str:
    """Under which id a record is kept."""
    if isinstance(record, Settings):
        return ""
    return record.vendor if isinstance(record, VendorPrices) else record.id


def records_of(snapshot: Snapshot) -> Records:
    """A snapshot's records. Routes without an id, as files write them, are numbered in their order."""
    routes = [
        route if route.id else msgspec.structs.replace(route, id=f"{place:06}", position=place)
        for place, route in enumerate(snapshot.routes)
    ]
    return Records(
        {"": snapshot.settings}, _by_id(snapshot.credentials), _by_id(snapshot.pools), _by_id(routes), _by_id(snapshot.keys),
        {vendor: VendorPrices(vendor, models) for vendor, models in snapshot.prices.vendors.items()},
    )


def _by_id(records: Iterable[_R]) -> dict[str, _R]:
    return {id_of(record): record for record in records}


def snapshot_of(records: Records, version: int) -> Snapshot:
    """The snapshot that these records make up. Raises BadUpdate when there are no settings."""
    if "" not in records.settings:
        raise BadUpdate("there are no settings")
    return Snapshot(
        records.settings[""], tuple(records.credential.values()), tuple(records.pool.values()), in_order(records.route.values()),
        tuple(records.key.values()), version, price_list(records.price.values()),
    )


def in_order(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Routes as they are tried."""
    return tuple(sorted(routes, key=lambda route: (route.position, route.id)))


def price_list(prices: Iterable[VendorPrices]) -> PriceList:
    """The list that these entries make up."""
    return PriceList({each.vendor: each.models for each in prices})


def whole(records: Records, revision: int) -> Update:
    """All of it, as the update of nothing."""
    puts: dict[Kind, list[Record]] = {kind: list(records.of(kind).values()) for kind in KINDS}
    return Update(revision, None, puts, {}, records.counts())


def diff(old: Records, new: Records, *, base: int, revision: int) -> Update:
    """What makes `new` of `old`. Records that are equal are left out."""
    puts: dict[Kind, list[Record]] = {}
    drops: dict[Kind, list[str]] = {}
    for kind in KINDS:
        before, after = old.of(kind), new.of(kind)
        if before is after:
            continue
        puts[kind] = [record for name, record in after.items() if before.get(name) != record]
        drops[kind] = [name for name in before if name not in after]
    return Update(revision, base, puts, drops, new.counts())


def apply(old: Records, update: Update) -> Records:
    """The configuration that `update` makes of `old`. Raises BadUpdate when it was made for another, or when what comes
    out is not what was counted."""
    start = Records() if update.base is None else old
    changed: dict[str, dict[str, Record]] = {}
    for kind in KINDS:
        puts, drops = update.puts.get(kind, ()), update.drops.get(kind, ())
        if puts or drops:
            changed[kind] = _changed(kind, start.of(kind), puts, drops)
    made = msgspec.structs.replace(start, **changed)
    if update.counts and any(count != update.counts.get(kind, 0) for kind, count in made.counts().items()):
        raise BadUpdate(f"it leads to {made.counts()}, and should to {update.counts}")
    return made


def _changed(kind: Kind, before: Mapping[str, Record], puts: Sequence[Record], drops: Sequence[str]) -> dict[str, Record]:
    put = {id_of(record): record for record in puts}
    if len({*put, *drops}) != len(puts) + len(drops):
        raise BadUpdate(f"it names a {kind} twice")
    made = dict(before)
    for name in drops:
        if made.pop(name, None) is None:
            raise BadUpdate(f"it drops a {kind} that is not there")
    made.update(put)
    return made
