"""What the conformance suite asks of every target, and where: simulated gateways that others use, and operations as data."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.sandbox.targets.bifrost import Bifrost
from stationmaster.sandbox.targets.cpa import Cpa
from stationmaster.sandbox.targets.crs import Crs
from stationmaster.sandbox.targets.litellm import LiteLlm
from stationmaster.sandbox.targets.newapi import NewApi
from stationmaster.sandbox.targets.oneapi import OneApi
from stationmaster.sandbox.targets.s2a import S2a
from stationmaster.targets._base import PROTOCOLS, Capability, Entry, Wanted
from stationmaster.targets.matching import differences
from stationmaster.targets.registry import KINDS, Kind
from targets.kit import fresh, opened, wanted

C = Capability
REFUSED = {"litellm": "sk-wrong-master-key", "s2a": "admin-wrong", "new_api": "w" * 32, "one_api": "w" * 32}


@dataclass
class Watch:
    """The hooks of an `Access`, written down."""

    events: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def hooks(self) -> dict[str, Any]:
        """For `Place.open(**watch.hooks())`."""
        return {"pace": lambda: self.events.append("pace"), "before_write": self.events.append, "told": self.told.append}

    def writes(self) -> list[str]:
        """What was asked before a write."""
        return [event for event in self.events if event != "pace"]


@dataclass
class Place:
    """A gateway of its own, with strangers in it."""

    spec: Kind
    gateway: Gateway
    sandbox: SandboxServer

    def open(self, **access: Any) -> Any:
        """An adapter that never sleeps."""
        return opened(self.gateway, self.sandbox, **access)

    def strangers(self) -> list[tuple[str, dict[str, Any]]]:
        """What is not ours, whole."""
        return [(each.secret, copy.deepcopy(dict(each.row))) for each in self.gateway.held() if not each.marker]

    def vendors(self) -> list[str]:
        """Whose credentials it takes, in one order."""
        return sorted(self.spec.vendors)


def place_at(sandbox: SandboxServer, kind: str, **settings: Any) -> Place:
    """A new gateway in which two other people have entries."""
    gateway = sandbox.targets.make(kind, fresh(), **settings)
    for number in range(2):
        inhabit(gateway, f"theirs {number}", f"sk-theirs-{number}-0123456789")
    return Place(KINDS[kind], gateway, sandbox)


def inhabit(gateway: Gateway, name: str, secret: str) -> None:
    """Somebody makes an entry that is none of ours. Raises `TypeError` for a kind that nobody thought of here."""
    if isinstance(gateway, Crs):
        gateway.put("openai-responses-accounts", name=name, baseApi="https://theirs.example/", apiKey=secret, description="mine")
        gateway.put("claude-console-accounts", name=name, apiUrl="https://theirs.example/", apiKey=secret)
    elif isinstance(gateway, S2a):
        gateway.put(name=name, credentials={"api_key": secret}, extra={"crs_account_id": "7"})
    elif isinstance(gateway, Cpa):
        gateway.rows("codex-api-key").append({"api-key": secret, "base-url": "https://theirs.example", "request-retry": 3})
        gateway.rows("openai-compatibility").append({"name": name, "base-url": "https://t.example", "api-key-entries": []})
    elif isinstance(gateway, LiteLlm):
        gateway.credentials[name] = {"credential_name": name, "credential_values": {"api_key": secret}, "credential_info": {}}
    elif isinstance(gateway, NewApi | OneApi):
        gateway.add(name=name, key=secret, models="model-a", type=1)
    elif isinstance(gateway, Bifrost):
        row = {"id": name, "name": name, "value": secret, "models": ["*"], "weight": 1.0, "enabled": True}
        gateway.keys["openai"][name] = row
    else:
        raise TypeError(f"nobody inhabits {gateway.KIND}")


def offers(adapter: Any) -> frozenset[Capability]:
    """The capabilities that an adapter has the methods of."""
    return frozenset(each for each, protocol in PROTOCOLS.items() if isinstance(adapter, protocol))


def settled(adapter: Any, one: Wanted) -> list[Entry]:
    """What a publisher does: read, make what is missing, bring in line what differs, withdraw what is too much."""
    ours = [entry for entry in adapter.entries() if entry.marker == one.id]
    if not ours:
        adapter.create(one)
    elif differences(adapter.expected(one), ours[0]):
        adapter.update(ours[0], one)
    for entry in ours[1:]:
        adapter.withdraw(entry)
    return [entry for entry in adapter.entries() if entry.marker == one.id]


@dataclass(frozen=True)
class Operation:
    """One thing to ask of an adapter; `before` brings the gateway to where it can be asked, over another one."""

    name: str
    needs: Capability
    call: Callable[[Any, Wanted], Any]
    before: Callable[[Any, Wanted], None] = lambda _adapter, _wanted: None

    def __str__(self) -> str:
        return self.name


def _published(adapter: Any, one: Wanted) -> None:
    adapter.create(one)


def _ours(adapter: Any, one: Wanted) -> Entry:
    found: Entry = next(entry for entry in adapter.entries() if entry.marker == one.id)
    return found


def changed(one: Wanted) -> Wanted:
    """The same credential with another secret and other models, switched off."""
    return wanted(77, one.vendor, id=one.id, name=one.name, base_url=one.base_url, models=("model-c",), enabled=False)


def _changed(adapter: Any, one: Wanted) -> Entry:
    found: Entry = adapter.update(_ours(adapter, one), changed(one), secret=True)
    return found


READS = (
    Operation("test", C.CONNECT, lambda adapter, _: adapter.test()),
    Operation("entries", C.PUBLISH, lambda adapter, _: adapter.entries(), _published),
    Operation("read_back", C.READ, lambda adapter, _: adapter.read_back(), _published),
    Operation("groups", C.GROUPS, lambda adapter, _: adapter.groups()),
)
WRITES = (
    Operation("create", C.PUBLISH, lambda adapter, one: adapter.create(one)),
    Operation("update", C.PUBLISH, _changed, _published),
    Operation("withdraw", C.PUBLISH, lambda adapter, one: adapter.withdraw(_ours(adapter, one)), _published),
)
