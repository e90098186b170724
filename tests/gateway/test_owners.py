"""Whose files, batches and responses are whose: known to every worker at once, and over a restart."""

import signal
from pathlib import Path

import msgspec
import pytest

import rig
from gateway import kit, plain, station
from gateway.test_tenants import ask, make, upload
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.affinity import Named
from stationmaster.gateway.core.owners import MAX_OWNERS, Entry, Owner
from stationmaster.gateway.server.deeds import Deeds
from stationmaster.sandbox.server import SandboxServer

OTHER = f"{rig.KEY}-other"
# In a TOML table of their own: they follow the settings, before the first credential.
KEYS = f"""
[[key]]
id = "mine"
tenant = "first"
secret_sha256 = "{rig.sha256(rig.KEY)}"

[[key]]
id = "other"
tenant = "second"
shared_resources = true
secret_sha256 = "{rig.sha256(OTHER)}"
"""
NOBODY = "sk-sm-nobody"


def settings(folder: Path, *, kept: bool) -> str:
    """Two workers; a state file that outlives the gateway's own folder, or none."""
    state = f'state_file = "{folder / "state.json"}"\n' if kept else ""
    return f"workers = 2\nmetrics_port = 0\n{state}{KEYS}"


def written(folder: Path) -> int:
    """How many ids the file holds."""
    return len(Deeds(str(folder / "state.json")).load())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_ones_own_stays_ones_own(vendor: SandboxServer, tmp_path: Path, how: signal.Signals) -> None:
    """A file, a batch and a response made before a restart, even a sudden one, are their tenant's after it, and nobody
    else's; a third start with the file of the second knows them as well."""
    made = settings(tmp_path, kept=True)
    with station.running(vendor.url, made, key=NOBODY) as gateway:
        named = upload(gateway.port, "kept")
        asked = {"input_file_id": named, "endpoint": "/v1/responses", "completion_window": "24h"}
        batch = make(gateway.port, "/v1/batches", asked)
        response = make(gateway.port, "/v1/responses", plain.responses(said="kept"))
        kit.wait_for(lambda: written(tmp_path) >= 3)
        gateway.signal(how)
        gateway.process.wait()
    for _ in range(2):
        with station.running(vendor.url, made, key=NOBODY) as gateway:
            for path in (f"/v1/files/{named}", f"/v1/batches/{batch}", f"/v1/responses/{response}"):
                assert ask(gateway.port, "GET", path).status == 200
                assert ask(gateway.port, "GET", path, None, OTHER).status == 404
            make(gateway.port, "/v1/responses", plain.responses(said="another"))


def test_without_a_state_file(vendor: SandboxServer, tmp_path: Path) -> None:
    """A gateway that keeps nothing knows nobody's files after a restart, and says what would open them."""
    with station.running(vendor.url, settings(tmp_path, kept=False), key=NOBODY) as gateway:
        named = upload(gateway.port, "forgotten")
    with station.running(vendor.url, settings(tmp_path, kept=False), key=NOBODY) as gateway:
        answer = ask(gateway.port, "GET", f"/v1/files/{named}")
        assert (answer.status, answer.json()["error"]["code"]) == (403, "resources_shared")
    assert not list(tmp_path.iterdir())


def test_every_worker_knows_at_once(vendor: SandboxServer, tmp_path: Path) -> None:
    """A file can be used in the moment in which its upload is answered, whichever worker the next request meets; an
    unknown one is refused by all of them."""
    made = settings(tmp_path, kept=False).replace("workers = 2", "workers = 3")
    with station.running(vendor.url, made, key=NOBODY) as gateway:
        for turn in range(40):
            named = upload(gateway.port, f"file {turn}")
            assert ask(gateway.port, "GET", f"/v1/files/{named}").status == 200
        assert ask(gateway.port, "GET", "/v1/files/file-unknown").status == 403


def test_a_request_that_waited_is_the_same(vendor: SandboxServer, ledger: SandboxServer) -> None:
    """A request whose file turns out to be its tenant's while it waits is answered as if it had not waited: by the alias's
    model and pool, and without the usage that we asked for."""
    made = rig.snapshot_for(vendor.url, workers=2)
    key = msgspec.structs.replace(made.keys[0], shared_resources=False)
    part = {"type": "file", "file": {"file_id": "file-fresh"}}
    asked = plain.chat("fast", stream=True) | {"messages": [{"role": "user", "content": [part]}]}
    with rig.running_gateway(msgspec.structs.replace(made, keys=(key,))) as gateway:
        learn = gateway.worker.memory.owners.remember
        owner = Owner("openai", "openai", "rig", "rig")
        gateway.loop.call_soon_threadsafe(gateway.loop.call_later, 0.1, learn, Named("file", "file-fresh"), owner)
        answer = ask(gateway.port, "POST", "/v1/chat/completions", asked)
        event = gateway.event(answer.request_id)
    assert (answer.status, event["model"], event["sent_model"], event["pool"]) == (200, "fast", "gpt-4o-mini", "openai")
    assert b'"usage":{' not in answer.body.replace(b" ", b"")
    assert event["bytes_in"] == len(plain.dump(asked))
    assert event["duration_us"] > 100_000
    assert [kit.last(ledger).model] == ["gpt-4o-mini"]


def entries(first: int, count: int) -> tuple[Entry, ...]:
    """So many ids, each with another digest."""
    return tuple((digest, "organisation", "credential", "tenant", "key") for digest in range(first, first + count))


@pytest.mark.parametrize("cut", [1, 4, 5, 40])
def test_a_torn_end(tmp_path: Path, cut: int) -> None:
    """What was written before the block that a crash cut off is known; what comes later is written and known as well."""
    state = str(tmp_path / "state.json")
    deeds = Deeds(state)
    for first in (0, 10):
        deeds.add(entries(first, 10))
        deeds.save(lambda: entries(0, 10))
    file = tmp_path / "state.json.owners"
    file.write_bytes(file.read_bytes()[:-cut])
    again = Deeds(state)
    assert again.load() == list(entries(0, 10))
    again.add(entries(30, 1))
    again.save(lambda: (*entries(0, 10), *entries(30, 1)))
    assert Deeds(state).load() == [*entries(0, 10), *entries(30, 1)]


def test_the_file_stays_small(tmp_path: Path) -> None:
    """However many ids pass, the file holds no more than twice what is remembered."""
    deeds = Deeds(str(tmp_path / "state.json"))
    for turn in range(12):
        deeds.add(entries(turn * MAX_OWNERS // 4, MAX_OWNERS // 4))
        deeds.save(lambda: entries(0, MAX_OWNERS))
        assert len(Deeds(str(tmp_path / "state.json")).load()) <= 2 * MAX_OWNERS


def test_a_write_that_fails(tmp_path: Path) -> None:
    """What could not be written is neither kept for ever nor lost: the next write that works holds all that is known."""
    deeds, file = Deeds(str(tmp_path / "state.json")), tmp_path / "state.json.owners"
    file.mkdir()
    for turn in range(3):
        deeds.add(entries(turn, 1))
        with pytest.raises(StationmasterError, match="Cannot write"):
            deeds.save(lambda: entries(0, 3))
    file.rmdir()
    deeds.save(lambda: entries(0, 3))
    assert Deeds(str(tmp_path / "state.json")).load() == list(entries(0, 3))


def block(data: bytes) -> bytes:
    """A block of the file."""
    return len(data).to_bytes(4, "big") + data


GARBAGE = [b"{not ours}" * 100, block(b"\x91\x95\x01\xa2\xff\xfe\xa0\xa0\xa0"), block(b"\x91" * 5000), b"\0" * 50, b"\xff" * 50]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_no_ids(tmp_path: Path, garbage: bytes) -> None:
    """A file of something else is nobody's, and is replaced with the first id that passes."""
    file = tmp_path / "state.json.owners"
    file.write_bytes(garbage)
    deeds = Deeds(str(tmp_path / "state.json"))
    assert deeds.load() == []
    deeds.add(entries(0, 1))
    deeds.save(lambda: entries(0, 1))
    assert Deeds(str(tmp_path / "state.json")).load() == list(entries(0, 1))
