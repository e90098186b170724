"""Keyed hashes. Owns: HMAC-SHA256 (RFC 2104) under keys derived for each use from one root.

The root is 32 random bytes that a database keeps sealed. It outlives the master keys: after a rotation every hash is
still the same, so keys are found and the audit trail can be checked.
"""

import hmac
from typing import NoReturn

from stationmaster.vault.keyring import KEY_BYTES, derive


class Digests:
    """Keyed hashes of one installation. Shows nothing of its root."""

    __slots__ = ("_keys", "_root")

    def __init__(self, root: bytes) -> None:
        if len(root) != KEY_BYTES:
            raise ValueError(f"the root of keyed hashes has {KEY_BYTES} bytes")
        self._root = root
        self._keys: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return "Digests(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keyed hashes are not copied out of their process")

    def virtual_key(self, sha256: str) -> str:
        """What the database knows of a virtual key: 64 hex digits over the hex SHA-256 of it."""
        return self.mac("virtual key", sha256.lower().encode())

    def fingerprint(self, text: str) -> str:
        """A secret in an audit event: tells whether two are the same, and nothing else."""
        return f"hmac:{self.mac('fingerprint', text.encode())[:24]}"

    def chain(self, previous: str, message: bytes) -> str:
        """The hash of an audit event that follows the one whose hash is `previous` (hex, or nothing for the first)."""
        return self.mac("audit chain", bytes.fromhex(previous).ljust(32, b"\0") + message)

    def mac(self, purpose: str, message: bytes) -> str:
        """64 hex digits over `message`, under the key for `purpose`."""
        if purpose not in self._keys:
            self._keys[purpose] = derive(self._root, purpose)
        return hmac.digest(self._keys[purpose], message, "sha256").hex()


def same(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
