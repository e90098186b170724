"""Everything apart, as on several machines: control and worker over PostgreSQL, two gateways that join, one Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import databases
import rig
from cluster import kit
from gateway import kit as waiting
from gateway import plain, processes
from gateway.station import free_port
from stationmaster.sandbox.server import SandboxServer

pytestmark = [pytest.mark.needs("redis-server"), pytest.mark.needs("pg_ctlcluster"), pytest.mark.timeout(300)]


class House:
    """What all of them are told, and the processes."""

    def __init__(self, folder: Path, database: str, valkey: str) -> None:
        self.folder = folder
        self._environ = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "STATIONMASTER_DATA": str(folder / "data"),
            "STATIONMASTER_DATABASE_URL": database, "STATIONMASTER_VALKEY_URL": valkey,
            "STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": "127.0.0.1",
        }  # fmt: skip

    @contextmanager
    def running(self, name: str, *words: str) -> Iterator[Path]:
        """One process, for the length of a with block; the file of what it says."""
        said = self.folder / f"{name}.err"
        with said.open("wb") as err:
            process = subprocess.Popen(self._command(*words), cwd=self.folder, env=self._environ, stdout=err, stderr=err)
        try:
            yield said
        finally:
            for child in processes.children(process.pid):
                os.kill(child, 15)
            process.kill()
            process.wait()

    def do(self, *words: str) -> str:
        """One command, and what it prints."""
        command = self._command(*words)
        done = subprocess.run(command, cwd=self.folder, env=self._environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "stationmaster", *words]


ROUTING = """\
[gateway]
default_pool = "all"
health_check_enabled = false

[[credential]]
id = "one"
vendor = "openai"
base_url = "{url}/v1"
secret = "file:secret"
prices = {{ "*" = {{ input = 0, output = 1000 }} }}

[[pool]]
id = "all"
members = [{{ credential = "one" }}]

[[route]]
models = ["*"]
pool = "all"

[[key]]
id = "poor"
secret_sha256 = "{poor}"
budget = {{ total_usd = 0.1 }}
"""


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of an empty database on a real PostgreSQL."""
    url = databases._new_postgresql("template0")
    yield url
    databases._drop(url)


def test_everything_apart(vendor: SandboxServer, database: str, tmp_path: Path) -> None:
    """One control plane over PostgreSQL with a worker beside it configures two gateways, which share a budget over Redis; when
    the control plane and the worker are gone, they go on with both."""
    (tmp_path / "secret").write_text(kit.SECRETS["SECRET_ONE"])
    (tmp_path / "routing.toml").write_text(ROUTING.format(url=vendor.url, poor=rig.sha256(kit.POOR)))
    port, ports = free_port(), [free_port(), free_port()]
    with kit.store() as store, ExitStack() as gateways:
        house = House(tmp_path, database, store.url)
        with house.running("control", "control", "--port", str(port)) as said:
            waiting.wait_for(lambda: _is_ready(port, said), within=90)
            with house.running("worker", "worker"):
                house.do("apply", "routing.toml", "--yes")
                token = json.loads(house.do("gateway-token", "create", "edge", "--output", "json"))["token"]
                (tmp_path / "token").write_text(token)
                (tmp_path / "token").chmod(0o600)
                for name, each in zip("ab", ports, strict=True):
                    options = ["--token-file", "token", "--data", name, "--name", name, "--port", str(each), "--workers", "2"]
                    told = gateways.enter_context(
                        house.running(name, "gateway", "--control", f"http://127.0.0.1:{port}", *options)
                    )
                    waiting.wait_for(lambda told=told: "gateway listens on" in told.read_text(), within=60)  # type: ignore[misc]
                waiting.wait_for(lambda: "2 gateway(s) share" in (tmp_path / "a.err").read_text())
                assert [kit.asking(each, kit.POOR) for each in ports] == [200, 200]
        with kit.load(ports, kit.POOR, clients=1, tokens=1, pause=0.05) as load:
            waiting.wait_for(lambda: load.counts[200] >= 60, within=60)
            load.wait(100)
        assert load.counts.keys() == {200, 402}
        assert load.counts[200] + 2 <= 105


def _is_ready(port: int, said: Path) -> bool:
    try:
        return plain.ask(port, "GET", "/readyz").status == 200
    except OSError:
        assert "error:" not in said.read_text(), said.read_text()
        return False
