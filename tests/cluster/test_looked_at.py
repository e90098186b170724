"""`stationmaster doctor` looks at the Valkey that gateways share: what is wrong there has a name and something to do."""

import socket
from pathlib import Path

import pytest

from cluster.kit import store
from stationmaster.diagnosis import valkey
from stationmaster.diagnosis.finding import Finding
from stationmaster.settings import Flag, load

pytestmark = pytest.mark.needs("redis-server")


def found(url: str) -> Finding:
    """What doctor says of it."""
    (finding,) = valkey.of_settings(load(environ={}, folder=Path("/nowhere"), flags={"valkey.url": Flag("--x", url)}))
    assert bool(finding.fix) == (finding.severity != "ok")
    assert "hidden" not in finding.what + finding.fix
    return finding


def test_none_is_looked_at_where_none_is_named() -> None:
    """Gateways that share nothing lack nothing."""
    assert list(valkey.of_settings(load(environ={}, folder=Path("/nowhere"), flags={}))) == []


def test_one_that_is_well() -> None:
    """Its version, and how soon it answers; the part of the URL that is ours is none of its business."""
    with store() as redis:
        seen = found(f"valkey://127.0.0.1:{redis.port}?gateways=3")
        assert (seen.severity, "answers in" in seen.what) == ("ok", True)


@pytest.mark.parametrize(
    ("options", "place", "words"),
    [
        (("--requirepass", "hidden"), "valkey://:wrong@127.0.0.1:{port}", "user name or password"),
        (("--requirepass", "hidden"), "valkey://127.0.0.1:{port}", "user name or password"),
        (("--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru"), "valkey://127.0.0.1:{port}", "allkeys-lru"),
        (("--replicaof", "127.0.0.1 1"), "valkey://127.0.0.1:{port}", "replica"),
    ],
)
def test_what_is_wrong_has_a_name(options: tuple[str, ...], place: str, words: str) -> None:
    """A password that is none, memory that is cleared, a replica."""
    with store(*options) as redis:
        seen = found(place.format(port=redis.port))
        assert (seen.severity, words in seen.what) == ("warning", True), seen


def test_nobody_there_and_nobody_who_answers() -> None:
    """A port where nothing listens, and something that takes connections and is silent, are told apart."""
    with store() as redis:
        redis.freeze()
        assert "in time" in found(f"valkey://127.0.0.1:{redis.port}").what
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert "nobody answers" in found(f"valkey://127.0.0.1:{held.getsockname()[1]}").what


def test_a_url_of_no_use() -> None:
    """It is broken, not merely out of reach."""
    assert found("valkey://127.0.0.1:6379?gateways=none").severity == "broken"


def test_a_user_who_may_not_ask_what_it_is() -> None:
    """The rights that gateways need are enough: it is well, and only its version is not known."""
    rights = "~stationmaster:* +hset +hgetall +hdel +xadd +xread +set +get +client +select +ping"
    with store("--user", "gateways", "on", ">hidden", *rights.split()) as redis:
        seen = found(f"valkey://gateways:hidden@127.0.0.1:{redis.port}")
        assert (seen.severity, "Valkey ?" in seen.what) == ("ok", True)
