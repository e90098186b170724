"""`stationmaster key new`: a key, its hash and its table belong together."""

import hashlib
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import Surroundings, new_key, parse

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_works(run: Run) -> None:
    """The table form shows the key once, its hash, and a `[[key]]` table; talk goes to stderr."""
    done = run("key", "new", "--id", "build-bot")
    assert done.returncode == 0
    (key,) = re.findall(r"sm-[A-Za-z0-9_-]{43}$", done.stdout, re.MULTILINE)
    (row,) = tomllib.loads(done.stdout.split("\n\n", 1)[1])["key"]
    assert row == {"id": "build-bot", "secret_sha256": hashlib.sha256(key.encode()).hexdigest(), "models": ["*"]}
    assert done.stdout.count(key) == 1
    assert "shown this once" in done.stderr
    assert key not in done.stderr


def test_json(run: Run) -> None:
    """The JSON form is one object with the same four things."""
    made = json.loads(run("key", "new", "--output", "json").stdout)
    assert sorted(made) == ["id", "key", "secret_sha256", "toml"]
    assert made["secret_sha256"] == hashlib.sha256(made["key"].encode()).hexdigest()
    assert tomllib.loads(made["toml"])["key"][0]["id"] == made["id"] == f"key-{made['secret_sha256'][:8]}"


def test_pairs_verify() -> None:
    """Every key has 256 random bits, hashes to its pair, and its table is accepted by the config."""
    made = [new_key() for _ in range(200)]
    assert len({pair.key for pair in made}) == 200
    for pair in made:
        assert re.fullmatch(r"sm-[A-Za-z0-9_-]{43}", pair.key)
        assert hashlib.sha256(pair.key.encode()).hexdigest() == pair.secret_sha256
    text = "\n".join(pair.block() for pair in made)
    snapshot = parse(text, file="gateway.toml", around=Surroundings({}, lambda _: b"", Path()))
    assert [key.secret_sha256 for key in snapshot.keys] == [pair.secret_sha256 for pair in made]


def test_the_key_is_not_in_its_repr() -> None:
    """A pair can be printed in a log without giving the key away."""
    pair = new_key("a")
    assert pair.key not in repr(pair)


@pytest.mark.parametrize("id_", ["a b", 'a"', "-a", "é", "a\n", "a" * 129])
def test_ids_that_the_file_would_refuse(id_: str) -> None:
    """An id is refused here already when the config file would not take it."""
    with pytest.raises(StationmasterError) as caught:
        new_key(id_)
    assert caught.value.code == "error.usage.bad_id"
