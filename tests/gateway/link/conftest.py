"""A gateway as people run it, joined to a control plane of ours."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import rig
from gateway import kit, plain, station
from gateway.link.plane import TOKEN, Plane
from stationmaster.gateway.core.records import Records, records_of
from stationmaster.sandbox.server import SandboxServer


class Joined(station.Station):
    """A running `stationmaster gateway --control`."""

    def __init__(self, folder: Path, port: int, url: str, *options: str) -> None:
        self.folder = folder
        self.port = port
        self.events = folder / "events.jsonl"
        self.data = folder / "data"
        self.token = folder / "token"
        self.out, self.err = folder / "stdout", folder / "stderr"
        if not self.token.exists():
            self.token.write_text(TOKEN + "\n")
        command = [sys.executable, "-m", "stationmaster", "gateway", "--control", url, "--token-file", str(self.token),
                   "--data", str(self.data), "--port", str(port), "--name", "here", *options]
        with self.out.open("ab") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=dict(os.environ)
            )

    def status(self, key: str = rig.KEY) -> int:
        """What a key gets."""
        fields = [("authorization", f"Bearer {key}"), plain.JSON]
        return plain.ask(self.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status


@pytest.fixture
def records(vendor: SandboxServer) -> Records:
    """The rig's configuration, as a control plane has it, for two workers."""
    return records_of(kit.wide(vendor.url, workers=2, metrics_port=0, drain_seconds=1.0))


@pytest.fixture
def plane(records: Records) -> Iterator[Plane]:
    """A control plane."""
    running = Plane(records)
    yield running
    running.stop()


class Host:
    """A machine on which gateways are started, one after another, with one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = station.free_port()
        self.started: list[Joined] = []

    def start(self, url: str, *options: str, ready: bool = True) -> Joined:
        """Start a gateway."""
        made = Joined(self.folder, self.port, url, *options)
        self.started.append(made)
        if ready:
            made.wait_ready()
        return made


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """Somewhere to start gateways."""
    made = Host(tmp_path)
    yield made
    for each in made.started:
        each.end()


def with_key(records: Records, name: str, secret: str) -> dict[str, object]:
    """The records' keys, and one more."""
    key = msgspec.structs.replace(records.key["rig"], id=name, secret_sha256=rig.sha256(secret))
    return {**records.key, name: key}
