"""Bodies cross the gateway byte for byte, both ways, at every endpoint, with and without /v1."""

import hashlib
from itertools import count

import pytest

import rig
from gateway import kit, plain
from gateway.doors import DOORS, Door
from stationmaster.sandbox.ledger import Entry, fingerprint
from stationmaster.sandbox.server import SandboxServer

_numbers = count(1)


def straight(vendor: SandboxServer, door: Door, *more: tuple[str, str], method: str = "") -> plain.Answer:
    """Ask the vendor itself, as the gateway should."""
    fields = [("host", vendor.url.removeprefix("http://")), door.credential, *more, *door.fields]
    return plain.ask(vendor.port, method or door.method, door.upstream_path, door.body, fields)


def both_ways(
    gateway: rig.Gateway, vendor: SandboxServer, door: Door, target: str
) -> tuple[plain.Answer, plain.Answer, Entry, Entry]:
    """The same request through the gateway and straight to the vendor: both answers, and what each arrived as."""
    nonce = f"{next(_numbers):x}"
    mark = ("x-sandbox-nonce", nonce)
    here = plain.ask(gateway.port, door.method, target, door.body, [plain.BEARER, mark, *door.fields])
    there = straight(vendor, door, mark)
    heard = kit.asked(vendor, nonce)
    assert len(heard) == 2, "asked once by each"
    return here, there, heard[0], heard[1]


ROWS = [(door, prefix) for door in DOORS for prefix in door.prefixes]


@pytest.mark.parametrize(("door", "prefix"), ROWS, ids=[f"{prefix}|{door.name}" for door, prefix in ROWS])
def test_every_endpoint(gateway: rig.Gateway, ledger: SandboxServer, door: Door, prefix: str) -> None:
    """Method, path, query and body arrive as sent, with our credential; status and body come back as given."""
    here, there, heard, direct = both_ways(gateway, ledger, door, prefix + door.path)
    assert (heard.method, heard.path, heard.query) == (direct.method, direct.path, direct.query)
    assert heard.body_sha256 == hashlib.sha256(door.body or b"").hexdigest()
    assert heard.credential == fingerprint(door.credential[1].removeprefix("Bearer "))
    assert (here.status, here.body) == (there.status, there.body)
    assert here.header("content-type") == there.header("content-type")
    assert here.whole


READS = [(door, prefix) for door, prefix in ROWS if door.method == "GET"]


@pytest.mark.parametrize(("door", "prefix"), READS, ids=[f"{prefix}|{door.name}" for door, prefix in READS])
def test_head(gateway: rig.Gateway, ledger: SandboxServer, door: Door, prefix: str) -> None:
    """HEAD of whatever can be read: the vendor's status and length, no body, and the connection goes on."""
    with plain.connected(gateway.port) as sock:
        for _ in range(2):
            sock.sendall(plain.head("HEAD", prefix + door.path, [plain.BEARER, *door.fields]))
            here = plain.read(sock, "HEAD")
            there = straight(ledger, door, method="HEAD")
            assert (here.status, here.body) == (there.status, b"")
            assert here.header("content-length") == there.header("content-length")


def test_many_requests_over_one_connection(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Pipelined requests of every kind are answered in their order, each with its own body."""
    # Not the list of files: what is uploaded here is on it.
    usual = [door for door in DOORS if "sandbox-" not in (door.body or b"").decode("latin-1")]
    doors = [door for door in usual if "/files?" not in door.path] * 2
    raw = b"".join(
        plain.head(
            door.method, door.prefixes[0] + door.path, [plain.BEARER, *door.fields],
            length=None if door.body is None else len(door.body),
        ) + (door.body or b"")
        for door in doors
    )  # fmt: skip
    # In the same order, and last what the second round gives: a list of batches shows those that were made before it.
    wanted = {door: straight(ledger, door).body for door in doors}
    with plain.connected(gateway.port) as sock:
        sender = kit.in_background(lambda: sock.sendall(raw))
        reader = sock.makefile("rb")
        with reader:
            for door in doors:
                assert plain.read_from(reader, door.method).body == wanted[door], door.name
        sender.join()
