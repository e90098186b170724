"""Rows of pools, routes and virtual keys. Owns their tables. The fields are those of gateway.toml."""

from typing import Any

from django.db import models as db

from stationmaster.credentials.models import Credential
from stationmaster.folding import fold
from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow, Guarded
from stationmaster.store.sealed import SealedField

_SNAPSHOT = frozenset({"snapshot"})
MAX_NAME = 256             # characters of an owner or a tenant: what an index takes
MAX_FOLDED = 400           # of an owner's folded form, which may be longer


def _related(row: db.Model, name: str, further: str) -> Any:
    """The rows that belong to `row`: those that its query brought along, or read now, with what they lead to."""
    manager = getattr(row, name)
    return manager.all() if name in getattr(row, "_prefetched_objects_cache", {}) else manager.select_related(further)


def everything() -> list[str]:
    """The patterns of something that takes every model."""
    return ["*"]


class Pool(ConfigRow):
    """Credentials that stand in for each other."""

    PREFIX = "pool"
    KIND = "pool"

    name = AsciiField(max_length=128, unique=True)

    def audited(self) -> dict[str, Any]:
        """With its members."""
        return {**super().audited(), "members": [member.values() for member in self.ordered()]}

    def ordered(self) -> "list[PoolMember]":
        """Its members in their order."""
        return sorted(_related(self, "members", "credential"), key=lambda member: member.position)


class PoolMember(Guarded):
    """One credential's place in a pool."""

    pool = db.ForeignKey(Pool, on_delete=db.CASCADE, related_name="members")
    credential = db.ForeignKey(Credential, on_delete=db.PROTECT, related_name="memberships")
    position = db.PositiveIntegerField()
    weight = db.PositiveIntegerField(default=1)
    priority = db.PositiveIntegerField(default=0)
    max_concurrency = db.PositiveIntegerField(default=0)
    rpm = db.PositiveIntegerField(default=0)
    tpm = db.PositiveIntegerField(default=0)
    models = JsonText(default=everything)

    class Meta:
        constraints = (db.UniqueConstraint(fields=("pool", "credential"), name="one_place_in_a_pool"),)

    def values(self) -> dict[str, Any]:
        """The member in the words of gateway.toml."""
        return {
            "credential": self.credential.name, "weight": self.weight, "priority": self.priority,
            "max_concurrency": self.max_concurrency, "rpm": self.rpm, "tpm": self.tpm, "models": self.models,
        }


class Route(ConfigRow):
    """Which models go to which pool. Routes are tried by `position`, counted from 1; the first that matches counts."""

    PREFIX = "route"
    KIND = "route"
    SEARCH = ("models", "aliases")

    position = db.PositiveIntegerField(db_index=True)
    models = JsonText()
    pool = db.ForeignKey(Pool, on_delete=db.PROTECT, related_name="routes")
    aliases = JsonText(default=dict)

    def known_as(self) -> str:
        """Routes have no names: gateways know them by their ids."""
        return str(self.id)

    def audited(self) -> dict[str, Any]:
        """With the names of its pools."""
        return {**super().audited(), "pool": self.pool.name, "fallback": self.fallback_names()}

    def fallback_names(self) -> list[str]:
        """The names of the pools to go to when nobody in the first can serve, in order."""
        return [each.pool.name for each in sorted(_related(self, "fallbacks", "pool"), key=lambda each: each.position)]


class RouteFallback(Guarded):
    """One more pool of a route."""

    route = db.ForeignKey(Route, on_delete=db.CASCADE, related_name="fallbacks")
    pool = db.ForeignKey(Pool, on_delete=db.PROTECT, related_name="fallback_of")
    position = db.PositiveIntegerField()

    class Meta:
        constraints = (db.UniqueConstraint(fields=("route", "pool"), name="one_place_in_a_route"),)


class VirtualKey(ConfigRow):
    """What an application presents. Of the key itself only a keyed hash of its SHA-256 is stored, to find it by, and the
    SHA-256 sealed, for gateways. While a rotation's grace lasts, the old ones are there too."""

    PREFIX = "vk"
    KIND = "key"
    SEARCH = ("name", "owner", "tenant")
    HIDDEN = frozenset({"key_hash", "previous_hash"})

    name = AsciiField(max_length=128, unique=True)
    owner = AsciiField(max_length=MAX_NAME, default="", blank=True, db_index=True)
    owner_folded = AsciiField(max_length=MAX_FOLDED, default="", blank=True, editable=False, db_index=True)   # how it is compared
    # The person whose it is, by id; empty: nobody known. An address is given on to the next one, an id is not.
    person = AsciiField(max_length=64, default="", blank=True, editable=False, db_index=True)
    tenant = AsciiField(max_length=MAX_NAME, default="", blank=True)       # empty: the key is its own tenant
    models = JsonText(default=everything)
    rpm = db.PositiveIntegerField(default=0)
    tpm = db.PositiveIntegerField(default=0)
    max_concurrency = db.PositiveIntegerField(default=0)
    expires = db.BigIntegerField(default=0)                        # seconds since 1970; 0: never
    budget_day = db.BigIntegerField(default=0)                     # nanodollars (10⁻⁹ USD), as the next two; 0: no limit
    budget_month = db.BigIntegerField(default=0)
    budget_total = db.BigIntegerField(default=0)
    shared_resources = db.BooleanField(default=False)
    disabled = db.BooleanField(default=False)
    disabled_reason = db.TextField(default="", blank=True)
    key_hash = AsciiField(max_length=64, unique=True)
    key_sha256 = SealedField(purpose="virtual key", reveal_to=_SNAPSHOT | {"rotation"})
    previous_hash = AsciiField(max_length=64, default="", blank=True, db_index=True)
    previous_sha256 = SealedField(purpose="virtual key", reveal_to=_SNAPSHOT)
    previous_until = db.BigIntegerField(default=0)                 # seconds since 1970

    @property
    def owner_id(self) -> str:
        """The person whose it is, where that was noted."""
        return str(self.person)

    def audited(self) -> dict[str, Any]:
        """With the names of the pools that it is restricted to."""
        values = {name: value for name, value in super().audited().items() if name != "owner_folded"}
        return {**values, "pools": self.pool_names()}

    def stamp(self) -> None:
        """With the owner in the form that persons' names are compared in."""
        super().stamp()
        self.owner_folded = fold(self.owner)[:MAX_FOLDED]

    def pool_names(self) -> list[str]:
        """The pools that it may use; none: every pool."""
        return [each.pool.name for each in sorted(_related(self, "pools", "pool"), key=lambda each: each.position)]


class KeyPool(Guarded):
    """One pool that a virtual key may use."""

    key = db.ForeignKey(VirtualKey, on_delete=db.CASCADE, related_name="pools")
    pool = db.ForeignKey(Pool, on_delete=db.PROTECT, related_name="keys")
    position = db.PositiveIntegerField()

    class Meta:
        constraints = (db.UniqueConstraint(fields=("key", "pool"), name="a_pool_once_for_a_key"),)
