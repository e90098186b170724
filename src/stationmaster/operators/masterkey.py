"""What entrances may ask about the master key. Owns: who may; `store.masterkey` does it."""

from collections.abc import Mapping

from stationmaster.operators.access import require
from stationmaster.store import masterkey
from stationmaster.store.actor import Actor
from stationmaster.store.masterkey import Rewrapped
from stationmaster.store.models import Head


def key_users(actor: Actor) -> tuple[str, Mapping[str, int]]:
    """The active master key, and how many sealed texts need which. Raises `Forbidden`."""
    require(actor, "masterkey:read")
    return Head.objects.get().master_key, masterkey.users()


def rotate_master_key(actor: Actor) -> tuple[str, Rewrapped]:
    """Make a new master key the active one and seal everything anew with it. Raises `Forbidden`, `StationmasterError`."""
    require(actor, "masterkey:rotate")
    return masterkey.rotate(actor), masterkey.rewrap()


def rewrap_all(actor: Actor) -> Rewrapped:
    """Go on with a rotation that was interrupted. Raises `Forbidden`."""
    require(actor, "masterkey:rotate")
    return masterkey.rewrap()


def retire_master_key(actor: Actor, key_id: str) -> None:
    """Take a key that nothing needs any more out of the ring. Raises `Forbidden`, `Conflict`, `UnknownKey`."""
    require(actor, "masterkey:retire")
    masterkey.retire(actor, key_id)
