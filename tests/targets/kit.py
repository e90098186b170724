"""What tests of targets share: an adapter for a simulated gateway, and credentials to publish."""

import importlib
from collections.abc import Callable
from itertools import count
from typing import Any

from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets._base import Access, Wanted
from stationmaster.targets.registry import KINDS

LOOPBACK = frozenset({"127.0.0.1"})

_numbers = count(1)


def opened(
    gateway: Gateway, sandbox: SandboxServer, *, sleep: Callable[[float], None] = lambda _: None, **access: Any
) -> Any:
    """An adapter for a simulated gateway that never sleeps."""
    given = {
        "user": gateway.user, "secret": gateway.secret, "base_url": gateway.base_url(sandbox.url), "allowed": LOOPBACK,
        "timeout": 20.0, **access,
    }  # fmt: skip
    return adapter_of(gateway.KIND)(Access(gateway.KIND, **given), sleep=sleep)


def fresh() -> str:
    """A name that no gateway has."""
    return f"gateway-{next(_numbers)}"


def adapter_of(kind: str) -> Any:
    """The class of a kind's adapter."""
    return importlib.import_module(f"stationmaster.targets.{KINDS[kind].module}").Adapter


def wanted(number: int = 1, vendor: str = "openai", **fields: Any) -> Wanted:
    """A credential to publish; every number has another secret."""
    given: dict[str, Any] = {
        "name": f"key {number}", "secret": f"sk-published-{number:06d}-canary/0123456789", "models": ("model-a", "model-b"),
        "priority": 40,
    }  # fmt: skip
    given |= {"base_url": "https://llm.example.com/v1"} if vendor == "openai_compatible" else {}
    return Wanted(**({"id": f"cred_{number:026d}", "vendor": vendor} | given | fields))
