"""Sealed columns. Owns: that a secret is written and never read back, except for one stated use.

Reading the attribute gives a `Sealed`, which shows nothing. Assigning a text seals it at once, bound to table, row and
field. `reveal` is for whoever needs the secret itself: the field names the uses it is open to.
"""

import hmac
import re
from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models

from stationmaster.errors import StationmasterError
from stationmaster.store import keyholder
from stationmaster.store.scope import demand
from stationmaster.vault import seal
from stationmaster.vault.seal import Place

if TYPE_CHECKING:      # at run time fields take no parameters
    _Base = models.TextField[Any, Any]
else:
    _Base = models.TextField

MASK = "••••••••"
_MASKED = re.compile(r"[•…●∙]|\*{3}|\.{3}")


class Sealed:
    """A stored secret, or none (then it is false). Neither repr nor str shows anything of it."""

    __slots__ = ("_field", "_row", "_sealed")

    def __init__(self, sealed: str, field: "SealedField", row: str = "") -> None:
        self._sealed, self._field, self._row = sealed, field, row

    def __bool__(self) -> bool:
        return bool(self._sealed)

    def __repr__(self) -> str:
        return "Sealed(…)" if self else "Sealed()"

    def __str__(self) -> str:
        return MASK if self else ""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealed secret is not copied out of its process")

    @property
    def key_id(self) -> str:
        """The master key that it needs; empty for none."""
        return seal.key_of(self._sealed)

    @property
    def sealed(self) -> str:
        """The sealed text, as it is stored."""
        return self._sealed

    def of(self, row: str) -> "Sealed":
        """The same, known to belong to the row with the id `row` (values read without their row do not know)."""
        return Sealed(self._sealed, self._field, row)

    def reveal(self, use: str) -> str:
        """The secret itself, empty for none. Raises when the field is not open to `use`, `SealBroken`, `UnknownKey`."""
        if use not in self._field.reveal_to:
            raise StationmasterError("error.vault.not_for_this", f"{self._field} is not open to {use!r}", fault="ours")
        return self._open()

    def fingerprint(self) -> str:
        """A keyed hash of it for audit events; one that does not open any more says so."""
        try:
            return keyholder.digests().fingerprint(self._open()) if self else ""
        except StationmasterError:
            return "does not open"

    def holds(self, secret: str) -> bool:
        """Whether it is this very secret; one that does not open any more is not."""
        try:
            return bool(self) and hmac.compare_digest(self._open().encode(), secret.encode())
        except StationmasterError:
            return False

    def opens(self) -> bool:
        """Whether the ring opens it, where it stands; none is open."""
        try:
            self._open()
        except StationmasterError:
            return False
        return True

    def rewrapped(self) -> str:
        """The text sealed with the active master key."""
        if not self or self.key_id == keyholder.ring().active:
            return self._sealed
        return seal.seal(keyholder.ring(), self._place(), self._open())

    def _open(self) -> str:
        return keyholder.unseal(self._place(), self._sealed) if self else ""

    def _place(self) -> Place:
        return self._field.place(self._row)


class _Attribute:
    """What stands on the model's class: wraps what is read, seals what is assigned."""

    def __init__(self, field: "SealedField") -> None:
        self.field = field

    def __get__(self, row: Any, owner: type | None = None) -> Any:
        if row is None:
            return self
        if self.field.attname not in row.__dict__:      # was left out of the query
            row.refresh_from_db(fields=[self.field.attname])
        return Sealed(row.__dict__[self.field.attname], self.field, str(row.pk or ""))

    def __set__(self, row: Any, value: object) -> None:
        row.__dict__[self.field.attname] = self._sealed(row, value)

    def _sealed(self, row: Any, value: object) -> str:
        if isinstance(value, Sealed):
            return value.sealed
        if not isinstance(value, str) or not row.pk:
            raise TypeError(f"{self.field} takes a text, once its row has an id")
        return seal.seal(keyholder.ring(), self.field.place(str(row.pk)), value) if value else ""


class SealedField(_Base):
    """A column that holds a sealed text. `purpose` chooses the derived key, `reveal_to` the uses it is open to."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def __init__(self, *args: Any, purpose: str = "", reveal_to: frozenset[str] = frozenset(), **named: Any) -> None:
        self.purpose, self.reveal_to = purpose, reveal_to
        super().__init__(*args, **{"default": "", "blank": True, "editable": False, **named})

    def deconstruct(self) -> Any:
        """For migrations: a sealed column is a text to the database, whatever its purpose."""
        name, _, args, named = super().deconstruct()
        return name, "django.db.models.TextField", args, named

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Put the wrapping attribute on the model."""
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _Attribute(self))

    def place(self, row: str) -> Place:
        """Where a text of this column in the row with that id belongs."""
        return Place(self.purpose, self.model._meta.db_table, row, self.name)

    def from_db_value(self, value: str, *_: Any) -> Sealed:
        """Wrap at once what comes out of the database."""
        return Sealed(value, self)

    def get_default(self) -> Any:
        """Nothing is sealed yet."""
        return Sealed("", self)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002  Django's signature
        """The text to store, sealed with the master key that is active in this change."""
        demand()
        held: Sealed = getattr(model_instance, self.attname)
        return held.rewrapped()

    def get_prep_value(self, value: Any) -> Any:
        """Only sealed texts reach the database."""
        return value.sealed if isinstance(value, Sealed) else value

    def get_lookup(self, lookup_name: str) -> None:  # noqa: ARG002  Django's signature
        """None: rows are not looked up by a sealed column."""
        return

    def value_to_string(self, obj: models.Model) -> str:
        """Serialisers get the mask."""
        return str(getattr(obj, self.attname))


def is_masked(text: str) -> bool:
    """Tell whether `text` is a secret as a screen shows it, not one that a vendor issues."""
    return bool(_MASKED.search(text))
