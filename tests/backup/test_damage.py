"""Whatever happened to a file is noticed before anything of it is used, and said."""

import io
from pathlib import Path

import pytest

from backup.kit import PASSPHRASE
from stationmaster.backup import locking
from stationmaster.backup.locking import PIECE, Keys
from stationmaster.backup.reading import check, lines
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.vault.keyring import UnknownKey, generate

RING = generate()
BY_RING = Keys("", RING)
TEXT = bytes(range(256)) * 16


def sealed(data: bytes = TEXT, keys: Keys = BY_RING) -> bytes:
    """A file of `data`."""
    stream = io.BytesIO()
    writer = locking.Writer(stream, keys)
    writer.write(data)
    writer.close()
    return stream.getvalue()


def opened(file: bytes, keys: Keys = BY_RING) -> bytes:
    """What is in it."""
    return b"".join(locking.read(io.BytesIO(file), keys))


def test_what_was_written_is_read() -> None:
    """Of any size, also nothing, with either kind of key; two files of the same have nothing in common."""
    import os

    large = os.urandom(3 * PIECE + 17)
    for data in (b"", b"x", TEXT, large, b"\0" * (9 * PIECE)):
        assert opened(sealed(data)) == data
    by_passphrase = Keys(PASSPHRASE)
    assert opened(sealed(TEXT, by_passphrase), by_passphrase) == TEXT
    assert sealed() != sealed()


def test_every_byte_counts() -> None:
    """A file in which any one byte is another does not open, nor does one that was cut anywhere or has something behind it."""
    whole = sealed(b"some text")
    for place in range(len(whole)):
        with pytest.raises(StationmasterError):
            opened(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StationmasterError):
            opened(whole[:place])
    with pytest.raises(Invalid, match="damaged"):
        opened(whole + b"x")


def test_pieces_stay_in_their_places() -> None:
    """Pieces that were left out, doubled, exchanged or taken from another file do not open."""
    import os

    data = os.urandom(3 * PIECE)
    whole, other = sealed(data), sealed(data)
    head, *pieces = split(whole)
    assert len(pieces) > 3
    theirs = split(other)[1:]
    for wrong in ([pieces[1], pieces[0], *pieces[2:]], pieces[1:], [pieces[0], *pieces], pieces[:-1], [theirs[0], *pieces[1:]]):
        with pytest.raises(Invalid, match="damaged"):
            opened(b"".join([head, *wrong]))


def split(file: bytes) -> list[bytes]:
    """The head and each piece."""
    end = file.index(b"\n", len(locking.MAGIC)) + 1
    parts = [file[:end]]
    while end < len(file):
        size = 4 + int.from_bytes(file[end : end + 4], "big")
        parts.append(file[end : end + size])
        end += size
    return parts


def test_the_wrong_key_is_said() -> None:
    """Another passphrase, none, a short one; another ring, none."""
    file = sealed(TEXT, Keys(PASSPHRASE))
    with pytest.raises(Invalid, match="the key is not its own"):
        opened(file, Keys("another passphrase"))
    with pytest.raises(Invalid, match="locked with a passphrase"):
        opened(file, BY_RING)
    with pytest.raises(Invalid, match="at least 12 characters"):
        Keys("short")
    with pytest.raises(UnknownKey):
        opened(sealed(), Keys("", generate()))
    with pytest.raises(Invalid, match="there is no key ring here"):
        opened(sealed(), Keys(PASSPHRASE))


def test_other_files_are_told_apart(tmp_path: Path) -> None:
    """What is no backup, what a newer program wrote, what is not there, what ends before its end."""
    for data, words in ((b"SQLite format 3\0", "no backup"), (b"", "no backup"), (b"stationmaster backup 2\n{}", "newer"),
                        (sealed(b'{"begin":{"format":2,"migrations":[]}}\n{"end":{}}\n'), "newer"),
                        (sealed(b'{"begin":{"format":1}}\n'), "damaged"), (sealed(b"{}"), "damaged"),
                        (sealed(b'{"begin":{"format":1}}\n{"end":{}}\n'), "damaged"), (sealed(b"[]\n"), "damaged"),
                        (sealed(b"no JSON\n"), "damaged"), (sealed(b"[" * 100_000 + b"\n"), "damaged"),
                        (sealed(b'{"rows":[[1]]}\n'), "damaged"), (sealed(b'{"begin":[1]}\n{"end":{}}\n'), "damaged"),
                        (locking.MAGIC + b"[" * 4000 + b"\n", "damaged")):  # fmt: skip
        (tmp_path / "b").write_bytes(data)
        with pytest.raises(Invalid, match=words):
            check(tmp_path / "b", BY_RING)
    with pytest.raises(StationmasterError, match="cannot be read"):
        list(lines(tmp_path / "missing", BY_RING))


def test_no_key_is_shown() -> None:
    """Neither passphrase nor ring is in what a program prints of them."""
    assert PASSPHRASE not in repr(Keys(PASSPHRASE, RING))
