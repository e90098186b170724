"""From rows to what gateways serve from. Owns: the compiled configuration, kept up to date row by row.

Everything is read once; from then on only rows of later revisions. For one thread at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain

import msgspec
from django.db import connection

from stationmaster.credentials.records import credentials
from stationmaster.entrances.internal.journal import Journal, Touched
from stationmaster.gateway.config.prices import price_list
from stationmaster.gateway.core.records import KINDS, Configuration, Kind, Record, Records, Update, whole
from stationmaster.gateway.core.snapshot import Settings, VendorPrices
from stationmaster.routing.records import keys, pools, routes
from stationmaster.store.changes import revision
from stationmaster.store.models import Dropped

Changed = Mapping[str, Record | None]      # by id; None: it is not there any more


@dataclass(frozen=True)
class Compiled:
    """One revision, and how to get there from earlier ones. `packed` holds the updates that were asked for, by the
    revision that they start from."""

    configuration: Configuration
    journal: Journal
    packed: dict[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def revision(self) -> int:
        """The configuration's revision."""
        return self.configuration.revision

    def base(self, have: int) -> int:
        """The revision that the update for `have` starts from: `have`, or 0 when the way from there is not known."""
        return 0 if self._touched(have) is None else have

    def update(self, have: int) -> Update:
        """What leads here from revision `have`; all of it when that way is not known. For the compiler's thread."""
        records, touched = self.configuration.records, self._touched(have)
        if touched is None:
            return whole(records, self.revision)
        puts: dict[Kind, list[Record]] = {}
        drops: dict[Kind, list[str]] = {}
        for kind, ids in touched.items():
            present = records.of(kind)
            puts[kind] = [present[name] for name in ids if name in present]
            drops[kind] = [name for name, was_there in ids.items() if was_there and name not in present]
        return Update(self.revision, have, puts, drops, records.counts())

    def _touched(self, have: int) -> Touched | None:
        """What changed since `have`; None: the way from there is not known."""
        return self.journal.since(have) if have and self.journal.revision == self.revision else None


class Compiler:
    """`refresh()` gives the configuration as it stands."""

    def __init__(self, settings: Callable[[], Settings], today: Callable[[], date] | None = None) -> None:
        """`settings` reads those of the gateways as they are now; `today` is the day (UTC) that prices are of."""
        self._settings = settings
        self._today = today or (lambda: datetime.now(UTC).date())
        self._priced: date | None = None
        self._compiled: Compiled | None = None

    def refresh(self) -> Compiled:
        """The configuration at the database's revision: the same object as long as that is the same."""
        with _one_view():
            at, old = revision(), self._compiled
            if old is not None and at == old.revision:
                return old
            self._compiled = self._anew(at) if old is None or at < old.revision else self._further(old, at)
        return self._compiled

    def _anew(self, at: int) -> Compiled:
        everything = {kind: {name: row for name, row in rows if row is not None} for kind, rows in self._rows(0)}
        records = Records(**everything)  # type: ignore[arg-type]  # each of its own kind
        return Compiled(Configuration(at, records), Journal(at))

    def _further(self, old: Compiled, at: int) -> Compiled:
        """Journal and records go on from the old ones: only the latest is ever asked for updates."""
        records, touched = old.configuration.records, {}
        for kind, rows in self._rows(old.revision):
            before = records.of(kind)
            changed = {name: row for name, row in rows if before.get(name) != row}
            if changed:
                records = msgspec.structs.replace(records, **{kind: _merged(before, changed)})
                touched[kind] = {name: name in before for name in changed}
        old.journal.note(at, touched)
        return Compiled(Configuration(at, records), old.journal)

    def _rows(self, since: int) -> Iterator[tuple[Kind, Iterable[tuple[str, Record | None]]]]:
        """Of each kind what was dropped after `since`, then what was saved: who was dropped may be there again."""
        sources: dict[Kind, Iterable[tuple[str, Record | None]]] = {
            "settings": [("", self._settings())], "credential": credentials(since), "pool": pools(since),
            "route": routes(since), "key": keys(since), "price": self._prices(),
        }
        dropped = _dropped(since) if since else {}
        for kind in KINDS:
            yield kind, dict(chain(dropped.get(kind, ()), sources[kind])).items()

    def _prices(self) -> list[tuple[str, Record | None]]:
        """The list of prices, read again once a day."""
        if self._priced == self._today():
            return []
        self._priced = self._today()
        return [(vendor, VendorPrices(vendor, models)) for vendor, models in price_list(self._priced).vendors.items()]


def _dropped(since: int) -> dict[str, list[tuple[str, None]]]:
    found: dict[str, list[tuple[str, None]]] = {}
    for kind, name in Dropped.objects.filter(revision__gt=since).values_list("kind", "name"):
        found.setdefault(kind, []).append((name, None))
    return found


def _merged(before: Mapping[str, Record], changed: Changed) -> dict[str, Record]:
    merged = {**before, **{name: row for name, row in changed.items() if row is not None}}
    for name, row in changed.items():
        if row is None:
            merged.pop(name, None)
    return merged


@contextmanager
def _one_view() -> Iterator[None]:
    """Read everything as of one moment. Not Django's `atomic`, which keeps writers out on SQLite."""
    begin = "BEGIN" if connection.vendor == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
