"""Where what runs over a folder says that it is reached."""

import json
import os
import stat
from pathlib import Path

from stationmaster.running import places


def test_it_holds_as_long_as_its_writer(tmp_path: Path) -> None:
    """It is its owner's alone, read while somebody holds it, and nothing once they ended, however that came about."""
    held = places.leave(tmp_path, {"console.port": 4521})
    assert held is not None
    assert places.found(tmp_path) == {"console.port": 4521, "process": os.getpid()}
    assert stat.S_IMODE((tmp_path / places.FILE).stat().st_mode) == 0o600
    os.close(held)
    assert places.found(tmp_path) == {}


def test_the_first_of_two_counts(tmp_path: Path) -> None:
    """Another process over the same folder leaves it alone; after the first has ended it may."""
    first = places.leave(tmp_path, {"console.port": 1})
    assert first is not None
    assert places.leave(tmp_path, {"console.port": 2}) is None
    assert places.found(tmp_path)["console.port"] == 1
    os.close(first)
    second = places.leave(tmp_path, {"console.port": 33})
    assert second is not None
    assert places.found(tmp_path)["console.port"] == 33
    os.close(second)


def test_what_cannot_be_is_nothing(tmp_path: Path) -> None:
    """No folder, a file that is half written or something else: nobody is stopped, and nothing is believed."""
    assert places.found(tmp_path / "none") == {}
    assert places.leave(tmp_path / "none", {}) is None
    held = places.leave(tmp_path, {})
    assert held is not None
    for text in ("{", json.dumps([1])):
        (tmp_path / places.FILE).write_text(text)
        assert places.found(tmp_path) == {}
    os.close(held)
