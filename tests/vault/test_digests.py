"""Keyed hashes: the same for the same thing, different for every use and installation, and worth nothing without the root."""

import hashlib
import pickle

import pytest

from stationmaster.vault.digests import Digests, same

ONE, TWO = Digests(bytes(32)), Digests(bytes(31) + b"\1")
SHA = hashlib.sha256(b"sm-key").hexdigest()


def test_uses_and_roots_are_apart() -> None:
    """One text has another hash in every use and under every root."""
    hashes = [digests.mac(use, b"text") for digests in (ONE, TWO) for use in ("a", "b")]
    assert len(set(hashes)) == 4
    assert ONE.mac("a", b"text") == hashes[0]


def test_virtual_key_is_found_in_either_case() -> None:
    """The hash of a virtual key goes by its SHA-256, however that is spelled, and is not that."""
    assert ONE.virtual_key(SHA) == ONE.virtual_key(SHA.upper()) != TWO.virtual_key(SHA)
    assert ONE.virtual_key(SHA) != SHA
    assert len(ONE.virtual_key(SHA)) == 64


def test_fingerprints_tell_only_whether_equal() -> None:
    """A fingerprint holds nothing of the text, and is no unkeyed hash of it."""
    assert ONE.fingerprint("secret") == ONE.fingerprint("secret") != ONE.fingerprint("Secret")
    assert ONE.fingerprint("secret") != TWO.fingerprint("secret")
    assert hashlib.sha256(b"secret").hexdigest()[:24] not in ONE.fingerprint("secret")


def test_chain_goes_by_what_came_before() -> None:
    """The same event after another one has another hash."""
    first = ONE.chain("", b"event")
    assert ONE.chain(first, b"event") not in {first, ONE.chain("", b"event")}
    assert ONE.chain("", b"event") == first


def test_root_is_kept_in() -> None:
    """Nothing shows the root, nothing copies it, and one of another length is refused."""
    assert repr(ONE) == "Digests(…)"
    with pytest.raises(TypeError, match="not copied"):
        pickle.dumps(ONE)
    with pytest.raises(ValueError, match="32 bytes"):
        Digests(b"short")


def test_comparison() -> None:
    """Equal hashes are equal, others are not."""
    assert same("ab", "ab")
    assert not same("ab", "ac")
