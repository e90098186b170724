"""Whose the things are that live in a vendor organisation, and where a request that names some has to go
(docs/decisions/0009-affinity.md). May not know where ids stand, pools or sockets.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.affinity import Named
from stationmaster.gateway.core.faults import Fault

Entry = tuple[int, str, str, str, str]     # digest, organisation, credential, tenant, key: plain data for other workers

MAX_OWNERS = 100_000

# Who made what.


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Where a thing lives and whose it is. `organisation` is `organisation_of` its credential."""

    organisation: str
    credential: str
    tenant: str
    key: str


def organisation_of(label: str, credential: str) -> str:
    """The organisation that a credential belongs to: the operator's label, or else one of its own."""
    return label or credential


class Owners:
    """Who made the things that passed, in two generations of half of `capacity` each: when the young one is full, the
    old one is forgotten, less what was asked for since. An id takes about a hundred bytes."""

    __slots__ = ("_half", "_known", "_new", "_old", "_young")

    def __init__(self, capacity: int = MAX_OWNERS) -> None:
        self._half = max(1, capacity // 2)
        self._young: dict[int, Owner] = {}
        self._old: dict[int, Owner] = {}
        self._new: dict[int, Owner] = {}       # for the other workers
        self._known: dict[Owner, Owner] = {}   # one value for all ids that share it

    def __len__(self) -> int:
        """How many entries are held: at most `capacity`."""
        return len(self._young) + len(self._old)

    def remember(self, named: Named, owner: Owner) -> None:
        """Keep what an answer made. What is known as another tenant's stays theirs."""
        digest = _digest(named)
        if self._put(digest, owner) and len(self._new) < self._half:
            self._new[digest] = owner

    def find(self, named: Named) -> Owner | None:
        """Whose a thing is, or None when that is not known (any more)."""
        digest = _digest(named)
        owner = self._young.get(digest)
        if owner is None and (owner := self._old.get(digest)) is not None:
            self._keep(digest, owner)
        return owner

    def drain(self) -> tuple[Entry, ...]:
        """What was learned since the last time, for other workers; at most half of `capacity`."""
        new, self._new = self._new, {}
        return tuple((digest, owner.organisation, owner.credential, owner.tenant, owner.key) for digest, owner in new.items())

    def all(self) -> tuple[Entry, ...]:
        """Every entry, for a worker that begins."""
        both = {**self._old, **self._young}
        return tuple((digest, owner.organisation, owner.credential, owner.tenant, owner.key) for digest, owner in both.items())

    def absorb(self, entries: Iterable[Entry]) -> None:
        """Take what another worker learned; it is not drained again."""
        for digest, *owner in entries:
            self._put(digest, Owner(*owner))

    def _put(self, digest: int, owner: Owner) -> bool:
        """Whether that was news."""
        before = self._young.get(digest) or self._old.get(digest)
        if before is not None and (before == owner or before.tenant != owner.tenant):
            return False
        self._keep(digest, self._known.setdefault(owner, owner))
        return True

    def _keep(self, digest: int, owner: Owner) -> None:
        if len(self._young) >= self._half and digest not in self._young:
            self._old, self._young, self._known = self._young, {}, {}
        self._young[digest] = owner


def _digest(named: Named) -> int:
    """Eight bytes that every worker makes of a thing's kind and id."""
    text = f"{named.kind} {named.id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


# Where a request may go.

SHARED = ("file", "batch", "vector_store")   # by everybody in an organisation


class Pin(msgspec.Struct, frozen=True):
    """The request can only be served by a credential of this organisation (`organisation_of`). `credential` made what it
    goes on with: it served the turn before, and has the prompt in its cache."""

    organisation: str
    credential: str = ""


def decide(named: tuple[Named, ...], owners: Owners, *, tenant: str, shared: bool, listing: bool = False) -> Pin | Fault | None:
    """Where a request that names these things has to go, why it may not, or None when it is free.

    `tenant` is the key's, `shared` its `shared_resources`. What is known as another tenant's does not exist
    for this one, `shared` or not. What is not known is the vendor's to judge: an unknown response, conversation or
    reasoning follows the session; unknown files, batches and vector stores, which everybody in an organisation could
    name, and lists of them need `shared`.
    """
    found = [(one, owners.find(one)) for one in named]
    if any(owner is not None and owner.tenant != tenant for _, owner in found):
        return faults.NO_SUCH_RESOURCE
    if listing and not shared:
        return faults.LISTING_SHARED
    if not shared and any(owner is None and one.kind in SHARED and not one.told for one, owner in found):
        return faults.RESOURCES_SHARED
    return _pin([(one, owner) for one, owner in found if owner is not None and not one.told])


_TURNS = ("response", "conversation")


def _pin(known: list[tuple[Named, Owner]]) -> Pin | Fault | None:
    """Ids bind. Reasoning only leads where no id does, the latest first: elsewhere the vendor leaves it out (OpenAI
    Responses, `organization_mismatch`), and a session that once had to move must be able to go on."""
    places = {owner.organisation for one, owner in known if one.kind != "reasoning"}
    if len(places) > 1:
        return faults.RESOURCES_APART
    if places:
        before = [owner.credential for one, owner in known if one.kind in _TURNS]
        return Pin(places.pop(), before[-1] if before else "")
    return Pin(known[-1][1].organisation) if known else None
