"""Sealed texts. Owns: their form, and that each opens only in the place for which it was sealed.

A sealed text is `v1.<key id>.<base64 of nonce, cipher-text and tag>`, AES-256-GCM (NIST SP 800-38D) under a key that
HKDF derives from a master key for the place's purpose. The place is bound as associated data, so a text that was
edited, or moved to another row or field, does not open. Nonces are 96 random bits: by SP 800-38D §8.3 one derived
key is good for 2³² texts, far more than an organisation saves.
"""

import base64
import binascii
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stationmaster.errors import StationmasterError
from stationmaster.vault.keyring import KeyRing

_FORM = "v1"
_NONCE = 12


class SealBroken(StationmasterError):
    """A sealed text that was damaged, edited, or sealed for another place."""


@dataclass(frozen=True)
class Place:
    """Where a sealed text belongs: a purpose (which key), a table, a row's id, a field."""

    purpose: str
    table: str
    row: str
    field: str


def seal(ring: KeyRing, place: Place, text: str) -> str:
    """Seal `text` for `place` with the active key."""
    nonce, key_id = os.urandom(_NONCE), ring.active
    sealed = _cipher(ring, place, key_id).encrypt(nonce, text.encode(), _bound(place, key_id))
    return f"{_FORM}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(ring: KeyRing, place: Place, sealed: str) -> str:
    """Open what `seal` made for `place`. Raises `UnknownKey`, `SealBroken`."""
    key_id, body = _split(sealed, place)
    try:
        return _cipher(ring, place, key_id).decrypt(body[:_NONCE], body[_NONCE:], _bound(place, key_id)).decode()
    except (InvalidTag, ValueError):
        raise _broken(place) from None


def rewrap(ring: KeyRing, place: Place, sealed: str) -> str:
    """Seal anew with the active key what an older one sealed; what has the active key stays as it is."""
    return sealed if key_of(sealed) == ring.active else seal(ring, place, unseal(ring, place, sealed))


def key_of(sealed: str) -> str:
    """The id of the master key that a sealed text needs; empty when this is none."""
    parts = sealed.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == _FORM else ""


def _split(sealed: str, place: Place) -> tuple[str, bytes]:
    key_id, text = key_of(sealed), sealed.rpartition(".")[2]
    try:
        body = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        body = b""
    # Strict: a text has one spelling, so that every edit of it shows.
    if not key_id or len(body) <= _NONCE or base64.urlsafe_b64encode(body).decode() != text:
        raise _broken(place)
    return key_id, body


def _cipher(ring: KeyRing, place: Place, key_id: str) -> AESGCM:
    return AESGCM(ring.subkey(f"seal/{place.purpose}", key_id))


def _bound(place: Place, key_id: str) -> bytes:
    """The place as bytes of which no two places have the same. Ten thousand of these are made for one snapshot."""
    parts = (_FORM, key_id, place.purpose, place.table, place.row, place.field)
    return "".join([f"{len(part)}:{part}," for part in parts]).encode()


def _broken(place: Place) -> SealBroken:
    return SealBroken(
        "error.vault.seal_broken", f"the sealed {place.field} of {place.row} in {place.table} does not open",
        hint="it was damaged or moved: set it anew, or bring the row back from a backup", fault="operator",
    )
