"""Master keys: where they come from, who may read them, what is derived from them."""

import base64
import os
import pickle
import threading
from pathlib import Path

import pytest

from stationmaster.vault import keyring
from stationmaster.vault.keyring import FILE_NAME, VARIABLE, KeyRing, KeyRingError, UnknownKey

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def text_of(*keys: bytes) -> str:
    """Keys as a ring's file has them."""
    return "\n".join(base64.b64encode(key).decode() for key in keys)


def test_first_run_makes_a_private_file(tmp_path: Path) -> None:
    """The first run makes a file that only its owner may read, in a folder that only its owner may enter."""
    data = tmp_path / "data"
    ring = keyring.load(data, {})
    file = data / FILE_NAME
    assert file.stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700
    assert keyring.load(data, {}).ids == ring.ids
    assert [path.name for path in data.iterdir()] == [FILE_NAME]


def test_first_runs_at_once_agree(tmp_path: Path) -> None:
    """Processes that start together end with one ring, not with one each."""
    barrier, found = threading.Barrier(8), []

    def start() -> None:
        barrier.wait()
        found.append(keyring.load(tmp_path, {}).active)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """A ring that others may read is not used."""
    keyring.load(tmp_path, {})
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(KeyRingError) as caught:
        keyring.load(tmp_path, {})
    assert caught.value.code == "error.vault.open_to_others"
    assert "chmod 600" in caught.value.hint


def test_variable_comes_before_file(tmp_path: Path) -> None:
    """`STATIONMASTER_MASTER_KEY` wins over the file it may name, that over the data folder, which is then not written."""
    other = tmp_path / "mounted"
    other.write_text(text_of(TWO))
    environ = {VARIABLE: text_of(ONE), f"{VARIABLE}_FILE": str(other)}
    assert keyring.load(tmp_path / "data", environ).keys == (ONE,)
    del environ[VARIABLE]
    assert keyring.load(tmp_path / "data", environ).keys == (TWO,)
    assert not keyring.load(tmp_path / "data", environ).writable
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "text", ["", "# only a remark", "c2hvcnQ=", "not base64 at all!", text_of(ONE, ONE), text_of(ONE) + "=", "ü" * 44]
)
def test_bad_keys_are_refused_unrepeated(text: str) -> None:
    """What is no ring of keys is refused, and nothing of it is repeated."""
    with pytest.raises(KeyRingError) as caught:
        keyring.parse(text, "environment")
    assert caught.value.code == "error.vault.bad_key"
    shown = f"{caught.value.message} {caught.value.hint}"
    assert not any(line and line in shown for line in text.splitlines() if len(line) > 8)


def test_commas_and_remarks_are_read() -> None:
    """A variable holds several keys with commas, a file with line breaks and remarks; the first is active."""
    ring = keyring.parse(f"# mine\n{text_of(ONE)} , {text_of(TWO)}\n", "environment")
    assert ring.keys == (ONE, TWO)
    assert ring.active == keyring.id_of(ONE)


def test_write_and_read_again(tmp_path: Path) -> None:
    """A ring survives being written, in its order, and no half-written file is left beside it."""
    path = tmp_path / FILE_NAME
    keyring.write(KeyRing((ONE, TWO)), path)
    assert keyring.read(path).keys == (ONE, TWO)
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails while a ring is written, the old one is still there, whole."""
    path = tmp_path / FILE_NAME
    keyring.write(KeyRing((ONE,)), path)

    def fail(_: int) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        keyring.write(KeyRing((TWO, ONE)), path)
    assert keyring.read(path).keys == (ONE,)
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_subkeys_differ_by_key_and_purpose() -> None:
    """Every purpose has a key of its own, from every master key another, and none is the master key."""
    ring = KeyRing((ONE, TWO))
    derived = {ring.subkey(purpose, key_id) for purpose in ("a", "b") for key_id in ring.ids}
    assert len(derived | {ONE, TWO}) == 6
    assert ring.subkey("a") == ring.subkey("a", ring.active) == KeyRing((ONE,)).subkey("a")


def test_unknown_key_is_an_error() -> None:
    """A key that the ring does not hold is named by its id."""
    with pytest.raises(UnknownKey, match="mk_000000000000"):
        KeyRing((ONE,)).subkey("a", "mk_000000000000")


def test_new_older_and_retired_keys() -> None:
    """A new key goes to the front, another can be made active, and the active one is not taken out."""
    ring = KeyRing((ONE,)).with_new()
    assert ring.keys[1] == ONE
    assert ring.activated(keyring.id_of(ONE)).active == keyring.id_of(ONE)
    assert ring.without(keyring.id_of(ONE)).keys == ring.keys[:1]
    with pytest.raises(KeyRingError) as caught:
        ring.without(ring.active)
    assert caught.value.code == "error.vault.active_key"


def test_ring_shows_nothing() -> None:
    """Neither repr nor pickling gives a key away."""
    ring = KeyRing((ONE,))
    assert repr(ring) == f"KeyRing({ring.active})"
    with pytest.raises(TypeError, match="not copied"):
        pickle.dumps(ring)
