"""Hosts of our own: network namespaces at one switch, which is another; each has one link that can be cut. The tests' own network
is one more, so that what is put in front listens on its loopback. Needs root; all names begin with this process' id."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

NET = "10.213.77"      # nobody else's, as long as the tests run


def allowed() -> bool:
    """Whether this machine lets us."""
    done = subprocess.run(["unshare", "--net", "ip", "link", "add", "x", "type", "bridge"], capture_output=True, check=False)
    return done.returncode == 0


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Hosts:
    """`add` hosts; the first address, .1, is the tests' own."""

    def __init__(self, net: str = NET) -> None:
        self._net = net
        self._sign = f"sm{os.getpid()}"
        self._switch = f"{self._sign}-sw"
        self._all: dict[str, str] = {}      # name → address
        self._own = f"{self._sign}o"

    def build(self) -> None:
        """The switch, and our own link to it."""
        _ip("netns", "add", self._switch)
        _ip("-n", self._switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", self._switch, "link", "set", "br0", "up")
        _ip("link", "add", self._own, "type", "veth", "peer", "name", "own", "netns", self._switch)
        _ip("-n", self._switch, "link", "set", "own", "master", "br0", "up")
        _ip("addr", "add", f"{self._net}.1/24", "dev", self._own)
        _ip("link", "set", self._own, "up")

    def add(self, name: str) -> str:
        """A host; its address."""
        address, space = f"{self._net}.{len(self._all) + 2}", self._space(name)
        _ip("netns", "add", space)
        self._all[name] = address
        _ip("-n", self._switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
        _ip("-n", self._switch, "link", "set", name, "master", "br0", "up")
        _ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return address

    def _space(self, name: str) -> str:
        return f"{self._sign}-{name}"

    def on(self, name: str) -> list[str]:
        """What a command begins with to run there."""
        return ["ip", "netns", "exec", self._space(name)]

    def cut(self, name: str) -> None:
        """Its link at the switch: what is sent to it, or by it, is lost, and nobody is told."""
        _ip("-n", self._switch, "link", "set", name, "down")

    def remember(self, name: str) -> None:
        """Keep its hardware address for good, so that what is sent to it once it is cut is lost and not refused by ourselves."""
        shown = subprocess.run(["ip", "-n", self._space(name), "-json", "link", "show", "eth0"], check=True, capture_output=True)
        found = json.loads(shown.stdout)[0]["address"]
        _ip("neigh", "replace", self._all[name], "lladdr", found, "dev", self._own, "nud", "permanent")

    def heal(self, name: str) -> None:
        """The link is there again."""
        _ip("-n", self._switch, "link", "set", name, "up")

    def end(self) -> None:
        """No trace."""
        subprocess.run(["ip", "link", "del", self._own], check=False, capture_output=True)
        for space in (*map(self._space, self._all), self._switch):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


@contextmanager
def hosts(*names: str, net: str = NET) -> Iterator[Hosts]:
    """These, for the length of a with block."""
    made = Hosts(net)
    try:
        made.build()
        for name in names:
            made.add(name)
        yield made
    finally:
        made.end()


def address(number: int, net: str = NET) -> str:
    """Of the host that was added as this one, from 0."""
    return f"{net}.{number + 2}"
