"""What is kept on disk: sealed, in order, refused when it is not what was written."""

from pathlib import Path

import msgspec
import pytest

import rig
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import Configuration, Records, Update, diff, records_of, whole
from stationmaster.gateway.core.snapshot import VirtualKey
from stationmaster.gateway.link.cache import Cache

BEGINNING = len(b"stationmaster snapshot 1\n") + 32     # magic and salt
FIRST = Configuration(1, records_of(rig.snapshot_for("http://127.0.0.1:9")))


def step(before: Configuration, number: int) -> tuple[Update, Configuration]:
    """One more key."""
    key = VirtualKey(f"k{number}", rig.sha256(str(number)))
    records: Records = msgspec.structs.replace(before.records, key={**before.records.key, key.id: key})
    return diff(before.records, records, base=before.revision, revision=number), Configuration(number, records)


def sealed(data: bytes) -> list[bytes]:
    """The updates in a file, each with its length."""
    parts, at = [], BEGINNING
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at:end])
        at = end
    return parts


def filled(path: Path, updates: int = 3) -> Configuration:
    """Keep a configuration and some updates of it; what it is then."""
    cache, now = Cache(path, "token"), FIRST
    cache.keep(whole(now.records, now.revision), now)
    for number in range(2, updates + 2):
        update, now = step(now, number)
        cache.keep(update, now)
    return now


def test_it_comes_back(tmp_path: Path) -> None:
    """What was kept, with every update, is what is loaded; and so it goes on after a restart."""
    path = tmp_path / "kept"
    assert Cache(path, "token").load() is None
    now = filled(path)
    cache = Cache(path, "token")
    assert cache.load() == now
    update, now = step(now, 9)
    cache.keep(update, now)
    assert Cache(path, "token").load() == now


def test_every_byte_counts(tmp_path: Path) -> None:
    """A file with any one byte changed is refused, or, where a length makes its end look unwritten, is an earlier
    configuration that was kept: never anything else."""
    path = tmp_path / "kept"
    now = filled(path, 2)
    data = path.read_bytes()
    earlier = {1, 2}
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        try:
            found = Cache(path, "token").load()
        except StationmasterError:
            continue
        assert found is not None
        assert found.revision in earlier
        assert found.records.credential == now.records.credential


def test_cut_anywhere(tmp_path: Path) -> None:
    """A file that was not written to its end is the configuration before; one without a whole beginning is refused."""
    path = tmp_path / "kept"
    filled(path, 2)
    data = path.read_bytes()
    seen = set()
    for end in range(0, len(data), 11):
        path.write_bytes(data[:end])
        try:
            found = Cache(path, "token").load()
        except StationmasterError:
            continue
        assert found is not None
        seen.add(found.revision)
    assert seen == {1, 2}


def test_updates_keep_their_places(tmp_path: Path) -> None:
    """Updates in another order, left out, or of another file are refused."""
    path = tmp_path / "kept"
    filled(path)
    data = path.read_bytes()
    parts, head = sealed(data), data[:BEGINNING]
    assert len(parts) == 4
    for wrong in ([parts[0], parts[2], parts[1]], [parts[0], parts[2]], [parts[1]], [parts[0], parts[0]]):
        path.write_bytes(head + b"".join(wrong))
        with pytest.raises(StationmasterError, match="sealed with another token, or edited"):
            Cache(path, "token").load()


def test_another_token(tmp_path: Path) -> None:
    """Another token opens nothing; once the gateway goes by another, only that one does."""
    path = tmp_path / "kept"
    now = filled(path)
    with pytest.raises(StationmasterError) as refused:
        Cache(path, "other").load()
    assert "token" in refused.value.message
    cache = Cache(path, "token")
    cache.load()
    cache.become("other", now)
    assert Cache(path, "other").load() == now
    with pytest.raises(StationmasterError):
        Cache(path, "token").load()


def test_it_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After many updates the file is written anew."""
    from stationmaster.gateway.link import cache as caches

    monkeypatch.setattr(caches, "MOST_UPDATES", 5)
    path = tmp_path / "kept"
    now = filled(path, 60)
    assert Cache(path, "token").load() == now
    assert len(sealed(path.read_bytes())) <= 6
