"""Sealed texts open in their place, with their key, whole, and nowhere else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.vault.keyring import KeyRing, UnknownKey, generate
from stationmaster.vault.seal import Place, SealBroken, key_of, rewrap, seal, unseal

RING = KeyRing((bytes(range(32)), bytes(range(1, 33))))
PLACE = Place("credential", "credentials_credential", "cred_1", "secret")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_opens_what_was_sealed(text: str) -> None:
    """Any text comes back as it was."""
    assert unseal(RING, PLACE, seal(RING, PLACE, text)) == text


def test_never_the_same_twice() -> None:
    """One text sealed a thousand times gives a thousand sealed texts: no nonce comes twice."""
    assert len({seal(RING, PLACE, "secret") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("field", ["purpose", "table", "row", "field"])
def test_belongs_to_its_place(field: str) -> None:
    """Moved to another purpose, table, row or field a sealed text does not open."""
    with pytest.raises(SealBroken) as caught:
        unseal(RING, replace(PLACE, **{field: "another"}), seal(RING, PLACE, "secret"))
    assert caught.value.code == "error.vault.seal_broken"


def test_places_do_not_run_together() -> None:
    """Two places whose parts give the same text when put together are still two places."""
    sealed = seal(RING, Place("p", "ab", "c", "f"), "secret")
    with pytest.raises(SealBroken):
        unseal(RING, Place("p", "a", "bc", "f"), sealed)


def test_every_changed_character_shows() -> None:
    """Whichever character is changed, to whichever other, the text does not open, or its key is not known."""
    sealed = seal(RING, PLACE, "a secret")
    for at in range(len(sealed)):
        for other in "A0_.":
            if sealed[at] != other:
                with pytest.raises((SealBroken, UnknownKey)):
                    unseal(RING, PLACE, sealed[:at] + other + sealed[at + 1 :])


@pytest.mark.parametrize(
    "text", ["", "v1", "v1.mk_1.", "v1..AAAA", "v2.mk_000000000000.AAAA", "plain text", "v1.mk_1.A.B", "v1.mk_1.ü"]
)
def test_what_was_never_sealed(text: str) -> None:
    """Anything else is an error of its own, not a crash."""
    with pytest.raises((SealBroken, UnknownKey)):
        unseal(RING, PLACE, text)


@pytest.mark.parametrize("cut", [1, 4, 20])
def test_cut_or_lengthened(cut: int) -> None:
    """A text that lost its end, or has more behind it, does not open."""
    sealed = seal(RING, PLACE, "secret")
    for other in (sealed[:-cut], sealed + "A" * cut, sealed + "="):
        with pytest.raises(SealBroken):
            unseal(RING, PLACE, other)


def test_says_which_key_it_needs() -> None:
    """The key's id can be read from a sealed text; another ring does not open it and says which key is missing."""
    sealed = seal(RING, PLACE, "secret")
    assert key_of(sealed) == RING.active
    assert key_of("no sealed text") == ""
    with pytest.raises(UnknownKey, match=RING.active):
        unseal(generate(), PLACE, sealed)


def test_rewrapped_with_the_active_key() -> None:
    """An older key's text is sealed anew with the active one; the active one's stays as it is."""
    older = seal(RING, PLACE, "secret")
    ring = RING.activated(RING.ids[1])
    newer = rewrap(ring, PLACE, older)
    assert key_of(newer) == RING.ids[1]
    assert unseal(ring.without(RING.ids[0]), PLACE, newer) == "secret"
    assert rewrap(ring, PLACE, newer) == newer
