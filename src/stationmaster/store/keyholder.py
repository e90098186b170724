"""The keys of this process. Owns: the key ring in use, and the keyed hashes of the open database.

Which master key is active is written in the database, not in the ring's file, so that all processes change over in one
transaction. A process that meets a key it does not know reads the ring's file again.
"""

from pathlib import Path

from stationmaster.errors import StationmasterError
from stationmaster.vault import keyring, seal
from stationmaster.vault.digests import Digests
from stationmaster.vault.keyring import KeyRing, UnknownKey
from stationmaster.vault.seal import Place

ROOT = Place("root", "store_head", "1", "root")


class _Keys:
    """What this process holds; one for all its threads. Its members are only ever replaced whole."""

    given: KeyRing | None = None       # as it was read, in its own order
    ring: KeyRing | None = None        # the same, the active key first
    digests: Digests | None = None


def use(ring: KeyRing) -> None:
    """Take `ring` from now on, and forget what belonged to another database."""
    _Keys.given, _Keys.ring, _Keys.digests = ring, ring, None


def replace(ring: KeyRing) -> None:
    """Take another ring of the same database."""
    _Keys.given = _Keys.ring = ring


def given() -> KeyRing:
    """The ring as it was read: the key that came last stands first."""
    ring()
    return _Keys.given or ring()


def ring() -> KeyRing:
    """The ring in use. Raises when there is none yet."""
    if _Keys.ring is None:
        raise StationmasterError("error.vault.no_ring", "the store was not set up", fault="ours")
    return _Keys.ring


def digests() -> Digests:
    """The keyed hashes of the open database. Raises `UnknownKey` or `SealBroken` when the ring is not its own, and
    `StationmasterError` when its making was broken off."""
    if _Keys.digests is None:
        from stationmaster.store.models import Head

        head = Head.objects.first()
        if head is None:
            raise _unfinished()
        _Keys.digests = Digests(bytes.fromhex(unseal(ROOT, head.root)))
    return _Keys.digests


def unseal(place: Place, sealed: str) -> str:
    """Open a sealed text, with a key that another process added lately if need be."""
    try:
        return seal.unseal(ring(), place, sealed)
    except UnknownKey:
        if not _read_again():
            raise
        return seal.unseal(ring(), place, sealed)


def activate(key_id: str) -> None:
    """Seal with the master key that the database names from now on. Raises `UnknownKey`."""
    if ring().active == key_id:
        return
    if key_id not in ring().ids:
        _read_again()
    _Keys.ring = ring().activated(key_id)


def _unfinished() -> StationmasterError:
    """Of a first start that ended between the tables and their first row."""
    hint = "start `stationmaster up` or `stationmaster control` once: it goes on where that start was broken off"
    message = "the database was not made to its end"
    return StationmasterError("error.store.unfinished", message, hint=hint, fault="operator")


def _read_again() -> bool:
    """Read the ring's file once more; tell whether there was one."""
    old = ring()
    if old.writable:
        replace(keyring.read(Path(old.source)).activated(old.active))
    return old.writable
