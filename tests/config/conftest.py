"""What every test of the config file needs: a way to read a text with made-up surroundings."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stationmaster.gateway.config import ConfigError, Problem, Surroundings, parse
from stationmaster.gateway.core.snapshot import Snapshot

Read = Callable[..., Snapshot]
Find = Callable[..., tuple[Problem, ...]]

ENVIRON = {"KEY_A": "sk-proj-a", "KEY_B": "sk-proj-b", "EMPTY": "", "TWO_WORDS": "sk-a b", "LINE": "sk-a\n",
           "SHORT": "sk-abcd", "EIGHT": "sk-abcde"}
FILES = {
    "/etc/keys/a": b"sk-proj-a\n", "/conf/b.key": b"sk-proj-b", "/etc/keys/empty": b"\n",
    "/etc/keys/two": b"sk-a\nsk-b\n", "/etc/keys/binary": b"\xff\xfe\x00",
    "/conf/ca.pem": b"-----BEGIN CERTIFICATE-----\n", "/etc/keys/crlf": b"sk-proj-a\r\n",
}  # fmt: skip


def _read_file(path: Path) -> bytes:
    if str(path) not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[str(path)]


@pytest.fixture
def read() -> Read:
    """Read a text with the variables and files of this module."""

    def read(text: str, *, environ: Mapping[str, str] = ENVIRON, literal: bool = False) -> Snapshot:
        around = Surroundings(environ, _read_file, Path("/conf"), literal, lambda path: path == Path("/conf"))
        return parse(text, file="gateway.toml", around=around)

    return read


@pytest.fixture
def find(read: Read) -> Find:
    """Read a text that has problems, and return them."""

    def find(text: str, *, environ: Mapping[str, str] = ENVIRON, literal: bool = False) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            read(text, environ=environ, literal=literal)
        return caught.value.problems

    return find
