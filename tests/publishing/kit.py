"""What these tests share: targets in the sandbox, credentials of every vendor, jobs run to their end, what a target holds."""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from django.db import connections
from django.utils import timezone

from controlkit import ADMIN
from credentials.kit import run, run_all
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Publication, Target
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.store.changes import change
from stationmaster.store.listing import Query
from stationmaster.targets.registry import KINDS

VENDORS = ("openai", "anthropic", "gemini", "openai_compatible")
_numbers = count(1)


def a_gateway(sandbox: SandboxServer, kind: str, **settings: Any) -> Gateway:
    """One of a name that was never used."""
    return sandbox.targets.make(kind, f"p{next(_numbers)}", **settings)


def fields(sandbox: SandboxServer, gateway: Gateway, **more: Any) -> dict[str, Any]:
    """What attaches it."""
    user = {"user": gateway.user} if KINDS[gateway.KIND].credential != "key" else {}
    return {
        "name": f"{gateway.KIND}-{gateway.name}", "kind": gateway.KIND, "base_url": gateway.base_url(sandbox.url),
        "secret": gateway.secret, "allow_insecure_http": True, "models": ["model-a", "model-b"], "calls_per_minute": 6000,
        **user, **more,
    }  # fmt: skip


def attach(sandbox: SandboxServer, gateway: Gateway, **more: Any) -> Target:
    """Attach it, and test it."""
    made = publishing.create_target(ADMIN, fields(sandbox, gateway, **more))
    told = publishing.test_target(ADMIN, {}, made["name"])
    assert told["ok"], told
    assert told["stored"]
    row: Target = Target.objects.get(id=made["id"])
    return row


def secret_of(number: int) -> str:
    """A secret that no other credential has."""
    return f"sk-canary-{number:06d}-Zq7/Lm+3w=="


def some(number: int, vendors: Sequence[str] = VENDORS) -> list[str]:
    """So many credentials, of these vendors in turn; their names."""
    names = []
    with change(ADMIN) as edit:
        for place in range(number):
            one, vendor = next(_numbers), vendors[place % len(vendors)]
            base = "https://llm.example.com/v1" if vendor == "openai_compatible" else ""
            row = Credential(name=f"key-{one}", vendor=vendor, base_url=base, secret_since=timezone.now())
            row.secret = secret_of(one)
            edit.create(row)
            names.append(row.name)
    return names


def ids(names: Sequence[str]) -> dict[str, str]:
    """Their ids by their names."""
    return dict(Credential.objects.filter(name__in=list(names)).values_list("name", "id"))


def secrets(names: Sequence[str]) -> dict[str, str]:
    """The secret that serves, by each one's id."""
    return {row.id: row.secret.reveal("publish") for row in Credential.objects.filter(name__in=list(names))}


def held(gateway: Gateway) -> dict[str, str]:
    """What a gateway holds of ours: secret by credential."""
    return {each.marker: each.secret for each in gateway.ours()}


def planned(target: Target, names: Sequence[str] = (), **more: Any) -> Mapping[str, Any]:
    """A plan."""
    asks = {"credentials": list(names)} if names else {}
    return publishing.make_plan(ADMIN, {"target": target.name, **asks, **more})


def begun(target: Target, names: Sequence[str] = (), **more: Any) -> str:
    """A plan that is applied; its job, which nobody runs yet."""
    plan = planned(target, names, **more)
    return str(publishing.apply_plan(ADMIN, plan["id"], {"hash": plan["hash"]})["id"])


def published(target: Target, names: Sequence[str] = (), **more: Any) -> Mapping[str, Any]:
    """Publish them; the ended job."""
    return run(begun(target, names, **more))


def actions(plan: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a plan does with each: its action, then what differs, or why not."""
    steps = publishing.list_steps(ADMIN, plan["id"], Query(limit=500)).items
    return {each["name"]: (each["action"], *each["fields"], *([each["reason"]] if each["reason"] else [])) for each in steps}


def states(target: Target) -> dict[str, str]:
    """The state of each publication, by its credential's name."""
    return dict(Publication.objects.filter(target=target).values_list("credential__name", "state"))


def seen(target: Target) -> dict[str, str]:
    """What was read back of each, by its credential's name."""
    return dict(Publication.objects.filter(target=target).values_list("credential__name", "seen"))


def read_back(target: Target) -> dict[str, str]:
    """Read it back now."""
    assert run(str(publishing.read_back(ADMIN, target.name)["id"]))["state"] == "succeeded"
    return seen(target)


def elsewhere(act: Callable[[], None]) -> Callable[[], None]:
    """The same, done by another thread: for what happens in the middle of a target's answer, which no database may hold up."""
    def done() -> None:
        try:
            act()
        finally:
            connections.close_all()

    def wait() -> None:
        thread = threading.Thread(target=done)
        thread.start()
        thread.join(30)

    return wait


def revoke(name: str) -> None:
    """It leaked; what comes of that is done."""
    credentials.revoke_credential(ADMIN, name, {"reason": "leaked"})
    run_all()
