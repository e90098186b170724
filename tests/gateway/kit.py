"""Snapshots and small helpers that the gateway's tests share."""

import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

import rig
from stationmaster.gateway.core.snapshot import Member, Pool, Snapshot
from stationmaster.sandbox.ledger import Entry
from stationmaster.sandbox.server import SandboxServer

T = TypeVar("T")

NARROW = f"{rig.KEY}-narrow"
SECRETS: dict[str, str] = {vendor: f"{rig.SECRET}-{vendor}" for vendor in rig.VENDORS}


def wide(url: str, **settings: object) -> Snapshot:
    """The rig's snapshot, whose default pool speaks OpenAI, Anthropic and Gemini, each by one credential."""
    made = rig.snapshot_for(url, **settings)
    pool = Pool("all", tuple(Member(vendor) for vendor in ("openai", "anthropic", "gemini")))
    named = msgspec.structs.replace(made.settings, default_pool="all")
    return msgspec.structs.replace(made, settings=named, pools=(*made.pools, pool))


def without_catch_all(snapshot: Snapshot) -> Snapshot:
    """The same, but models that no other route takes are served only when they look like GPT."""
    last = msgspec.structs.replace(snapshot.routes[-1], models=("gpt-*", "o9-*", "sandbox-*"))
    return msgspec.structs.replace(snapshot, routes=(*snapshot.routes[:-1], last))


def wait_for(look: Callable[[], T], within: float = 20.0) -> T:
    """What `look` returns once that is true; raises AssertionError when it stays false. `within` is no promise of ours:
    it is long enough for a machine that has much else to do."""
    end = time.monotonic() + within
    pause = threading.Event()
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"still {seen!r} after {within} s"
        pause.wait(0.02)


def asked(vendor: SandboxServer, nonce: str) -> list[Entry]:
    """What the sandbox was asked with `x-sandbox-nonce`, oldest first."""
    return [entry for entry in vendor.asked() if entry.nonce == nonce]


def calls(vendor: SandboxServer) -> list[Entry]:
    """What the sandbox was asked, oldest first, the gateway's own looks at model lists left out."""
    return [entry for entry in vendor.asked() if not (entry.method == "GET" and entry.path.endswith("/models"))]


def last(vendor: SandboxServer) -> Entry:
    """The last of these; raises IndexError when there is none yet."""
    return calls(vendor)[-1]


def until_last(vendor: SandboxServer, within: float = 20.0, **wanted: object) -> Entry:
    """The sandbox's last call, once its fields are as `wanted`; raises AssertionError when that does not come."""

    def look() -> list[Entry]:
        return [entry for entry in calls(vendor)[-1:] if {name: getattr(entry, name) for name in wanted} == wanted]

    return wait_for(look, within)[0]


def in_background(work: Callable[[], object]) -> threading.Thread:
    """Run `work` in a thread of its own, started."""
    thread = threading.Thread(target=work, name="background")
    thread.start()
    return thread


def with_secret(snapshot: Snapshot, credential: str, secret: str) -> Snapshot:
    """The same, with one credential's secret replaced."""
    changed = [
        msgspec.structs.replace(each, secret=secret) if each.id == credential else each for each in snapshot.credentials
    ]
    return msgspec.structs.replace(snapshot, credentials=tuple(changed))


def answers(port: int) -> bool:
    """Whether somebody listens on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), 20).close()
    except OSError:
        return False
    return True
