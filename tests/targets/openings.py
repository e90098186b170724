"""A gateway of its own in the sandbox with an adapter for it, and what tests publish into it."""

from itertools import count
from typing import Any, TypeVar

from stationmaster.line.errors import RemoteError
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.targets import Gateway
from stationmaster.targets._base import Wanted
from targets import kit

G = TypeVar("G", bound=Gateway)
SECRET = "sk-live-canary/1+of==many"
OTHER = "sk-live-canary/2+of==many"

_numbers = count(1)


def opened(sandbox: SandboxServer, what: type[G], *, access: dict[str, Any] | None = None, **settings: Any) -> tuple[G, Any]:
    """A new gateway of this class, and an adapter that never sleeps; `access`: what is different about its access."""
    gateway = sandbox.targets.make(what.KIND, f"own-{next(_numbers)}", **settings)
    assert isinstance(gateway, what)
    return gateway, kit.opened(gateway, sandbox, **(access or {}))


def wanted(number: int = 1, vendor: str = "openai", **other: Any) -> Wanted:
    """A credential that every kind takes."""
    given = {"name": f"Acme {number}", "models": ("gpt-4o", "gpt-5"), "secret": SECRET} | other
    return Wanted(f"cred_{number}", vendor=vendor, **given)


def said(error: RemoteError) -> str:
    """Everything that an error shows."""
    return f"{error.code} {error.message} {error.hint} {error.remote_code} {error!r}"
