"""Files that other programs use: read while nobody writes, replaced whole. The other program is a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stationmaster.cli import steady
from stationmaster.errors import Conflict, StationmasterError

_HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "rb")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another process has the file's lock."""
    other = subprocess.Popen([sys.executable, "-c", _HOLDS, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        other.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is there."""
    path = tmp_path / "accounts.json"
    path.write_text("[1]")
    path.chmod(0o640)
    return path


def test_a_file_that_another_program_locks_is_not_read(file: Path) -> None:
    """Until it lets go."""
    with held(file), pytest.raises(Conflict, match="lock"):
        steady.reading(file, patience=0.2).__enter__()
    with steady.reading(file) as stream:
        assert stream.read() == b"[1]"


def test_a_file_that_is_changed_while_it_is_read_is_refused(file: Path) -> None:
    """By a program that takes no lock: longer, or written again."""
    reading = steady.reading(file)
    reading.__enter__().read()
    with file.open("a") as other:
        other.write(" ")
    with pytest.raises(Conflict) as caught:
        reading.__exit__(None, None, None)
    assert caught.value.code == "error.import.half"


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(file: Path) -> None:
    """Whole: the one that was opened is still there."""
    with steady.reading(file) as stream:
        file.with_suffix(".new").write_text("[2]")
        file.with_suffix(".new").replace(file)
        assert stream.read() == b"[1]"


def test_reading_changes_nothing(file: Path) -> None:
    """Neither content nor time, nor is anything left beside it."""
    before = file.stat()
    with steady.reading(file) as stream:
        stream.read()
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert list(file.parent.iterdir()) == [file]


def test_replacing_waits_for_the_lock(file: Path) -> None:
    """And leaves the file as it was when it does not get it."""
    with held(file):
        with pytest.raises(Conflict):
            steady.replace(file, ["[2]"], patience=0.2)
        assert file.read_text() == "[1]"
    steady.replace(file, ["[", "2]"])
    assert (file.read_text(), file.stat().st_mode & 0o777, list(file.parent.iterdir())) == ("[2]", 0o640, [file])


def test_what_fails_in_the_middle_leaves_the_old_file(file: Path) -> None:
    """And nothing beside it."""

    def broken() -> Iterator[str]:
        yield "[2"
        raise StationmasterError("error.remote.unreachable", "gone")

    with pytest.raises(StationmasterError):
        steady.replace(file, broken())
    assert (file.read_text(), list(file.parent.iterdir())) == ("[1]", [file])


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It has names and addresses in it."""
    steady.replace(tmp_path / "new.json", ["[]"])
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is said so, by its name."""
    with pytest.raises(StationmasterError, match="cannot be used"):
        steady.reading(tmp_path / "none.json").__enter__()
    with pytest.raises(StationmasterError, match="cannot be used"):
        steady.replace(tmp_path / "no" / "folder.json", ["[]"])
