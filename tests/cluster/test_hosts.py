"""A house over several hosts with a network between them, and what happens when a link is cut: the control plane's, Valkey's,
a gateway's."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme

import rig
from chaos.kit import figure
from cluster import kit
from cluster.hosts import Hosts, address, allowed, hosts
from cluster.test_balanced import SHOWN, _well
from gateway import kit as waiting
from gateway import processes
from gateway.station import free_port

pytestmark = [*(pytest.mark.needs(each) for each in ("redis-server", "haproxy", "ip", "unshare")), pytest.mark.timeout(300)]

CONTROL, ONE, TWO, STORE, VENDOR = map(address, range(5))
NAMES = ("control", "one", "two", "store", "vendor")
KEYS = """
[[key]]
id = "open"
secret_sha256 = "{open}"

[[key]]
id = "poor"
secret_sha256 = "{poor}"
budget = {{ total_usd = 0.1 }}
"""
ROUTING = """\
[gateway]
default_pool = "all"
health_check_enabled = false

[[credential]]
id = "one"
vendor = "openai"
base_url = "http://{vendor}:8000/v1"
allow_insecure_http = true
secret = "file:secret"
prices = {{ "*" = {{ input = 0, output = 1000 }} }}

[[pool]]
id = "all"
members = [{{ credential = "one" }}]

[[route]]
models = ["*"]
pool = "all"
"""


class House:
    """The hosts, and what runs on them."""

    def __init__(self, net: Hosts, folder: Path) -> None:
        self.net, self.folder = net, folder
        self._environ = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "STATIONMASTER_DATA": str(folder / "data"),
            "STATIONMASTER_VALKEY_URL": f"redis://{STORE}:6379?gateways=2",
            "STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": VENDOR,
        }  # fmt: skip

    @contextmanager
    def running(self, host: str, *command: str) -> Iterator[Path]:
        """One process there, for the length of a with block; the file of what it says."""
        said = self.folder / f"{host}.err"
        with said.open("wb") as err:
            process = subprocess.Popen([*self.net.on(host), *command], cwd=self.folder, env=self._environ, stdout=err, stderr=err)
        try:
            yield said
        finally:
            for child in processes.children(process.pid):
                os.kill(child, 15)
            process.kill()
            process.wait()

    def do(self, *words: str) -> str:
        """One command on the control plane's host, and what it prints."""
        command = [*self.net.on("control"), sys.executable, "-m", "stationmaster", *words]
        done = subprocess.run(command, cwd=self.folder, env=self._environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def say(self, host: str, words: str) -> None:
        """Wait until the last that this gateway says of its cluster holds these words."""

        def does() -> bool:
            lines = [line for line in (self.folder / f"{host}.err").read_text().splitlines() if "cluster: " in line]
            return bool(lines) and words in lines[-1]

        waiting.wait_for(does, within=40)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """All of it but what is in front, running and agreed."""
    if not allowed():
        pytest.skip("this user may not make networks")
    main = [sys.executable, "-m", "stationmaster"]
    authority = trustme.CA()
    leaf = authority.issue_cert(CONTROL)
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "secret").write_text(kit.SECRETS["SECRET_ONE"])
    digests = {"open": rig.sha256(kit.OPEN), "poor": rig.sha256(kit.POOR)}
    (tmp_path / "routing.toml").write_text(ROUTING.format(vendor=VENDOR) + KEYS.format(**digests))
    with hosts(*NAMES) as net, ExitStack() as stack:
        made = House(net, tmp_path)
        vendor = str(Path(__file__).parents[1] / "chaos" / "vendor.py")
        stack.enter_context(made.running("vendor", sys.executable, vendor, "8000", VENDOR))
        stack.enter_context(made.running("store", "redis-server", "--bind", STORE, "--protected-mode", "no", "--save", ""))
        options = ["--host", CONTROL, "--port", "4001", "--tls-certificate", "chain.pem", "--tls-key", "key.pem"]
        said = stack.enter_context(made.running("control", *main, "control", *options))
        waiting.wait_for(lambda: "4001" in said.read_text(), within=60)
        made.do("apply", "routing.toml", "--yes")
        (tmp_path / "token").write_text(json.loads(made.do("gateway-token", "create", "edge", "--output", "json"))["token"])
        (tmp_path / "token").chmod(0o600)
        for host, at in (("one", ONE), ("two", TWO)):
            stack.enter_context(made.running(
                host, *main, "gateway", "--control", f"https://{CONTROL}:4001", "--control-ca", "ca.pem", "--token-file", "token",
                "--data", host, "--name", host, "--host", at, "--port", "4000", "--workers", "1",
            ))  # fmt: skip
        for host in ("one", "two"):
            made.say(host, "2 gateway(s) share")
        yield made


@contextmanager
def front(folder: Path) -> Iterator[tuple[int, int]]:
    """HAProxy with what the document shows, in the tests' own network; its port, and that of its page."""
    text = SHOWN.read_text().split("```haproxy\n")[1].split("```")[0]
    port, page = free_port(), free_port()
    for theirs, ours in (("bind :4000", f"bind 127.0.0.1:{port}"), ("10.0.0.11", ONE), ("10.0.0.12", TWO)):
        text = text.replace(theirs, ours)
    text += f"\nfrontend page\n    bind 127.0.0.1:{page}\n    stats enable\n    stats uri /\n    timeout client 5s\n"
    (folder / "haproxy.cfg").write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], stdout=log, stderr=log)
    try:
        waiting.wait_for(lambda: _well(page) == 2, within=30)
        yield port, page
    finally:
        process.kill()
        process.wait()


def test_links_are_cut(house: House) -> None:
    """The control plane's link is cut, then Valkey's: no call fails, and without Valkey each gateway goes by its half. Then that
    of a gateway: it is left out, and calls go on by the other. All is as before once it heals, and a budget is spent once."""
    reach = "no call fails; local shares without Valkey; the lost gateway left out, and back; a budget spent once"
    done = "five hosts in networks of their own: the links of the control plane, of Valkey and of one gateway cut in turn"
    with front(house.folder) as (port, page), figure("F7", done, reach) as tell:
        with kit.load([port], kit.OPEN) as load:
            house.net.cut("control")
            load.wait(300)
            house.net.heal("control")
            house.net.cut("store")
            began = time.monotonic()
            for host in ("one", "two"):
                house.say(host, "an even share of 2 gateway(s)")
            lost = time.monotonic() - began
            load.wait(300)
            house.net.heal("store")
            for host in ("one", "two"):
                house.say(host, "2 gateway(s) share")
        first = load.counts
        house.net.cut("one")
        waiting.wait_for(lambda: _well(page) == 1, within=30)
        with kit.load([port], kit.OPEN) as load:
            load.wait(100)
        alone = load.counts
        house.net.heal("one")
        waiting.wait_for(lambda: _well(page) == 2, within=30)
        for host in ("one", "two"):
            house.say(host, "2 gateway(s) share")
        with kit.load([port], kit.POOR, clients=2, tokens=1, pause=0.05) as load:
            waiting.wait_for(lambda: load.counts[402] > 30, within=60)
        spent = load.counts[200]
        tell(f"{first[200]:,} calls with the control plane or Valkey cut off, else nothing; even shares after {lost:.1f} s; "
             f"{alone[200]:,} by one gateway, else nothing; {spent} calls of a budget of 100",
             first.keys() == alone.keys() == {200} and spent <= 105)  # fmt: skip
        assert first.keys() == {200}
        assert alone.keys() == {200}
        assert load.counts.keys() == {200, 402}
        assert 50 <= spent <= 105
