"""One vendor's adapter before its sandbox, and before a scripted vendor."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access

LOOPBACK = frozenset({"127.0.0.1"})
A = TypeVar("A")


@dataclass(frozen=True)
class Vendor(Generic[A]):
    """A vendor by its name, its adapter's class, and an admin key of the form that it gives. A module of tests has one as
    `VENDOR`; its fixture `organisation` is of that vendor."""

    name: str
    adapter: type[A]
    admin: str

    def opened(self, sandbox: SandboxServer, organisation: Organisation, **access: Any) -> A:
        """An adapter of this organisation that does not sleep."""
        given = {"secret": organisation.secret, "base_url": organisation.base_url(sandbox.url)} | access
        return self._made(**given)

    def at(self, url: str, secret: str = "") -> A:
        """An adapter of a scripted vendor."""
        return self._made(secret=secret or self.admin, base_url=url)

    def _made(self, **access: Any) -> A:
        made: Any = self.adapter
        opened: A = made(Access(self.name, **{"allowed": LOOPBACK} | access), strict=True, sleep=lambda _: None)
        return opened
