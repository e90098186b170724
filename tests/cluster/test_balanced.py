"""HAProxy in front of two gateways, by the configuration that docs/clustering.md shows."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster import kit
from gateway import kit as waiting
from gateway import plain
from gateway.station import Station, free_port
from stationmaster.sandbox.server import SandboxServer

pytestmark = [pytest.mark.needs("redis-server"), pytest.mark.needs("haproxy")]

SHOWN = Path(__file__).parents[2] / "docs" / "clustering.md"


@contextmanager
def haproxy(folder: Path, first: Station, second: Station) -> Iterator[int]:
    """It, with what the document shows and our ports; the port it listens on. Waits until it found both well."""
    (text,) = re.findall(r"```haproxy\n(.*?)```", SHOWN.read_text(), re.DOTALL)
    port, page = free_port(), free_port()
    text = text.replace("bind :4000", f"bind 127.0.0.1:{port}").replace("10.0.0.11:4000", f"127.0.0.1:{first.port}")
    text = text.replace("10.0.0.12:4000", f"127.0.0.1:{second.port}")
    text += f"\nfrontend page\n    bind 127.0.0.1:{page}\n    stats enable\n    stats uri /\n    timeout client 5s\n"
    (folder / "haproxy.cfg").write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], stdout=log, stderr=log)
    try:
        waiting.wait_for(lambda: _well(page) == 2)
        yield port
    finally:
        process.kill()
        process.wait()


def _well(page: int) -> int:
    try:
        lines = plain.ask(page, "GET", "/;csv").body.decode().splitlines()
    except OSError:
        return 0
    rows = [line.split(",") for line in lines]
    return sum(row[0] == "gateways" and row[1] in "ab" and row[17] == "UP" for row in rows)


def test_one_address_for_two_gateways(vendor: SandboxServer, tmp_path: Path) -> None:
    """Both gateways serve behind one address, under one limit; when one ends in order and when one is killed between calls, no
    call fails."""
    with kit.store() as store, kit.gateways(vendor.url, store.url, "a", "b", rpm=60) as gateways:
        a, b = gateways.all["a"], gateways.all["b"]
        with haproxy(tmp_path, a, b) as port:
            with kit.load([port], kit.OPEN, clients=4) as load:
                load.wait(200)
                a.process.terminate()
                a.process.wait()
                load.wait(200)
            assert load.counts.keys() == {200}
            assert all(len(each.events.read_text().splitlines()) > 20 for each in (a, b))
            a = gateways.start("a2")
            gateways.all.pop("a")
            gateways.agree(2)
            b.process.kill()
            b.process.wait()
            assert kit.asking(a.port, kit.OPEN) == 200
