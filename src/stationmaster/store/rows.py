"""What rows have in common. Owns: ids, the guard that configuration is saved inside a change only, search text.

May not know any particular row.
"""

import secrets
import time
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self

from django.db import models

from stationmaster.store import audited
from stationmaster.store.fields import AsciiField  # migrations that are out name it here
from stationmaster.store.scope import current, demand, outside_change

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"    # Crockford's base32, which sorts as ASCII does
_ID_LENGTH = 26
_BOOKKEEPING = frozenset({"id", "revision", "created_at", "updated_at", "search_text"})


def new_id(prefix: str) -> str:
    """An id: `prefix`, `_`, and 26 characters of which the first ten are the millisecond it was made in."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return f"{prefix}_" + "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_ID_LENGTH)))


class GuardedQuerySet(models.QuerySet[Any]):
    """Rows of the configuration, many at once: the same guard holds."""

    def update(self, **_: Any) -> NoReturn:
        """Refused: rows would change without an event and without a revision."""
        raise outside_change()

    def bulk_create(self, objs: Iterable[Any], *args: Any, **named: Any) -> Any:
        """Inside a change only; the caller records their events."""
        rows = list(objs)
        for row in rows:
            row.stamp()
        return super().bulk_create(rows, *args, **named)

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        """Refused, as `update` is."""
        raise outside_change()

    def delete(self) -> Any:
        """Inside a change only."""
        demand()
        return super().delete()

    def observe(self, **values: Any) -> int:
        """Write what gateways saw (the model's `OBSERVED` fields), which is not configuration; return how many rows."""
        if not values.keys() <= self.model.OBSERVED:
            raise outside_change()
        return super().update(**values)


GuardedManager = models.Manager.from_queryset(GuardedQuerySet)


class Guarded(models.Model):
    """A row of the configuration: nothing saves, changes or deletes it outside of `changes.change`."""

    class Meta:
        abstract = True

    objects = GuardedManager()

    def stamp(self) -> None:
        """Make ready to be saved in the open change. Raises when there is none."""
        demand()

    def save(self, *args: Any, **named: Any) -> None:
        """As Django does it, inside a change."""
        self.stamp()
        super().save(*args, **named)

    def delete(self, *args: Any, **named: Any) -> Any:
        """As Django does it, inside a change."""
        demand()
        return super().delete(*args, **named)


class ConfigRow(Guarded):
    """A thing that people configure and gateways are told of.

    `revision` is the configuration's revision at which the row was saved last: gateways ask for rows above theirs,
    and it is the row's version for `If-Match`. `search_text` holds the `SEARCH` fields, case-folded, so that a search
    finds the same on every database. `read_in` is the change that it was read in, or None: another may follow that.
    """

    PREFIX: ClassVar[str]                              # of ids
    KIND: ClassVar[str]                                # what events and gateways call it
    SEARCH: ClassVar[tuple[str, ...]] = ("name",)
    OBSERVED: ClassVar[frozenset[str]] = frozenset()   # fields that gateways report and nobody configures
    HIDDEN: ClassVar[frozenset[str]] = frozenset()     # fields that show in events as a keyed hash only
    PERSONAL: ClassVar[frozenset[str]] = frozenset()   # the same, hashed with the row's own `salt`, which goes with the row
    read_in: object = None

    class Meta:
        abstract = True

    id = AsciiField(max_length=64, primary_key=True)
    revision = models.BigIntegerField(db_index=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)
    search_text = models.TextField(editable=False)

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            # First of all: sealed fields are bound to it.
            named = {"id": new_id(self.PREFIX), **named}
        super().__init__(*args, **named)

    @classmethod
    def from_db(cls, *args: Any, **named: Any) -> Self:
        """As Django does it; the row knows the change that it was read in."""
        row = super().from_db(*args, **named)
        row.read_in = current()
        return row

    def __repr__(self) -> str:
        return f"<{self.KIND} {self.id}>"

    def known_as(self) -> str:
        """What gateways call the row."""
        return str(getattr(self, "name", self.id))

    def configured(self) -> list[str]:
        """The fields that people, and jobs for them, change. The others are written without a change, at any time."""
        left_out = {"id", *self.OBSERVED}
        return [field.name for field in self._meta.concrete_fields if field.name not in left_out]

    def audited(self) -> dict[str, Any]:
        """The row's values for an audit event: JSON, secrets as keyed hashes, without what keeps the books."""
        left_out = _BOOKKEEPING | self.OBSERVED
        fields = (field for field in self._meta.concrete_fields if field.name not in left_out)
        return {field.name: audited.value(self, field) for field in fields}

    def stamp(self) -> None:
        """Take the change's revision and a fresh search text."""
        change = demand()
        change.saved.add(self.id)
        self.revision = change.revision
        self.search_text = "\n".join(str(getattr(self, name)).casefold() for name in self.SEARCH)
